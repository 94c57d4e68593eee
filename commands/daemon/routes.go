package daemon

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gait/commands"
	"gait/ledger"
)

// A route is one address of the interface.
type route struct {
	method, path string
	handle       func(*Server, http.ResponseWriter, *http.Request) error
	query        []string // the names that its query may have, each once
	needs        string   // the one of them that it must have, if any
}

var routes = []route{
	{"POST", "/v1/commands", (*Server).command, nil, ""},
	{"GET", "/healthz", (*Server).healthz, nil, ""},
	{"GET", "/readyz", (*Server).readyz, nil, ""},
	{"GET", "/metrics", (*Server).metrics, nil, ""},
	{"GET", "/openapi.json", (*Server).openAPI, nil, ""},
	{"GET", challengePath, (*Server).challenge, []string{"client"}, "client"},
	{"GET", "/v1/events", (*Server).follow, []string{"since", "job", "format"}, ""},
	{"GET", "/v1/ledger", (*Server).ledger, nil, ""},
	{"GET", "/v1/ledger/event", (*Server).event, []string{"seq"}, "seq"},
	{"GET", "/v1/ledger/events", (*Server).events, []string{"from", "size", "limit"}, ""},
	{"POST", "/v1/ledger/proof", (*Server).proof, nil, ""},
	{"POST", "/v1/ledger/consistency", (*Server).consistency, nil, ""},
	{"GET", "/v1/ledger/root", (*Server).root, []string{"size"}, ""},
	{"GET", "/v1/ledger/file", (*Server).file, []string{"name"}, "name"},
	{"GET", "/v1/ledger/cosigned", (*Server).cosigned, nil, ""},
	{"GET", "/v1/ledger/cosigned-checkpoint", (*Server).cosignedCheckpoint, nil, ""},
	{"POST", "/v1/ledger/cosignatures", (*Server).keep, nil, ""},
	{"POST", "/v1/ledger/index", (*Server).index, nil, ""},
	{"GET", "/v1/ledger/committed", (*Server).committed, []string{"size"}, ""},
	{"GET", "/v1/authority", (*Server).authority, []string{"from", "size", "limit"}, ""},
	{"POST", "/v1/ledger/verify", (*Server).verify, nil, ""},
	{"POST", "/v1/ledger/rebuild", (*Server).rebuild, nil, ""},
	{"POST", "/v1/ledger/rebuild-index", (*Server).rebuildIndex, nil, ""},
	{"GET", "/v1/jobs", (*Server).jobs, []string{"after", "size", "limit"}, ""},
	{"POST", "/v1/jobs/list", (*Server).list, nil, ""},
	{"GET", "/v1/job", (*Server).job, []string{"id"}, "id"},
	{"GET", "/v1/job/head", (*Server).jobHead, []string{"id", "size"}, "id"},
	{"GET", "/v1/job/call", serveCall, []string{"id", "call", "size"}, "id"},
	{"GET", "/v1/job/content", (*Server).content, []string{"id", "digest"}, "id"},
	{"GET", "/v1/job/contents", (*Server).contents, []string{"id"}, "id"},
	{"POST", "/v1/job/contents/put", (*Server).putContent, []string{"id", "keep", "new"}, "id"},
	{"POST", "/v1/content/collect", (*Server).collect, nil, ""},
	{"POST", "/v1/candidates", serveCandidates, nil, ""},
	{"POST", gatePath, serveGate, nil, ""},
	{"POST", settlePath, serveSettle, nil, ""},
	{"GET", "/v1/policy", servePolicy, []string{"digest"}, "digest"},
	{"POST", "/v1/policies/put", servePutPolicy, nil, ""},
	{"GET", "/v1/job/events", (*Server).jobEvents, []string{"id", "from", "size", "limit"}, "id"},
}

// takesRole says which roles a token must have one of for an address. All roles may ask for
// the others; which may send a command, the command's row says.
var takesRole = map[string][]ledger.Role{
	"/v1/ledger/cosignatures":  {ledger.RoleOperator},
	"/v1/ledger/rebuild":       {ledger.RoleOperator},
	"/v1/ledger/rebuild-index": {ledger.RoleOperator},
	"/v1/content/collect":      {ledger.RoleOperator},
	"/v1/job/contents/put":     {ledger.RoleWorker, ledger.RoleOperator, ledger.RoleApprover},
	"/v1/candidates":           {ledger.RoleWorker, ledger.RoleOperator},
	"/v1/policies/put":         commands.RowOf(commands.Submit{}).Roles,
}

// check refuses a request by a token of another role, and one that checkQuery refuses.
func (r route) check(q *http.Request) error {
	if err := mayAsk(q.Context(), takesRole[r.path]...); err != nil {
		return err
	}
	return r.checkQuery(q.URL.RawQuery)
}

// checkQuery refuses a query that is not well formed and, under /v1, one with a
// name that the route does not take, that is given twice or with an empty value: the
// caller meant something by it. Probes and scrapers may add any query to the other addresses.
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
		if query.Get(name) == "" {
			return &commands.EmptyError{Name: name}
		}
	}
	if r.needs != "" && !query.Has(r.needs) {
		return &commands.EmptyError{Name: r.needs, Missing: true}
	}
	return nil
}
