package packspec_test

import (
	"context"
	"errors"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
)

// damaged is an unproved log of which an event cannot be read.
type damaged struct{ unproved }

func (d damaged) Events(ctx context.Context, from ledger.Seq) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range d.unproved.Events(ctx, from) {
			if err == nil && e.Seq() == 2 {
				err = &ledger.CorruptError{Seq: 2, Reason: "a bit"}
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// The same log gives the same pack, whether or not its index is proved.
func TestPackOfAnUnprovedIndex(t *testing.T) {
	key := testKey(t, 1)
	log := indexed(t, key)
	pack := func(src ledger.Reader, job string) ([]byte, packspec.BuiltPack) {
		t.Helper()
		var b packspec.Buffer
		built, err := packspec.BuildJob(t.Context(), &b, src, job, key, packspec.JobOptions{})
		if err != nil {
			t.Fatalf("BuildJob(%s) from %T = %v", job, src, err)
		}
		return b.Bytes(), built
	}
	check := func(when string) {
		t.Helper()
		for _, job := range []string{"job_1", "job_2"} {
			want, _ := pack(log, job)
			for _, src := range []ledger.Reader{unproved{log}, forgetful{log}} {
				if got, built := pack(src, job); string(got) != string(want) || built.Unproved != nil {
					t.Errorf("%s: the pack of %s from %T differs (%v)", when, job, src, built.Unproved)
				}
			}
		}
	}
	check("indexed")
	newScript(t, log).ok("job_1", "operator", "enough", commands.Cancel{})
	check("without a commitment")
	log.cosign("witness.example/w1")
	log.commit()
	check("with a commitment after the cosigned tree")

	got, built := pack(damaged{unproved{log}}, "job_2")
	if level, _ := completeness(t, got, key); built.Commitment != nil || built.Unproved == nil || level.Status != finding.Claimed {
		t.Errorf("of a damaged log: commitment %v, unproved %v, completeness %+v", built.Commitment, built.Unproved, level)
	}
	enough := errors.New("enough")
	o := packspec.JobOptions{Index: packspec.IndexOptions{Progress: func(int64, int64) error { return enough }}}
	if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), unproved{log}, "job_2", key, o); !errors.Is(err, enough) {
		t.Errorf("an error of progress gives %v", err)
	}
}

// An old commitment is used if there is no newer one, and a newer one is asked for if one
// can be appended.
func TestNeedsANewerCommitment(t *testing.T) {
	log := indexed(t, testKey(t, 1))
	for size, want := range map[int64]bool{log.Head().Size: false, 12 + ledger.MaxIndexUndo: false, 13 + ledger.MaxIndexUndo: true} {
		needs, err := packspec.NeedsCommitment(t.Context(), longer{log, size}, "job_1")
		if err != nil || needs != want {
			t.Errorf("a commitment is needed at size %d: %t, %v, want %t", size, needs, err, want)
		}
	}
}

// longer is a log that says that it has more events.
type longer struct {
	ledger.Reader
	size int64
}

func (l longer) Head() ledger.Head {
	h := l.Reader.Head()
	h.Size = l.size
	return h
}
