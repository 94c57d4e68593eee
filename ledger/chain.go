package ledger

import (
	"fmt"
	"time"
)

// A Head is the end of a ledger, after which the next event goes.
// The zero Head is that of an empty ledger.
type Head struct {
	Size int64     // events so far; the next event's Seq
	Leaf Hash      // leaf hash of the last event
	Time time.Time // of the last event

	Authority Hash // leaf hash of the newest authority event; zero if there is none
}

// HeadAfter returns the head after e, which stands in the ledger. It does not check e.
func HeadAfter(e Event) Head {
	h := Head{Size: int64(e.Seq()) + 1, Leaf: e.LeafHash(), Time: e.Time(), Authority: e.Authority()}
	if e.Type().OfAuthority() {
		h.Authority = e.LeafHash()
	}
	return h
}

// Follow returns the head after e. It fails with a *CorruptError if e cannot
// be the next event.
func (h Head) Follow(e Event) (Head, error) {
	switch {
	case e.Seq() != Seq(h.Size):
		return h, corrupt(Seq(h.Size), "expected seq %d, found %d", h.Size, e.Seq())
	case e.Prev() != h.Leaf:
		return h, corrupt(e.Seq(), "expected prev %s, found %s", h.Leaf, e.Prev())
	case e.Time().Before(h.Time):
		return h, corrupt(e.Seq(), "expected created_at not before %s, found %s", FormatTime(h.Time), FormatTime(e.Time()))
	case h.Size == 0 && e.Type() != TypeLedgerCreated:
		return h, corrupt(e.Seq(), "expected %s first, found %s", TypeLedgerCreated, e.Type())
	case h.Size > 0 && e.Type() == TypeLedgerCreated:
		return h, corrupt(e.Seq(), "%s again", TypeLedgerCreated)
	case e.Authority() != h.Authority:
		return h, corrupt(e.Seq(), "expected the authority %s, found %s", h.Authority, e.Authority())
	}
	return HeadAfter(e), nil
}

// A JobHead is the end of a job. The zero JobHead is that of a job without events.
type JobHead struct {
	JobSeq   int64 // of the job's last event; also the number of its events
	Leaf     Hash  // leaf hash of that event
	Revision int64 // the job's revision
	Seq      Seq   // of that event in the ledger
	Time     time.Time
}

// Follow returns the job's head after e, an event of the same job. It fails
// with a *CorruptError if e cannot be the job's next event.
func (h JobHead) Follow(e Event) (JobHead, error) {
	revision := h.Revision + 1
	if e.Type() == TypeRefused {
		revision = h.Revision
	}
	switch {
	case e.JobSeq() != h.JobSeq+1:
		return h, corrupt(e.Seq(), "expected job_seq %d of job %s, found %d", h.JobSeq+1, e.JobID(), e.JobSeq())
	case e.JobPrev() != h.Leaf:
		return h, corrupt(e.Seq(), "expected job_prev %s, found %s", h.Leaf, e.JobPrev())
	case e.Revision() != revision:
		return h, corrupt(e.Seq(), "expected revision %d of job %s, found %d", revision, e.JobID(), e.Revision())
	case h.JobSeq > 0 && e.Seq() <= h.Seq:
		return h, corrupt(e.Seq(), "expected a seq after %d", h.Seq)
	case e.Time().Before(h.Time):
		return h, corrupt(e.Seq(), "expected created_at not before %s, found %s", FormatTime(h.Time), FormatTime(e.Time()))
	}
	return JobHead{JobSeq: e.JobSeq(), Leaf: e.LeafHash(), Revision: e.Revision(), Seq: e.Seq(), Time: e.Time()}, nil
}

// At returns the time to write in the next event if the clock reads now. Time
// never falls in a ledger: if the clock has stepped back, at is the time of the
// last event, and clock is the reading to record beside it.
func (h Head) At(now time.Time) (at, clock time.Time) {
	now = now.UTC().Truncate(time.Millisecond)
	if now.Before(h.Time) {
		return h.Time, now
	}
	return now, time.Time{}
}

// Created returns the key that a ledger's event 0 names. It fails with a
// *CorruptError if e is not an event 0, or names a key of another origin.
func Created(e Event) (VerifierKey, error) {
	p, ok := e.Payload().(LedgerCreated)
	if !ok || e.Seq() != 0 {
		return VerifierKey{}, corrupt(e.Seq(), "expected event 0, %s", TypeLedgerCreated)
	}
	if p.Format != Format {
		return VerifierKey{}, fmt.Errorf("ledger format %d: %w", p.Format, ErrUnsupportedVersion)
	}
	key, err := ParseVerifierKey(p.Key)
	if err != nil {
		return VerifierKey{}, &CorruptError{Reason: "its key", Err: err}
	}
	if key.Name() != e.Origin() {
		return VerifierKey{}, corrupt(0, "origin %s, but a key of %s", e.Origin(), key.Name())
	}
	return key, nil
}

// Format is the ledger format that this package reads and writes.
const Format = 1
