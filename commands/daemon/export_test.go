package daemon

import (
	"slices"
	"strings"

	"gait/projection"
)

// Routes returns all routes, each with the names of its query, sorted.
func Routes() (all []string) {
	for _, r := range routes {
		all = append(all, strings.Join(append([]string{strings.ToLower(r.method), r.path}, r.query...), " "))
	}
	slices.Sort(all)
	return all
}

// Hints returns the hint of each code.
func Hints(d projection.Details) map[string]string {
	all := map[string]string{}
	for code := range hints {
		all[code] = hintOf(code, d)
	}
	return all
}
