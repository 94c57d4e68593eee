package daemon

import (
	"slices"
	"strings"
)

// Routes returns all routes, sorted.
func Routes() (all []string) {
	for _, r := range routes {
		all = append(all, strings.ToLower(r.method)+" "+r.path)
	}
	slices.Sort(all)
	return all
}
