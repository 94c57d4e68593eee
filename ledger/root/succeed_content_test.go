package root_test

import (
	"context"
	"io"
	"iter"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// asking adds decisions to what a successor begins with, of a job and about a subject each.
func asking(how root.Succession, subjects map[string]content.Salted, jobs ...string) root.Succession {
	begin := how.Begin
	how.Begin = func(ctx context.Context, e root.Estate) (root.Inheritance, error) {
		from, err := begin(ctx, e)
		entries := from.Entries
		from.Entries = func(first ledger.Event) iter.Seq2[ledger.Entry, error] {
			return func(yield func(ledger.Entry, error) bool) {
				last := map[string]ledger.Event{}
				prev := first
				for entry, err := range entries(first) {
					if !yield(entry, err) {
						return
					}
					prev, last[entry.Event.JobID()] = entry.Event, entry.Event
				}
				for _, job := range jobs {
					before := last[job]
					p := ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "may it?", RequiredAction: "decide"}
					p.Subject = ledger.Content{Digest: subjects[job].Digest, Size: subjects[job].Size}
					event, err := ledger.Seal(ledger.Draft{
						Seq: prev.Seq() + 1, ID: prev.ID(), Origin: prev.Origin(), Time: prev.Time(), Actor: "tester", Prev: prev.LeafHash(),
						JobID: job, JobSeq: 2, JobPrev: before.LeafHash(), Revision: 2, Payload: p,
					})
					if !yield(ledger.Entry{Event: event}, err) {
						return
					}
					prev = event
				}
			}
		}
		return from, err
	}
	return how
}

// The successor of a ledger has the subjects of the decisions that it asks for again, and
// goes on with the secrets of their jobs; what is missing hinders nothing.
func TestSucceedWithSubjects(t *testing.T) {
	u := newUser(t)
	u.made(2)
	r := u.open(noCreate)
	subjects := map[string]content.Salted{}
	for _, job := range []string{"job_1", "job_2"} {
		e, err := r.Content().Job(job).PutFrom(strings.NewReader("pay 100"), ledgertest.EntropyOf(job), 0)
		must(t, err)
		subjects[job] = e
	}
	must(t, r.Content().Flush())
	must(t, r.Content().EraseOf("job_2", subjects["job_2"].Digest))
	secret, _, err := r.Content().Job("job_1").Secret()
	must(t, err)
	shut(t, r)
	if _, err := root.Succeed(t.Context(), u.Options, asking(u.succession(), subjects, "job_1", "job_2")); err != nil {
		t.Fatal(err)
	}
	s := root.ContentOf(u.Dir)
	f, err := s.Job("job_1").Get(subjects["job_1"].Digest, false)
	must(t, err)
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != "pay 100" {
		t.Errorf("the subject is %q, %v", b, err)
	}
	if is, ok, err := s.Job("job_1").Secret(); is != secret || !ok || err != nil {
		t.Errorf("the secret is another one: %t, %v", ok, err)
	}
	if has, err := s.Job("job_2").Has(subjects["job_2"].Digest); has || err != nil {
		t.Errorf("what was erased is there: %t, %v", has, err)
	}
}

// working gives the jobs with which a successor begins something to work on.
func working(how root.Succession, inputs map[string]content.Salted) root.Succession {
	begin := how.Begin
	how.Begin = func(ctx context.Context, e root.Estate) (root.Inheritance, error) {
		from, err := begin(ctx, e)
		entries := from.Entries
		from.Entries = func(first ledger.Event) iter.Seq2[ledger.Entry, error] {
			return func(yield func(ledger.Entry, error) bool) {
				prev := first.LeafHash()
				for entry, err := range entries(first) {
					d := entry.Event.Draft()
					p, is := d.Payload.(ledger.Continued)
					if err != nil || !is {
						yield(entry, err)
						return
					}
					p.Input = ledger.Content{Digest: inputs[d.JobID].Digest, Size: inputs[d.JobID].Size}
					d.Payload, d.Prev = p, prev
					entry.Event, err = ledger.Seal(d)
					if !yield(entry, err) {
						return
					}
					prev = entry.Event.LeafHash()
				}
			}
		}
		return from, err
	}
	return how
}

// The successor of a ledger has what its jobs work on, under the secrets of these jobs, and the
// proof of each job as plain content.
func TestSucceedWithInputs(t *testing.T) {
	u := newUser(t)
	u.made(2)
	r := u.open(noCreate)
	inputs := map[string]content.Salted{}
	for _, job := range []string{"job_1", "job_2"} {
		e, err := r.Content().Job(job).PutFrom(strings.NewReader("refund 100"), ledgertest.EntropyOf(job), 0)
		must(t, err)
		inputs[job] = e
	}
	must(t, r.Content().Flush())
	must(t, r.Content().EraseOf("job_2", inputs["job_2"].Digest))
	shut(t, r)
	if _, err := root.Succeed(t.Context(), u.Options, working(u.succession(), inputs)); err != nil {
		t.Fatal(err)
	}
	s := root.ContentOf(u.Dir)
	f, err := s.Job("job_1").Get(inputs["job_1"].Digest, false)
	must(t, err)
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != "refund 100" {
		t.Errorf("the input is %q, %v", b, err)
	}
	if key, err := s.ContentKey("job_1"); key.IsZero() || err != nil {
		t.Errorf("the job has no secret in the successor: %v", err)
	}
	if has, err := s.Job("job_2").Has(inputs["job_2"].Digest); has || err != nil {
		t.Errorf("what was erased is there: %t, %v", has, err)
	}
	if has, err := s.Job("job_1").Has(continuedJob(ledger.Checkpoint{}).Proof.Digest); has || err != nil {
		t.Errorf("the proof of the job is kept as its content: %t, %v", has, err)
	}
}
