package ledger

import (
	"fmt"
	"io"
	"time"

	"github.com/oklog/ulid/v2"
)

// The years in which a clock can be right. No gait wrote an event before 2020, and
// machines that have lost the time begin again at 1970, 1980 or 2000, or at the year in
// which their firmware was built. After 2200 there will be another gait; clocks that are
// misread, in other units or as text, show years far beyond it.
const (
	firstYear = 2020
	endYear   = 2200
)

// maxAhead is how far a clock may be ahead of the last event of its ledger: a ledger
// that gets no event for a year is no fault.
const maxAhead = 400 * 24 * time.Hour

// A ClockError says that a clock is probably wrong. An event would keep its time for
// ever, and so would all later events, since time never falls in a ledger.
type ClockError struct {
	Reading time.Time
	Last    time.Time // what the clock of the last event read; zero if the year alone is wrong
}

func (e *ClockError) Error() string {
	if e.Last.IsZero() {
		return fmt.Sprintf("the clock reads %s, a year not from %d to %d", FormatTime(e.Reading), firstYear, endYear-1)
	}
	return fmt.Sprintf("the clock reads %s, more than %d days after the last event, of %s", FormatTime(e.Reading), maxAhead/(24*time.Hour), FormatTime(e.Last))
}

// Fault returns what kind of error it is.
func (*ClockError) Fault() Fault { return Fault{Code: "clock_suspect", Category: CategoryIO} }

// CheckClock fails with a *ClockError if a clock that reads now is probably wrong. last
// is the reading of the ledger's last event, or zero if there is none.
func CheckClock(now, last time.Time) error {
	now = now.UTC()
	switch {
	case now.Year() < firstYear || now.Year() >= endYear:
		return &ClockError{Reading: now}
	case !last.IsZero() && now.Sub(last) > maxAhead:
		return &ClockError{Reading: now, Last: last}
	}
	return nil
}

// NewULID makes a ULID of a time. One that a ULID cannot hold is replaced by the nearest
// that it can: an event's time is its own field.
func NewULID(at time.Time, entropy io.Reader) (string, error) {
	ms := uint64(min(max(at.UnixMilli(), 0), int64(ulid.MaxTime())))
	id, err := ulid.New(ms, entropy)
	if err != nil {
		return "", fmt.Errorf("making a ULID: %w", err)
	}
	return id.String(), nil
}
