package daemon_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/daemon"
	"gait/commands/gate"
	"gait/ledger"
	"gait/ledger/content"
)

// gatePolicy says what tools may do in tests: read, pay with an approval, and nothing else.
const gatePolicy = `@id("read") permit(principal, action == Action::"read", resource);
@id("pay") @gait_verdict("require_approval") permit(principal, action == Action::"pay", resource);
@id("drop") forbid(principal, action == Action::"drop", resource);
`

// serveGated serves a ledger with the jobs given, bound to the policy.
func serveGated(t testing.TB, jobs ...string) *testServer {
	t.Helper()
	s := serve(t)
	digest, err := s.client.PutPolicy(t.Context(), []byte(gatePolicy))
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs {
		r := submit(job)
		c := r.Command.(commands.Submit)
		c.PolicyDigest = digest
		r.Command = c
		if _, err := s.client.Do(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// intentOf is the intent of a tool, spelt with a space that its canonical form lacks.
func intentOf(tool string, n int) string {
	return fmt.Sprintf(`{"tool": %q, "arguments": {"Amount": 1.50, "n": %d}, "target": "acct"}`, tool, n)
}

func question(job, tool string, n int, more string) string {
	return fmt.Sprintf(`{"job_id":%q,"actor":"worker_1","tool":%q,"intent":%s%s}`, job, tool, intentOf(tool, n), more)
}

// A gateSaid is an answer of the gate.
type gateSaid struct {
	OK      *bool  `json:"ok"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason_code"`
	Grant   string `json:"grant"`
	Code    string `json:"error_code"`
	Text    string `json:"error"`
	Exit    int    `json:"exit"`
	Salt    string `json:"intent_salt"`
	Proof   string `json:"proof"`
	Again   bool   `json:"repeated"`
	Outcome string `json:"outcome"`
	Event   json.RawMessage
	Intent  *ledger.Content
	Receipt *ledger.Receipt

	status int
	text   []byte
}

func readSaid(t *testing.T, status int, b []byte) (a gateSaid) {
	t.Helper()
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatalf("answered %d %.300s: %v", status, b, err)
	}
	a.status, a.text = status, b
	return a
}

// sendJSON sends a body that is declared to be JSON.
func (s *testServer) sendJSON(t *testing.T, path, kind, body string) gateSaid {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://gait"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		q.Header.Set("Content-Type", kind)
	}
	res, err := s.client.HTTP.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return readSaid(t, res.StatusCode, b)
}

func (s *testServer) gate(t *testing.T, body string) gateSaid {
	t.Helper()
	return s.sendJSON(t, "/v1/gate", "application/json", body)
}

// wantSaid fails unless an answer is what it says, in every way in which it says it.
func wantSaid(t *testing.T, what string, a gateSaid, verdict, reason string) {
	t.Helper()
	allows := verdict == "allow"
	if a.Verdict != verdict || a.Reason != reason || a.OK == nil || *a.OK != allows || (a.Grant != "") != allows {
		t.Errorf("%s: answered %d %.600s, want %s, %s", what, a.status, a.text, verdict, reason)
	}
}

// One request keeps the intent and gets the answer, whatever it is, with its event.
func TestGate(t *testing.T) {
	s := serveGated(t, "j1")
	for i, tt := range []struct{ tool, verdict, reason string }{
		{"read", "allow", "policy_permits"},
		{"drop", "block", "policy_forbids"},
		{"other", "block", "policy_permits_none"},
		{"pay", "require_approval", "policy_requires_approval"},
	} {
		a := s.gate(t, question("j1", tt.tool, i, `,"call_id":"c`+fmt.Sprint(i)+`","proof":true`))
		wantSaid(t, tt.tool, a, tt.verdict, tt.reason)
		if a.status != http.StatusOK || a.Code != "" {
			t.Errorf("%s: answered %d, error code %q, want 200 and none", tt.tool, a.status, a.Code)
		}
		e, err := ledger.Decode(a.Event)
		if err != nil {
			t.Fatal(err)
		}
		p := e.Payload().(ledger.GateDecided)
		if string(p.Verdict) != tt.verdict || a.Receipt.Leaf != e.LeafHash() || a.Receipt.Seq != e.Seq() {
			t.Errorf("%s: the event is %s, and the receipt %+v", tt.tool, e.Bytes(), a.Receipt)
		}
		canonical := fmt.Sprintf(`{"arguments":{"Amount":1.5,"n":%d},"target":"acct","tool":%q}`, i, tt.tool)
		if got := saltedDigest(t, a.Salt, canonical); got != p.Intent.Digest || a.Intent == nil || *a.Intent != p.Intent {
			t.Errorf("%s: the intent is %+v, want the digest %s", tt.tool, p.Intent, got)
		}
		if (a.Proof != "") != (tt.verdict == "allow") {
			t.Errorf("%s: the proof is %q", tt.tool, a.Proof)
		}
	}
	a := s.gate(t, question("j1", "read", 9, ""))
	wantSaid(t, "a job that waits for a decision", a, "block", "not_running")
}

func saltedDigest(t *testing.T, salt, text string) ledger.Hash {
	t.Helper()
	b, err := hex.DecodeString(salt)
	if err != nil || len(b) != content.SaltSize {
		t.Fatalf("the salt is %q", salt)
	}
	e, err := content.DigestSalted(strings.NewReader(text), [content.SaltSize]byte(b))
	if err != nil {
		t.Fatal(err)
	}
	return e.Digest
}

// The same request id is answered with the same grant; after that was settled, with a block that
// says what became of it.
func TestGateRepeats(t *testing.T) {
	s := serveGated(t, "j1")
	body := question("j1", "read", 1, `,"call_id":"c1","request_id":"r1","proof":true`)
	first := s.gate(t, body)
	wantSaid(t, "the first time", first, "allow", "policy_permits")
	again := s.gate(t, body)
	wantSaid(t, "again", again, "allow", "policy_permits")
	if again.Grant != first.Grant || !again.Again || again.Proof == "" {
		t.Errorf("again: answered %s, want the grant %s and a proof", again.text, first.Grant)
	}
	wantSaid(t, "another request", s.gate(t, question("j1", "read", 1, `,"call_id":"c1","request_id":"r2"`)), "block", "effects_unsettled")
	settle := s.sendJSON(t, "/v1/gate/"+first.Grant+"/settle", "application/json", `{"job_id":"j1","actor":"worker_1","outcome":"done","result":{"Ref":1.50}}`)
	e, err := ledger.Decode(settle.Event)
	if err != nil || settle.status != http.StatusOK || settle.OK == nil || !*settle.OK {
		t.Fatalf("settling: answered %d %s, %v", settle.status, settle.text, err)
	}
	p := e.Payload().(ledger.EffectSettled)
	if p.Grant != first.Grant || p.Outcome != ledger.EffectDone || p.Result.Size != int64(len(`{"Ref":1.50}`)) {
		t.Errorf("settling wrote %s", e.Bytes())
	}
	last := s.gate(t, body)
	if last.Verdict != "block" || last.Reason != "already_done" || *last.OK || last.Outcome != "done" || last.Exit != 3 || last.Grant != first.Grant {
		t.Errorf("after it was settled: answered %d %s", last.status, last.text)
	}
	wantSaid(t, "another request, later", s.gate(t, question("j1", "read", 1, `,"call_id":"c1","request_id":"r3"`)), "block", "already_done")
}

// What is no intent is a block, which the ledger shows, with what was given unless it is too
// large.
func TestIntentsThatAreNone(t *testing.T) {
	s := serveGated(t, "j1")
	for name, tt := range map[string]struct{ intent, reason string }{
		"null":                  {`null`, "intent_invalid"},
		"a text":                {`"{}"`, "intent_invalid"},
		"no tool":               {`{"arguments":{}}`, "intent_invalid"},
		"another tool":          {`{"tool":"drop","arguments":{}}`, "intent_tool"},
		"a member twice":        {`{"tool":"read","tool":"read","arguments":{}}`, "intent_invalid"},
		"an argument twice":     {`{"tool":"read","arguments":{"a":1,"a":2}}`, "intent_invalid"},
		"a member too many":     {`{"tool":"read","arguments":{},"call_id":"c"}`, "intent_invalid"},
		"a large integer":       {`{"tool":"read","arguments":{"n":9007199254740993}}`, "intent_invalid"},
		"half a character":      {`{"tool":"read","arguments":{"s":"\ud800"}}`, "intent_invalid"},
		"null in a list":        {`{"tool":"read","arguments":{"l":[null]}}`, "intent_unsupported"},
		"deep":                  {`{"tool":"read","arguments":{"l":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}}`, "intent_unsupported"},
		"more than 32 KiB":      {`{"tool":"read","arguments":{"s":"` + strings.Repeat("x", ledger.MaxIntent) + `"}}`, "intent_too_large"},
		"almost the whole body": {`{"tool":"read","arguments":{"s":"` + strings.Repeat("x", 120<<10) + `"}}`, "intent_too_large"},
	} {
		size := s.Log.Head().Size
		a := s.gate(t, `{"job_id":"j1","actor":"worker_1","tool":"read","intent":`+tt.intent+`}`)
		wantSaid(t, name, a, "block", tt.reason)
		if now := s.Log.Head().Size; now != size+1 || a.status != http.StatusOK || (a.Intent == nil) != (tt.reason == "intent_too_large") {
			t.Errorf("%s: %d events were written, and the answer is %d %.400s", name, now-size, a.status, a.text)
		}
	}
}

// What is not understood is a block in the body too, and nothing is written or kept.
func TestGateErrorsAreBlocks(t *testing.T) {
	s := serveGated(t, "j1", "j2")
	intent := intentOf("read", 1)
	field := func(text string) string { return question("j1", "read", 1, ","+text) }
	without := func(name string) string {
		return strings.Replace(question("j1", "read", 1, ""), `"`+name+`":`, `"x_`+name+`":`, 1)
	}
	size := s.Log.Head().Size
	for _, tt := range []struct {
		name, body string
		status     int
		reason     string
	}{
		{"nothing", "", 400, ""},
		{"no JSON", "allow", 400, ""},
		{"a list", "[]", 400, ""},
		{"null", "null", 400, ""},
		{"a text", `"allow"`, 400, ""},
		{"an empty object", "{}", 400, ""},
		{"half an object", question("j1", "read", 1, "")[:40], 400, ""},
		{"no end", strings.TrimSuffix(question("j1", "read", 1, ""), "}"), 400, ""},
		{"two objects", question("j1", "read", 1, "") + "{}", 400, ""},
		{"a trailer", question("j1", "read", 1, "") + "x", 400, ""},
		{"no UTF-8", field(`"call_id":"` + "\xff" + `"`), 400, ""},
		{"an unknown field", field(`"colour":"red"`), 400, ""},
		{"a verdict", field(`"verdict":"allow"`), 400, ""},
		{"a dry run", field(`"dry_run":true`), 400, ""},
		{"a field twice", field(`"tool":"read"`), 400, ""},
		{"an intent twice", field(`"intent":` + intent), 400, ""},
		{"a field in capitals", field(`"Call_ID":"c"`), 400, ""},
		{"a command that is signed", field(`"command":"x"`), 400, ""},
		{"no job", without("job_id"), 400, ""},
		{"no actor", without("actor"), 400, ""},
		{"no tool", without("tool"), 400, ""},
		{"no intent", without("intent"), 400, ""},
		{"two names of a call", field(`"call_id":"c1","once":true`), 400, ""},
		{"an empty call", field(`"call_id":""`), 400, ""},
		{"an empty request id", field(`"request_id":""`), 400, ""},
		{"a call with a space", field(`"call_id":"a b"`), 400, ""},
		{"a long call", field(`"call_id":"` + strings.Repeat("c", 129) + `"`), 400, ""},
		{"a number for a call", field(`"call_id":1`), 400, ""},
		{"null for a call", field(`"call_id":{}`), 400, ""},
		{"a policy that is no digest", field(`"policy":"allow"`), 400, ""},
		{"a short policy", field(`"policy":"0f"`), 400, ""},
		{"facts that are a list", field(`"facts":[]`), 400, ""},
		{"an unknown fact", field(`"facts":{"roles":["operator"]}`), 400, ""},
		{"what the gate shows", field(`"facts":{"shown":{}}`), 400, ""},
		{"an exit code of 0", field(`"facts":{"not_done_exit":-1}`), 400, ""},
		{"an exit code of 256", field(`"facts":{"not_done_exit":256}`), 400, ""},
		{"a fraction for an exit code", field(`"facts":{"not_done_exit":1.5}`), 400, ""},
		{"an empty fact", field(`"facts":{"environment_fingerprint":"` + strings.Repeat("e", 10000) + `"}`), 400, ""},
		{"a deadline below nothing", field(`"timeout_ms":-1`), 400, ""},
		{"a deadline that is too late", field(`"timeout_ms":600001`), 400, ""},
		{"a deep fact", field(`"facts":` + strings.Repeat(`{"a":`, 20000/5) + `1` + strings.Repeat(`}`, 20000/5)), 400, ""},
		{"a deep intent", `{"job_id":"j1","actor":"worker_1","tool":"read","intent":` + strings.Repeat("[", 60000) + strings.Repeat("]", 60000) + `}`, 400, ""},
		{"a tool that is no name", strings.Replace(question("j1", "read", 1, ""), `"tool":"read"`, `"tool":"re ad"`, 1), 400, ""},
		{"a job that is no name", question("j/1", "read", 1, ""), 400, ""},
		{"an actor that is no name", strings.Replace(question("j1", "read", 1, ""), `"worker_1"`, `"worker\u0000"`, 1), 400, ""},
		{"the ledger's own actor", strings.Replace(question("j1", "read", 1, ""), `"worker_1"`, `"gait"`, 1), 400, ""},
		{"an unknown job", question("j9", "read", 1, ""), 404, "job_not_found"},
		{"more than 128 KiB", `{"job_id":"j1","actor":"worker_1","tool":"read","intent":"` + strings.Repeat("x", 130<<10) + `"}`, 413, "request_too_long"},
	} {
		a := s.gate(t, tt.body)
		if a.status != tt.status || a.Verdict != "block" || a.OK == nil || *a.OK || a.Exit != 3 || a.Reason == "" || a.Reason != a.Code || a.Text == "" || a.Grant != "" {
			t.Errorf("%s: answered %d %.300s, want %d and a block", tt.name, a.status, a.text, tt.status)
		}
		if tt.reason != "" && a.Reason != tt.reason {
			t.Errorf("%s: blocked as %s, want %s", tt.name, a.Reason, tt.reason)
		}
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/json; charset=latin1", "application/jsonl", "json", ";"} {
		a := s.sendJSON(t, "/v1/gate", kind, question("j1", "read", 1, ""))
		if a.status != http.StatusUnsupportedMediaType || a.Verdict != "block" || *a.OK || a.Code != "invalid_content_type" {
			t.Errorf("a body of type %q: answered %d %s, want 415 and a block", kind, a.status, a.text)
		}
	}
	for _, kind := range []string{"application/json; charset=utf-8", "Application/JSON"} {
		if a := s.sendJSON(t, "/v1/gate", kind, question("j2", "drop", 1, "")); a.status != http.StatusOK {
			t.Errorf("a body of type %q: answered %d %s", kind, a.status, a.text)
		}
	}
	for _, tt := range []struct{ method, path string }{{"GET", "/v1/gate"}, {"PUT", "/v1/gate"}, {"DELETE", "/v1/gate"}, {"POST", "/v1/gate?verdict=allow"}} {
		status, b, _ := s.get(t, tt.method, tt.path, question("j1", "read", 1, ""))
		if a := readSaid(t, status, b); status < 400 || a.Verdict != "block" || *a.OK {
			t.Errorf("%s %s: answered %d %s, want a block", tt.method, tt.path, status, b)
		}
	}
	for _, path := range []string{"/v1/gate/", "/v1/gate/x", "/v1/gate/x/allow"} {
		status, b, _ := s.get(t, "POST", path, question("j1", "read", 1, ""))
		if a := readSaid(t, status, b); status != http.StatusNotFound || *a.OK {
			t.Errorf("POST %s: answered %d %s, want 404 and not ok", path, status, b)
		}
	}
	if now := s.Log.Head().Size; now != size+2 {
		t.Errorf("%d events were written, want the 2 about j2", now-size)
	}
	if kept, err := s.server.Content.Job("j1").List(); err != nil || len(kept) != 0 {
		t.Errorf("%d contents of j1 were kept, %v, want none", len(kept), err)
	}
	if kept, err := s.server.Content.Job("j9").List(); err != nil || len(kept) != 0 {
		t.Errorf("content of a job that is not there was kept: %v, %v", kept, err)
	}
}

// A settlement that is not understood, or not allowed, is refused, and no grant is settled.
func TestSettleErrors(t *testing.T) {
	s := serveGated(t, "j1", "j2")
	grant := s.gate(t, question("j1", "read", 1, "")).Grant
	body := func(text string) string { return `{"job_id":"j1","actor":"worker_1",` + text + `}` }
	for _, tt := range []struct {
		name, grant, body string
		status            int
	}{
		{"nothing", grant, "", 400},
		{"no outcome", grant, `{"job_id":"j1","actor":"worker_1"}`, 400},
		{"another outcome", grant, body(`"outcome":"perhaps"`), 400},
		{"an unknown field", grant, body(`"outcome":"done","grant":"x"`), 400},
		{"an outcome twice", grant, body(`"outcome":"done","outcome":"not_done"`), 400},
		{"a result twice", grant, body(`"outcome":"done","result":1,"result":2`), 400},
		{"no grant's name", "x", body(`"outcome":"done"`), 400},
		{"a grant in small letters", strings.ToLower(grant), body(`"outcome":"done"`), 400},
		{"an unknown grant", "01J9ZQ6F8Z3V5X7Y9A0B1C2D3E", body(`"outcome":"done"`), 409},
		{"another job's grant", grant, strings.Replace(body(`"outcome":"done"`), "j1", "j2", 1), 409},
		{"an unknown job", grant, strings.Replace(body(`"outcome":"done"`), "j1", "j9", 1), 404},
		{"an unknown job, with a result", grant, strings.Replace(body(`"outcome":"done","result":1`), "j1", "j9", 1), 404},
		{"not done, by the worker", grant, body(`"outcome":"not_done"`), 403},
		{"too long", grant, body(`"outcome":"done","result":"` + strings.Repeat("x", 130<<10) + `"`), 413},
	} {
		a := s.sendJSON(t, "/v1/gate/"+tt.grant+"/settle", "application/json", tt.body)
		if a.status != tt.status || a.OK == nil || *a.OK || a.Code == "" {
			t.Errorf("%s: answered %d %.300s, want %d and not ok", tt.name, a.status, a.text, tt.status)
		}
	}
	if a := s.sendJSON(t, "/v1/gate/"+grant+"/settle", "text/plain", body(`"outcome":"done"`)); a.status != http.StatusUnsupportedMediaType || *a.OK {
		t.Errorf("a body that is no JSON: answered %d %s, want 415 and not ok", a.status, a.text)
	}
	if a := s.sendJSON(t, "/v1/gate/"+grant+"/settle", "application/json", body(`"outcome":"unknown","reason":"it timed out"`)); a.status != http.StatusOK || !*a.OK {
		t.Errorf("an outcome that is not known: answered %d %s", a.status, a.text)
	}
	wantSaid(t, "after that", s.gate(t, question("j1", "read", 2, "")), "block", "effects_unsettled")
}

// A call that is named after its intent is made once, however the intent is spelt, and asked
// through the interface or by a client.
func TestGateOnce(t *testing.T) {
	s := serveGated(t, "j1")
	a := s.gate(t, question("j1", "read", 1, `,"once":true`))
	wantSaid(t, "the first time", a, "allow", "policy_permits")
	id := gate.OnceID([]byte(`{"arguments":{"Amount":1.5,"n":1},"target":"acct","tool":"read"}`))
	wantSaid(t, "by its name", s.gate(t, question("j1", "read", 1, `,"call_id":"`+id+`"`)), "block", "effects_unsettled")
	ask := daemon.GateQuestion{JobID: "j1", Actor: "worker_1", Tool: "read", RequestID: "r7", Intent: []byte(intentOf("read", 1)), Once: true}
	reply, err := s.client.Gate(t.Context(), ask)
	if said := commands.AnswerOf(reply.Result, err); said.ReasonCode != "effects_unsettled" {
		t.Errorf("a client that asks again is told %+v, %v", said, err)
	}
	wantSaid(t, "another intent", s.gate(t, question("j1", "read", 2, `,"once":true`)), "allow", "policy_permits")
}
