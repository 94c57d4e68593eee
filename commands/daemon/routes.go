package daemon

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A route is one address of the interface.
type route struct {
	method, path string
	handle       func(*Server, http.ResponseWriter, *http.Request) error
	query        []string // the names it takes there, each once
}

var routes = []route{
	{"POST", "/v1/commands", (*Server).command, nil},
	{"GET", "/healthz", (*Server).healthz, nil},
	{"GET", "/readyz", (*Server).readyz, nil},
	{"GET", "/metrics", (*Server).metrics, nil},
	{"GET", "/openapi.json", (*Server).openAPI, nil},
	{"GET", "/v1/events", (*Server).follow, []string{"since", "job"}},
	{"GET", "/v1/ledger", (*Server).ledger, nil},
	{"GET", "/v1/ledger/event", (*Server).event, []string{"seq"}},
	{"GET", "/v1/ledger/events", (*Server).events, []string{"from", "size", "limit"}},
	{"POST", "/v1/ledger/proof", (*Server).proof, nil},
	{"POST", "/v1/ledger/consistency", (*Server).consistency, nil},
	{"GET", "/v1/ledger/root", (*Server).root, []string{"size"}},
	{"GET", "/v1/ledger/file", (*Server).file, []string{"name"}},
	{"GET", "/v1/ledger/cosigned", (*Server).cosigned, nil},
	{"GET", "/v1/ledger/cosigned-checkpoint", (*Server).cosignedCheckpoint, nil},
	{"POST", "/v1/ledger/cosignatures", (*Server).keep, nil},
	{"POST", "/v1/ledger/verify", (*Server).verify, nil},
	{"POST", "/v1/ledger/rebuild", (*Server).rebuild, nil},
	{"GET", "/v1/jobs", (*Server).jobs, []string{"after", "size", "limit"}},
	{"GET", "/v1/job", (*Server).job, []string{"id"}},
	{"GET", "/v1/job/head", (*Server).jobHead, []string{"id", "size"}},
	{"GET", "/v1/job/events", (*Server).jobEvents, []string{"id", "from", "size", "limit"}},
}

// checkQuery refuses a query that is not well formed, and under /v1 a name that
// the route does not take or is given twice: somebody meant something by it.
// Probes and scrapers may put what they like behind the other addresses.
func (r route) checkQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return invalid("query", "%.80q: %s", raw, err)
	}
	if !strings.HasPrefix(r.path, "/v1/") {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if !slices.Contains(r.query, name) {
			return invalid("query", "%.40q is not among the names that %s takes: %q", name, r.path, r.query)
		}
		if n := len(query[name]); n > 1 {
			return invalid("query", "%s is given %d times", name, n)
		}
	}
	return nil
}
