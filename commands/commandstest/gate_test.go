package commandstest_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"gait/commands"
	"gait/commands/commandstest"
	"gait/commands/gate"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

const gatePolicy = `@id("read") permit(principal, action == Action::"read", resource);
@id("pay") @gait_verdict("require_approval") permit(principal, action == Action::"pay", resource);
`

// contents are the intents of a few tools, and the policy. The content of jobs has no secret.
type contents map[ledger.Hash]string

func (c contents) keep(text string) ledger.Content {
	digest := ledger.Hash(sha256.Sum256([]byte(text)))
	c[digest] = text
	return ledger.Content{Digest: digest, Size: int64(len(text))}
}

func (c contents) ContentKey(string) (ledger.Hash, error)                  { return ledger.Hash{}, nil }
func (c contents) Check(ledger.Event) error                                { return nil }
func (c contents) Sync(context.Context, []ledger.Event) error              { return nil }
func (c contents) EraseOf(string, ledger.Hash) error                       { return nil }
func (c contents) ReadOf(_ string, d ledger.Hash, n int64) ([]byte, error) { return c.ReadPlain(d, n) }

func (c contents) ReadPlain(digest ledger.Hash, _ int64) ([]byte, error) {
	text, ok := c[digest]
	if !ok {
		return nil, ledger.ErrContentMissing
	}
	return []byte(text), nil
}

// input returns what a request is decided on.
func (c contents) input(t *testing.T, policy ledger.Hash) func(commands.Request) commands.GateInput {
	parsed, err := gate.ParsePolicy([]byte(c[policy]))
	if err != nil {
		t.Fatal(err)
	}
	return func(r commands.Request) commands.GateInput {
		in := commands.GateInput{Policy: parsed}
		in.Intent, in.IntentErr = gate.ParseIntent([]byte(c[r.Command.(commands.GateEval).Intent.Digest]))
		return in
	}
}

// A gateClient draws requests of a worker, and of those who decide.
type gateClient struct {
	id      int
	rng     *rand.Rand
	policy  ledger.Hash
	intents []ledger.Content // of read, pay and drop
	grants  *grants
	last    commands.Request
}

// grants are those that some client got.
type grants struct {
	mu  sync.Mutex
	ids []string
}

func (g *grants) add(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ids = append(g.ids, id)
}

// some returns one of the newest grants.
func (g *grants) some(rng *rand.Rand) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.ids) == 0 {
		return "01JA0000000000000000000000"
	}
	return g.ids[len(g.ids)-1-rng.IntN(min(4, len(g.ids)))]
}

func (c *gateClient) request() commands.Request {
	r := commands.Request{JobID: fmt.Sprintf("job_%d", c.rng.IntN(3)), Actor: fmt.Sprintf("worker_%d", c.id)}
	switch n := c.rng.IntN(100); {
	case n < 12 && c.last.Command != nil: // the same again
		return c.last
	case n < 14:
		r.Command = commands.Submit{EnvironmentFingerprint: "envfp:here", PolicyDigest: c.policy, ProducerVersion: "test"}
	case n < 52:
		c.eval(&r)
	case n < 72:
		r.Command = commands.GateSettle{Grant: c.grants.some(c.rng), Outcome: ledger.EffectOutcomes[c.rng.IntN(3)]}
		if c.rng.IntN(2) == 0 {
			r.Actor, r.Reason = "boss", "looked it up"
		}
	case n < 82:
		r.Actor, r.Command = "reviewer", commands.Approve{}
	case n < 94:
		r.Actor, r.Command = "boss", commands.Resume{EnvironmentFingerprint: "envfp:here", PolicyDigest: c.policy}
	case n < 99:
		r.Command = commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "step"}
	default:
		r.Actor, r.Command = "boss", commands.Stop{}
	}
	c.last = r
	return r
}

func (c *gateClient) eval(r *commands.Request) {
	tools := []string{"read", "read", "read", "pay", "drop"}
	n := c.rng.IntN(len(tools))
	e := commands.GateEval{Tool: tools[n], Intent: c.intents[n]}
	switch c.rng.IntN(4) {
	case 0:
	case 1: // a retry of another client's request
		r.Actor, e.CallID = "retrier", fmt.Sprintf("again-%d", n)
		r.RequestID = fmt.Sprintf("%s-%d-%d", r.JobID, n, c.rng.IntN(3))
	default:
		e.CallID = fmt.Sprintf("call-%d-%d", n, c.rng.IntN(12))
	}
	r.Command = e
}

// Workers, operators and approvers share jobs. They get the answers of a ledger that carries out
// one request after another: no call is allowed twice.
func TestGateIsLinearizable(t *testing.T) {
	const clients, each = 6, 40
	counts, verdicts := map[string]int{}, map[ledger.GateVerdict]int{}
	for seed := range uint64(60) {
		if seed >= 5 && counts["not allowed again"] > 0 { // which comes in few runs
			break
		}
		l, kept := ledgertest.New(t), contents{}
		policy := kept.keep(gatePolicy).Digest
		var intents []ledger.Content
		for i, tool := range []string{"read", "read", "read", "pay", "drop"} {
			intents = append(intents, kept.keep(fmt.Sprintf(`{"arguments":{"n":%d},"tool":%q}`, i, tool)))
		}
		engine := &commands.Engine{Log: l.Log, Now: ledgertest.Now, Entropy: ledgertest.Entropy(seed), Content: kept}
		h := commandstest.History{Gate: kept.input(t, policy)}
		do := func(r commands.Request) (commands.Result, error) { return engine.Do(context.Background(), r) }
		for i := range 3 {
			submit := commands.Submit{EnvironmentFingerprint: "envfp:here", PolicyDigest: policy, ProducerVersion: "test"}
			h.Do(0, commands.Request{JobID: fmt.Sprintf("job_%d", i), Actor: "boss", Command: submit}, do)
		}
		shared := &grants{}
		var wait sync.WaitGroup
		for id := range clients {
			c := &gateClient{id: id, rng: rand.New(rand.NewPCG(seed, uint64(id))), policy: policy, intents: intents, grants: shared}
			wait.Go(func() {
				for range each {
					result, err := h.Do(id, c.request(), do)
					if a := commands.AnswerOf(result, err); a.Verdict == ledger.GateAllow {
						shared.add(a.Grant)
					}
				}
			})
		}
		wait.Wait()
		if !h.Linearizable() {
			t.Errorf("seed %d: no order of the requests gives these answers", seed)
		}
		for _, op := range h.Operations() {
			counts[commandstest.Kind(op)]++
		}
		for e, err := range l.Log.Events(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if p, ok := e.Payload().(ledger.GateDecided); ok {
				verdicts[p.Verdict]++
			}
		}
		ledgertest.Check(t, l.Log)
	}
	for _, kind := range []string{"written", "refused", "replayed", "not allowed again", "blocked before"} {
		if counts[kind] == 0 {
			t.Errorf("no request was %s", kind)
		}
	}
	for _, v := range ledger.GateVerdicts {
		if verdicts[v] == 0 {
			t.Errorf("no answer was %s", v)
		}
	}
	t.Logf("answers: %v, %v", counts, verdicts)
}
