package packspec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"gait/ledger"
	"gait/packspec"
)

// Results come in the order of the items, whichever work ends first.
func TestInOrder(t *testing.T) {
	const n = 500
	var got []int
	for square := range packspec.InOrder(n, func(i int) int {
		time.Sleep(time.Duration(rand.IntN(100)) * time.Microsecond)
		return i * i
	}) {
		got = append(got, square)
	}
	if len(got) != n {
		t.Fatalf("%d results of %d items", len(got), n)
	}
	for i, square := range got {
		if square != i*i {
			t.Fatalf("result %d is %d, want %d", i, square, i*i)
		}
	}
}

// A caller that stops gets no further result, and no work goes on after that.
func TestInOrderStops(t *testing.T) {
	var working, begun atomic.Int64
	for i := range packspec.InOrder(1_000_000, func(i int) int {
		begun.Add(1)
		working.Add(1)
		defer working.Add(-1)
		time.Sleep(100 * time.Microsecond)
		return i
	}) {
		if i == 5 {
			break
		}
	}
	if working.Load() != 0 || begun.Load() > 100 {
		t.Errorf("%d of %d begun pieces of work go on after the caller stopped at the sixth", working.Load(), begun.Load())
	}
}

// A panic reaches the caller, after the results of the items before.
func TestInOrderPanics(t *testing.T) {
	last := -1
	defer func() {
		if p := recover(); p != "seven" || last != 6 {
			t.Errorf("after result %d the caller got the panic %v, want seven after 6", last, p)
		}
	}()
	for last = range packspec.InOrder(20, func(i int) int {
		if i == 7 {
			panic("seven")
		}
		return i
	}) {
	}
}

// Lines are cut as they stand, however the reader gives them, and a line that is too long
// or does not end is an error behind those before it.
func TestLines(t *testing.T) {
	long := strings.Repeat("x", ledger.MaxEventSize)
	var many []string
	for i := range 3000 {
		many = append(many, strings.Repeat("y", i%500))
	}
	for name, tt := range map[string]struct {
		in   string
		want []string
		says string
	}{
		"none":                    {in: ""},
		"an empty line":           {in: "\n", want: []string{""}},
		"one":                     {in: "a\n", want: []string{"a"}},
		"many":                    {in: strings.Join(many, "\n") + "\n", want: many},
		"long ones":               {in: strings.Repeat(long+"\n", 9), want: slices.Repeat([]string{long}, 9)},
		"no end":                  {in: "a\nb", want: []string{"a"}, says: "it does not end"},
		"no end at all":           {in: "b", says: "it does not end"},
		"too long":                {in: "a\n" + long + "x\nb\n", want: []string{"a"}, says: "more than 61440 bytes"},
		"too long, and no end":    {in: long + "x", says: "more than 61440 bytes"},
		"far too long":            {in: "a\n" + strings.Repeat(long, 9) + "\n", want: []string{"a"}, says: "more than 61440 bytes"},
		"as long as can be, open": {in: long, says: "it does not end"},
	} {
		for _, in := range []struct {
			how  string
			read func() ([]string, error)
		}{
			{"at once", func() ([]string, error) { return packspec.Lines(strings.NewReader(tt.in)) }},
			{"in halves", func() ([]string, error) { return packspec.Lines(iotest.HalfReader(strings.NewReader(tt.in))) }},
			{"with the end", func() ([]string, error) { return packspec.Lines(iotest.DataErrReader(strings.NewReader(tt.in))) }},
		} {
			got, err := in.read()
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s, %s: %d lines, want %d", name, in.how, len(got), len(tt.want))
			}
			if tt.says == "" && err != nil || tt.says != "" && (!errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%s, %s: %v, want an error that says %q", name, in.how, err, tt.says)
			}
		}
	}
	broken := errors.New("broken")
	if got, err := packspec.Lines(iotest.TimeoutReader(bytes.NewReader([]byte("a\nb\n")))); err == nil && len(got) != 2 {
		t.Errorf("a reader that fails: %q, %v", got, err)
	}
	if got, err := packspec.Lines(iotest.ErrReader(broken)); len(got) != 0 || !errors.Is(err, broken) {
		t.Errorf("a reader that fails at once: %q, %v", got, err)
	}
}

var errFull = errors.New("no space left")

// A fullDisk has room for some bytes.
type fullDisk struct {
	packspec.Buffer
	room int64
}

func (d *fullDisk) WriteAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > d.room {
		return 0, errFull
	}
	return d.Buffer.WriteAt(p, at)
}

// An error of the writer is returned, wherever it comes.
func TestBuildReturnsTheWritersError(t *testing.T) {
	log := history(t, testKey(t, 1))
	whole := build(t, log, "job_1")
	for room := int64(0); room < int64(len(whole)); room += 601 {
		if _, err := packspec.BuildJob(t.Context(), &fullDisk{room: room}, log, "job_1", log.key, packspec.JobOptions{}); !errors.Is(err, errFull) {
			t.Fatalf("with room for %d bytes, BuildJob = %v", room, err)
		}
	}
	disk := &fullDisk{room: int64(len(whole))}
	if built, err := packspec.BuildJob(t.Context(), disk, log, "job_1", log.key, packspec.JobOptions{}); err != nil || built.Size != disk.room || !bytes.Equal(disk.Bytes(), whole) {
		t.Errorf("with room for all %d bytes: %v, a pack of %d bytes", len(whole), err, built.Size)
	}
}

// A job whose events fill many runs packs and verifies, and an edit of any view in any of
// the runs is found.
func TestLongJob(t *testing.T) {
	log := longLog(t, 2000)
	pack := build(t, log, "long")
	if r := verify(t, pack, log.key); !r.Verified || r.EventCount != 2000 {
		t.Fatalf("a pack of a long job: %v, %d events", r.Failure, r.EventCount)
	}
	for _, name := range []string{"job_events.jsonl", "job_state.json", "ledger_events.jsonl"} {
		for _, step := range []int{1, 127, 128, 500, 1999} {
			f := &forger{t: t, log: log, files: files(t, pack), job: "long", at: log.at("long")}
			f.replace(name, fmt.Sprintf("step %d is", step), fmt.Sprintf("stop %d is", step))
			if r := verify(t, f.pack("ledger"), log.key); r.Verified || r.Failure.Entry != name && name != "ledger_events.jsonl" {
				t.Errorf("a pack with step %d of %s edited: verified %t, %v", step, name, r.Verified, r.Failure)
			}
		}
	}
}

// A log that shows other events the second time is not packed.
func TestBuildFindsAChange(t *testing.T) {
	log := history(t, testKey(t, 1))
	for drop := int64(1); drop <= 9; drop++ {
		l := &forgetfulLog{testLog: log, drop: drop}
		if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), l, "job_1", log.key, packspec.JobOptions{}); err == nil {
			t.Errorf("a pack was made although event %d was there only once", drop)
		}
	}
}
