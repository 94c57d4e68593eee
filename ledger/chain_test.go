package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
)

// history returns five sealed events: the ledger's creation, two events of job
// a, of which the second is a refusal, one event of job b, and a third of job a.
func history(t testing.TB) []ledger.Event {
	t.Helper()
	key := testKey(t, testOrigin)
	job := func(seq ledger.Seq, id string, jobSeq, revision int64, p ledger.Payload) ledger.Draft {
		return ledger.Draft{
			Seq: seq, ID: testULID, Origin: testOrigin, Actor: "a", Time: testTime.Add(time.Duration(seq) * time.Second),
			JobID: id, JobSeq: jobSeq, Revision: revision, Payload: p,
		}
	}
	drafts := []ledger.Draft{
		{ID: testULID, Origin: testOrigin, Actor: "a", Time: testTime, Payload: ledger.LedgerCreated{Format: 1, Key: key.VerifierKey().String()}},
		job(1, "a", 1, 1, ledger.Submitted{EnvironmentFingerprint: "e", ProducerVersion: "1"}),
		job(2, "a", 2, 1, ledger.Refused{Command: "resume", Refusal: "invalid_transition", Exit: 6}),
		job(3, "b", 1, 1, ledger.Submitted{EnvironmentFingerprint: "e", ProducerVersion: "1"}),
		job(4, "a", 3, 2, ledger.Paused{}),
	}
	last := map[string]ledger.Hash{}
	var events []ledger.Event
	for i, d := range drafts {
		if i > 0 {
			d.Prev, d.JobPrev = events[i-1].LeafHash(), last[d.JobID]
		}
		events = append(events, seal(t, d))
		last[d.JobID] = events[i].LeafHash()
	}
	return events
}

func TestHeadFollow(t *testing.T) {
	events := history(t)
	var head ledger.Head
	for i, e := range events {
		next, err := head.Follow(e)
		want := ledger.Head{Size: int64(i) + 1, Leaf: e.LeafHash(), Time: e.Time()}
		if err != nil || next != want {
			t.Fatalf("Follow(event %d) = %+v, %v, want %+v", i, next, err, want)
		}
		head = next
	}
	at := func(n int) (h ledger.Head) {
		for _, e := range events[:n] {
			h, _ = h.Follow(e)
		}
		return h
	}
	for _, tt := range []struct {
		name string
		head ledger.Head
		edit func(*ledger.Draft) // makes the event that may not follow
		seq  ledger.Seq
	}{
		{"dropped", at(2), func(e *ledger.Draft) { *e = events[3].Draft() }, 2},
		{"twice", at(3), func(e *ledger.Draft) { *e = events[2].Draft() }, 3},
		{"first again", at(1), func(e *ledger.Draft) { *e = events[0].Draft() }, 1},
		{"seq too high", at(2), func(e *ledger.Draft) { e.Seq++ }, 2},
		{"other prev", at(2), func(e *ledger.Draft) { e.Prev = hashOf("other") }, 2},
		{"edited before", at(2), func(e *ledger.Draft) { e.Prev[0] ^= 1 }, 2},
		{"backdated", at(2), func(e *ledger.Draft) { e.Time = events[1].Time().Add(-time.Millisecond) }, 2},
		{"another first", at(0), func(e *ledger.Draft) { *e = events[1].Draft(); e.Seq, e.Prev = 0, ledger.Hash{} }, 0},
		{"created again", at(2), func(e *ledger.Draft) {
			*e = events[0].Draft()
			e.Seq, e.Prev, e.Time = 2, events[1].LeafHash(), events[2].Time()
		}, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := events[tt.head.Size].Draft()
			tt.edit(&d)
			after, err := tt.head.Follow(ledger.Unchecked(d))
			wantCorrupt(t, err, tt.seq)
			if after != tt.head {
				t.Errorf("a refused event moved the head to %+v", after)
			}
		})
	}
	same := events[2].Draft()
	same.Time = events[1].Time()
	if _, err := at(2).Follow(seal(t, same)); err != nil {
		t.Errorf("Follow of an event at the same time: %v", err)
	}
}

// Every event names the newest authority event before it.
func TestHeadFollowsAuthority(t *testing.T) {
	head := ledger.Head{}
	var events []ledger.Event
	add := func(p ledger.Payload) ledger.Event {
		d := eventOf(p)
		d.Seq, d.Prev, d.Authority = ledger.Seq(head.Size), head.Leaf, head.Authority
		e := seal(t, d)
		next, err := head.Follow(e)
		if err != nil || next != ledger.HeadAfter(e) {
			t.Fatalf("Follow(event %d) = %+v, %v, want %+v", e.Seq(), next, err, ledger.HeadAfter(e))
		}
		head, events = next, append(events, e)
		return e
	}
	enrol := enrolled(func(*ledger.ActorEnrolled) {}).Payload
	add(ledger.LedgerCreated{Format: 1, Key: vkeyText})
	if !head.Authority.IsZero() {
		t.Errorf("after event 0 the authority is %s", head.Authority)
	}
	first := add(enrol)
	if head.Authority != first.LeafHash() {
		t.Errorf("after the first authority event the authority is %s, want that event", head.Authority)
	}
	add(ledger.IndexCommitted{Index: hashOf("index")})
	if head.Authority != first.LeafHash() {
		t.Errorf("after another event the authority is %s, want that of the first authority event", head.Authority)
	}
	second := add(ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeAll})
	add(ledger.KeyRotated{Key: vkeyText, Previous: "old"})
	for _, tt := range []struct {
		name string
		size int
		is   ledger.Hash
	}{
		{"one before there is any", 1, first.LeafHash()},
		{"none after the first", 2, ledger.Hash{}},
		{"another", 2, hashOf("other")},
		{"none of a second authority event", 3, ledger.Hash{}},
		{"the one before", 4, first.LeafHash()},
		{"itself", 4, events[4].LeafHash()},
	} {
		d := events[tt.size].Draft()
		d.Authority = tt.is
		_, err := ledger.HeadAfter(events[tt.size-1]).Follow(seal(t, d))
		wantCorrupt(t, err, d.Seq)
	}
	if second.Authority() != first.LeafHash() {
		t.Errorf("the second authority event follows %s, want the first", second.Authority())
	}
}

func TestJobHeadFollow(t *testing.T) {
	events := history(t)
	job := []ledger.Event{events[1], events[2], events[4]}
	heads := []ledger.JobHead{{}}
	for _, e := range job {
		next, err := heads[len(heads)-1].Follow(e)
		want := ledger.JobHead{JobSeq: e.JobSeq(), Leaf: e.LeafHash(), Revision: e.Revision(), Seq: e.Seq(), Time: e.Time()}
		if err != nil || next != want {
			t.Fatalf("Follow(event %d) = %+v, %v, want %+v", e.Seq(), next, err, want)
		}
		heads = append(heads, next)
	}
	for _, tt := range []struct {
		name string
		head int
		edit func(*ledger.Draft)
	}{
		{"dropped", 1, func(e *ledger.Draft) { *e = job[2].Draft() }},
		{"twice", 2, func(e *ledger.Draft) { *e = job[1].Draft() }},
		{"of another job", 1, func(e *ledger.Draft) { *e = events[3].Draft() }},
		{"job_seq too high", 2, func(e *ledger.Draft) { e.JobSeq++ }},
		{"other job_prev", 2, func(e *ledger.Draft) { e.JobPrev = hashOf("other") }},
		{"no job_prev", 2, func(e *ledger.Draft) { e.JobPrev = ledger.Hash{} }},
		{"first with job_prev", 0, func(e *ledger.Draft) { e.JobPrev = hashOf("other") }},
		{"first at revision 2", 0, func(e *ledger.Draft) { e.Revision = 2 }},
		{"revision stays", 2, func(e *ledger.Draft) { e.Revision = 1 }},
		{"revision jumps", 2, func(e *ledger.Draft) { e.Revision = 3 }},
		{"revision grows on a refusal", 1, func(e *ledger.Draft) { e.Revision = 2 }},
		{"refused first", 0, func(e *ledger.Draft) { e.Payload = job[1].Payload() }},
		{"earlier in the ledger", 2, func(e *ledger.Draft) { e.Seq = 2 }},
		{"backdated", 2, func(e *ledger.Draft) { e.Time = job[1].Time().Add(-time.Millisecond) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := job[min(tt.head, 2)].Draft()
			tt.edit(&d)
			_, err := heads[tt.head].Follow(ledger.Unchecked(d))
			wantCorrupt(t, err, d.Seq)
		})
	}
}

func TestHeadAt(t *testing.T) {
	head := ledger.Head{Size: 1, Time: testTime}
	zone := time.FixedZone("CET", 3600)
	for _, tt := range []struct {
		name           string
		now, at, clock time.Time
	}{
		{"later", testTime.Add(time.Second), testTime.Add(time.Second), time.Time{}},
		{"same", testTime, testTime, time.Time{}},
		{"cut to milliseconds", testTime.Add(1999 * time.Microsecond), testTime.Add(time.Millisecond), time.Time{}},
		{"same millisecond", testTime.Add(999 * time.Microsecond), testTime, time.Time{}},
		{"a millisecond back", testTime.Add(-time.Millisecond), testTime, testTime.Add(-time.Millisecond)},
		{"a microsecond back", testTime.Add(-time.Microsecond), testTime, testTime.Add(-time.Millisecond)},
		{"years back", testTime.AddDate(-50, 0, 0), testTime, testTime.AddDate(-50, 0, 0)},
		{"another zone", testTime.Add(time.Second).In(zone), testTime.Add(time.Second), time.Time{}},
	} {
		at, clock := head.At(tt.now)
		if at != tt.at || clock != tt.clock {
			t.Errorf("%s: At(%s) = %s, %s, want %s, %s", tt.name, tt.now, at, clock, tt.at, tt.clock)
		}
		e := eventOf(ledger.Paused{})
		e.Time, e.Clock = at, clock
		seal(t, e) // the time that At returns can be written
	}
	if at, clock := (ledger.Head{}).At(time.Now()); at.IsZero() || !clock.IsZero() || at.Location() != time.UTC {
		t.Errorf("At of an empty ledger = %s, %s, want the time itself", at, clock)
	}
}

func TestCreated(t *testing.T) {
	events, key := history(t), testKey(t, testOrigin).VerifierKey()
	if got, err := ledger.Created(events[0]); err != nil || got != key {
		t.Errorf("Created = %v, %v, want %v", got, err, key)
	}
	_, err := ledger.Created(events[1])
	wantCorrupt(t, err, 1)

	with := func(change func(*ledger.Draft, *ledger.LedgerCreated)) ledger.Event {
		d, p := events[0].Draft(), events[0].Payload().(ledger.LedgerCreated)
		change(&d, &p)
		d.Payload = p
		return seal(t, d)
	}
	_, err = ledger.Created(with(func(e *ledger.Draft, p *ledger.LedgerCreated) { e.Origin = "gait.example/log2" }))
	wantCorrupt(t, err, 0)
	_, err = ledger.Created(with(func(e *ledger.Draft, p *ledger.LedgerCreated) { p.Key = "no key" }))
	wantCorrupt(t, err, 0)
	if !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("Created with a bad key = %v, want ErrMalformed inside", err)
	}
	_, err = ledger.Created(with(func(e *ledger.Draft, p *ledger.LedgerCreated) { p.Format = 2 }))
	if !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("Created with format 2 = %v, want ErrUnsupportedVersion", err)
	}
}

func TestCorruptErrorText(t *testing.T) {
	cause := errors.New("bad tile")
	for _, tt := range []struct {
		err  *ledger.CorruptError
		want string
	}{
		{&ledger.CorruptError{Seq: 3, Reason: "expected a, found b"}, "event 3 is corrupt: expected a, found b"},
		{&ledger.CorruptError{Seq: -1, Reason: "no root", Err: cause}, "ledger is corrupt: no root: bad tile"},
		{&ledger.CorruptError{Seq: 0}, "event 0 is corrupt"},
	} {
		if diff := cmp.Diff(tt.want, tt.err.Error()); diff != "" {
			t.Errorf("Error (-want +got):\n%s", diff)
		}
		if errors.Unwrap(tt.err) != tt.err.Err {
			t.Errorf("Unwrap = %v, want %v", errors.Unwrap(tt.err), tt.err.Err)
		}
	}
}
