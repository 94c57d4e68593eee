package daemon_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
)

const someTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// take takes a lease.
func take(job string, ttl int64) commands.Request {
	return commands.Request{JobID: job, Actor: "worker_1", Command: commands.LeaseTake{TTL: ttl, Worker: "w1"}}
}

// under names a lease in a request.
func under(epoch int64, r commands.Request) commands.Request {
	r.Lease = epoch
	return r
}

// A client that is told of a lease and of a trace says so, and the events name both.
func TestLeasesOnTheWire(t *testing.T) {
	s := serveGated(t, "j1")
	s.do(t, take("j1", 60))
	r := under(1, progress("j1", "step 1"))
	r.Trace = someTrace
	if e := s.do(t, r).Event; e.Lease() != 1 || e.Trace() != someTrace {
		t.Errorf("the checkpoint names lease %d and trace %q", e.Lease(), e.Trace())
	}
	asked := question("j1", "read", 1, `,"lease":1,"trace":"`+someTrace+`"`)
	said := s.gate(t, asked)
	grant := said.Grant
	if e, err := ledger.Decode(said.Event); err != nil || e.Lease() != 1 || e.Trace() != someTrace {
		t.Errorf("the answer of the gate names lease %d and trace %q, %v", e.Lease(), e.Trace(), err)
	}
	status, text, _ := s.get(t, http.MethodPost, "/v1/gate/"+grant+"/settle", `{"job_id":"j1","actor":"worker_1","outcome":"done","lease":1,"trace":"`+someTrace+`"}`)
	var settled struct{ Event json.RawMessage }
	if err := json.Unmarshal(text, &settled); err != nil || status != http.StatusOK {
		t.Fatalf("settling: %d %s", status, text)
	}
	if e, err := ledger.Decode(settled.Event); err != nil || e.Lease() != 1 || e.Trace() != someTrace {
		t.Errorf("what was settled names lease %d and trace %q, %v", e.Lease(), e.Trace(), err)
	}
}

// Who has no lease, or an old one, is told what to do, and a lease that is held is not recorded.
func TestRefusalsOfLeases(t *testing.T) {
	s := serveGated(t, "j1")
	s.do(t, take("j1", 60))
	size := s.Head().Size
	_, err := s.client.Do(t.Context(), take("j1", 60))
	if codeOf(err) != "lease_held" || s.Head().Size != size {
		t.Errorf("taking a lease that is held: %v, and %d events", err, s.Head().Size-size)
	}
	for _, tt := range []struct{ path, body, code, hint string }{
		{"/v1/commands", `{"verb":"lease take","job_id":"j1","actor":"worker_1","arguments":{"ttl":60,"worker":"w2"}}`, "lease_held", "GET /v1/job?id=j1"},
		{"/v1/commands", `{"verb":"checkpoint add","job_id":"j1","actor":"worker_1","arguments":{"type":"progress","summary":"a"}}`, "fenced", "take a new lease"},
		{"/v1/commands", `{"verb":"checkpoint add","job_id":"j1","actor":"worker_1","lease":7,"arguments":{"type":"progress","summary":"a"}}`, "fenced", "take a new lease"},
		{"/v1/gate", question("j1", "read", 1, ""), "fenced", "take a new lease"},
	} {
		_, text, _ := s.get(t, http.MethodPost, tt.path, tt.body)
		var got struct {
			Code string `json:"error_code"`
			Hint string
		}
		if err := json.Unmarshal(text, &got); err != nil || got.Code != tt.code || !strings.Contains(got.Hint, tt.hint) {
			t.Errorf("%s: %s %q, want %s and %q", tt.body, got.Code, got.Hint, tt.code, tt.hint)
		}
	}
}
