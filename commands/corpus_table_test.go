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

// writeTable writes a ledger in which every cell of the transition table occurs,
// jobs interleaved, while the clock steps back and the key is rotated. It continues
// another ledger.
func writeTable(c *writer) {
	before := writeBefore(c.t)
	c.succeeds("gait.test/corpus-table", before)
	c.commitIndex()
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
			c.commitIndex()
		case 3:
			c.rotate(2, "")
			c.commitIndex()
		}
	}
	writeRefusals(c)
	writeResumes(c)
	writeImports(c)
	c.move(3, "to another machine")
	writeContinued(c, before)
	c.commitIndex()
}

// tableJobs makes a job for each cell that is allowed, since it changes the
// job, and one a row for those that are refused.
func tableJobs(c *writer) map[string][]act {
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

// writeRefusals writes the refusals that are in no cell of the table.
func writeRefusals(c *writer) {
	c.must("refusals", bound(), decision(), decision())
	c.do("refusals", approve("reviewer"), false) // which of the two?
	c.do("refusals", approveNamed("reviewer", "cp_0009"), false)
	c.do("refusals", approveNamed("worker_1", "cp_0001"), false)
	c.must("refusals", approveNamed("reviewer", "cp_0001"), approveNamed("reviewer", "cp_0002"))
	c.do("refusals", resume(), false) // under no policy
	c.do("refusals", by("worker_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one, Identity: "agent_8"}), false)
	c.do("refusals", by("worker_1", commands.Resume{EnvironmentFingerprint: "envfp:there", PolicyDigest: one}), false)
	// Commands find what a verdict goes to before they ask, so that none of
	// them is refused for this; but it is a code, and may be on a disk.
	c.append(ledger.Draft{
		JobID: "refusals", Actor: "reviewer",
		Payload: ledger.Refused{Command: "approve", Exit: 6, Refusal: "nothing_to_approve", Summary: "cp_0007"},
	})
}

// bound submits a job that is bound to a policy and an identity.
func bound() commands.Request {
	return by("boss", commands.Submit{EnvironmentFingerprint: env, Identity: "agent_7", PolicyDigest: one, PolicyRef: "policy v1", ProducerVersion: "gait/test"})
}

// writeResumes writes resumes under another policy, in another environment,
// and of both.
func writeResumes(c *writer) {
	for i, r := range []commands.Resume{
		{EnvironmentFingerprint: env, PolicyDigest: one},
		{EnvironmentFingerprint: env, PolicyDigest: two, PolicyRef: "policy v2"},
		{EnvironmentFingerprint: "envfp:there", PolicyDigest: one, AllowEnvMismatch: true},
		{EnvironmentFingerprint: "envfp:there", PolicyDigest: two, AllowEnvMismatch: true},
	} {
		again := by("worker_1", r)
		again.Reason, again.RequestID = "goes on", fmt.Sprintf("resume-%d", i)
		c.must(fmt.Sprintf("resumes.%d", i), bound(), pause(), again, checkpoint(ledger.CheckpointCompleted))
	}
}

// writeImports writes a job taken over in each status there can be.
func writeImports(c *writer) {
	for _, s := range []struct{ status, stop, reason string }{
		{"running", "none", "submitted"},
		{"paused", "paused_by_user", "paused"},
		{"decision_needed", "decision_needed", "decision_needed"},
		{"blocked", "blocked", "blocked"},
		{"completed", "completed", "completed"},
		{"cancelled", "cancelled_by_user", "cancelled"},
		{"emergency_stopped", "emergency_stopped", "emergency_stop_preempted"},
	} {
		c.must("imported."+s.status, by("importer", commands.Import{Claim: claim(s.status, s.stop, s.reason)}))
	}
	c.do("imported.paused", resume(), false)
	c.do("imported.paused", approve("importer"), false)
	c.must("imported.paused", approve("reviewer"), resume(), checkpoint(ledger.CheckpointCompleted))
}

// claim is what a pack says of a job of a status.
func claim(status, stop, reason string) ledger.Imported {
	at := epoch.Add(-time.Hour)
	p := ledger.Imported{
		CreatedAt: at, EnvironmentFingerprint: env, PackID: one, PackSHA256: two, ProducerVersion: "gait/0.1", Revision: 5,
		Status: status, StopReason: stop, StatusReasonCode: reason, UpdatedAt: at.Add(time.Minute),
		Approvals: []ledger.ImportedApproval{{Actor: "somebody", CreatedAt: at, Reason: "it looked right"}},
		Checkpoints: []ledger.ImportedCheckpoint{
			{Actor: "worker", CheckpointType: ledger.CheckpointProgress, CreatedAt: at, Summary: "half of it"},
			{Actor: "worker", CheckpointType: ledger.CheckpointDecisionNeeded, CreatedAt: at, RequiredAction: "decide", Summary: "which half?", Open: status == "decision_needed"},
		},
	}
	if status == "paused" || status == "blocked" || status == "decision_needed" {
		p.StoppedAt, p.StoppedBy = at.Add(time.Minute), "somebody"
	}
	if status == "completed" {
		p.PackKeyID, p.PackTrusted = two, true
	}
	return p
}
