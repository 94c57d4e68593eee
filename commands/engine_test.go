package commands_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

func TestEveryReasonIsKept(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	because := func(r commands.Request) ledger.Payload {
		t.Helper()
		r.Reason = "because"
		return b.must(r).Event.Payload()
	}
	got := []ledger.Payload{
		because(pause()), because(approve("reviewer")), because(deny("reviewer")), because(approve("reviewer")),
		because(resume()), because(by("boss", commands.Stop{})), because(by("boss", commands.Cancel{})),
	}
	for _, p := range got {
		text, err := ledger.EncodePayload(p)
		if err != nil || !strings.Contains(string(text), `"reason":"because"`) {
			t.Errorf("%s = %s (%v), want the reason in it", p.Type(), text, err)
		}
	}
}

func TestJobNotFound(t *testing.T) {
	for name, r := range columns {
		b := newBench(t)
		if err := b.fails(r); !errors.Is(err, commands.ErrJobNotFound) {
			t.Errorf("%s of no job = %v, want ErrJobNotFound", name, err)
		}
	}
}

func TestJobExists(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	if err := b.fails(submit()); !errors.Is(err, commands.ErrJobExists) {
		t.Errorf("submitting again = %v, want ErrJobExists", err)
	}
	b.must(by("boss", commands.Cancel{}))
	if err := b.fails(submit()); !errors.Is(err, commands.ErrJobExists) {
		t.Errorf("submitting a cancelled job again = %v, want ErrJobExists", err)
	}
}

func TestSubmitMakesAnID(t *testing.T) {
	b := newBench(t)
	request := submit()
	request.RequestID = "r-1"
	first, err := b.engine.Do(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Job.ID) != 26 || first.Job.ID == first.Event.ID() || ledger.FieldJobID.Check(first.Job.ID) != nil {
		t.Errorf("job id %q, want a ULID of its own", first.Job.ID)
	}
	again, err := b.engine.Do(t.Context(), request)
	if err != nil || !again.Replayed || again.Job.ID != first.Job.ID {
		t.Errorf("retry gives job %q, replayed %t (%v), want %q", again.Job.ID, again.Replayed, err, first.Job.ID)
	}
	request.RequestID = ""
	other, err := b.engine.Do(t.Context(), request)
	if err != nil || other.Job.ID == first.Job.ID {
		t.Errorf("another submit gives job %q (%v), want another one", other.Job.ID, err)
	}
	b.log.check(t)
}

func TestIfRevision(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	b.refused(resume(), projection.InvalidTransition, 6) // a refusal does not change the revision
	at := func(revision int64) commands.Request {
		r := checkpoint(ledger.CheckpointProgress)
		r.IfRevision = &revision
		return r
	}
	b.must(at(1), at(2))
	for _, revision := range []int64{0, 1, 2, 4} {
		err := b.fails(at(revision))
		got, ok := errors.AsType[*commands.RevisionError](err)
		if !ok || *got != (commands.RevisionError{JobID: "job_1", Want: revision, Found: 3}) {
			t.Errorf("at revision %d: %v, want a RevisionError", revision, err)
		}
	}
	stale := resume() // would be refused if the revision were right
	revision := int64(1)
	stale.IfRevision = &revision
	if _, ok := errors.AsType[*commands.RevisionError](b.fails(stale)); !ok {
		t.Error("a stale command was refused, want a RevisionError")
	}
}

func TestDryRun(t *testing.T) {
	dry := func(r commands.Request) commands.Request {
		r.DryRun = true
		return r
	}
	b := newBench(t)
	size := b.size()
	result := b.must(dry(submit()))
	if b.size() != size || b.log.appends != 0 {
		t.Fatal("a dry submit wrote something")
	}
	if _, ok := result.Event.Payload().(ledger.Submitted); !ok || result.Job.Status != projection.Running {
		t.Errorf("dry submit = %T, %s", result.Event.Payload(), result.Job.Status)
	}
	b.must(submit())
	before := b.job("job_1")

	result = b.must(dry(decision()))
	want := ledger.Payload(ledger.CheckpointAdded{
		CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded,
		RequiredAction: "decide", Summary: "about decision-needed",
	})
	if diff := cmp.Diff(want, result.Event.Payload()); diff != "" {
		t.Errorf("payload of a dry run (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ledger.Receipt{}, result.Receipt); diff != "" || result.Job.Status != projection.DecisionNeeded || result.Job.Revision != 2 {
		t.Errorf("dry run: %s at revision %d, receipt %+v", result.Job.Status, result.Job.Revision, result.Receipt)
	}

	_, err := b.do(dry(resume()))
	no, ok := errors.AsType[*commands.RefusedError](err)
	if !ok || no.Refusal.Code != projection.InvalidTransition || no.Result.Event.Type() != ledger.TypeRefused {
		t.Errorf("dry resume = %v, want the refusal", err)
	}
	if diff := cmp.Diff(before, b.job("job_1")); diff != "" || b.log.appends != 1 {
		t.Errorf("dry runs appended %d times and changed the job (-before +after):\n%s", b.log.appends-1, diff)
	}
	b.log.check(t)
}

// A dry run does not use up a request id.
func TestDryRunWithRequestID(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	r := pause()
	r.RequestID, r.DryRun = "r-1", true
	b.must(r)
	r.DryRun = false
	if result := b.must(r); result.Replayed {
		t.Error("the command after a dry run is taken for a retry")
	}
}

func TestConflictsAreRetried(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	for _, conflicts := range []int{1, 2, commands.Attempts - 1} {
		b.log.fail = slices.Repeat([]error{ledger.ErrConflict}, conflicts)
		b.log.appends = 0
		b.must(checkpoint(ledger.CheckpointProgress))
		if b.log.appends != conflicts+1 {
			t.Errorf("%d conflicts: %d attempts, want one more", conflicts, b.log.appends)
		}
	}
	b.log.fail = slices.Repeat([]error{ledger.ErrConflict}, 10*commands.Attempts)
	b.log.appends = 0
	if err := b.fails(pause()); !errors.Is(err, commands.ErrContention) || b.log.appends != commands.Attempts {
		t.Errorf("conflicts for ever: %v after %d attempts, want ErrContention after %d", err, b.log.appends, commands.Attempts)
	}
}

func TestConflictsEndWithTheContext(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	ctx, cancel := context.WithCancel(t.Context())
	b.log.onCommit = func(int) { cancel() }
	b.log.fail = slices.Repeat([]error{ledger.ErrConflict}, 10*commands.Attempts)
	b.log.appends = 0
	_, err := b.engine.Do(ctx, commands.Request{JobID: "job_1", Actor: "worker_1", Command: commands.Pause{}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled command = %v", err)
	}
	// The caller may return while the first attempt is still being made.
	for until := time.Now().Add(10 * time.Second); b.log.tried() == 0 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if n := b.log.tried(); n != 1 {
		t.Errorf("a cancelled command was tried %d times", n)
	}
}

// After a conflict the command is decided on the state that is read then.
func TestConflictIsDecidedAgain(t *testing.T) {
	b := newBench(t)
	b.must(submit(), pause())
	first := b.engine
	b.engine = &commands.Engine{Log: b.log, Now: first.Now, Entropy: first.Entropy} // which does not know the job yet
	b.log.onLoad = func() {
		if _, err := first.Do(t.Context(), commands.Request{JobID: "job_1", Actor: "boss", Command: commands.Stop{}}); err != nil {
			t.Error(err)
		}
	}
	_, err := b.do(resume())
	if no, ok := errors.AsType[*commands.RefusedError](err); !ok || no.Refusal.Code != projection.InvalidTransition {
		t.Errorf("resume of a job that was stopped meanwhile = %v, want a refusal", err)
	}
	b.log.check(t)
	if got := b.job("job_1").Status; got != projection.EmergencyStopped {
		t.Errorf("a job stopped while a resume was decided is %s", got)
	}
}

func TestOtherErrorsOfTheLog(t *testing.T) {
	for _, cause := range []error{ledger.ErrOutcomeUnknown, errors.New("disk on fire")} {
		b := newBench(t)
		b.must(submit())
		b.log.fail, b.log.appends = []error{cause}, 0
		if err := b.fails(pause()); !errors.Is(err, cause) || b.log.appends != 1 {
			t.Errorf("%v is returned as %v after %d attempts, want it at once", cause, err, b.log.appends)
		}
		b.log.fail = []error{cause}
		if err := b.fails(resume()); !errors.Is(err, cause) {
			t.Errorf("a refusal that could not be written = %v, want %v", err, cause)
		}
	}
}

func TestClockSteppedBack(t *testing.T) {
	b := newBench(t)
	first := b.must(submit())
	b.now = b.now.Add(-time.Hour)
	second := b.must(decision())
	if e := second.Event; !e.Time().Equal(first.Event.Time()) || !e.Clock().Equal(b.now) {
		t.Errorf("after a step back: time %s, clock %s, want %s, %s", e.Time(), e.Clock(), first.Event.Time(), b.now)
	}
	when := ledger.FormatTime(first.Event.Time())
	if j := second.Job; j.Updated != when || j.LastCheckpoint.Created != when || j.Decisions[0].Created != when {
		t.Errorf("views show %s, %s, %s, want the event's time %s", j.Updated, j.LastCheckpoint.Created, j.Decisions[0].Created, when)
	}
	if no := b.refused(resume(), projection.ApprovalRequired, 4); no.Result.Event.Clock().IsZero() {
		t.Error("a refusal lost the clock's reading")
	}
	b.now = b.now.Add(2 * time.Hour)
	if e := b.must(pause()).Event; !e.Clock().IsZero() || !e.Time().Equal(b.now) {
		t.Errorf("after the clock is right again: time %s, clock %s, want %s and none", e.Time(), e.Clock(), b.now)
	}
}

func TestTimesAreUTCMilliseconds(t *testing.T) {
	b := newBench(t)
	b.engine.Now = func() time.Time {
		return time.Date(2026, 12, 1, 1, 2, 3, 4_999_999, time.FixedZone("far", 3600))
	}
	if got, want := b.must(submit()).Job.Created, "2026-12-01T00:02:03.004Z"; got != want {
		t.Errorf("created at %s, want %s", got, want)
	}
}

// If there is no ledger yet, a dry run decides as in an empty one.
func TestEmptyLog(t *testing.T) {
	b := newBench(t)
	b.engine.Log = commands.EmptyLog{}
	request := submit()
	request.DryRun, request.RequestID = true, "r-1"
	result, err := b.engine.Do(t.Context(), request)
	if err != nil || result.Job.Status != projection.Running || result.Job.Revision != 1 {
		t.Errorf("dry submit = %s at revision %d (%v)", result.Job.Status, result.Job.Revision, err)
	}
	request = pause()
	request.JobID, request.DryRun = "job_1", true
	if _, err := b.engine.Do(t.Context(), request); !errors.Is(err, commands.ErrJobNotFound) {
		t.Errorf("dry pause = %v, want ErrJobNotFound", err)
	}
}

// A forgingLog shows another event in place of one.
type forgingLog struct {
	*hookedLog
	forged ledger.Event
}

// Event implements ledger.EventReader.
func (l forgingLog) Event(ctx context.Context, seq ledger.Seq) (ledger.Event, error) {
	if seq == l.forged.Seq() {
		return l.forged, nil
	}
	return l.hookedLog.Event(ctx, seq)
}

// A refusal that is repeated is answered with the event that the job's head names, and
// with no other.
func TestRepeatedRefusalIsTheJobsLastEvent(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	again := resume()
	first := b.refused(again, projection.InvalidTransition, 6)
	d := first.Result.Event.Draft()
	d.Time = d.Time.Add(time.Second)
	forged, err := ledger.Seal(d)
	if err != nil {
		t.Fatal(err)
	}
	b.engine = &commands.Engine{Log: forgingLog{b.log, forged}, Entropy: b.engine.Entropy, Now: b.engine.Now}
	_, err = b.do(again)
	if c, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt || c.Seq != forged.Seq() {
		t.Errorf("Do = %v, want a *CorruptError about event %d", err, forged.Seq())
	}
}

// A losingLog has lost all jobs.
type losingLog struct{ *hookedLog }

// Load implements ledger.EventReader.
func (l losingLog) Load(ctx context.Context, jobs, requests []string, calls ...ledger.CallID) (ledger.Records, error) {
	found, err := l.hookedLog.Load(ctx, nil, requests, calls...)
	return found, err
}

// A request id whose event is of no job is damage, and nothing that ends the process.
func TestReplayOfALostJob(t *testing.T) {
	b := newBench(t)
	r := submit()
	r.RequestID = "r1"
	b.must(r)
	b.engine = &commands.Engine{Log: losingLog{b.log}, Entropy: b.engine.Entropy, Now: b.engine.Now}
	_, err := b.do(r)
	if c, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt || c.Seq != 1 {
		t.Errorf("Do = %v, want a *ledger.CorruptError about event 1", err)
	}
}
