package projection_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	at "gait/ledger/authoritytest"
	"gait/projection"
)

// A status view shows what the gate has allowed and cleared, without the names of contents,
// and a job that never asked it shows nothing of it.
func TestGateInStatus(t *testing.T) {
	c := atTheGate(t)
	before, err := json.Marshal(c.fold.Job.StatusViewAt(c.basis()))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"grants", "cleared", "allow_count", "block_count", "last_block"} {
		if strings.Contains(string(before), `"`+name+`"`) {
			t.Errorf("a job without a gate shows %s", name)
		}
	}
	c.by("wim", c.blocks(intent, "c1", "policy_forbids"))
	p := c.requires(intent2, "")
	p.ExpiresAt = soon().ExpiresAt
	c.by("wim", p)
	c.by("vera", c.approval())
	c.by("olga", c.resume())
	c.by("wim", c.allow(intent, "c0"))
	c.by("wim", c.settle("done", ""))
	unknown(c)
	j := c.fold.Job
	v := j.StatusView()
	digests := func(content ledger.Content) *ledger.Content {
		return &ledger.Content{Digest: content.Digest, Size: content.Size}
	}
	wantGrants := []projection.GrantView{{
		Grant: j.Grants[0].ID, Tool: "pay", Intent: digests(intent), CallID: "c1", Actor: "wim", CreatedAt: j.Grants[0].At, Target: j.Grants[0].Leaf.String(),
		NotDoneExit: 3, Unknown: true, UnknownBy: "wim",
	}}
	wantCleared := []projection.ClearedView{{
		CheckpointID: "cp_0001", Tool: "pay", Intent: digests(intent2), AskedBy: "wim", ApprovedBy: "vera",
		ExpiresAt: ledger.FormatTime(soon().ExpiresAt), Clearance: j.Cleared[0].Resume.String(),
	}}
	if diff := cmp.Diff(wantGrants, v.Grants); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantCleared, v.Cleared); diff != "" {
		t.Errorf("cleared (-want +got):\n%s", diff)
	}
	if v.AllowCount != 2 || v.BlockCount != 1 || v.WaitingFor != "effects" {
		t.Errorf("%d allows, %d blocks, waiting for %s", v.AllowCount, v.BlockCount, v.WaitingFor)
	}
	c.by("olga", ledger.Cancelled{Reason: "enough"})
	if v := c.fold.Job.StatusView(); len(v.Grants) != 1 || v.Cleared != nil || v.WaitingFor != "none" {
		t.Errorf("a cancelled job shows %d grants, %d cleared, and waits for %s", len(v.Grants), len(v.Cleared), v.WaitingFor)
	}
}

// Gate events say in a code what they did, and only a decision that is asked for stops the job.
func TestMeaningOfTheGate(t *testing.T) {
	c := atTheGate(t)
	asked := c.requires(intent, "")
	again := asked
	again.Continues = one
	for _, tt := range []struct {
		p    ledger.Payload
		want projection.Meaning
	}{
		{c.allow(intent, ""), projection.Meaning{Code: "gate_allowed"}},
		{c.blocks(intent, "", "policy_forbids"), projection.Meaning{Code: "gate_blocked"}},
		{asked, projection.Meaning{Code: "checkpoint_decision_needed", Stops: true}},
		{again, projection.Meaning{Code: "checkpoint_decision_needed"}},
		{ledger.DispatchBlocked{Tool: "pay", ReasonCode: "emergency_stopped"}, projection.Meaning{Code: "dispatch_blocked"}},
		{c.settle("done", "I looked"), projection.Meaning{Code: "effect_settled", Reason: "I looked"}},
	} {
		if got := projection.MeaningOf(c.sealed(act{actor: "wim", payload: tt.p})); got != tt.want {
			t.Errorf("%+v means %+v, want %+v", tt.p, got, tt.want)
		}
	}
}

// What continues a job may not say otherwise of the gate's last word.
func TestContinuedFromTheGate(t *testing.T) {
	tests := map[string]struct {
		last func(*court)
		lies []func(*ledger.Continued)
	}{
		"allow":            {opens, []func(*ledger.Continued){status("paused", "paused_by_user", "paused"), otherPolicy}},
		"block":            {func(c *court) { c.by("wim", c.blocks(intent, "", "x")) }, []func(*ledger.Continued){status("completed", "completed", "completed"), status("emergency_stopped", "emergency_stopped", "emergency_stop_preempted")}},
		"require_approval": {func(c *court) { c.by("wim", c.requires(intent, "")) }, []func(*ledger.Continued){status("running", "none", "submitted"), otherPolicy, func(p *ledger.Continued) { p.Checkpoints++ }}},
		"dispatch_blocked": {func(c *court) {
			c.by("olga", ledger.Stopped{Reason: "now"})
			c.by("wim", ledger.DispatchBlocked{Tool: "pay", ReasonCode: "emergency_stopped"})
		}, []func(*ledger.Continued){status("running", "none", "submitted")}},
	}
	for name, tt := range tests {
		c := atTheGate(t)
		tt.last(c)
		last := c.Events[len(c.Events)-1]
		proof, tree := lastProof(t, c)
		honest, _, err := projection.Continue(c.fold.Job, c.Events[1], last, tree, ledger.Content{Digest: one, Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := proof.Check("job_1", honest); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i, lie := range tt.lies {
			p := honest
			p.Labels = slices.Clone(honest.Labels)
			lie(&p)
			if err := proof.Check("job_1", p); err == nil {
				t.Errorf("%s: lie %d is believed", name, i)
			}
		}
	}
}

func status(status, stop, code string) func(*ledger.Continued) {
	return func(p *ledger.Continued) { p.Status, p.StopReason, p.StatusReasonCode = status, stop, code }
}

func otherPolicy(p *ledger.Continued) { p.PolicyDigest = one }

// lastProof proves the last event of a court.
func lastProof(t *testing.T, c *court) (projection.ContinuedProof, ledger.Checkpoint) {
	t.Helper()
	last := c.Events[len(c.Events)-1]
	var tree ledger.Tree
	for _, e := range c.Events[:len(c.Events)-1] {
		tree.Append(e.LeafHash(), nil)
	}
	path := tree.NextPath()
	tree.Append(last.LeafHash(), nil)
	key, err := ledger.GenerateKey(strings.NewReader(strings.Repeat("k", 32)), at.Origin)
	if err != nil {
		t.Fatal(err)
	}
	signed := ledger.Checkpoint{Origin: at.Origin, Size: tree.Size(), Root: tree.Root()}
	text, err := signed.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return projection.ContinuedProof{Event: last, Proof: ledger.Proof{Seq: last.Seq(), Path: path, Checkpoint: text}}, signed
}
