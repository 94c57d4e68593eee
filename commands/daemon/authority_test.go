package daemon_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A liar changes the lines of the answers to questions about the authority.
type liar struct {
	http.RoundTripper
	lie func(lines [][]byte) [][]byte
}

// RoundTrip implements http.RoundTripper.
func (l liar) RoundTrip(q *http.Request) (*http.Response, error) {
	res, err := l.RoundTripper.RoundTrip(q)
	if err != nil || q.URL.Path != "/v1/authority" {
		return res, err
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	lines := bytes.SplitAfter(b, []byte("\n"))
	n := len(lines) - 2 // the end line, and what is behind it
	changed := append(l.lie(slices.Clone(lines[:n])), lines[n])
	res.Body = io.NopCloser(bytes.NewReader(bytes.Join(changed, nil)))
	return res, nil
}

// A client finds out if a daemon leaves an authority event out, adds one or changes one.
func TestAuthorityIsVerified(t *testing.T) {
	s := serve(t)
	ledgertest.Append(
		t, s.Log, ledgertest.FirstAdmin(t, "admin_1"), ledgertest.Enroll(t, "admin_1", "cfo", ledger.RoleApprover),
		ledgertest.Submit("j1"), ledgertest.Revoke("admin_1", "cfo"), ledgertest.Progress("j1", "later"),
	)
	other := ledgertest.New(t)
	ledgertest.Append(t, other.Log, ledgertest.FirstAdmin(t, "mallory"), ledgertest.Enroll(t, "mallory", "cfo", ledger.RoleApprover))
	var foreign []byte
	for e, err := range other.AuthorityEvents(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		foreign = append(e.Bytes(), '\n')
	}
	for name, tt := range map[string]struct {
		lie  func([][]byte) [][]byte
		want error
	}{
		"the truth":            {func(b [][]byte) [][]byte { return b }, nil},
		"no revocation":        {func(b [][]byte) [][]byte { return b[:len(b)-1] }, ledger.ErrUnverified},
		"no enrolment":         {func(b [][]byte) [][]byte { return slices.Delete(b, 1, 2) }, ledger.ErrUnverified},
		"nothing":              {func([][]byte) [][]byte { return nil }, ledger.ErrUnverified},
		"one more":             {func(b [][]byte) [][]byte { return append(b, foreign) }, ledger.ErrUnverified},
		"another one":          {func(b [][]byte) [][]byte { b[1] = foreign; return b }, ledger.ErrUnverified},
		"one of another actor": {func(b [][]byte) [][]byte { b[1] = bytes.ReplaceAll(b[1], []byte("cfo"), []byte("ceo")); return b }, ledger.ErrUnverified},
		"no event of authority": {func(b [][]byte) [][]byte {
			e, err := s.Log.Event(t.Context(), 3)
			if err != nil {
				t.Fatal(err)
			}
			b[1] = append(bytes.Clone(e.Bytes()), '\n')
			return b
		}, ledger.ErrUnverified},
		"what is no event": {func(b [][]byte) [][]byte { b[0] = []byte("{}\n"); return b }, ledger.ErrMalformed},
	} {
		transport := daemon.Transport(s.dial)
		defer transport.CloseIdleConnections()
		client := &daemon.Client{HTTP: &http.Client{Transport: liar{transport, tt.lie}}}
		l, err := client.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var types []string
		for e, bad := range l.AuthorityEvents(t.Context()) {
			if err = bad; bad == nil {
				types = append(types, string(e.Type()))
			}
		}
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: AuthorityEvents ends with %v, want %v", name, err, tt.want)
		}
		if got := strings.Join(types, " "); tt.want == nil && got != "actor_enrolled actor_enrolled actor_revoked" {
			t.Errorf("AuthorityEvents yields %s", got)
		}
	}
}
