package commands_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gait/commands"
	"gait/ledger"
)

// An act is a request for a job, and whether the rules allow it.
type act struct {
	request commands.Request
	ok      bool
}

func allowed(requests ...commands.Request) (acts []act) {
	for _, r := range requests {
		acts = append(acts, act{r, true})
	}
	return acts
}

// tellTable tells a ledger in which every cell of the transition table comes to
// pass, jobs interleaved, while the clock steps back and the key is rotated.
func tellTable(c *teller) {
	c.begin("gait.test/corpus-table", nil)
	jobs, names := tableJobs(c), []string{}
	for name := range jobs {
		names = append(names, name)
	}
	slices.Sort(names)
	for step, left := 0, true; left; step++ {
		left = false
		for _, name := range names {
			if step >= len(jobs[name]) {
				continue
			}
			left = true
			c.do(name, jobs[name][step].request, jobs[name][step].ok)
		}
		switch step {
		case 1:
			c.rotate(1, "the yearly one")
			c.clock.Advance(-400 * time.Millisecond) // the next events are clamped, until it has caught up
		case 3:
			c.rotate(2, "")
		}
	}
	tellRefusals(c)
	tellResumes(c)
	tellImports(c)
}

// tableJobs makes a job for each cell that is allowed, since it changes the
// job, and one a row for those that are refused.
func tableJobs(c *teller) map[string][]act {
	jobs := map[string][]act{}
	for _, cell := range cells(c.t) {
		row := strings.ReplaceAll(cell.from, ",", ".")
		set := func(name string) []act {
			if jobs[name] == nil {
				jobs[name] = append(allowed(submit()), allowed(states[cell.from]...)...)
			}
			return jobs[name]
		}
		r := columns[cell.column]
		if strings.HasPrefix(cell.want, "no") {
			name := row + ":refused"
			jobs[name] = append(set(name), act{r, false})
			continue
		}
		name := row + ":" + cell.column
		jobs[name] = append(set(name), act{r, true})
	}
	return jobs
}

// tellRefusals tells of the refusals that are in no cell of the table.
func tellRefusals(c *teller) {
	c.tell("refusals", bound(), decision(), decision())
	c.do("refusals", approve("reviewer"), false) // which of the two?
	c.do("refusals", approveNamed("reviewer", "cp_0009"), false)
	c.do("refusals", approveNamed("worker_1", "cp_0001"), false)
	c.tell("refusals", approveNamed("reviewer", "cp_0001"), approveNamed("reviewer", "cp_0002"))
	c.do("refusals", resume(), false) // under no policy
	c.do("refusals", by("worker_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one, Identity: "agent_8"}), false)
	c.do("refusals", by("worker_1", commands.Resume{EnvironmentFingerprint: "envfp:there", PolicyDigest: one}), false)
	// Commands find what a verdict goes to before they ask, so that none of
	// them is refused for this; but it is a code, and may be on a disk.
	c.append(ledger.Event{JobID: "refusals", Actor: "reviewer",
		Payload: ledger.Refused{Command: "approve", Exit: 6, Refusal: "nothing_to_approve", Summary: "cp_0007"}})
}

// bound submits a job that is bound to a policy and an identity.
func bound() commands.Request {
	return by("boss", commands.Submit{EnvironmentFingerprint: env, Identity: "agent_7", PolicyDigest: one, PolicyRef: "policy v1", ProducerVersion: "gait/test"})
}

// tellResumes tells of resumes under another policy, in another environment,
// and of both.
func tellResumes(c *teller) {
	for i, r := range []commands.Resume{
		{EnvironmentFingerprint: env, PolicyDigest: one},
		{EnvironmentFingerprint: env, PolicyDigest: two, PolicyRef: "policy v2"},
		{EnvironmentFingerprint: "envfp:there", PolicyDigest: one, AllowEnvMismatch: true},
		{EnvironmentFingerprint: "envfp:there", PolicyDigest: two, AllowEnvMismatch: true},
	} {
		again := by("worker_1", r)
		again.Reason, again.RequestID = "goes on", fmt.Sprintf("resume-%d", i)
		c.tell(fmt.Sprintf("resumes.%d", i), bound(), pause(), again, checkpoint(ledger.CheckpointCompleted))
	}
}

// tellImports tells of a job taken over in each status there can be.
func tellImports(c *teller) {
	for _, s := range []struct{ status, stop, reason string }{
		{"running", "none", "submitted"}, {"paused", "paused_by_user", "paused"}, {"decision_needed", "decision_needed", "decision_needed"},
		{"blocked", "blocked", "blocked"}, {"completed", "completed", "completed"}, {"cancelled", "cancelled_by_user", "cancelled"},
		{"emergency_stopped", "emergency_stopped", "emergency_stop_preempted"},
	} {
		c.tell("imported."+s.status, by("importer", commands.Import{Claim: claim(s.status, s.stop, s.reason)}))
	}
	c.do("imported.paused", resume(), false)
	c.do("imported.paused", approve("importer"), false)
	c.tell("imported.paused", approve("reviewer"), resume(), checkpoint(ledger.CheckpointCompleted))
}

// claim is what a pack says of a job of a status.
func claim(status, stop, reason string) ledger.Imported {
	at := epoch.Add(-time.Hour)
	p := ledger.Imported{CreatedAt: at, EnvironmentFingerprint: env, PackID: one, PackSHA256: two, ProducerVersion: "gait/0.1", Revision: 5,
		Status: status, StopReason: stop, StatusReasonCode: reason, UpdatedAt: at.Add(time.Minute),
		Approvals: []ledger.ImportedApproval{{Actor: "somebody", CreatedAt: at, Reason: "it looked right"}},
		Checkpoints: []ledger.ImportedCheckpoint{
			{Actor: "worker", CheckpointType: ledger.CheckpointProgress, CreatedAt: at, Summary: "half of it"},
			{Actor: "worker", CheckpointType: ledger.CheckpointDecisionNeeded, CreatedAt: at, RequiredAction: "decide", Summary: "which half?", Open: status == "decision_needed"},
		}}
	if status == "paused" || status == "blocked" || status == "decision_needed" {
		p.StoppedAt, p.StoppedBy = at.Add(time.Minute), "somebody"
	}
	if status == "completed" {
		p.PackKeyID, p.PackTrusted = two, true
	}
	return p
}
