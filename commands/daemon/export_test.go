package daemon

import (
	"slices"
	"strings"
)

// Routes returns all routes, each with the names of its query, sorted.
func Routes() (all []string) {
	for _, r := range routes {
		all = append(all, strings.Join(append([]string{strings.ToLower(r.method), r.path}, r.query...), " "))
	}
	slices.Sort(all)
	return all
}
