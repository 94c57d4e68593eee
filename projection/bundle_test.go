package projection_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/projection"
)

// A told event is one of a story, and the epoch that its writer names.
type told struct {
	actor   string
	lease   int64
	payload ledger.Payload
}

// tells adds events to a story; a nil payload stands for a resume that changes nothing.
func (s *story) tells(events ...told) {
	s.t.Helper()
	for _, what := range events {
		if what.payload == nil {
			what.payload = s.resumed()
		}
		d := s.draft(what.actor, what.payload)
		d.Lease = what.lease
		switch p := what.payload.(type) {
		case ledger.Leased:
			p.Until = d.Time.Add(time.Duration(p.TTL) * time.Second)
			d.Payload = p
		case ledger.LeaseReleased:
			until, err := ledger.ParseTime(s.at.Job.Lease.Until)
			if err != nil {
				s.t.Fatal(err)
			}
			p.Until = until
			d.Payload = p
		}
		e := s.seal(d)
		if err := s.at.Add(e); err != nil {
			s.t.Fatal(err)
		}
		s.events = append(s.events, e)
	}
}

// bundle returns the bundle of the story.
func (s *story) bundle(b projection.Basis) projection.Bundle {
	s.t.Helper()
	v, err := projection.BundleOf(s.at.Job, s.JobEvents(s.t.Context(), "job_1", 1), b)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func takes(epoch int64) told {
	return told{"worker_1", 0, ledger.Leased{Epoch: epoch, TTL: 60, Worker: "host_1"}}
}

func ends(lease, number int64, cause ledger.AttemptCause) told {
	return told{"worker_1", lease, ledger.AttemptEnded{Number: number, Cause: cause}}
}

func pauses() told { return told{"boss", 0, ledger.Paused{}} }

func resumesWith(change func(*ledger.Resumed)) func(*story) told {
	return func(s *story) told {
		p := s.resumed()
		change(&p)
		return told{"boss", 0, p}
	}
}

// A bundle says why an attempt begins, and what changed since the one before began.
func TestBundleReason(t *testing.T) {
	exit := int64(3)
	moved := resumesWith(func(p *ledger.Resumed) { p.ActualFingerprint, p.Reason = "envfp:there", "new machine" })
	for name, tt := range map[string]struct {
		events  []any // told, or func(*story) told
		reason  projection.BundleReason
		attempt int64
		lease   int64 // its epoch; 0: it has none that lives
		cause   ledger.AttemptCause
		resumed bool
		changed bool
	}{
		"submitted": {nil, projection.BundleSubmitted, 1, 0, "", false, false},
		"leased":    {[]any{takes(1)}, projection.BundleSubmitted, 1, 1, "", false, false},
		"resumed before the first attempt": {
			[]any{pauses(), moved, takes(1)}, projection.BundleResumed, 1, 1, "", true, true,
		},
		"it exited": {
			[]any{takes(1), told{"worker_1", 1, ledger.AttemptEnded{Number: 1, Cause: ledger.AttemptExited, Exit: &exit}}},
			projection.BundleRetry, 2, 1, ledger.AttemptExited, false, false,
		},
		"it exited twice": {
			[]any{takes(1), ends(1, 1, ledger.AttemptSignaled), ends(1, 2, ledger.AttemptTimeout)},
			projection.BundleRetry, 3, 1, ledger.AttemptTimeout, false, false,
		},
		"paused, resumed elsewhere": {
			[]any{takes(1), pauses(), ends(1, 1, ledger.AttemptPaused), moved, takes(2)}, projection.BundleResumed, 2, 2, ledger.AttemptPaused, true, true,
		},
		"its end came after the resume": {
			[]any{takes(1), pauses(), moved, ends(1, 1, ledger.AttemptPaused), takes(2)}, projection.BundleResumed, 2, 2, ledger.AttemptPaused, true, true,
		},
		"an attempt since the resume": {
			[]any{pauses(), moved, takes(1), ends(1, 1, ledger.AttemptExited)}, projection.BundleRetry, 2, 1, ledger.AttemptExited, false, false,
		},
		"interrupted": {
			[]any{takes(1), ends(1, 1, ledger.AttemptInterrupted), told{"worker_1", 1, released(1, ledger.LeaseGaveUp)}, takes(2)},
			projection.BundleInterrupted, 2, 2, ledger.AttemptInterrupted, false, false,
		},
		"released without a word of an attempt": {
			[]any{takes(1), told{"worker_1", 1, released(1, ledger.LeaseDone)}}, projection.BundleReleased, 1, 0, "", false, false,
		},
		"taken away": {
			[]any{takes(1), told{"boss", 0, released(1, ledger.LeaseLost)}, takes(2)}, projection.BundleLeaseLost, 1, 2, "", false, false,
		},
		"lost, as the next holder says": {
			[]any{takes(1), told{"boss", 0, released(1, ledger.LeaseLost)}, takes(2), ends(2, 1, ledger.AttemptLost)},
			projection.BundleLeaseLost, 2, 2, ledger.AttemptLost, false, false,
		},
		"lost, and resumed since it began": {
			[]any{takes(1), pauses(), moved, takes(2), ends(2, 1, ledger.AttemptLost)}, projection.BundleResumed, 2, 2, ledger.AttemptLost, true, true,
		},
		"of no lease": {
			[]any{pauses(), moved, ends(0, 1, ledger.AttemptExited)}, projection.BundleRetry, 2, 0, ledger.AttemptExited, false, false,
		},
	} {
		s := tell(t)
		for _, e := range tt.events {
			switch e := e.(type) {
			case told:
				s.tells(e)
			case func(*story) told:
				s.tells(e(s))
			}
		}
		v := s.bundle(projection.Basis{})
		if v.Reason != tt.reason || v.Attempt != tt.attempt || (v.Resumed != nil) != tt.resumed || (v.Changed.Environment != nil) != tt.changed {
			t.Errorf("%s: attempt %d begins for %s, with resume %v and changes %+v, want attempt %d for %s", name, v.Attempt, v.Reason, v.Resumed, v.Changed, tt.attempt, tt.reason)
		}
		if got := epochOf(v); got != tt.lease {
			t.Errorf("%s: the bundle has a lease of epoch %d, want %d", name, got, tt.lease)
		}
		if got := causeOf(v); got != tt.cause {
			t.Errorf("%s: the attempt before ended for %q, want %q", name, got, tt.cause)
		}
	}
}

func released(epoch int64, o ledger.LeaseOutcome) ledger.LeaseReleased {
	return ledger.LeaseReleased{Epoch: epoch, Outcome: o, TTL: 60, Worker: "host_1"}
}

func epochOf(v projection.Bundle) int64 {
	if v.Lease == nil {
		return 0
	}
	return v.Lease.Epoch
}

func causeOf(v projection.Bundle) ledger.AttemptCause {
	if v.PreviousAttempt == nil {
		return ""
	}
	return v.PreviousAttempt.Cause
}

// A lease that has expired by the basis is not in the bundle.
func TestBundleOfExpiredLease(t *testing.T) {
	s := tell(t)
	s.tells(takes(1))
	until := epoch.Add(61 * time.Second)
	for _, tt := range []struct {
		reading time.Time
		epoch   int64
		reason  projection.BundleReason
	}{
		{until.Add(-time.Millisecond), 1, projection.BundleSubmitted},
		{until, 0, projection.BundleLeaseLost},
	} {
		v := s.bundle(projection.Basis{Reading: tt.reading})
		if epochOf(v) != tt.epoch || v.Reason != tt.reason || v.CreatedAt != ledger.FormatTime(tt.reading) {
			t.Errorf("at %s the bundle of %s has a lease of epoch %d and says %s, want %d, %s", tt.reading, v.CreatedAt, epochOf(v), v.Reason, tt.epoch, tt.reason)
		}
	}
}

// Decisions are shown with what they have come to, and whether a resume used them up.
func TestBundleDecisions(t *testing.T) {
	c := newCourt(t)
	c.by("sam", submit)
	c.by("wim", c.ask(ledger.Decision{Subject: subject}))
	c.by("vera", c.denial())
	c.by("wim", c.ask(ledger.Decision{Subject: subject, Replaces: "cp_0001"}))
	amended := c.approval()
	amended.Amended = other
	c.by("vera", amended)
	c.by("olga", c.resume())
	c.by("wim", c.ask(ledger.Decision{Quorum: 2}))
	c.by("vera", c.approval())
	v, err := projection.BundleOf(c.fold.Job, eventsOf(c.Events[1:]...), c.basis())
	if err != nil {
		t.Fatal(err)
	}
	about, replaced := func() *projection.BundleContent { return &projection.BundleContent{Content: subject} }, &projection.BundleContent{Content: other}
	want := []projection.BundleDecision{
		{CheckpointID: "cp_0001", Verdict: projection.Denied, By: "vera", VerdictReason: c.denial().Reason, ReplacedBy: "cp_0002", Subject: about()},
		{CheckpointID: "cp_0002", Verdict: projection.Approved, By: "vera", VerdictReason: amended.Reason, Amended: replaced, UsedUp: true, Subject: about()},
		{CheckpointID: "cp_0003", By: "vera", VerdictReason: amended.Reason},
	}
	for i := range want {
		want[i].Summary, want[i].RequiredAction, want[i].AskedBy = "s", "decide", "wim"
	}
	if diff := cmp.Diff(want, v.Decisions); diff != "" {
		t.Errorf("decisions (-want +got):\n%s", diff)
	}
	if v.Reason != projection.BundleResumed || v.Status != projection.DecisionNeeded {
		t.Errorf("the bundle is for %s, of a job that is %s", v.Reason, v.Status)
	}
}

// Of many decisions the newest are shown, and all that wait.
func TestBundleOfManyDecisions(t *testing.T) {
	s := tell(t)
	for range projection.MaxBundleDecisions {
		s.checkpoint(decision)
		s.verdict(projection.Approved, "vera")
		s.tells(told{"boss", 0, nil})
	}
	s.checkpoint(decision)
	s.checkpoint(decision)
	list := s.bundle(projection.Basis{}).Decisions
	if len(list) != projection.MaxBundleDecisions || list[0].CheckpointID != "cp_0003" || list[63].CheckpointID != "cp_0066" || list[63].UsedUp {
		t.Errorf("%d decisions, from %+v to %+v", len(list), list[0], list[len(list)-1])
	}
}

// A bundle names input, state and cleared intents, and says what was erased.
func TestBundleContents(t *testing.T) {
	content := func(n byte) ledger.Content { return ledger.Content{Digest: ledger.Hash{n}, Size: int64(n)} }
	attached := func(n byte, role ledger.AttachmentRole) ledger.Attachment {
		return ledger.Attachment{Content: content(n), Role: role}
	}
	c := newCourt(t)
	first := policied
	first.Input, first.ContentKey = content(1), one
	c.by("sam", first)
	step := c.checkpoint(progress, ledger.Decision{}).payload.(ledger.CheckpointAdded)
	step.Attachments = []ledger.Attachment{attached(2, ledger.AttachState), attached(3, ledger.AttachState)}
	c.by("wim", step)
	step.CheckpointID, step.Attachments = "cp_0002", []ledger.Attachment{attached(4, ledger.AttachState), attached(5, ledger.AttachArtifact), attached(6, ledger.AttachState)}
	c.by("wim", step)
	c.clears(intent, "c1")
	v := func() projection.Bundle {
		v, err := projection.BundleOf(c.fold.Job, eventsOf(c.Events[1:]...), c.basis())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	digests := func(v projection.Bundle) (list []ledger.Hash) {
		for c := range v.Contents() {
			c.Path = "file" // as the caller fills it in
			list = append(list, c.Digest)
		}
		return list
	}
	bundle := v()
	if want := []ledger.Hash{{1}, {6}, {4}, intent.Digest, intent.Digest}; !slices.Equal(digests(bundle), want) {
		t.Errorf("the bundle names the content %v, want %v", digests(bundle), want)
	}
	if bundle.State.CheckpointID != "cp_0002" || bundle.State.Path != "file" || bundle.Cleared[0].Intent.Path != "file" || len(bundle.Checkpoints) != 2 {
		t.Errorf("state %+v, cleared %+v, %d checkpoints", bundle.State, bundle.Cleared, len(bundle.Checkpoints))
	}
	for _, n := range []byte{6, 5, 1} {
		c.by("olga", ledger.ContentErased{Digest: content(n).Digest, Reason: "asked to"})
	}
	bundle = v()
	if want := []ledger.Hash{{4}, intent.Digest, intent.Digest}; !slices.Equal(digests(bundle), want) {
		t.Errorf("the bundle names the content %v, want %v", digests(bundle), want)
	}
	attachments := bundle.Checkpoints[0].Attachments
	if !bundle.Input.Erased || !bundle.State.Erased || attachments[0].Erased || !attachments[1].Erased {
		t.Errorf("input %+v, state %+v, attachments %+v: what was erased is not marked", bundle.Input, bundle.State, attachments)
	}
}

// A bundle is made of all events that the job knows of, and of no later ones.
func TestBundleNeedsAllEvents(t *testing.T) {
	s := tell(t)
	before := s.at.Job
	s.checkpoint(progress)
	made, err := projection.BundleOf(before, s.JobEvents(t.Context(), "job_1", 1), projection.Basis{})
	if err != nil || len(made.Checkpoints) != 0 || made.JobSeq != 1 {
		t.Errorf("the bundle before the checkpoint has %d checkpoints, and error %v", len(made.Checkpoints), err)
	}
	for name, events := range map[string][]ledger.Event{"none": nil, "the first": s.events[:1], "the last": s.events[1:], "the first twice": {s.events[0], s.events[0]}} {
		if _, err := projection.BundleOf(s.at.Job, eventsOf(events...), projection.Basis{}); err == nil {
			t.Errorf("a bundle is made of %s of 2 events", name)
		}
	}
	failed := fmt.Errorf("no disk")
	broken := func(yield func(ledger.Event, error) bool) { yield(ledger.Event{}, failed) }
	if _, err := projection.BundleOf(s.at.Job, broken, projection.Basis{}); err != failed {
		t.Errorf("error %v, want that of the events", err)
	}
}

// Bundles are kept in testdata as they are written.
func TestBundleJSON(t *testing.T) {
	s := tell(t)
	out := line(t, s.bundle(projection.Basis{}))
	exit := int64(75)
	s.checkpoint(ledger.CheckpointPlan)
	s.tells(takes(1),
		told{"worker_1", 1, ledger.CheckpointAdded{
			CheckpointID: "cp_0002", CheckpointType: progress, Summary: "3 of 14", Progress: ledger.StepCount{Done: 3, Total: 14}, ContentKey: two,
			Attachments: []ledger.Attachment{{Content: subject, Role: ledger.AttachState}, {Content: other, Role: ledger.AttachState}},
		}},
		told{"worker_1", 1, ledger.CheckpointAdded{CheckpointID: "cp_0003", CheckpointType: decision, Summary: "pay?", RequiredAction: "decide", Decision: ledger.Decision{Subject: subject}}},
		told{"worker_1", 1, ledger.AttemptEnded{Number: 1, Cause: ledger.AttemptAsked, Exit: &exit, Log: other}})
	s.verdict(projection.Approved, "vera")
	s.tells(resumesWith(func(p *ledger.Resumed) {
		p.ActualFingerprint, p.Reason = "envfp:there", "new machine"
		p.CurrentPolicyDigest, p.CurrentPolicyRef = one, "refunds"
	})(s), takes(2))
	out = append(out, line(t, s.bundle(projection.Basis{Reading: epoch.Add(30 * time.Second)}))...)
	c := atTheGate(t)
	c.clears(intent, "c1")
	c.by("wim", c.allow(intent2, "c2"))
	v, err := projection.BundleOf(c.fold.Job, eventsOf(c.Events[1:]...), c.basis())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "bundles.jsonl", append(out, line(t, v)...))
}
