package daemon_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
)

const grant = "01J9ZQ6F8Z3V5X7Y9A0B1C2D3E"

// allowed is the spec of an allow of a call, and settled that of its outcome.
func allowed(job, call string) ledgertest.EventSpec {
	return ledgertest.EventSpec{Job: job, Actor: "worker_1", Payload: ledger.GateDecided{
		Verdict: ledger.GateAllow, Tool: "pay", Intent: ledger.Content{Digest: ledger.Hash{1}, Size: 3}, ContentKey: ledger.Hash{9},
		ReasonCode: "policy_permits", CallID: call, PolicyDigest: ledger.Hash{2}, DeterminedBy: []string{"policy0"}, Engine: "cedar-go/1.9.0", Grant: grant,
	}}
}

func settled(job, call string, prev ledger.Event) ledgertest.EventSpec {
	return ledgertest.EventSpec{Job: job, Actor: "worker_1", Payload: ledger.EffectSettled{
		Grant: grant, Outcome: ledger.EffectDone, CallID: call, CallPrev: prev.LeafHash(), Intent: ledger.Hash{1},
	}}
}

// serveCalls serves a ledger with a call that was allowed and is done, and returns its events.
func serveCalls(t *testing.T) (s *testServer, all []ledger.Event) {
	t.Helper()
	s = serve(t)
	ledgertest.Append(t, s.Log, ledgertest.Submit("j1"), ledgertest.Submit("j2"), allowed("j1", "c1"), ledgertest.Progress("j1", "a"))
	ledgertest.Append(t, s.Log, settled("j1", "c1", eventAt(t, s.Log, 3)), allowed("j2", "c1"))
	for e, err := range s.Log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return s, all
}

func eventAt(t *testing.T, log ledger.EventReader, seq ledger.Seq) ledger.Event {
	t.Helper()
	e, err := log.Event(t.Context(), seq)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A client finds the newest event about a call at its ledger's size.
func TestCalls(t *testing.T) {
	s, all := serveCalls(t)
	done, other := ledger.CallID{Job: "j1", Call: "c1"}, ledger.CallID{Job: "j2", Call: "c1"}
	ids := []ledger.CallID{done, other, {Job: "j1", Call: "c2"}, {Job: "j9", Call: "c1"}}
	l, err := s.client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := l.Load(t.Context(), []string{"j1"}, nil, ids...)
	if err != nil || len(found.Calls) != 2 || len(found.Jobs) != 1 {
		t.Fatalf("Load = %+v, %v, want two calls and a job", found, err)
	}
	for id, want := range map[ledger.CallID]ledger.Event{done: all[5], other: all[6]} {
		if got := found.Calls[id]; !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("Load finds for %v event %d, want %d", id, got.Seq(), want.Seq())
		}
	}
	for size, want := range []ledger.Event{3: {}, 4: all[3], 5: all[3], 6: all[5], 7: all[5]} {
		if size < 3 {
			continue
		}
		status, b, _ := s.get(t, http.MethodGet, "/v1/job/call?id=j1&call=c1&size="+strconv.Itoa(size), "")
		text := "{}\n"
		if want.Bytes() != nil {
			text = `{"event":` + string(want.Bytes()) + "}\n"
		}
		if status != http.StatusOK || string(b) != text {
			t.Errorf("the call in %d events = %d %s, want %s", size, status, b, text)
		}
	}
	for _, bad := range []string{"?id=j1", "?call=c1", "?id=j1&call=", "?id=j1&call=a%20b", "?id=j%2F1&call=a", "?id=j1&call=c1&size=99"} {
		if status, b, _ := s.get(t, http.MethodGet, "/v1/job/call"+bad, ""); status != http.StatusBadRequest {
			t.Errorf("GET /v1/job/call%s = %d %s, want 400", bad, status, b)
		}
	}
	for _, id := range []ledger.CallID{{Job: "j1"}, {Call: "c1"}, {Job: "j1", Call: "a b"}} {
		if found, err := l.Load(t.Context(), nil, nil, id); err == nil {
			t.Errorf("Load of %+v = %+v, want an error", id, found.Calls)
		}
	}
}

// An answerer gives an answer of its own to questions at an address.
type answerer struct {
	http.RoundTripper
	path, answer string
}

// RoundTrip implements http.RoundTripper.
func (a answerer) RoundTrip(q *http.Request) (*http.Response, error) {
	res, err := a.RoundTripper.RoundTrip(q)
	if err == nil && q.URL.Path == a.path {
		res.StatusCode, res.Body = http.StatusOK, io.NopCloser(bytes.NewReader([]byte(a.answer)))
	}
	return res, err
}

// A client finds out if a daemon answers with an event that is not about the call, or not in
// the ledger.
func TestCallsAreVerified(t *testing.T) {
	s, all := serveCalls(t)
	other := ledgertest.New(t)
	ledgertest.Append(t, other.Log, ledgertest.Submit("j1"), allowed("j1", "c1"))
	forged := eventAt(t, other.Log, 2)
	answer := func(e ledger.Event) string { return `{"event":` + string(e.Bytes()) + `}` }
	for name, tt := range map[string]struct{ answer, want string }{
		"the truth":                    {answer(all[5]), ""},
		"none":                         {"{}", ""}, // the daemon's word
		"an older event about it":      {answer(all[3]), ""},
		"event 0":                      {answer(all[0]), ""},
		"of another job":               {answer(all[6]), "malformed"},
		"about no call":                {answer(all[4]), "malformed"},
		"of another ledger":            {answer(forged), "not_verified"},
		"no event":                     {`{"event":{}}`, "malformed"},
		"an event that goes on":        {`{"event":1}`, "malformed"},
		"a half":                       {answer(all[5])[:40], "malformed"},
		"nothing":                      {"", "malformed"},
		"an error that says it is one": {`{"error_code":"x"}`, ""},
	} {
		c := s.newClient(t)
		c.HTTP.Transport = answerer{c.HTTP.Transport, "/v1/job/call", tt.answer}
		l, err := c.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Load(t.Context(), nil, nil, ledger.CallID{Job: "j1", Call: "c1"}); faultOf(err) != tt.want && (tt.want != "malformed" || !errors.Is(err, ledger.ErrMalformed)) {
			t.Errorf("%s: Load = %v, want %q", name, err, tt.want)
		}
	}
	l, err := s.client.Open(t.Context()) // before the next event
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Append(t, s.Log, allowed("j2", "c3"))
	late := eventAt(t, s.Log, 7)
	s.client.HTTP.Transport = answerer{s.client.HTTP.Transport, "/v1/job/call", answer(late)}
	if _, err := l.Load(t.Context(), nil, nil, ledger.CallID{Job: "j2", Call: "c3"}); faultOf(err) != "malformed" {
		t.Errorf("an event past the ledger's size: Load = %v, want malformed", err)
	}
}
