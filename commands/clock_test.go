package commands_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A clock that is probably wrong writes nothing, for a job or for the ledger, unless the
// request accepts it; what it wrote does not make it right. It keeps no job from a stop.
func TestSuspectClock(t *testing.T) {
	l := ledgertest.New(t)
	now := ledgertest.Start
	engine := &commands.Engine{Log: l.Log, Now: func() time.Time { return now }, Entropy: ledgertest.Entropy(3)}
	do := func(c commands.Command, accept bool) (commands.Result, error) {
		r := commands.Request{JobID: "job_1", Actor: "worker_1", Command: c, AcceptClock: accept}
		if commands.RowOf(c).OfLedger {
			r.JobID, r.Actor = "", ""
		}
		return engine.Do(t.Context(), r)
	}
	begin := commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/1"}
	if _, err := do(begin, false); err != nil {
		t.Fatal(err)
	}
	size := l.Log.Head().Size
	for _, at := range []time.Time{ledgertest.Start.AddDate(374, 0, 0), ledgertest.Start.AddDate(-63, 0, 0), ledgertest.Start.AddDate(2, 0, 0)} {
		now = at
		for _, c := range []commands.Command{commands.Pause{}, commands.Approve{}, commands.CommitIndex{}} {
			var suspect *ledger.ClockError
			if _, err := do(c, false); !errors.As(err, &suspect) || l.Log.Head().Size != size {
				t.Errorf("%s at %v = %v, want a *ledger.ClockError and no event", c.Verb(), at, err)
			}
		}
	}
	now = ledgertest.Start.AddDate(374, 0, 0)
	if result, err := do(commands.Pause{}, true); err != nil || !result.Event.Time().Equal(now) {
		t.Errorf("a pause that accepts the clock = %v at %v", err, result.Event.Time())
	}
	now = ledgertest.Start.Add(time.Hour)
	result, err := do(commands.CommitIndex{}, false)
	if err != nil || !result.Event.Time().Equal(ledgertest.Start.AddDate(374, 0, 0)) || !result.Event.Reading().Equal(now) {
		t.Errorf("the event behind it = %v, at %v by a clock that reads %v", err, result.Event.Time(), result.Event.Reading())
	}
	read := now
	now = ledgertest.Start.AddDate(2, 0, 0)
	var suspect *ledger.ClockError
	if _, err := do(commands.Cancel{}, false); !errors.As(err, &suspect) {
		t.Errorf("a clock is compared with the time that a wrong one gave, not with what the last one read: %v", err)
	}
	result, err = do(commands.Stop{}, false)
	if err != nil || !result.Event.Time().Equal(ledgertest.Start.AddDate(374, 0, 0)) || !result.Event.Reading().Equal(read) {
		t.Errorf("a stop by a suspect clock = %v, at %v by a clock that reads %v, want what the event before it has", err, result.Event.Time(), result.Event.Reading())
	}
}

// The last event may be damaged. Then its time, which the head holds, is what counts.
func TestClockBehindDamage(t *testing.T) {
	l := ledgertest.New(t)
	engine := &commands.Engine{Log: lostLast{l.Log}, Now: func() time.Time { return ledgertest.Start.AddDate(2, 0, 0) }, Entropy: ledgertest.Entropy(3)}
	r := commands.Request{JobID: "job_1", Actor: "worker_1", Command: commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/1"}}
	var suspect *ledger.ClockError
	if _, err := engine.Do(t.Context(), r); !errors.As(err, &suspect) {
		t.Errorf("two years behind a damaged event = %v, want a *ledger.ClockError", err)
	}
	engine.Now = func() time.Time { return ledgertest.Start.Add(time.Hour) }
	if _, err := engine.Do(t.Context(), r); err != nil {
		t.Errorf("an hour behind a damaged event = %v", err)
	}
}

// lostLast is a log whose last event cannot be read.
type lostLast struct{ commands.Log }

func (l lostLast) Event(ctx context.Context, seq ledger.Seq) (ledger.Event, error) {
	if int64(seq) == l.Head().Size-1 {
		return ledger.Event{}, &ledger.CorruptError{Seq: seq}
	}
	return l.Log.Event(ctx, seq)
}

// That a request accepts the clock is in its canonical text, and not in its digest.
func TestAcceptClockIsEncoded(t *testing.T) {
	r := commands.Request{JobID: "job_1", Actor: "worker_1", Command: commands.Pause{}, AcceptClock: true}
	b, err := commands.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"accept_clock":true,"actor":"worker_1","arguments":{},"job_id":"job_1","verb":"pause"}`
	if again, err := commands.Parse(b); string(b) != want || err != nil || !again.AcceptClock {
		t.Errorf("encoded as %s, read as %v, %v, want %s", b, again, err, want)
	}
}
