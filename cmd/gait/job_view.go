package main

import (
	"errors"
	"fmt"
	"strings"

	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// showStatusAt prints a summary of a job of the ledger in root directory dir, with verdicts
// judged on a basis. stopped is the event that stopped it, if any.
func showStatusAt(s *screen, dir string, j projection.Job, stopped ledger.Event, at judging) {
	fmt.Fprintf(s, "%s  %s\n", s.bold(j.ID), s.status(j.Status))
	stop := string(j.StopReason)
	if j.StopReason == projection.StopNone {
		stop = ""
	}
	since, why := "", projection.MeaningOf(stopped).Reason
	if cp, ok := stopped.Payload().(ledger.CheckpointAdded); ok {
		why = cp.Summary
	}
	if stopped.Payload() != nil {
		since = ledger.FormatTime(stopped.Time()) + " by " + stopped.Actor()
	}
	last := ""
	if cp := j.LastCheckpoint; cp != nil {
		last = fmt.Sprintf(", last %s %s: %s", cp.ID, cp.Type, cp.Summary)
	}
	held := ""
	if h := j.OnHold(at.Basis); h != nil {
		held = "since " + h.CreatedAt + " by " + h.Actor + ": only an approval by another actor lifts it"
		if h.Verdict == projection.Denied {
			held += "; " + j.Stop.VerdictBy + " denied it"
		}
	}
	from := ""
	if was := j.Imported; was != nil {
		from = fmt.Sprintf("by %s from a pack %s: %d checkpoints and %d approvals are its claims", was.Actor, was.PackSHA256[:16], was.Checkpoints, was.Approvals)
	}
	before := ""
	if was := j.Continued; was != nil {
		before = fmt.Sprintf("from %s, at revision %d there; its checkpoints and approvals are counted, not shown", was.Origin, was.Revision)
		if kept := root.RetiredIn(dir, was.Origin); kept != "" {
			before += "; they are read with gait job inspect --root " + quoted(kept) + " --id " + j.ID
		}
	}
	s.fields([2]string{"imported", from}, [2]string{"continued", before}, [2]string{"revision", fmt.Sprint(j.Revision)}, [2]string{"stop reason", stop}, [2]string{"on hold", held}, [2]string{"since", since}, [2]string{"reason", why}, [2]string{"reason code", string(j.ReasonCode)},
		[2]string{"checkpoints", fmt.Sprint(j.Checkpoints) + last},
		[2]string{"progress", stepsText(j.Steps)}, [2]string{"lease", leaseText(j.Lease, at.Reading)}, [2]string{"attempts", attemptsText(j)},
		[2]string{"after", afterText(j, at.after)}, [2]string{"not before", j.NotBefore}, [2]string{"input", inputText(j)},
		[2]string{"approvals", fmt.Sprint(j.Approvals)}, [2]string{"refusals", fmt.Sprint(j.Refusals)},
		[2]string{"identity", j.Identity}, [2]string{"policy", policyOf(j)}, [2]string{"created", j.Created}, [2]string{"updated", j.Updated}, [2]string{"waiting for", waitingForAt(j, at)})
	showEffects(s, j, at)
	for _, a := range j.Decisions {
		if d := j.Judge(a, at.Basis); d.Outcome != projection.OutcomeApproved && !j.Status.Final() {
			fmt.Fprintf(s, "  %s %s %s: %s — %s (asked by %s)\n", s.yellow("?"), a.CheckpointID, judged(d), a.Summary, a.RequiredAction, a.Actor)
		}
	}
}

// showEffects shows the grants that are not settled, and what is approved and was not granted yet.
func showEffects(s *screen, j projection.Job, at judging) {
	view := at.view(j)
	for _, g := range view.Grants {
		state := "open"
		if g.Unknown {
			state = "unknown"
		}
		fmt.Fprintf(s, "  %s grant %s of %s, given to %s at %s: %s\n", s.yellow("!"), g.Grant, plain(g.Tool), g.Actor, g.CreatedAt, state)
	}
	for _, c := range view.Cleared {
		lost := "approved by " + c.ApprovedBy + ", and not granted yet"
		if c.Lost != "" {
			lost += ": it would not be now, " + c.Lost
		}
		fmt.Fprintf(s, "  %s %s %s: %s\n", s.green("✓"), c.CheckpointID, plain(c.Tool), lost)
	}
}

// judged says what a decision has come to that is not approved.
func judged(d projection.Judgement) string {
	switch d.Outcome {
	case projection.OutcomeDenied:
		return "denied by " + d.VerdictBy
	case projection.OutcomeExpired:
		return "expired at " + d.Expires
	case projection.OutcomePending, projection.OutcomeOpen, projection.OutcomeApproved:
	}
	if d.Needed > 1 {
		return fmt.Sprintf("open, %d of %d", len(d.Counts), d.Needed)
	}
	return "open"
}

func policyOf(j projection.Job) string {
	switch {
	case j.PolicyDigest.IsZero():
		return j.PolicyRef
	case j.PolicyRef == "":
		return "sha256 " + j.PolicyDigest.String()
	}
	return j.PolicyRef + " (sha256 " + j.PolicyDigest.String() + ")"
}

// waitingForAt says what a job waits for, with verdicts judged on a basis.
func waitingForAt(j projection.Job, at judging) string {
	switch at.waiting(j) {
	case projection.WaitsForWorker:
		return "the worker's next checkpoint"
	case projection.WaitsForLease:
		return "a worker that takes a lease"
	case projection.WaitsForDependency:
		return "jobs that are not completed: " + strings.Join(unmet(j.After, at.after), ", ")
	case projection.WaitsForTime:
		return "the time " + j.NotBefore
	case projection.WaitsForDecision:
		return "a decision"
	case projection.WaitsForHold:
		return "an approval of the hold, not by " + j.Stop.Actor
	case projection.WaitsForReversal:
		if replaced := closedAsk(j, at.Basis); replaced != "" {
			return "a decision that replaces " + replaced
		}
		return "a new verdict on what was denied"
	case projection.WaitsForResume:
		return "a resume"
	case projection.WaitsForEffects:
		return "an actor who says what became of grant " + unsettledGrant(j)
	case projection.WaitsForCancel:
		return "nothing but a cancel"
	}
	return ""
}

// unsettledGrant returns the grant that has to be settled first: one that is unknown, or else
// the oldest that is open.
func unsettledGrant(j projection.Job) string {
	for _, g := range append(j.UnknownGrants(), j.Grants...) {
		return g.ID
	}
	return ""
}

// closedAsk returns what only a decision lifts that replaces it: the first that has expired, or
// that was denied in a ledger with authority. It returns "" if there is none.
func closedAsk(j projection.Job, at projection.Basis) string {
	for _, d := range j.UnsettledAt(at) {
		if d.Closed(at) {
			return d.ReplacedBy()
		}
	}
	return ""
}

// nextCommandAt returns a command that takes the job further, or "" if it would be refused,
// since the ledger that was read is only read. Verdicts are judged on a basis.
func nextCommandAt(a *app, j projection.Job, at judging) string {
	_, copied := errors.AsType[*root.ImportedError](a.readOnly)
	if a.readOnly != nil && (copied || !j.Status.Final()) { // packs of other ledgers can be made
		return ""
	}
	id := "--id " + j.ID
	switch waiting := at.waiting(j); waiting {
	case projection.WaitsForWorker:
		if len(j.Grants) > 0 {
			return settleCommand(j.Grants[0].ID)
		}
		if j.Lease.Lives(at.Reading) { // its holder goes on
			return "gait job watch " + id
		}
		return "gait job checkpoint add " + id + ` --summary "what was done"`
	case projection.WaitsForLease:
		return "gait job run " + id + " -- COMMAND"
	case projection.WaitsForDependency:
		return "gait job status --id " + unmet(j.After, at.after)[0]
	case projection.WaitsForTime:
		return "gait job watch " + id
	case projection.WaitsForEffects:
		return settleCommand(unsettledGrant(j))
	case projection.WaitsForDecision, projection.WaitsForHold, projection.WaitsForReversal:
		if replaced := closedAsk(j, at.Basis); replaced != "" && waiting == projection.WaitsForReversal {
			return "gait job checkpoint add " + id + " --type decision-needed --replaces " + replaced + ` --summary "what is asked now" --required-action "what to decide"`
		}
		checkpoint := ""
		if open := j.UnsettledAt(at.Basis); len(open) > 1 {
			checkpoint = open[0].DecisionID()
		}
		return toApprove(j.ID, checkpoint)
	case projection.WaitsForResume:
		return toResume(j.ID, !j.PolicyDigest.IsZero() || j.PolicyRef != "")
	case projection.WaitsForCancel:
		return "gait job cancel " + id
	}
	return "gait pack build --type job --from " + j.ID
}

// importNotice says what an import proves, and which approval it needs.
func importNotice(j projection.Job) string {
	who := "that is not signed"
	switch was := j.Imported; {
	case was.PackTrusted:
		who = "signed by a key you trust"
	case was.PackKeyID != "":
		who = "signed by a key you do not trust"
	}
	text := "what the job did before is only claimed by a pack " + who + "; nothing proves it"
	if j.WaitingFor() == projection.WaitsForDecision {
		text += "; before a resume it needs an approval here, not by " + j.Imported.Actor
	}
	return text
}
