package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// jobTags are the tags that these tests give a job: its state is the first letter of
// what its last event says.
func jobTags(first, last ledger.Event) ledger.Tags {
	t := ledger.Tags{State: ledger.TagState{1, 's'}, Updated: int64(last.Seq()), Created: int64(first.Seq())}
	if p, ok := last.Payload().(ledger.CheckpointAdded); ok {
		t.State[1] = p.Summary[0]
	}
	t.Fixed = string(ledger.AppendTag(ledger.AppendTag(nil, uint32(first.Seq())), 7))
	return t
}

// tagsOptions are openOptions with tags, and with journals of so many changes.
func tagsOptions(changes int64) store.Options {
	o := store.WithTagFlush(openOptions(), changes)
	o.Tags = func(ctx context.Context, log ledger.EventReader, job ledger.JobEntry, first ledger.Event) (ledger.Tags, error) {
		last, err := log.Event(ctx, job.Head.Seq)
		return jobTags(first, last), err
	}
	return o
}

// tagged returns the entries with their tags. first has the first event of each job.
func tagged(entries []ledger.Entry, first map[string]ledger.Event) []ledger.Entry {
	for i := range entries {
		e := entries[i].Event
		if e.JobSeq() == 1 {
			first[e.JobID()] = e
		}
		entries[i].Tags = jobTags(first[e.JobID()], e)
	}
	return entries
}

// wantTags returns the tags that all jobs of a log should have, from reading all events.
func wantTags(t *testing.T, log *store.Log) map[string]ledger.Tags {
	t.Helper()
	first, want := map[string]ledger.Event{}, map[string]ledger.Tags{}
	for e, err := range log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.JobSeq() == 1 {
			first[e.JobID()] = e
		}
		if e.JobID() != "" {
			want[e.JobID()] = jobTags(first[e.JobID()], e)
		}
	}
	return want
}

// gotTags returns what Tagged says, and whether it says anything.
func gotTags(t *testing.T, log *store.Log) (map[string]ledger.Tags, bool) {
	t.Helper()
	got := map[string]ledger.Tags{}
	ok, err := log.Tagged(t.Context(), func(_ ledger.EventReader, jobs iter.Seq[*ledger.TaggedJob]) error {
		for job := range jobs {
			got[job.ID] = job.Tags
		}
		return nil
	})
	if err != nil {
		t.Fatalf("Tagged = %v", err)
	}
	return got, ok
}

// checkTags checks the tags against the events, and the whole log.
func checkTags(t *testing.T, log *store.Log) {
	t.Helper()
	got, ok := gotTags(t, log)
	if diff := cmp.Diff(wantTags(t, log), got); diff != "" || !ok {
		t.Fatalf("Tagged = %t (-want +got):\n%s", ok, diff)
	}
	if err := log.Verify(t.Context(), nil, nil); err != nil {
		t.Fatalf("Verify = %v", err)
	}
}

// taggedTable returns a table of many jobs with tags, and some in the journal.
func taggedTable(t *testing.T, jobs int) *memtable.Table {
	t.Helper()
	table := &memtable.Table{}
	log := overTable(t, table)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	log = openTagged(t, table, int64(jobs))
	first := map[string]ledger.Event{}
	var specs []ledgertest.EventSpec
	for i := range jobs + jobs/3 {
		spec := ledgertest.Submit(fmt.Sprintf("job_%04d", i))
		if i >= jobs {
			spec = ledgertest.Progress(fmt.Sprintf("job_%04d", i*7%jobs), string('a'+byte(i%26)))
		}
		specs = append(specs, spec)
	}
	for part := range slices.Chunk(specs, max(1, jobs/50)) {
		if _, err := log.Append(t.Context(), log.Head(), tagged(ledgertest.Seal(t, log, part...), first)...); err != nil {
			t.Fatal(err)
		}
	}
	checkTags(t, log)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	return table
}

func openTagged(t *testing.T, table store.Table, changes int64) *store.Log {
	t.Helper()
	log, err := store.Open(t.Context(), table, tagsOptions(changes))
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	return log
}

// Whatever is appended, alone, in batches and while the batch before is being written,
// and however often the log is opened again, its tags are those of its events.
func TestTagsAreThoseOfTheEvents(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	table := &memtable.Table{}
	log := overTable(t, table)
	first := map[string]ledger.Event{}
	var jobs []string
	specs := func(n int) (specs []ledgertest.EventSpec) {
		for range n {
			if len(jobs) == 0 || rng.IntN(3) == 0 {
				jobs = append(jobs, fmt.Sprintf("job_%x", rng.Uint64()))
				specs = append(specs, ledgertest.Submit(jobs[len(jobs)-1]))
				continue
			}
			specs = append(specs, ledgertest.Progress(jobs[rng.IntN(len(jobs))], string('a'+byte(rng.IntN(26)))))
		}
		return specs
	}
	for round := range 150 {
		if round%10 == 0 {
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			table.Reopen()
			log = openTagged(t, table, int64(5+round))
		}
		head, all := log.Head(), tagged(ledgertest.Seal(t, log, specs(2+rng.IntN(20))...), first)
		half := 1 + rng.IntN(len(all)-1)
		var before ledger.Batch
		for _, part := range [][]ledger.Entry{all[:half], all[half:]} {
			b := ledgertest.Signed(t, log, head, part)
			head = ledger.Head{Size: int64(part[len(part)-1].Event.Seq()) + 1, Leaf: part[len(part)-1].Event.LeafHash()}
			if before != nil {
				if _, err := before.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			before = b
		}
		if _, err := before.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if round%7 == 0 || round > 140 {
			checkTags(t, log)
		}
	}
}

// An older ledger gets its tags when it is opened to be written, whatever interrupts
// that, and whatever is appended in between. A reader gets none.
func TestOldLedgersGetTags(t *testing.T) {
	rows := rowsOf(t, taggedTable(t, 2500))
	for name, old := range map[string]ledgertest.Rows{"format 1": rows.Format1(), "format 2": rows.Format2()} {
		t.Run(name, func(t *testing.T) {
			table := old.Table()
			o := tagsOptions(100)
			o.ReadOnly, o.Signer = true, nil
			log, err := store.Open(t.Context(), table, o)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := gotTags(t, log); ok {
				t.Errorf("read only, Tagged says %d jobs", len(got))
			}
			enough := errors.New("enough")
			for steps := range 3 {
				table.Reopen()
				o = tagsOptions(100)
				left := steps
				o.Progress = func(phase string, _, _ int64) error {
					if left--; phase == store.PhaseTags && left < 0 {
						return enough
					}
					return nil
				}
				if _, err = store.Open(t.Context(), table, o); !errors.Is(err, enough) {
					t.Fatalf("Open = %v after %d steps", err, steps)
				}
				table.Reopen()
				o = tagsOptions(100)
				o.Defer = true
				if log, err = store.Open(t.Context(), table, o); err != nil {
					t.Fatal(err)
				}
				if _, ok := gotTags(t, log); ok {
					t.Error("Tagged says something before all jobs have tags")
				}
				first := map[string]ledger.Event{}
				ledgertest.Append(t, log, ledgertest.Progress("job_0003", "x"), ledgertest.Progress("job_2499", "y"))
				if steps == 1 {
					entries := tagged(ledgertest.Seal(t, log, ledgertest.Submit("aaa_first_of_all")), first)
					if _, err := log.Append(t.Context(), log.Head(), entries...); err != nil {
						t.Fatal(err)
					}
				}
				if err := log.Verify(t.Context(), nil, nil); err != nil {
					t.Errorf("Verify = %v", err)
				}
				if err := log.Close(); err != nil {
					t.Fatal(err)
				}
			}
			table.Reopen()
			log = openTagged(t, table, 100)
			if got, ok := gotTags(t, log); !ok || len(got) != 2501 {
				t.Errorf("Tagged = %t, %d jobs", ok, len(got))
			}
			if _, err := log.Rebuild(t.Context(), nil); err != nil { // some were appended without tags
				t.Fatal(err)
			}
			checkTags(t, log)
		})
	}
}

// An interruption while the rows of earlier tags are removed leaves none of them for ever.
func TestTagsBeginAgain(t *testing.T) {
	rows := rowsOf(t, taggedTable(t, 140))
	old := rows.Format2()
	for key, value := range rows {
		if strings.HasPrefix(key, "g\x03") { // what is removed last
			old[key] = value
		}
	}
	for commits := range 3 {
		table := old.Table()
		if _, err := store.Open(t.Context(), &cutTable{Table: table, left: commits}, tagsOptions(100)); err == nil {
			t.Fatalf("Open succeeds with %d commits", commits)
		}
		table.Reopen()
		log := openTagged(t, table, 100)
		checkTags(t, log)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Whichever row of tags is dropped or changed, events go on being appended, Verify finds
// it and Rebuild mends it.
func TestDamagedTags(t *testing.T) {
	rows := rowsOf(t, taggedTable(t, 140))
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if key[0] == 'g' || key == "m/tags" || strings.HasPrefix(key, "njob_012") {
			keys = append(keys, key)
		}
	}
	if len(keys) < 16 {
		t.Fatalf("only %d rows: %q", len(keys), keys)
	}
	changes := map[string]func(ledgertest.Rows, string){
		"dropped": func(r ledgertest.Rows, key string) { delete(r, key) },
		"cut":     func(r ledgertest.Rows, key string) { r[key] = r[key][:len(r[key])-1] },
		"flipped": func(r ledgertest.Rows, key string) { r[key][len(r[key])/2] ^= 1 },
		"emptied": func(r ledgertest.Rows, key string) { r[key] = []byte{} },
		"doubled": func(r ledgertest.Rows, key string) { r[key[:len(key)-1]+"z"] = r[key] },
	}
	for what, change := range changes {
		for _, key := range keys {
			if what == "doubled" && key[0] == 'm' {
				continue
			}
			t.Run(fmt.Sprintf("%s %q", what, key), func(t *testing.T) {
				damaged := rows.Clone()
				change(damaged, key)
				table := damaged.Table()
				log := openTagged(t, table, 40)
				err := log.Verify(t.Context(), nil, nil)
				if err == nil && what == "flipped" { // the journal overrules what was changed
					checkTags(t, log)
					return
				}
				if err == nil {
					t.Fatal("Verify finds nothing")
				}
				if _, ok := errors.AsType[*ledger.IndexError](err); !ok {
					t.Errorf("Verify = %v, want an IndexError", err)
				}
				first := firstEvents(t, log)
				for i := range 5 {
					entries := tagged(ledgertest.Seal(t, log, ledgertest.Progress("job_0007", "x"), ledgertest.Submit(fmt.Sprint("new_", i))), first)
					if _, err := log.Append(t.Context(), log.Head(), entries...); err != nil {
						t.Fatalf("Append = %v", err)
					}
				}
				if found, err := log.Rebuild(t.Context(), nil); err != nil || found.Tags == 0 {
					t.Fatalf("Rebuild = %+v, %v", found, err)
				}
				checkTags(t, log)
				if err := log.Close(); err != nil {
					t.Fatal(err)
				}
				table.Reopen()
				log = openTagged(t, table, 40)
				checkTags(t, log)
				if found, err := log.Rebuild(t.Context(), nil); err != nil || !found.Same() {
					t.Errorf("Rebuild again = %+v, %v", found, err)
				}
			})
		}
	}
}

func firstEvents(t *testing.T, log *store.Log) map[string]ledger.Event {
	t.Helper()
	first := map[string]ledger.Event{}
	for e, err := range log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.JobSeq() == 1 {
			first[e.JobID()] = e
		}
	}
	return first
}
