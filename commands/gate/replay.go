package gate

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"gait/ledger"
	"gait/projection"
)

// ReplayOptions say what is decided again, and how.
type ReplayOptions struct {
	Policy *Policy // each job is taken as bound to it

	// Intent returns the bytes of an intent. It is called from several goroutines at once.
	Intent func(job string, digest ledger.Hash) ([]byte, error)

	// Keys returns the keys that signed an event; nil: none did.
	Keys func(ledger.Event) ([]ledger.Hash, error)

	Takes   func(ledger.Event) bool // which decisions are replayed; nil: all
	Workers int                     // how many goroutines decide; 0: one
}

// A Replayed says what another policy makes of recorded decisions.
type Replayed struct {
	Decisions int       `json:"decisions"` // recorded, and asked for
	Same      int       `json:"same"`      // of them, those whose verdict and terms stay
	Changed   []Change  `json:"changed"`   // by seq
	Missing   []Missing `json:"missing"`   // those that cannot be decided again, by seq
}

// A Change is a decision whose verdict another policy changes, or the terms of the approval
// that it requires.
type Change struct {
	Seq    ledger.Seq  `json:"seq"`
	JobID  string      `json:"job_id"`
	JobSeq int64       `json:"job_seq"`
	At     string      `json:"at"` // the reading of the event
	Actor  string      `json:"actor"`
	Tool   string      `json:"tool"`
	CallID string      `json:"call_id,omitempty"`
	Intent ledger.Hash `json:"intent"`
	Was    Answer      `json:"was"`
	Now    Answer      `json:"now"`
}

// An Answer is a verdict and its reason, and of a require_approval its terms.
type Answer struct {
	Verdict      ledger.GateVerdict `json:"verdict"`
	ReasonCode   string             `json:"reason_code"`
	Detail       string             `json:"detail,omitempty"`
	DeterminedBy []string           `json:"determined_by,omitempty"`
	Approvers    []string           `json:"approvers,omitempty"`
	Quorum       int64              `json:"quorum,omitempty"` // 0: one
	ExpiresAt    string             `json:"expires_at,omitempty"`
}

// sameTerms reports whether two answers have the same verdict, and ask for the same approval.
func (a Answer) sameTerms(b Answer) bool {
	return a.Verdict == b.Verdict && slices.Equal(a.Approvers, b.Approvers) && max(1, a.Quorum) == max(1, b.Quorum) && a.ExpiresAt == b.ExpiresAt
}

// Terms says in words what approval an answer requires; "" if it requires none.
func (a Answer) Terms() string {
	if a.Verdict != ledger.GateRequireApproval {
		return ""
	}
	text := "1 approval"
	if a.Quorum > 1 {
		text = fmt.Sprintf("%d approvals", a.Quorum)
	}
	if len(a.Approvers) > 0 {
		text += " by " + strings.Join(a.Approvers, ", ")
	}
	if a.ExpiresAt != "" {
		text += " until " + a.ExpiresAt
	}
	return text
}

// A Missing is a decision that cannot be made again: its intent was erased or is not kept, or
// it rests on a fact that the ledger does not record.
type Missing struct {
	Seq    ledger.Seq  `json:"seq"`
	JobID  string      `json:"job_id"`
	Tool   string      `json:"tool"`
	Intent ledger.Hash `json:"intent,omitzero"`
	Why    string      `json:"why"`
}

// Replay decides again what the gate decided, under another policy and on the facts as they
// were: the job as it was before each decision, the actor, the intent, the reading. events
// are all those of a ledger, or of one job, in order. It fails if they cannot be folded.
func Replay(events iter.Seq2[ledger.Event, error], states projection.States, o ReplayOptions) (Replayed, error) {
	r := replay{o: o, states: states, jobs: map[string]*history{}}
	tasks := make(chan task, 256)
	var workers sync.WaitGroup
	for range max(1, o.Workers) {
		workers.Go(func() {
			for t := range tasks {
				r.decide(t)
			}
		})
	}
	err := r.read(events, tasks)
	close(tasks)
	workers.Wait()
	slices.SortFunc(r.out.Changed, func(a, b Change) int { return cmp.Compare(a.Seq, b.Seq) })
	slices.SortFunc(r.out.Missing, func(a, b Missing) int { return cmp.Compare(a.Seq, b.Seq) })
	return r.out, err
}

// replay is a replay that runs.
type replay struct {
	o      ReplayOptions
	states projection.States
	jobs   map[string]*history

	mu  sync.Mutex
	out Replayed
}

// A history is a job as of the events read so far, and what is known of its calls.
type history struct {
	folder projection.Folder
	calls  map[string]projection.Call
}

// A task is a decision to be made again.
type task struct {
	event ledger.Event
	was   ledger.GateDecided
	in    Input
}

// read folds the events, and gives out each decision with what it was made on.
func (r *replay) read(events iter.Seq2[ledger.Event, error], tasks chan<- task) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		if e.JobID() == "" {
			continue
		}
		h := r.jobs[e.JobID()]
		if h == nil {
			h = &history{folder: projection.Folder{States: r.states}, calls: map[string]projection.Call{}}
			r.jobs[e.JobID()] = h
		}
		if p, is := e.Payload().(ledger.GateDecided); is && p.Continues.IsZero() && (r.o.Takes == nil || r.o.Takes(e)) {
			in, err := r.input(e, p, h)
			if err != nil {
				return err
			}
			r.out.Decisions++
			tasks <- task{e, p, in}
		}
		if err := h.folder.Add(e); err != nil {
			return err
		}
		if call, is := ledger.CallOf(e.Payload()); is {
			h.calls[call.ID] = projection.CallIn(e)
		}
	}
	return nil
}

// input returns what a decision was made on, without its intent.
func (r *replay) input(e ledger.Event, p ledger.GateDecided, h *history) (in Input, err error) {
	job := h.folder.Job.Clone()
	in = Input{
		Policy: r.o.Policy, Digest: p.Intent.Digest, Tool: p.Tool, CallID: p.CallID, Job: &job, Actor: e.Actor(),
		Facts:   ledger.GateFacts{EnvironmentFingerprint: p.Facts.EnvironmentFingerprint, NotDoneExit: p.Facts.NotDoneExit},
		rebound: true,
	}
	in.Call = h.calls[p.CallID]
	in.Call.Known = true
	job.PolicyDigest = r.o.Policy.digest
	in.Basis.Reading = e.Reading()
	if leaf := e.Authority(); !leaf.IsZero() && r.states != nil {
		if in.Basis.Authority, err = r.states(leaf); err != nil {
			return in, err
		}
	}
	if r.o.Keys != nil {
		in.Keys, err = r.o.Keys(e)
	}
	return in, err
}

// decide decides again.
func (r *replay) decide(t task) {
	why := notRecorded(t.was)
	if why == "" {
		b, err := r.o.Intent(t.event.JobID(), t.was.Intent.Digest)
		if err != nil {
			why = err.Error()
		}
		t.in.Intent, t.in.IntentErr = ParseIntent(b)
	}
	var d Decision
	if why == "" {
		d = Evaluate(t.in)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case why != "":
		r.out.Missing = append(r.out.Missing, Missing{t.event.Seq(), t.event.JobID(), t.was.Tool, t.was.Intent.Digest, why})
	default:
		if c := changeOf(t, d); c.Was.sameTerms(c.Now) {
			r.out.Same++
		} else {
			r.out.Changed = append(r.out.Changed, c)
		}
	}
}

func changeOf(t task, d Decision) Change {
	return Change{
		Seq: t.event.Seq(), JobID: t.event.JobID(), JobSeq: t.event.JobSeq(), At: ledger.FormatTime(t.event.Reading()), Actor: t.event.Actor(),
		Tool: t.was.Tool, CallID: t.was.CallID, Intent: t.was.Intent.Digest,
		Was: Answer{
			Verdict: t.was.Verdict, ReasonCode: t.was.ReasonCode, DeterminedBy: t.was.DeterminedBy,
			Approvers: t.was.Approvers, Quorum: t.was.Quorum, ExpiresAt: expiry(t.was.ExpiresAt),
		},
		Now: Answer{d.Verdict, d.ReasonCode, d.Detail, d.DeterminedBy, d.Approvers, d.Quorum, expiry(d.ExpiresAt)},
	}
}

// expiry writes when a decision expires; "" if it does not.
func expiry(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return ledger.FormatTime(at)
}

// notRecorded says which fact of a decision the ledger does not record, or "".
func notRecorded(p ledger.GateDecided) string {
	switch {
	case p.Intent == ledger.Content{}:
		return "there was no intent: " + p.ReasonCode
	case p.Verdict != ledger.GateBlock:
		return ""
	case p.ReasonCode == CodePolicyMismatch:
		return "the worker named another policy, which is not recorded"
	case p.ReasonCode == CodeCallBefore:
		return "a ledger before knew the call"
	case !strings.HasPrefix(p.ReasonCode, "policy_") && !slices.Contains(replayed, p.ReasonCode):
		return fmt.Sprintf("it was blocked for a reason that is not decided again: %s", p.ReasonCode)
	}
	return ""
}

// replayed are the codes of blocks that are no policy's and that follow again from what the
// ledger records.
var replayed = []string{
	CodeIntentInvalid, CodeIntentTooLarge, CodeIntentUnsupported, CodeIntentTool, CodeIntentAmended, CodeNotRunning,
	CodeEffectsUnsettled, CodeAlreadyDone, CodeCallReused, CodeTooManyGrants, CodeTooManyCleared, CodeTooManyDecisions,
}
