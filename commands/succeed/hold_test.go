package succeed_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// contents are intents and a policy. The content of jobs has no secret.
type contents map[ledger.Hash]string

func (c contents) keep(text string) ledger.Content {
	digest := ledger.Hash(sha256.Sum256([]byte(text)))
	c[digest] = text
	return ledger.Content{Digest: digest, Size: int64(len(text))}
}

func (c contents) ContentKey(string) (ledger.Hash, error)     { return ledger.Hash{}, nil }
func (c contents) Check(ledger.Event) error                   { return nil }
func (c contents) Sync(context.Context, []ledger.Event) error { return nil }
func (c contents) EraseOf(string, ledger.Hash) error          { return nil }
func (c contents) ReadOf(_ string, digest ledger.Hash, _ int64) ([]byte, error) {
	return []byte(c[digest]), nil
}

func (c contents) ReadPlain(digest ledger.Hash, _ int64) ([]byte, error) {
	return []byte(c[digest]), nil
}

// grants lets the gate allow n calls of a job.
func (p *place) grants(c contents, job string, n int) (ids []string) {
	p.t.Helper()
	for i := range n {
		eval := commands.GateEval{Tool: "read", Intent: c.keep(fmt.Sprintf(`{"arguments":{"n":%d},"tool":"read"}`, i)), CallID: fmt.Sprintf("call-%d", i)}
		a := commands.AnswerOf(p.do(job, "worker_1", eval, ""))
		if a.Verdict != ledger.GateAllow {
			p.t.Fatalf("call %d of %s: %s (%s)", i, job, a.Verdict, a.Detail)
		}
		ids = append(ids, a.Grant)
	}
	return ids
}

// A job whose grants were not settled begins on hold, and the reason names them: whether their
// tools ran has to be found out before it goes on. A call of the ledger before is not made again.
func TestSucceedHoldsUnsettledGrants(t *testing.T) {
	first, kept := story(t), contents{}
	first.engine.Content = kept
	policy := kept.keep("permit(principal, action, resource);").Digest
	bound := commands.Submit{EnvironmentFingerprint: env, PolicyDigest: policy, ProducerVersion: "gait/test"}
	for _, job := range []string{"granted", "granted.paused", "granted.often", "settled"} {
		first.must(job, "boss", bound)
	}
	granted := first.grants(kept, "granted", 2)
	first.must("granted", "worker_1", commands.GateSettle{Grant: granted[0], Outcome: ledger.EffectUnknown})
	paused := first.grants(kept, "granted.paused", 1)
	first.must("granted.paused", "boss", commands.Pause{})
	often := first.grants(kept, "granted.often", ledger.MaxOpenGrants)
	first.must("settled", "worker_1", commands.GateSettle{Grant: first.grants(kept, "settled", 1)[0], Outcome: ledger.EffectDone})
	second, _, err := first.successor(first.log, "gait.test/second")
	if err != nil {
		t.Fatal(err)
	}
	second.check()
	second.engine.Content = kept
	reasons := map[string]string{}
	for job, ids := range map[string][]string{"granted": granted, "granted.paused": paused, "granted.often": often[:1]} {
		j := second.job(job)
		e, err := projection.JobEvent(t.Context(), second.log, job, j.JobSeq)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := e.Payload().(ledger.Paused)
		reasons[job] = p.Reason
		if j.Status != projection.PausedStatus || !p.Hold || len(p.Reason) > ledger.MaxReason {
			t.Errorf("%s is %s, and its last event %#v", job, j.Status, e.Payload())
		}
		for _, id := range ids {
			if !strings.Contains(p.Reason, id) {
				t.Errorf("the hold of %s does not name grant %s: %s", job, id, p.Reason)
			}
		}
		if _, err := second.do(job, "boss", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: policy}, ""); err == nil {
			t.Errorf("%s is resumed past its hold", job)
		}
	}
	if !strings.HasSuffix(reasons["granted.often"], " more") || strings.HasSuffix(reasons["granted"], " more") {
		t.Errorf("the reasons do not say how many more grants there are: %q", reasons)
	}
	if j := second.job("settled"); j.Status != projection.Running {
		t.Errorf("a job whose grants were settled is %s", j.Status)
	}
	eval := commands.GateEval{Tool: "read", Intent: kept.keep(`{"arguments":{"n":0},"tool":"read"}`), CallID: "call-0"}
	if a := commands.AnswerOf(second.do("settled", "worker_1", eval, "")); a.Verdict != ledger.GateBlock || a.ReasonCode != "call_before" {
		t.Errorf("a call of the ledger before = %s (%s), want block (call_before)", a.Verdict, a.ReasonCode)
	}
}

// If the ledger may have had newer events, a job that was ever granted something begins on hold:
// it may have been granted more. One that was granted nothing goes on.
func TestSucceedHoldsWhatMayHaveRun(t *testing.T) {
	first, kept := story(t), contents{}
	first.engine.Content = kept
	policy := kept.keep("permit(principal, action, resource);").Digest
	bound := commands.Submit{EnvironmentFingerprint: env, PolicyDigest: policy, ProducerVersion: "gait/test"}
	for _, job := range []string{"settled", "stopped.settled", "never"} {
		first.must(job, "boss", bound)
	}
	for _, job := range []string{"settled", "stopped.settled"} {
		first.must(job, "worker_1", commands.GateSettle{Grant: first.grants(kept, job, 1)[0], Outcome: ledger.EffectDone})
	}
	first.must("stopped.settled", "boss", commands.Stop{})
	for _, unknown := range []bool{true, false} {
		first.newestUnknown = unknown
		second, _, err := first.successor(first.log, fmt.Sprintf("gait.test/unknown-%t", unknown))
		if err != nil {
			t.Fatal(err)
		}
		second.check()
		want := map[string]projection.Status{"settled": projection.Running, "stopped.settled": projection.EmergencyStopped, "never": projection.Running, "running": projection.Running}
		if unknown {
			want["settled"] = projection.PausedStatus
		}
		for job, status := range want {
			if j := second.job(job); j.Status != status {
				t.Errorf("newest unknown %t: %s is %s, want %s", unknown, job, j.Status, status)
			}
		}
		j := second.job("settled")
		e, err := projection.JobEvent(t.Context(), second.log, "settled", j.JobSeq)
		if p, is := e.Payload().(ledger.Paused); err != nil || is != unknown || is && (!p.Hold || p.Reason != ledger.ReasonCallsLost) {
			t.Errorf("newest unknown %t: the last event of settled is %#v, %v", unknown, e.Payload(), err)
		}
	}
}
