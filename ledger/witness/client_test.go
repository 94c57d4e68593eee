package witness_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/witness"
)

// ask asks a witness to cosign the newest checkpoint of a log.
func ask(t *testing.T, log *store.Log, s *ledgertest.WitnessServer, known int64) (ledger.Cosignature, error) {
	t.Helper()
	_, signed := log.Checkpoint()
	c := witness.Client{Timeout: 10 * time.Second}
	return c.Cosign(t.Context(), witness.Witness{URL: s.URL, Key: s.Key}, signed, known,
		func(old int64) ([]ledger.Hash, error) { return log.ConsistencyIn(t.Context(), signed, old) })
}

func serve(t *testing.T, l *ledgertest.Ledger) *ledgertest.WitnessServer {
	s := ledgertest.Serve("w.example")
	t.Cleanup(s.Close)
	s.Know(l.Log.Keys().Current())
	return s
}

func grow(t *testing.T, log *store.Log, job string, n int) {
	t.Helper()
	drafts := []ledgertest.EventSpec{ledgertest.Submit(job)}
	for i := range n - 1 {
		drafts = append(drafts, ledgertest.Progress(job, fmt.Sprint("step ", i)))
	}
	ledgertest.Append(t, log, drafts...)
}

func TestCosign(t *testing.T) {
	l := ledgertest.New(t)
	s := serve(t, l)
	known := int64(0)
	for i, n := range []int{1, 3, 300} {
		c, err := ask(t, l.Log, s, known)
		if err != nil || c.Key != s.Key || !c.Time.Equal(ledgertest.Start.Add(time.Hour)) {
			t.Fatalf("Cosign = %+v, %v", c, err)
		}
		if s.Asked() != i+1 {
			t.Errorf("asked %d times, want %d", s.Asked(), i+1)
		}
		known = l.Head().Size
		grow(t, l.Log, fmt.Sprint("job_", i), n)
	}
	// The same checkpoint again: from its own size, from an older size, and from
	// one that the witness has forgotten.
	if _, err := ask(t, l.Log, s, known); err != nil {
		t.Fatal(err)
	}
	for _, known := range []int64{l.Head().Size, 0, 3, 1} {
		if _, err := ask(t, l.Log, s, known); err != nil {
			t.Errorf("Cosign again, from %d = %v", known, err)
		}
	}
	s.Forget(ledgertest.Origin)
	if _, err := ask(t, l.Log, s, l.Head().Size); err != nil {
		t.Errorf("Cosign by a witness that has forgotten = %v", err)
	}
}

// A fork of a ledger, signed with the ledger's own key, is detected and reported.
func TestCosignFork(t *testing.T) {
	l, fork := ledgertest.New(t), ledgertest.New(t)
	s := serve(t, l)
	grow(t, l.Log, "job_1", 5)
	if _, err := ask(t, l.Log, s, 0); err != nil {
		t.Fatal(err)
	}
	check := func(name string, err error, status int, says string) {
		t.Helper()
		c, ok := errors.AsType[*witness.ConflictError](err)
		if !ok || c.Status != status || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: Cosign = %v, want a *ConflictError with %d", name, err, status)
			return
		}
		_, signed := fork.Checkpoint()
		evidence := string(c.Evidence())
		for _, part := range []string{string(signed), s.Key.String(), s.URL, err.Error()} {
			if !strings.Contains(evidence, part) {
				t.Errorf("%s: the evidence lacks %q: %s", name, part, evidence)
			}
		}
	}
	grow(t, fork.Log, "job_2", 3)
	_, err := ask(t, fork.Log, s, 0)
	check("shorter", err, 409, "has cosigned 6 events")
	grow(t, fork.Log, "job_3", 2)
	_, err = ask(t, fork.Log, s, 6)
	check("of the same size", err, 422, "at size 6 that is not a beginning")
	grow(t, fork.Log, "job_4", 20)
	_, err = ask(t, fork.Log, s, 0)
	check("longer", err, 422, "knows a state")
}

func TestCosignFailures(t *testing.T) {
	l := ledgertest.New(t)
	for mode, want := range map[string]struct {
		err  string
		says string
	}{
		"garbage":  {"*witness.AnswerError", "not signature lines: <html>"},
		"empty":    {"*witness.AnswerError", "not signature lines"},
		"huge":     {"*witness.AnswerError", "longer than"},
		"endless":  {"*witness.AnswerError", "longer than"},
		"stranger": {"*witness.AnswerError", "holds no cosignature by w.example"},
		"stuck":    {"*witness.AnswerError", "refuses size 0"},
		"moving":   {"*witness.AnswerError", "another size each time"},
		"negative": {"*witness.AnswerError", "does not say at which: -1"},
		"ahead":    {"*witness.ConflictError", "has cosigned 1099511627776 events"},
		"409":      {"*witness.AnswerError", "does not say at which"},
		"422":      {"*witness.ConflictError", "not a beginning"},
		"400":      {"*witness.RefusedError", `status 400): in no mood \x1b[31m`},
		"403":      {"*witness.RefusedError", "status 403"},
		"404":      {"*witness.RefusedError", "status 404"},
		"201":      {"*witness.RefusedError", "status 201"},
		"redirect": {"*witness.RefusedError", "status 307"},
		"429":      {"*witness.UnreachableError", "status 429"},
		"500":      {"*witness.UnreachableError", "status 500"},
		"503":      {"*witness.UnreachableError", "status 503"},
		"hangup":   {"*witness.UnreachableError", "EOF"},
	} {
		s := serve(t, l)
		s.Mode(mode)
		c, err := ask(t, l.Log, s, 0)
		if got := fmt.Sprintf("%T", err); err == nil || got != want.err || !strings.Contains(err.Error(), want.says) {
			t.Errorf("%s: Cosign = %+v, %s %v, want %s, %q", mode, c, got, err, want.err, want.says)
		}
		if s.Asked() > 3 {
			t.Errorf("%s: asked %d times", mode, s.Asked())
		}
	}
}

// A genuine cosignature of another checkpoint in the answer is refused.
func TestCosignSpliced(t *testing.T) {
	l := ledgertest.New(t)
	s := serve(t, l)
	if _, err := ask(t, l.Log, s, 0); err != nil {
		t.Fatal(err)
	}
	grow(t, l.Log, "job_1", 2)
	s.Mode("spliced")
	c, err := ask(t, l.Log, s, 1)
	if _, ok := errors.AsType[*witness.AnswerError](err); !ok || !strings.Contains(err.Error(), "not of this checkpoint") {
		t.Errorf("Cosign = %+v, %v, want an *AnswerError", c, err)
	}
}

func TestCosignTimeouts(t *testing.T) {
	l := ledgertest.New(t)
	s := serve(t, l)
	s.Mode("slow")
	_, signed := l.Checkpoint()
	to := witness.Witness{URL: s.URL, Key: s.Key}
	_, err := witness.Client{Timeout: 50 * time.Millisecond}.Cosign(t.Context(), to, signed, 0, nil)
	if _, ok := errors.AsType[*witness.UnreachableError](err); !ok || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("Cosign by a slow witness = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (witness.Client{}).Cosign(ctx, to, signed, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Cosign when interrupted = %v", err)
	}
	s.Close()
	_, err = witness.Client{}.Cosign(t.Context(), to, signed, 0, nil)
	if _, ok := errors.AsType[*witness.UnreachableError](err); !ok {
		t.Errorf("Cosign by a witness that is gone = %v", err)
	}
	// A checkpoint that cannot be proved is not sent.
	_, err = witness.Client{}.Cosign(t.Context(), to, signed, 1, func(int64) ([]ledger.Hash, error) { return nil, os.ErrPermission })
	if !errors.Is(err, os.ErrPermission) {
		t.Errorf("Cosign without a proof = %v", err)
	}
}

func TestCheckURL(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://witness.example":                         true,
		"https://witness.example:8443/prefix":             true,
		"http://127.0.0.1:7380":                           true,
		"http://127.8.9.1":                                true,
		"http://[::1]:80/w":                               true,
		"http://localhost:1":                              true,
		"":                                                false,
		"witness.example":                                 false,
		"http://witness.example":                          false,
		"http://localhost.evil.example":                   false,
		"http://10.0.0.1":                                 false,
		"http://[::ffff:10.0.0.1]":                        false,
		"ftp://127.0.0.1":                                 false,
		"https://":                                        false,
		"https:///x":                                      false,
		"https://:443":                                    false,
		"https:witness.example":                           false,
		"https://user@witness.example":                    false,
		"https://witness.example/?":                       false,
		"https://witness.example/?q":                      false,
		"https://witness.example/#f":                      false,
		"https://witness.example/":                        false,
		"https://witness.example/a b":                     false,
		"https://witness.example/\n":                      false,
		"https://wıtness.example":                         false,
		"https://w.example/" + strings.Repeat("x", 1<<10): false,
	} {
		if got := witness.CheckURL(url); (got == "") != ok {
			t.Errorf("CheckURL(%.60q) = %q, want it taken: %t", url, got, ok)
		}
	}
}
