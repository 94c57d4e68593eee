package projection_test

import (
	"errors"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// With all events of a job its proof contradicts each lie about its state, also those that
// the last event says nothing of.
func TestContinuedProofOfAllEvents(t *testing.T) {
	refused := func(s *story) {
		s.add("boss", ledger.Refused{Command: "resume", Exit: 6, Refusal: "invalid_transition"})
	}
	last := map[string]func(*story){
		"submitted": func(*story) {}, "a stop that was refused a resume": func(s *story) { s.add("boss", ledger.Stopped{}); refused(s) },
		"a late checkpoint on hold": func(s *story) {
			s.add("boss", ledger.Paused{Hold: true})
			s.add("worker_1", ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "late", Late: true})
		},
		"an approval": decided, "a denial": func(s *story) { asked(s); s.verdict(projection.Denied, "reviewer") }, "a pause": paused,
		"a pause of a leased job": func(s *story) { takesLease(s); s.attempts(1); paused(s) },
	}
	lies := map[string]func(*ledger.Continued){
		"running": func(p *ledger.Continued) {
			p.Status, p.StopReason, p.StatusReasonCode, p.Hold, p.StoppedBy, p.Decisions = "running", "none", "submitted", false, "", 0
		},
		"no hold": func(p *ledger.Continued) { p.Hold = !p.Hold }, "identity": func(p *ledger.Continued) { p.Identity = "agent_8" },
		"environment": func(p *ledger.Continued) { p.EnvironmentFingerprint = "envfp:there" }, "policy": func(p *ledger.Continued) { p.PolicyDigest = one },
		"time": func(p *ledger.Continued) { p.CreatedAt = epoch.Add(1e9) }, "stopped by": func(p *ledger.Continued) { p.StoppedBy = "nobody" },
		"submitted by": func(p *ledger.Continued) { p.SubmittedBy = "nobody" }, "decisions": func(p *ledger.Continued) { p.Decisions++ },
		"checkpoints": func(p *ledger.Continued) { p.Checkpoints++ }, "approvals": func(p *ledger.Continued) { p.Approvals++ }, "refusals": func(p *ledger.Continued) { p.Refusals++ },
		"attempts": func(p *ledger.Continued) { p.Attempts++ }, "after": func(p *ledger.Continued) { p.After = []string{"job_0"} }, "input": func(p *ledger.Continued) { p.Input = subject },
		"producer": func(p *ledger.Continued) { p.ProducerVersion = "x" }, "labels": func(p *ledger.Continued) { p.Labels = []ledger.Label{{Key: "k", Value: "v"}} },
	}
	for name, given := range last {
		s := tell(t)
		given(s)
		proof, _, _ := proofOf(t, s)
		if proof.Whole() != (len(s.events) == 1) {
			t.Errorf("%s: the last event alone is the whole job", name)
		}
		proof.Earlier = s.events[:len(s.events)-1]
		text, err := proof.Encode()
		if err == nil {
			proof, err = projection.ParseContinuedProof(text)
		}
		_, p := continueStory(t, s)
		if err != nil || !proof.Whole() || proof.Check("job_1", p) != nil {
			t.Fatalf("%s: %v, %v", name, err, proof.Check("job_1", p))
		}
		for what, change := range lies {
			lie := p
			change(&lie)
			if name == "submitted" && what == "running" || lie.Hold == p.Hold && what == "no hold" {
				continue
			}
			if err := proof.Check("job_1", lie); !errors.Is(err, ledger.ErrUnverified) {
				t.Errorf("%s, with another %s: %v, want ErrUnverified", name, what, err)
			}
		}
		if n := len(proof.Earlier); n > 1 {
			proof.Earlier = proof.Earlier[1:]
			if err := proof.Check("job_1", p); !errors.Is(err, ledger.ErrUnverified) {
				t.Errorf("%s, without the first event: %v, want ErrUnverified", name, err)
			}
		}
	}
}
