package projection_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// The digests are those of the text put, and the same events give the same digests.
func TestReplay(t *testing.T) {
	events := life(t, func(*story) {}).events
	files := map[string][]byte{}
	r := projection.Replay{Put: func(path string, text []byte) error {
		files[path] = append(files[path], text...)
		return nil
	}}
	var plain projection.Replay
	for _, e := range events {
		if err := errors.Join(r.Add(e), plain.Add(e)); err != nil {
			t.Fatal(err)
		}
	}
	views, whole, err := r.Finish()
	again, wholeAgain, err2 := plain.Finish()
	if err := errors.Join(err, err2); err != nil || whole != wholeAgain || !slices.Equal(views, again) || len(views) != projection.ViewsOfAJob {
		t.Errorf("two replays: %v, %s and %s, %d views", err, whole, wholeAgain, len(views))
	}
	for _, v := range views {
		text, put := files[v.Path]
		if sum := ledger.Hash(sha256.Sum256(text)); sum != v.SHA256 || !put {
			t.Errorf("%s: digest %s of what was put (%t), reported %s", v.Path, sum, put, v.SHA256)
		}
	}
	if got := slices.Sorted(maps.Keys(files)); len(got) != len(views) {
		t.Errorf("put %v", got)
	}
	job := events[0].JobID()
	lines := 0
	for _, name := range []string{"events", "refusals"} {
		lines += bytes.Count(files[job+"/"+name+".jsonl"], []byte("\n"))
	}
	if lines != len(events) {
		t.Errorf("%d lines for %d events", lines, len(events))
	}
}

// A prefix and then the rest gives the same as all at once. Jobs that begin before
// are skipped, and an event that does not follow is an error.
func TestReplayParts(t *testing.T) {
	events := life(t, func(*story) {}).events
	var late projection.Replay
	for _, e := range events[1:] {
		if err := late.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if views, _, err := late.Finish(); err != nil || len(views) > 0 || late.Skipped() != 1 {
		t.Errorf("without the first event: %d views, %d skipped, %v", len(views), late.Skipped(), err)
	}
	var gap projection.Replay
	if err := gap.Add(events[0]); err != nil {
		t.Fatal(err)
	}
	err := gap.Add(events[2])
	if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
		t.Errorf("an event left out: %v, want a CorruptError", err)
	}
	full := projection.Replay{Put: func(path string, _ []byte) error {
		if strings.HasSuffix(path, "status.json") {
			return errFull
		}
		return nil
	}}
	for _, e := range events {
		if err := full.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := full.Finish(); !errors.Is(err, errFull) {
		t.Errorf("Finish = %v, want the error of Put", err)
	}
}

var errFull = errors.New("disk full")
