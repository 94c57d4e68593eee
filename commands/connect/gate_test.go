package connect_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

const gatePolicy = `@id("read") permit(principal, action == Action::"read", resource);
@id("pay") @gait_verdict("require_approval") permit(principal, action == Action::"pay", resource);
`

// bindJobs submits jobs that are bound to the policy.
func bindJobs(t *testing.T, o connect.Options, jobs ...string) {
	t.Helper()
	err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
		digest, err := l.KeepPolicy(t.Context(), []byte(gatePolicy))
		for _, job := range jobs {
			if err == nil {
				_, err = l.Do(t.Context(), commands.Request{JobID: job, Actor: "worker_1", Command: commands.Submit{EnvironmentFingerprint: "envfp:a", ProducerVersion: "p", PolicyDigest: digest}})
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func asks(job, tool, call string) connect.GateQuestion {
	return connect.GateQuestion{JobID: job, Actor: "worker_1", Tool: tool, CallID: call, Intent: []byte(`{ "tool": "` + tool + `", "arguments": {"Amount": 1.50} }`)}
}

// The gate answers the same here and through a daemon.
func TestGate(t *testing.T) {
	withContent(t, func(t *testing.T, o connect.Options) {
		bindJobs(t, o, "g1")
		var grant string
		for _, tt := range []struct {
			name            string
			ask             connect.GateQuestion
			verdict, reason string
		}{
			{"allow", asks("g1", "read", "c1"), "allow", "policy_permits"},
			{"again", asks("g1", "read", "c1"), "block", "effects_unsettled"},
			{"block", asks("g1", "drop", ""), "block", "policy_permits_none"},
			{"another tool", connect.GateQuestion{JobID: "g1", Actor: "worker_1", Tool: "read", Intent: []byte(`{"tool":"drop","arguments":{}}`)}, "block", "intent_tool"},
			{"no JSON", connect.GateQuestion{JobID: "g1", Actor: "worker_1", Tool: "read", Intent: []byte(`allow`)}, "block", "intent_invalid"},
			{"nothing", connect.GateQuestion{JobID: "g1", Actor: "worker_1", Tool: "read"}, "block", "intent_invalid"},
			{"no intent", connect.GateQuestion{JobID: "g1", Actor: "worker_1", Tool: "read", Intent: []byte(`[1,2]`)}, "block", "intent_invalid"},
			{"too large", connect.GateQuestion{JobID: "g1", Actor: "worker_1", Tool: "read", Intent: []byte(strings.Repeat(" ", ledger.MaxIntent+1))}, "block", "intent_too_large"},
			{"another policy", with(asks("g1", "read", "c9"), func(q *connect.GateQuestion) { q.Policy = ledger.Hash{1} }), "block", "policy_mismatch"},
			{"an unknown job", asks("g9", "read", ""), "block", "job_not_found"},
			{"a job that is no name", asks("g/9", "read", ""), "block", "invalid_job_id"},
			{"require approval", asks("g1", "pay", "c2"), "require_approval", "policy_requires_approval"},
			{"a job that waits", asks("g1", "read", "c3"), "block", "not_running"},
		} {
			answer, result, err := ask(t, o, tt.ask)
			if string(answer.Verdict) != tt.verdict || answer.ReasonCode != tt.reason || (answer.Grant != "") != (tt.verdict == "allow") {
				t.Errorf("%s: Gate = %+v, %v, want %s, %s", tt.name, answer, err, tt.verdict, tt.reason)
			}
			if tt.verdict == "allow" {
				grant = answer.Grant
				if result.Receipt.Leaf != result.Event.LeafHash() || result.Receipt.Checkpoint == nil {
					t.Errorf("the receipt of an allow is %+v", result.Receipt)
				}
			}
		}
		err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
			settle := func() (commands.Result, error) {
				return l.Settle(t.Context(), connect.Settlement{JobID: "g1", Actor: "worker_1", Grant: grant, Outcome: ledger.EffectDone, Result: strings.NewReader("paid"), MediaType: "text/plain"})
			}
			result, err := settle()
			if err == nil && result.Event.Payload().(ledger.EffectSettled).Result.Size != 4 {
				t.Errorf("Settle wrote %s", result.Event.Bytes())
			}
			if _, err := settle(); codeOf(err) != "grant_not_found" {
				t.Errorf("settling again = %v, want grant_not_found", err)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func with(q connect.GateQuestion, change func(*connect.GateQuestion)) connect.GateQuestion {
	change(&q)
	return q
}

// ask opens the ledger and asks its gate.
func ask(t *testing.T, o connect.Options, q connect.GateQuestion) (answer commands.GateAnswer, result commands.Result, err error) {
	t.Helper()
	opening := connect.With(t.Context(), o, func(l *connect.Ledger) error {
		answer, result, err = l.Gate(t.Context(), q)
		return nil
	})
	if opening != nil {
		t.Fatal(opening)
	}
	return answer, result, err
}

// What a request id was answered with comes again, and says the same, over both addresses.
func TestGateRepeats(t *testing.T) {
	withContent(t, func(t *testing.T, o connect.Options) {
		bindJobs(t, o, "g1")
		q := with(asks("g1", "read", "c1"), func(q *connect.GateQuestion) { q.RequestID = "r1" })
		first, written, _ := ask(t, o, q)
		again, result, err := ask(t, o, q)
		if again.Verdict != ledger.GateAllow || again.Grant != first.Grant || !again.Repeated {
			t.Errorf("again: Gate = %+v, %v, want the grant %s", again, err, first.Grant)
		}
		generic := written.Event.Payload().(ledger.GateDecided)
		r := q.Request(generic.Intent, "")
		issue := func() (a commands.GateAnswer) {
			err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
				a = commands.AnswerOf(l.Do(t.Context(), r))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		if a := issue(); a.Verdict != ledger.GateAllow || a.Grant != first.Grant || !a.Repeated || result.Event.LeafHash() != written.Event.LeafHash() {
			t.Errorf("as a command: %+v, want the grant %s", a, first.Grant)
		}
		other := with(q, func(q *connect.GateQuestion) { q.RequestID = "r2" })
		blocked, _, _ := ask(t, o, other)
		if blocked.ReasonCode != "effects_unsettled" || len(blocked.Unsettled) != 1 || blocked.Unsettled[0] != first.Grant {
			t.Errorf("another request: Gate = %+v, want a block that names %s", blocked, first.Grant)
		}
		err = connect.With(t.Context(), o, func(l *connect.Ledger) error {
			_, err := l.Settle(t.Context(), connect.Settlement{JobID: "g1", Actor: "worker_1", Grant: first.Grant, Outcome: ledger.EffectDone, Result: strings.NewReader("paid")})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		last, _, _ := ask(t, o, q)
		for _, a := range []commands.GateAnswer{last, issue()} {
			if a.Verdict != ledger.GateBlock || a.ReasonCode != "already_done" || a.Outcome != ledger.EffectDone || a.Result == nil || a.Result.Size != 4 || a.Grant != first.Grant || !a.Repeated {
				t.Errorf("after it was settled: %+v, want a block with what it led to", a)
			}
		}
	})
}

// A reader asks nothing.
func TestGateOfAReader(t *testing.T) {
	withContent(t, func(t *testing.T, o connect.Options) {
		bindJobs(t, o, "g1")
		o.Mode = root.Read
		if a, _, err := ask(t, o, asks("g1", "read", "")); a.Verdict != ledger.GateBlock || err == nil {
			t.Errorf("Gate of a reader = %+v, %v, want a block and an error", a, err)
		}
	})
}

// A wire is a socket between a client and a daemon, whose bytes can be cut off and changed.
type wire struct {
	path  string
	armed atomic.Bool
	up    atomic.Int64 // bytes that may still pass to the daemon once it is armed
	down  atomic.Int64 // and to the client
	flip  atomic.Int64 // the byte for the client that is changed; -1: none
	seen  atomic.Int64 // bytes for the client since it was armed
	sent  atomic.Int64 // and for the daemon
	lost  atomic.Int64 // bytes that came when no more might pass
}

const unbounded = 1 << 40

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	w := &wire{path: filepath.Join(t.TempDir(), "w")}
	l, err := net.Listen("unix", w.path)
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	t.Cleanup(func() { l.Close(); open.Wait() })
	open.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", to)
			if err != nil {
				client.Close()
				continue
			}
			end := func() { client.Close(); server.Close() }
			open.Go(func() { defer end(); w.copy(server, client, &w.up, &w.sent, false) })
			open.Go(func() { defer end(); w.copy(client, server, &w.down, &w.seen, true) })
		}
	})
	return w
}

// copy copies until an end closes, or no more bytes may pass.
func (w *wire) copy(to, from net.Conn, left, count *atomic.Int64, toClient bool) {
	b := make([]byte, 64)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if w.armed.Load() {
			at := count.Add(int64(n)) - int64(n)
			if i := w.flip.Load() - at; toClient && i >= 0 && i < int64(n) {
				b[i] ^= 1
			}
			pass := int(min(int64(n), max(0, left.Load()-at)))
			if w.lost.Add(int64(n - pass)); pass < n {
				_, _ = to.Write(b[:pass])
				return
			}
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

func (w *wire) arm(up, down, flip int64) {
	w.up.Store(up)
	w.down.Store(down)
	w.flip.Store(flip)
	w.seen.Store(0)
	w.sent.Store(0)
	w.lost.Store(0)
	w.armed.Store(true)
}

// A faultyGate asks the gate over a wire.
type faultyGate struct {
	direct, over connect.Options
	wire         *wire
	generic      bool // as a command, and not at the gate's address
}

func newFaultyGate(t *testing.T) *faultyGate {
	t.Helper()
	o := options(t.TempDir())
	mustServe(t, o)
	o.Daemon = connect.Require
	bindJobs(t, o, "g1")
	g := &faultyGate{direct: o, over: o, wire: newWire(t, filepath.Join(o.Dir, connect.SocketName))}
	url, err := connect.ParseURL("unix:" + g.wire.path)
	if err != nil {
		t.Fatal(err)
	}
	g.over.Remote = connect.Remote{URL: url, Entropy: o.Entropy}
	g.over.LockTimeout = 2 * time.Second
	return g
}

// try asks once over a wire that fails, and settles what was allowed. It returns the answer and
// what the ledger has.
func (g *faultyGate) try(t *testing.T, n int, up, down, flip int64) (answer commands.GateAnswer, event ledger.Event) {
	t.Helper()
	id := fmt.Sprintf("r%d", n)
	q := with(asks("g1", "read", id), func(q *connect.GateQuestion) { q.RequestID = id })
	g.wire.armed.Store(false)
	err := connect.With(t.Context(), g.over, func(l *connect.Ledger) error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if g.generic {
			put, err := l.PutContent(ctx, "g1", connect.Upload{MediaType: "application/json", Bytes: strings.NewReader(`{"arguments":{"Amount":1.5},"tool":"read"}`)})
			if err != nil {
				return err
			}
			g.wire.arm(up, down, flip)
			answer = commands.AnswerOf(l.Do(ctx, q.Request(put.Content, "")))
			return nil
		}
		g.wire.arm(up, down, flip)
		answer, _, _ = l.Gate(ctx, q)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range connectEvents(t, g.direct) {
		if err != nil {
			t.Fatal(err)
		}
		if e.RequestID() == id {
			event = e
		}
	}
	if p, ok := event.Payload().(ledger.GateDecided); ok && p.Grant != "" {
		err = connect.With(t.Context(), g.direct, func(l *connect.Ledger) error {
			_, err := l.Settle(t.Context(), connect.Settlement{JobID: "g1", Actor: "worker_1", Grant: p.Grant, Outcome: ledger.EffectDone})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return answer, event
}

// connectEvents returns the newest events of the ledger.
func connectEvents(t *testing.T, o connect.Options) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
			for e, err := range l.Log.Events(t.Context(), ledger.Seq(max(0, l.Log.Head().Size-3))) {
				if !yield(e, err) || err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

// A client is allowed something only if it has the whole answer, and the ledger has the event:
// wherever the connection is cut, and whatever byte of the answer is changed.
func TestGateOverABadConnection(t *testing.T) {
	for _, generic := range []bool{false, true} {
		t.Run(fmt.Sprintf("as a command %t", generic), func(t *testing.T) {
			g := newFaultyGate(t)
			g.generic = generic
			n := 0
			try := func(up, down, flip int64) (commands.GateAnswer, ledger.Event) {
				n++
				answer, event := g.try(t, n, up, down, flip)
				p, written := event.Payload().(ledger.GateDecided)
				if answer.Verdict == ledger.GateAllow && (!written || p.Verdict != ledger.GateAllow || p.Grant != answer.Grant) {
					t.Errorf("cut after %d and %d bytes, byte %d changed: allowed, and the ledger has %s", up, down, flip, event.Bytes())
				}
				return answer, event
			}
			answer, _ := try(unbounded, unbounded, -1)
			if answer.Verdict != ledger.GateAllow {
				t.Fatalf("over a whole connection: Gate = %+v", answer)
			}
			sent, got := g.wire.sent.Load(), g.wire.seen.Load()
			lost := 0
			for _, i := range ledgertest.Sample(t, int(got), 24) {
				answer, event := try(unbounded, int64(i), -1)
				if answer.Verdict == ledger.GateAllow && g.wire.lost.Load() > 0 {
					t.Errorf("allowed by the first %d bytes of an answer", i)
				}
				if event.Payload() != nil {
					lost++
				}
			}
			if lost == 0 {
				t.Error("no answer was lost, so nothing was tried")
			}
			for _, i := range ledgertest.Sample(t, int(sent), 12) {
				if answer, _ := try(int64(i), unbounded, -1); answer.Verdict == ledger.GateAllow && g.wire.lost.Load() > 0 {
					t.Errorf("allowed by the first %d bytes of a question", i)
				}
			}
			for _, i := range ledgertest.Sample(t, int(got), 24) {
				try(unbounded, unbounded, int64(i))
			}
		})
	}
}
