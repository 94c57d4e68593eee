package commands_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
)

// gatePolicy says what tools may do in tests: read, pay with an approval, and nothing else.
const gatePolicy = `@id("read") permit(principal, action == Action::"read", resource);
@id("pay") @gait_verdict("require_approval") permit(principal, action == Action::"pay", resource);
@id("drop") forbid(principal, action == Action::"drop", resource);
`

// A memContent is content in memory. Its secrets are those of corpusContent.
type memContent struct {
	corpusContent

	mu    sync.Mutex
	kept  map[ledger.Hash][]byte
	reads int
	fail  func(operation string) error // set while no engine works; nil: nothing fails
}

func (m *memContent) try(operation string) error {
	if m.fail == nil {
		return nil
	}
	return m.fail(operation)
}

// put keeps content of a job.
func (m *memContent) put(job, text string) ledger.Content {
	secret := secretOf(job)
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(text))
	digest := ledger.Hash(sha256.Sum256(slices.Concat(mac.Sum(nil)[:16], []byte(text))))
	return m.keep(digest, text)
}

// putPlain keeps content that is no job's.
func (m *memContent) putPlain(text string) ledger.Hash {
	return m.keep(sha256.Sum256([]byte(text)), text).Digest
}

func (m *memContent) keep(digest ledger.Hash, text string) ledger.Content {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.kept == nil {
		m.kept = map[ledger.Hash][]byte{}
	}
	m.kept[digest] = []byte(text)
	return ledger.Content{Digest: digest, MediaType: "application/json", Size: int64(len(text))}
}

func (m *memContent) read(operation string, digest ledger.Hash, limit int64) ([]byte, error) {
	if err := m.try(operation); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	b, ok := m.kept[digest]
	if !ok || int64(len(b)) > limit {
		return nil, fmt.Errorf("content %s: %w", digest, ledger.ErrContentMissing)
	}
	return b, nil
}

// ReadOf implements commands.Content.
func (m *memContent) ReadOf(_ string, digest ledger.Hash, limit int64) ([]byte, error) {
	return m.read("ReadOf", digest, limit)
}

// ReadPlain implements commands.Content.
func (m *memContent) ReadPlain(digest ledger.Hash, limit int64) ([]byte, error) {
	return m.read("ReadPlain", digest, limit)
}

// ContentKey implements commands.Content.
func (m *memContent) ContentKey(job string) (ledger.Hash, error) {
	if err := m.try("ContentKey"); err != nil {
		return ledger.Hash{}, err
	}
	return m.corpusContent.ContentKey(job)
}

// Check implements commands.Content.
func (m *memContent) Check(e ledger.Event) error {
	if err := m.try("Check"); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range ledger.JobContents(e.Payload()) {
		if _, ok := m.kept[c.Digest]; !ok {
			return fmt.Errorf("content %s: %w", c.Digest, ledger.ErrContentMissing)
		}
	}
	return nil
}

// Sync implements commands.Content.
func (m *memContent) Sync(context.Context, []ledger.Event) error { return m.try("Sync") }

// A gateBench is a bench whose job_1 is bound to a policy.
type gateBench struct {
	*bench
	content *memContent
	policy  ledger.Hash
}

func newGateBench(t testing.TB) *gateBench {
	t.Helper()
	g := &gateBench{bench: newBench(t), content: &memContent{}}
	g.engine.Content, g.policy = g.content, g.content.putPlain(gatePolicy)
	g.must(g.submits())
	return g
}

func (g *gateBench) submits() commands.Request {
	return by("boss", commands.Submit{EnvironmentFingerprint: env, PolicyDigest: g.policy, ProducerVersion: "gait/test"})
}

// goesOn resumes job_1 under its policy.
func (g *gateBench) goesOn() commands.Request {
	return by("boss", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: g.policy})
}

// intent returns the canonical text of an intent.
func intent(tool string, n int) string {
	return fmt.Sprintf(`{"arguments":{"n":%d},"tool":%q}`, n, tool)
}

// eval returns a request for what a tool may do with the n-th arguments. call may be empty.
func (g *gateBench) eval(tool string, n int, call string) commands.Request {
	return by("worker_1", commands.GateEval{Tool: tool, Intent: g.content.put("job_1", intent(tool, n)), CallID: call})
}

func settle(grant string, outcome ledger.EffectOutcome) commands.Request {
	return by("worker_1", commands.GateSettle{Grant: grant, Outcome: outcome})
}

// byHand settles a grant as an operator does.
func byHand(grant string, outcome ledger.EffectOutcome) commands.Request {
	return commands.Request{Actor: "boss", Reason: "looked it up", Command: commands.GateSettle{Grant: grant, Outcome: outcome}}
}

// ask returns the gate's answer to a request. It holds each answer to what is on the ledger.
func (g *gateBench) ask(r commands.Request) commands.GateAnswer {
	g.t.Helper()
	size := g.size()
	result, err := g.do(r)
	a := commands.AnswerOf(result, err)
	checkAnswer(g.t, g.bench, result, err, a)
	if written := g.size() - size; a.Repeated && written != 0 {
		g.t.Errorf("%s (%s) is repeated, and wrote %d events", a.Verdict, a.ReasonCode, written)
	}
	return a
}

// checkAnswer requires that an allow is on the ledger, as an event of its own.
func checkAnswer(t testing.TB, b *bench, result commands.Result, err error, a commands.GateAnswer) {
	t.Helper()
	if a.ReasonCode == "" {
		t.Errorf("the answer %s to %v has no reason code", a.Verdict, err)
	}
	if a.Verdict == ledger.GateBlock && a.Detail == "" && err != nil {
		t.Errorf("the block %s says nothing in words", a.ReasonCode)
	}
	if a.Verdict == ledger.GateBlock {
		return
	}
	e, unread := b.log.Event(context.Background(), result.Receipt.Seq)
	if err != nil || unread != nil || e.LeafHash() != result.Receipt.Leaf {
		t.Fatalf("%s with %v, and the event cannot be read: %v", a.Verdict, err, unread)
	}
	p, ok := e.Payload().(ledger.GateDecided)
	if !ok || p.Verdict != a.Verdict || p.Grant != a.Grant || p.CheckpointID != a.CheckpointID {
		t.Fatalf("the answer is %+v, and the event says %#v", a, e.Payload())
	}
}

// wants requires an answer.
func (g *gateBench) wants(r commands.Request, verdict ledger.GateVerdict, code string) commands.GateAnswer {
	g.t.Helper()
	a := g.ask(r)
	if a.Verdict != verdict || a.ReasonCode != code {
		g.t.Fatalf("%s by %s = %s (%s, %s), want %s (%s)", r.Command.Verb(), r.Actor, a.Verdict, a.ReasonCode, a.Detail, verdict, code)
	}
	return a
}

func (g *gateBench) allows(r commands.Request) commands.GateAnswer {
	g.t.Helper()
	a := g.ask(r)
	if a.Verdict != ledger.GateAllow {
		g.t.Fatalf("%s = %s (%s, %s), want allow", r.Command.Verb(), a.Verdict, a.ReasonCode, a.Detail)
	}
	return a
}

func (g *gateBench) blocks(r commands.Request, code string) commands.GateAnswer {
	g.t.Helper()
	return g.wants(r, ledger.GateBlock, code)
}

func (g *gateBench) requiresApproval(r commands.Request) commands.GateAnswer {
	g.t.Helper()
	return g.wants(r, ledger.GateRequireApproval, gate.CodeRequiresApproval)
}
