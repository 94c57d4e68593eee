package projection_test

import (
	"testing"
	"time"

	"gait/ledger"
	"gait/projection"
)

// Each point includes the events up to it and none after, also the refusals of a
// revision.
func TestAsOf(t *testing.T) {
	at := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	s := tell(t)
	var all []ledger.Event
	for i, revision := range []int64{1, 2, 2, 3} {
		d := s.draft("worker_1", ledger.Paused{})
		d.Seq, d.Revision, d.Time = ledger.Seq(3+2*i), revision, at.Add(time.Duration(i)*time.Minute)
		all = append(all, s.seal(d))
	}
	events := func(yield func(ledger.Event, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
	for _, tt := range []struct {
		name string
		at   projection.AsOf
		want int
	}{
		{"the end", projection.AsOf{}, 4},
		{"revision 0", projection.AtRevision(0), 0},
		{"revision 1", projection.AtRevision(1), 1},
		{"revision 2", projection.AtRevision(2), 3},
		{"revision 9", projection.AtRevision(9), 4},
		{"event 2", projection.AtSeq(2), 0},
		{"event 3", projection.AtSeq(3), 1},
		{"event 6", projection.AtSeq(6), 2},
		{"event 9", projection.AtSeq(9), 4},
		{"before", projection.AtTime(at.Add(-1)), 0},
		{"at", projection.AtTime(at), 1},
		{"between", projection.AtTime(at.Add(90 * time.Second)), 2},
	} {
		n := 0
		for e, err := range tt.at.Until(events) {
			if err != nil || !tt.at.Holds(e) {
				t.Errorf("%s: event %d, %v", tt.name, e.Seq(), err)
			}
			n++
		}
		if n != tt.want || tt.at.IsEnd() != (tt.name == "the end") {
			t.Errorf("%s holds %d events, want %d", tt.name, n, tt.want)
		}
	}
}
