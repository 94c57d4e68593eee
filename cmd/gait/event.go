package main

import (
	"fmt"
	"iter"
	"strings"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// eventInShort describes an event in a few words.
func eventInShort(e ledger.Event) string {
	switch p := e.Payload().(type) {
	case ledger.CheckpointAdded:
		late := ""
		if p.Late {
			late = " (late: the job was stopped)"
		}
		word := "recorded"
		if !p.Continues.IsZero() {
			word = "asked again:"
		}
		steps := ""
		if p.Progress.Total > 0 {
			steps = fmt.Sprintf(" (%d/%d)", p.Progress.Done, p.Progress.Total)
		}
		return fmt.Sprintf("%s %s %s%s%s: %s", word, p.CheckpointType, p.CheckpointID, steps, late, p.Summary)
	case ledger.Paused:
		if p.Hold {
			return "put on hold"
		}
	case ledger.Approved:
		amended := ""
		if p.Amended != (ledger.Content{}) {
			amended = ", amended: " + contentText(p.Amended)
		}
		return verdictOn("approved", p.CheckpointID, e.Actor()) + amended
	case ledger.Denied:
		return verdictOn("denied", p.CheckpointID, e.Actor())
	case ledger.Stopped:
		return "stopped in an emergency"
	case ledger.Imported:
		return fmt.Sprintf("was imported at revision %d with %d checkpoints and %d approvals, all claims of the pack %s",
			p.Revision, len(p.Checkpoints), len(p.Approvals), p.PackSHA256.String()[:16])
	case ledger.Continued:
		return fmt.Sprintf("was continued from %s: %s, at revision %d there", p.Origin, p.Status, p.Revision)
	case ledger.Submitted, ledger.Resumed, ledger.Cancelled, ledger.Refused: // the type's name is enough
	case ledger.ContentErased:
		return "erased the content " + p.Digest.String()[:16]
	case ledger.GateDecided:
		return gateInShort(p)
	case ledger.DispatchBlocked:
		return p.Tool + " was blocked after the emergency stop"
	case ledger.EffectSettled:
		return fmt.Sprintf(settledAs[p.Outcome], p.Grant)
	case ledger.Leased:
		return fmt.Sprintf("leased to %s until %s: epoch %d", p.Worker, ledger.FormatTime(p.Until), p.Epoch)
	case ledger.LeaseRenewed:
		return fmt.Sprintf("lease of %s renewed until %s: epoch %d", p.Worker, ledger.FormatTime(p.Until), p.Epoch)
	case ledger.LeaseReleased:
		return fmt.Sprintf("lease of %s released, %s: epoch %d", p.Worker, strings.ReplaceAll(string(p.Outcome), "_", " "), p.Epoch)
	case ledger.AttemptEnded:
		return attemptInShort(p)
	case ledger.LedgerCreated, ledger.KeyRotated, ledger.IndexCommitted, ledger.LedgerMoved,
		ledger.ActorEnrolled, ledger.ActorRevoked, ledger.AuthoritySet: // these belong to no job
	}
	return string(e.Type())
}

// attemptInShort says how an attempt ended.
func attemptInShort(p ledger.AttemptEnded) string {
	exit := ""
	if p.Exit != nil {
		exit = fmt.Sprintf(", exit %d", *p.Exit)
	}
	return fmt.Sprintf("attempt %d ended: %s%s", p.Number, strings.ReplaceAll(string(p.Cause), "_", " "), exit)
}

// settledAs says in words what became of a grant.
var settledAs = map[ledger.EffectOutcome]string{
	ledger.EffectDone: "was done: grant %s is settled", ledger.EffectNotDone: "was not done: grant %s is settled", ledger.EffectUnknown: "said that it is unknown what was done with grant %s",
}

// gateInShort says what the gate answered.
func gateInShort(p ledger.GateDecided) string {
	by := p.ReasonCode
	if len(p.DeterminedBy) > 0 {
		by += ", by " + strings.Join(p.DeterminedBy, ", ")
	}
	var shown strings.Builder
	for _, f := range p.Facts.Shown {
		shown.WriteString(" " + f.Key + "=" + f.Value)
	}
	switch p.Verdict {
	case ledger.GateAllow:
		return fmt.Sprintf("%s may run, once%s: grant %s (%s)", p.Tool, shown.String(), p.Grant, by)
	case ledger.GateRequireApproval:
		return fmt.Sprintf("%s asks for approval%s: %s (%s)", p.Tool, shown.String(), p.CheckpointID, by)
	case ledger.GateBlock:
	}
	return fmt.Sprintf("%s was blocked%s (%s)", p.Tool, shown.String(), by)
}

func verdictOn(word, checkpoint, actor string) string {
	if checkpoint != "" {
		word = checkpoint + " " + word
	}
	return word + " by " + actor
}

// eventInWords describes an event, with the reason that was given for it.
func eventInWords(s *screen, e ledger.Event) (symbol, what string) {
	symbol, what = s.green("•"), eventInShort(e)
	if p, ok := e.Payload().(ledger.Refused); ok {
		symbol, what = s.red("✗"), fmt.Sprintf("%s refused: %s (exit %d)", p.Command, p.Refusal, p.Exit)
		if p.Summary != "" {
			what += ": " + p.Summary
		}
	}
	if reason := projection.MeaningOf(e).Reason; reason != "" {
		what += "  " + s.dim("— "+reason)
	}
	return symbol, what
}

func showEvent(s *screen, e ledger.Event) {
	symbol, what := eventInWords(s, e)
	fmt.Fprintf(s, "%s %4d  %s  rev %-3d%s%-14s  event %d: %s\n", symbol, e.JobSeq(), ledger.FormatTime(e.Time()), e.Revision(), signedMark(e), e.Actor(), e.Seq(), what)
}

// signedMark stands before the actor of an event, and says whether the actor signed it. It has
// a column of its own, which no name can fill.
func signedMark(e ledger.Event) string {
	if len(e.CommandSigs()) > 0 {
		return " ✓ "
	}
	return "   "
}

// eventLine shows an event, with the job it belongs to.
func eventLine(s *screen, e ledger.Event) {
	symbol, what := eventInWords(s, e)
	fmt.Fprintf(s, "%s event %-4d  %s  %s  rev %-3d%s%-14s  %s\n", symbol, e.Seq(), ledger.FormatTime(e.Time()), s.bold(e.JobID()), e.Revision(), signedMark(e), e.Actor(), what)
}

// An eventRecord is an event as inspect shows it: the PackSpec v1 view, and its
// place in the ledger.
type eventRecord struct {
	projection.EventView
	Seq       ledger.Seq  `json:"seq"`
	JobSeq    int64       `json:"job_seq"`
	EventID   string      `json:"event_id"`
	LeafHash  ledger.Hash `json:"leaf_hash"`
	RequestID string      `json:"request_id,omitempty"`
	Lease     int64       `json:"lease,omitempty"` // the epoch that the writer named
	Trace     string      `json:"trace,omitempty"` // a traceparent (W3C Trace Context)
}

func recordOf(e ledger.Event) eventRecord {
	return eventRecord{EventView: projection.EventViewOf(e), Seq: e.Seq(), JobSeq: e.JobSeq(), EventID: e.ID(), LeafHash: e.LeafHash(), RequestID: e.RequestID(), Lease: e.Lease(), Trace: e.Trace()}
}

// recordsIf returns a function that makes the records of refusals, or of all
// other events.
func recordsIf(refusals bool) func(ledger.Event) ([]any, error) {
	return func(e ledger.Event) ([]any, error) {
		if refusals != (e.Type() == ledger.TypeRefused) {
			return nil, nil
		}
		return []any{recordOf(e)}, nil
	}
}

// eventsAsJSON calls of for each event and yields the values as canonical JSON.
func eventsAsJSON(events ledger.Events, of func(ledger.Event) ([]any, error)) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for e, err := range events {
			var values []any
			if err == nil {
				values, err = of(e)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for _, v := range values {
				if b, err := jcs.Marshal(v); !yield(b, err) || err != nil {
					return
				}
			}
		}
	}
}

func anyValues[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
