package daemon_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// A document is an OpenAPI document.
type document struct {
	doc   map[string]any
	paths map[string]map[string]operation
	c     *jsonschema.Compiler
}

type operation struct {
	Parameters []struct{ Name, In string }
	Responses  map[string]struct {
		Content map[string]json.RawMessage `json:"content"`
	} `json:"responses"`
}

// query returns the names that a query may have, each after a space.
func (o operation) query() (names string) {
	for _, p := range o.Parameters {
		if p.In == "query" {
			names += " " + p.Name
		}
	}
	return names
}

const docURL = "https://gait.example/openapi.json"

func documentOf(t *testing.T, s *testServer) document {
	t.Helper()
	_, text, _ := s.get(t, http.MethodGet, "/openapi.json", "")
	var doc struct {
		OpenAPI string                          `json:"openapi"`
		Paths   map[string]map[string]operation `json:"paths"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("openapi = %q", doc.OpenAPI)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	d := document{doc: v.(map[string]any), paths: doc.Paths, c: jsonschema.NewCompiler()}
	d.c.DefaultDraft(jsonschema.Draft2020)
	if err := d.c.AddResource(docURL, v); err != nil {
		t.Fatal(err)
	}
	return d
}

func (s *testServer) get(t *testing.T, method, path, body string) (status int, b []byte, kind string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, "http://gait"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	res, err := s.client.HTTP.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b, res.Header.Get("Content-Type")
}

// check checks an answer against the document.
func (d document) check(t *testing.T, method, path string, status int, kind string, b []byte) {
	t.Helper()
	path = template(path)
	method = strings.ToLower(method)
	key := http.StatusText(status)
	for _, key = range []string{jsonNumber(status), "default"} {
		if _, ok := d.paths[path][method].Responses[key]; ok {
			break
		}
	}
	content := d.paths[path][method].Responses[key].Content
	if _, ok := content[kind]; !ok {
		t.Errorf("%s %s answers %d as %s, which the document does not say", method, path, status, kind)
		return
	}
	at := docURL + "#/paths/" + pointer(path) + "/" + method + "/responses/" + key + "/content/" + pointer(kind) + "/schema"
	media, _, _ := mime.ParseMediaType(kind)
	switch media {
	case "application/json":
		d.validate(t, at, b)
	case "application/x-ndjson":
		lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
		var schema struct {
			Schema struct {
				Line struct {
					Ref string `json:"$ref"`
				} `json:"x-line"`
			} `json:"schema"`
		}
		if err := json.Unmarshal(content[kind], &schema); err != nil {
			t.Fatal(err)
		}
		for i, line := range lines {
			ref := schema.Schema.Line.Ref
			if i == len(lines)-1 && !strings.HasSuffix(ref, "/Progress") {
				ref = "#/components/schemas/End"
			}
			d.validate(t, docURL+ref, line)
		}
	}
}

// template returns the path of an address as the document has it.
func template(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return regexp.MustCompile(`^/v1/gate/[^/]+/settle$`).ReplaceAllString(path, "/v1/gate/{grant}/settle")
}

func jsonNumber(n int) string { b, _ := json.Marshal(n); return string(b) }

func pointer(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", " ", "%20", ";", "%3B", "=", "%3D", "{", "%7B", "}", "%7D").Replace(s)
}

func (d document) validate(t *testing.T, at string, b []byte) {
	t.Helper()
	schema, err := d.c.Compile(at)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err == nil {
		err = schema.Validate(v)
	}
	if err != nil {
		t.Errorf("%.300s is not what the document says: %v", b, err)
	}
}

// The document has each address, and the answers are as it says.
func TestOpenAPI(t *testing.T) {
	s := serveGated(t, "j1", "j3")
	s.do(t, progress("j1", "a"))
	grant := s.gate(t, question("j3", "read", 1, `,"call_id":"c1","request_id":"r1"`)).Grant
	_, note := s.Log.Checkpoint()
	signed, _ := json.Marshal(string(note))
	d := documentOf(t, s)
	sum := sha256.Sum256([]byte("permit(principal, action, resource);"))
	policy := hex.EncodeToString(sum[:])
	asked := map[string]bool{"get /v1/events": true, "get /metrics": true} // a stream, and one that Prometheus describes
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/healthz", "", 200},
		{"GET", "/readyz?probe=1", "", 200},
		{"GET", "/openapi.json", "", 200},
		{"POST", "/v1/commands", `{"verb":"pause","job_id":"j1","actor":"w"}`, 200},
		{"POST", "/v1/commands", `{"verb":"pause","job_id":"j1","actor":"w"}`, 409},
		{"POST", "/v1/commands", `{"verb":"cancel","job_id":"j1","actor":"w","dry_run":true}`, 200},
		{"POST", "/v1/commands", `{"verb":"pause","job_id":"j9","actor":"w"}`, 404},
		{"POST", "/v1/commands", `{`, 400},
		{"GET", "/v1/challenge?client=" + strings.Repeat("0f", 16), "", 200},
		{"GET", "/v1/challenge?client=0F", "", 400},
		{"GET", "/v1/ledger", "", 200},
		{"GET", "/v1/ledger/event?seq=1", "", 200},
		{"GET", "/v1/ledger/event?seq=100", "", 400},
		{"GET", "/v1/ledger/events?from=1&size=2", "", 200},
		{"GET", "/v1/ledger/events?from=x", "", 400},
		{"GET", "/v1/ledger/events?since=1", "", 400},
		{"POST", "/v1/ledger/proof", `{"seq":1,"checkpoint":` + string(signed) + `}`, 200},
		{"POST", "/v1/ledger/proof", `{"seq":"1"}`, 400},
		{"POST", "/v1/ledger/consistency", `{"old":1,"checkpoint":` + string(signed) + `}`, 200},
		{"GET", "/v1/ledger/root?size=1", "", 200},
		{"GET", "/v1/ledger/root?size=99", "", 400},
		{"GET", "/v1/ledger/file?name=tile/0/000.p/1", "", 200},
		{"GET", "/v1/ledger/cosigned", "", 200},
		{"GET", "/v1/ledger/committed?size=2", "", 200},
		{"POST", "/v1/commands", `{"verb":"commit-index"}`, 200},
		{"POST", "/v1/commands", `{"verb":"commit-index","job_id":"j1"}`, 400},
		{"GET", "/v1/ledger/committed", "", 200},
		{"GET", "/v1/ledger/committed?size=99", "", 400},
		{"GET", "/v1/authority?from=1&size=2&limit=3", "", 200},
		{"GET", "/v1/authority?from=-1", "", 400},
		{"POST", "/v1/ledger/index", `{"size":2,"keys":["` + strings.Repeat("0f", 32) + `"]}`, 200},
		{"POST", "/v1/ledger/index", `{"size":2,"keys":["x"]}`, 400},
		{"POST", "/v1/ledger/index", `{"size":99,"keys":[]}`, 400},
		{"POST", "/v1/jobs/list", `{"limit":1}`, 200},
		{"POST", "/v1/jobs/list", `{"statuses":["running","paused"],"waiting_for":["worker"],"since":"2020-01-01T00:00:00.000Z","sort":"updated","reverse":true,"after":{"time":5,"id":"a"},"limit":1000}`, 200},
		{"POST", "/v1/jobs/list", `{"labels":[{"key":"team","value":"a"}],"actor":"agent_1","sort":"created","limit":7}`, 200},
		{"POST", "/v1/jobs/list", `{"limit":0}`, 400},
		{"POST", "/v1/jobs/list", `{"limit":1001}`, 400},
		{"POST", "/v1/jobs/list", `{"limit":1,"statuses":["asleep"]}`, 400},
		{"POST", "/v1/jobs/list", `{"limit":1,"waiting_for":["godot"]}`, 400},
		{"POST", "/v1/jobs/list", `{"limit":1,"sort":"size"}`, 400},
		{"POST", "/v1/jobs/list", `{"limit":1,"since":"monday"}`, 400},
		{"POST", "/v1/candidates", `{}`, 200},
		{"POST", "/v1/candidates", `{"labels":[{"key":"team","value":"a"}],"statuses":["running","decision_needed"],"limit":64,"wait_ms":1}`, 200},
		{"POST", "/v1/candidates", `{"limit":65}`, 400},
		{"GET", "/v1/ledger/cosigned-checkpoint", "", 200},
		{"POST", "/v1/ledger/verify", `{}`, 200},
		{"POST", "/v1/ledger/rebuild", `{}`, 200},
		{"POST", "/v1/ledger/rebuild-index", `{}`, 200},
		{"GET", "/v1/jobs", "", 200},
		{"GET", "/v1/job?id=j1", "", 200},
		{"GET", "/v1/job?id=j9", "", 404},
		{"GET", "/v1/job?id=j1&id=j1", "", 400},
		{"GET", "/v1/job/head?id=j1", "", 200},
		{"GET", "/v1/job/head?id=j9", "", 404},
		{"GET", "/v1/job/events?id=j1", "", 200},
		{"POST", "/v1/job/contents/put?id=j1", "a refund of 900 EUR", 200},
		{"POST", "/v1/job/contents/put?id=j1&keep=now", "a refund of 90 EUR", 200},
		{"POST", "/v1/job/contents/put?id=j1&keep=soon", "a", 400},
		{"POST", "/v1/job/contents/put?id=j9&new=true", "a refund of 90 EUR", 200},
		{"POST", "/v1/job/contents/put?id=j9&new=1", "a", 400},
		{"POST", "/v1/job/contents/put?id=j9", "a", 404},
		{"GET", "/v1/job/contents?id=j1", "", 200},
		{"GET", "/v1/job/contents?id=j9", "", 404},
		{"POST", "/v1/gate", question("j3", "read", 2, `,"proof":true`), 200},
		{"POST", "/v1/gate", question("j3", "read", 1, `,"call_id":"c1","request_id":"r1"`), 200},
		{"POST", "/v1/gate", question("j3", "read", 1, `,"call_id":"c1"`), 200},
		{"POST", "/v1/gate", question("j3", "drop", 2, `,"facts":{"environment_fingerprint":"e","not_done_exit":75}`), 200},
		{"POST", "/v1/gate", `{"job_id":"j3","actor":"worker_1","tool":"read","intent":null}`, 200},
		{"POST", "/v1/gate", question("j9", "read", 2, ""), 404},
		{"POST", "/v1/gate", "allow", 400},
		{"POST", "/v1/gate", strings.Repeat("p", 130<<10), 413},
		{"POST", "/v1/gate/" + grant + "/settle", `{"job_id":"j3","actor":"worker_1","outcome":"not_done"}`, 403},
		{"POST", "/v1/gate/" + grant + "/settle", `{"job_id":"j3","actor":"worker_1","outcome":"done","result":[1.5]}`, 200},
		{"POST", "/v1/gate/" + grant + "/settle", `{"job_id":"j3","actor":"worker_1","outcome":"done"}`, 409},
		{"POST", "/v1/gate/" + grant + "/settle", `{"job_id":"j9","actor":"worker_1","outcome":"done"}`, 404},
		{"POST", "/v1/gate/x/settle", `{}`, 400},
		{"POST", "/v1/gate", question("j3", "read", 1, `,"call_id":"c1","request_id":"r1"`), 403},
		{"POST", "/v1/commands", `{"verb":"gate eval","job_id":"j3","actor":"worker_1","arguments":{"tool":"read","problem":"intent_too_large"}}`, 200},
		{"POST", "/v1/gate", question("j3", "pay", 2, `,"call_id":"c2"`), 200},
		{"POST", "/v1/commands", `{"verb":"stop","job_id":"j3","actor":"worker_1"}`, 200},
		{"POST", "/v1/gate", question("j3", "pay", 2, ""), 200},
		{"POST", "/v1/commands", `{"verb":"cancel","job_id":"j3","actor":"worker_1"}`, 200},
		{"POST", "/v1/gate", question("j3", "pay", 2, ""), 409},
		{"GET", "/v1/job/call?id=j3&call=c1", "", 200},
		{"GET", "/v1/job/call?id=j1&call=c1&size=2", "", 200},
		{"GET", "/v1/job/call?id=j1", "", 400},
		{"POST", "/v1/policies/put", "permit(principal, action, resource);", 200},
		{"POST", "/v1/policies/put", strings.Repeat("p", daemon.MaxPolicy+1), 413},
		{"GET", "/v1/policy?digest=" + strings.Repeat("0f", 32), "", 503},
		{"GET", "/v1/policy?digest=" + policy, "", 200},
		{"GET", "/v1/policy", "", 400},
		{"POST", "/v1/content/collect", `{"age_ms":0,"dry_run":true}`, 200},
		{"POST", "/v1/content/collect", `{"age_ms":-1}`, 400},
		{"GET", "/v1/job/content?id=j1&digest=" + strings.Repeat("0f", 32), "", 503},
		{"GET", "/v1/job/content?id=j1&digest=x", "", 400},
		{"GET", "/v1/job/content?id=j1&digest=" + s.put(t, "j1", "a refund of 90 EUR"), "", 200},
		{"DELETE", "/v1/commands", "", 405},
	} {
		status, b, kind := s.get(t, tt.method, tt.path, tt.body)
		if status != tt.want {
			t.Errorf("%s %s = %d %.200s, want %d", tt.method, tt.path, status, b, tt.want)
		}
		asked[strings.ToLower(tt.method)+" "+template(tt.path)] = true
		if tt.want != http.StatusMethodNotAllowed {
			d.check(t, tt.method, tt.path, status, kind, b)
		}
	}
	asked["post /v1/ledger/cosignatures"] = true // TestKeep
	var documented []string
	for path, methods := range d.paths {
		for method, op := range methods {
			documented = append(documented, method+" "+path+op.query())
			if !asked[method+" "+path] {
				t.Errorf("%s %s is in the document, and was not asked", method, path)
			}
		}
	}
	slices.Sort(documented)
	if got := daemon.Routes(); !slices.Equal(got, documented) {
		t.Errorf("the server has %v, the document %v", got, documented)
	}
}

// The document lists the verbs of package commands.
func TestOpenAPIVerbs(t *testing.T) {
	s := serve(t)
	_, text, _ := s.get(t, http.MethodGet, "/openapi.json", "")
	var doc struct {
		Components struct {
			Schemas struct {
				Command struct {
					Properties struct {
						Verb struct {
							Enum []string `json:"enum"`
						} `json:"verb"`
					} `json:"properties"`
				}
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(slices.Values(doc.Components.Schemas.Command.Properties.Verb.Enum))
	if !slices.Equal(got, commands.Verbs()) {
		t.Errorf("the document has the verbs %q, package commands has %q", got, commands.Verbs())
	}
}

// The document has every fact of errors.
func TestOpenAPIDetails(t *testing.T) {
	doc := documentOf(t, serve(t)).doc
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	properties := schemas["Details"].(map[string]any)["properties"].(map[string]any)
	for f := range reflect.TypeFor[projection.Details]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if _, ok := properties[name]; !ok {
			t.Errorf("the document lacks the detail %q", name)
		}
	}
}

// The daemon keeps a cosignature, and returns it.
func TestKeep(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	l, err := s.client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, note := l.Checkpoint()
	w := ledgertest.NewWitness("witness.example")
	by, err := ledger.Cosignatures([]byte(string(note)+w.Line(note, time.Unix(1_800_000_000, 0))), []ledger.WitnessKey{w.Key})
	if err != nil || len(by) != 1 {
		t.Fatal(by, err)
	}
	c := by[0]
	if err := l.Keep(t.Context(), note, c); err != nil {
		t.Fatal(err)
	}
	all, err := l.Cosigned(t.Context())
	if err != nil || len(all) != 1 || all[0].Line() != c.Line() {
		t.Errorf("Cosigned = %v, %v", all, err)
	}
	if note, err := ledger.NewestCosigned(t.Context(), l); err != nil || !ledger.HasSignature(note, l.Keys().Current()) {
		t.Errorf("NewestCosigned = %q, %v", note, err)
	}
	if err := l.Keep(t.Context(), []byte("no note"), c); err == nil {
		t.Error("what is no checkpoint was kept")
	}
}

// The metrics count what the server did.
func TestMetrics(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"), progress("j1", "a"))
	s.client.Do(t.Context(), submit("j1"))
	_, text, _ := s.get(t, http.MethodGet, "/metrics", "")
	for _, want := range []string{
		`gait_commands_total{code="ok",verb="submit"} 1`, `gait_commands_total{code="ok",verb="checkpoint add"} 1`,
		`gait_commands_total{code="job_exists",verb="submit"} 1`, "gait_ledger_events 3", "gait_waiting 0", "gait_batch_events_count 2",
		"go_goroutines ", "process_open_fds ",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("metrics lack %q", want)
		}
	}
}
