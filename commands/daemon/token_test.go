package daemon_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/commands/token"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A door is a TCP address at which a server admits holders of tokens.
type door struct {
	*testServer
	address string
}

func (s *testServer) openDoor(t testing.TB) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: s.open}
	d := daemon.Door{Address: l.Addr().String(), Tokens: s.holder, Signer: ledgertest.Key(s.Log.Origin()), Entropy: ledgertest.Entropy(9)}
	if err := s.server.Guard(h, d); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); h.Serve(l) }()
	t.Cleanup(func() { h.Close(); <-done })
	return &door{testServer: s, address: l.Addr().String()}
}

// give makes a token, and lets the server know it.
func (s *testServer) give(t testing.TB, seed byte, role, actor string) token.Token {
	t.Helper()
	tok, err := token.New(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)), s.Log.Origin(), role, actor)
	if err != nil {
		t.Fatal(err)
	}
	s.tokens.Store(tok.ID(), daemon.Holder{Actor: actor, Role: role, Key: tok.Public()})
	return tok
}

// client returns a client of an address with a token, and what it connects by.
func clientAt(t testing.TB, tok token.Token, trusted ledger.VerifierKey, address string) (*daemon.Client, *http.Transport) {
	transport := daemon.Transport(func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	})
	t.Cleanup(transport.CloseIdleConnections)
	return &daemon.Client{
		HTTP: &http.Client{Transport: transport}, Base: "http://" + address, Timeout: 10 * time.Second,
		Credential: &daemon.Credential{
			Token: tok, Entropy: ledgertest.Entropy(10), Now: time.Now, Remote: func() string { return address },
			Trusted: func(k ledger.VerifierKey) error {
				if k != trusted {
					return errStranger
				}
				return nil
			},
		},
	}, transport
}

var errStranger = errors.New("this key is not trusted")

func (d *door) client(t testing.TB, tok token.Token) *daemon.Client {
	c, _ := clientAt(t, tok, ledgertest.Key(d.Log.Origin()).VerifierKey(), d.address)
	return c
}

// By the proof of a token, each role reads, and sends the commands of its row as its
// actor. That holds for every verb.
func TestTokenRoles(t *testing.T) {
	d := serve(t).openDoor(t)
	d.do(t, submit("j1"))
	requests := []commands.Request{
		submit("j2"), progress("j1", "a"),
		{JobID: "j1", Command: commands.Pause{}},
		{JobID: "j1", Command: commands.Approve{}},
		{JobID: "j1", Command: commands.Deny{}},
		{JobID: "j1", Command: commands.Resume{EnvironmentFingerprint: "envfp:prod"}},
		{JobID: "j1", Command: commands.Stop{}},
		{JobID: "j1", Command: commands.Cancel{}},
		{JobID: "j1", Command: commands.LeaseTake{TTL: 60, Worker: "w1"}},
		{Command: commands.CommitIndex{}},
	}
	for i, role := range token.Roles() {
		c := d.client(t, d.give(t, byte(i+1), role, "worker_1"))
		l, err := c.Open(t.Context())
		if err != nil {
			t.Fatalf("%s opens the ledger: %v", role, err)
		}
		if _, _, ok, err := openJob(t, l); !ok || err != nil {
			t.Errorf("%s reads the job: %v, %v", role, ok, err)
		}
		for _, r := range requests {
			row := commands.RowOf(r.Command)
			r.DryRun = true
			if row.Actor == "" {
				r.Actor = "worker_1"
			}
			_, err := c.Do(t.Context(), r)
			if got := codeOf(err) == "token_role"; got == row.MayIssue(role) {
				t.Errorf("%s by %s = %v", row.Verb, role, err)
			}
			if row.Actor == "" && row.MayIssue(role) {
				r.Actor = "somebody"
				if _, err := c.Do(t.Context(), r); codeOf(err) != "token_actor" {
					t.Errorf("%s by %s as another actor = %v, want token_actor", row.Verb, role, err)
				}
			}
		}
		_, err = c.Candidates(t.Context(), daemon.CandidateQuery{})
		if refused := codeOf(err) == "token_role"; refused != (role != "worker" && role != "operator") {
			t.Errorf("%s asks for candidates: %v", role, err)
		}
		err = l.ReplaceViews(t.Context(), func(func(ledger.JobView, error) bool) {})
		if refused := codeOf(err) == "token_role"; refused != (role != "operator") {
			t.Errorf("%s makes the views again: %v", role, err)
		}
	}
}

func openJob(t *testing.T, l *daemon.Ledger) (ledger.Event, ledger.JobHead, bool, error) {
	found, err := l.Load(t.Context(), []string{"j1"}, nil)
	if err != nil {
		return ledger.Event{}, ledger.JobHead{}, false, err
	}
	entry, ok := found.Jobs["j1"]
	e, err := l.Event(t.Context(), entry.Head.Seq)
	return e, entry.Head, ok, err
}

func codeOf(err error) string {
	f, _ := ledger.FaultOf(err)
	return f.Code
}

// A token that is revoked is refused at once, and its streams end with the next event.
func TestRevokedToken(t *testing.T) {
	d := serve(t).openDoor(t)
	d.do(t, submit("j1"))
	tok := d.give(t, 1, "auditor", "auditor_1")
	c := d.client(t, tok)
	if _, err := c.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() { waited <- c.Wait(t.Context(), 5) }()
	for range 50 { // until the stream is open
		if _, text, _ := d.get(t, http.MethodGet, "/metrics", ""); strings.Contains(string(text), "gait_streams 1") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.tokens.Delete(tok.ID())
	if _, err := c.Open(t.Context()); !errors.Is(err, daemon.ErrToken) {
		t.Errorf("Open with a revoked token = %v, want ErrToken", err)
	}
	d.do(t, progress("j1", "a"), progress("j1", "b"), progress("j1", "c"), progress("j1", "d"))
	if err := <-waited; err == nil {
		t.Error("a stream of a revoked token goes on")
	}
}

// A proof counts once, for its request, under a challenge of this daemon that has not
// ended, by a token that there is.
func TestProofs(t *testing.T) {
	d := serve(t).openDoor(t)
	d.do(t, submit("j1"))
	tok, other := d.give(t, 1, "auditor", "auditor_1"), d.give(t, 2, "auditor", "auditor_2")
	challenge := func() string {
		_, text, _ := d.getTCP(t, "/v1/challenge?client="+strings.Repeat("00", token.ClientNonceSize), "")
		signed := strings.ReplaceAll(strings.Split(strings.TrimPrefix(string(text), `{"challenge":"`), `"`)[0], `\n`, "\n")
		c, err := token.OpenChallenge([]byte(signed), ledgertest.Key(d.Log.Origin()).VerifierKey())
		if err != nil {
			t.Fatal(err, string(text))
		}
		return c.Nonce
	}
	request := func(nonce string, n int64) token.Request {
		return token.Request{Origin: d.Log.Origin(), Nonce: nonce, Number: n, Method: "GET", URI: "/v1/ledger", Body: sha256.Sum256(nil)}
	}
	ask := func(proof string) string {
		status, b, _ := d.getTCP(t, "/v1/ledger", proof)
		if status == http.StatusOK {
			return ""
		}
		_, code, _ := strings.Cut(string(b), `"error_code":"`)
		code, _, _ = strings.Cut(code, `"`)
		return code
	}
	nonce := challenge()
	want := func(name, proof, want string) {
		t.Helper()
		if got := ask(proof); got != want {
			t.Errorf("%s: answered %q, want %q", name, got, want)
		}
	}
	first := tok.Prove(request(nonce, 1))
	want("the first proof", first, "")
	want("the same again", first, "token_invalid")
	want("a higher number", tok.Prove(request(nonce, 100)), "")
	want("a number between", tok.Prove(request(nonce, 50)), "")
	want("the number between again", tok.Prove(request(nonce, 50)), "token_invalid")
	want("a number too far below", tok.Prove(request(nonce, 2)), "token_invalid")
	want("another token's proof under the nonce", other.Prove(request(nonce, 101)), "token_invalid")
	want("a token that is not known", mustToken(t, d, 3).Prove(request(challenge(), 1)), "token_invalid")
	want("a nonce of no one", tok.Prove(request(strings.Repeat("ab", token.NonceSize), 1)), "challenge_expired")
	if _, err := d.client(t, otherLedgers(t)).Open(t.Context()); !errors.Is(err, daemon.ErrUnproved) {
		t.Errorf("a token of another ledger: Open = %v, want ErrUnproved", err)
	}
	r := request(challenge(), 1)
	r.Origin = "gait.example/other"
	want("another ledger", tok.Prove(r), "token_invalid")
	want("no proof", "Gait x", "token_invalid")
	want("a token as Bearer", "Bearer "+tok.Text(), "token_invalid")
	late := challenge()
	d.behind.Store(-int64(3 * time.Minute))
	want("a challenge that has ended", tok.Prove(request(late, 1)), "challenge_expired")
	d.behind.Store(0)
	want("one that has ended, when the clock goes back", tok.Prove(request(late, 1)), "challenge_expired")
}

func mustToken(t *testing.T, d *door, seed byte) token.Token {
	tok, err := token.New(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)), d.Log.Origin(), "auditor", "auditor_3")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func otherLedgers(t *testing.T) token.Token {
	tok, err := token.New(bytes.NewReader(make([]byte, 32)), "gait.example/other", "auditor", "auditor_1")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func (d *door) getTCP(t *testing.T, path, authorization string) (status int, b []byte, header http.Header) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+d.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		q.Header.Set("Authorization", authorization)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err = io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b, res.Header
}

// A client whose challenge is over gets another one, and its command is done once.
func TestChallengeIsRenewed(t *testing.T) {
	d := serve(t).openDoor(t)
	d.do(t, submit("j1"))
	c := d.client(t, d.give(t, 1, "worker", "worker_1"))
	var ahead atomic.Int64
	c.Credential.Now = func() time.Time { return time.Now().Add(-time.Duration(ahead.Load())) } // stands still
	for i := range 3 {
		if _, err := c.Do(t.Context(), progress("j1", "step")); err != nil {
			t.Fatalf("command %d: %v", i, err)
		}
		d.behind.Add(-int64(3 * time.Minute))
	}
	if size := d.Log.Head().Size; size != 5 {
		t.Errorf("the ledger has %d events, want 5", size)
	}
}

// Clients at once each get their answers.
func TestManyProofsAtOnce(t *testing.T) {
	d := serve(t).openDoor(t)
	d.do(t, submit("j1"))
	c := d.client(t, d.give(t, 1, "worker", "worker_1"))
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 8 {
				if _, err := c.Do(t.Context(), progress("j1", "step")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if size := d.Log.Head().Size; size != 66 {
		t.Errorf("the ledger has %d events, want 66", size)
	}
}

// What a daemon remembers of answered challenges is bounded: holders of tokens, and no one
// else, can fill it, one of them an eighth, and not for longer than a challenge lives.
func TestAnsweredChallengesAreBounded(t *testing.T) {
	ids := strings.Split("abcdefghij", "")
	for _, tt := range []struct {
		tokens     []string
		each, want int
	}{{ids[:1], 8193, 8192}, {ids, 8192, 65536}} {
		taken, remembered, err := daemon.Answered(tt.tokens, tt.each, ledgertest.Entropy(1))
		if taken != tt.want || remembered != 0 || codeOf(err) != "busy" {
			t.Errorf("%d tokens: %d challenges answered, want %d, then %v; %d are remembered when they are over", len(tt.tokens), taken, tt.want, err, remembered)
		}
	}
}
