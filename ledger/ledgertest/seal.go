package ledgertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"gait/ledger"
	"gait/ledger/authoritytest"
	"gait/ledger/store"
)

// An EventSpec is what a test chooses of an event. The rest follows from the log.
type EventSpec struct {
	Job       string
	Payload   ledger.Payload
	Actor     string   // "tester" if empty
	RequestID string   // none if empty
	Signers   []string // whose keys of authoritytest sign the event's command; none: it is a claim
	View      []byte   // the job's view after the event; none if nil
	Tags      ledger.Tags
	Edit      func(*ledger.Draft) // what a forger changes last; may be nil
}

// Submit returns the spec of a job's first event.
func Submit(job string) EventSpec {
	return EventSpec{Job: job, Payload: ledger.Submitted{EnvironmentFingerprint: "envfp:test", ProducerVersion: "test"}}
}

// Progress returns the spec of a progress checkpoint.
func Progress(job, summary string) EventSpec {
	return EventSpec{Job: job, Payload: ledger.CheckpointAdded{
		CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: summary,
	}}
}

// Seal makes events of specs. They follow the log's head and each other, each one
// second after the one before it. One about a call names the newest event about it, unless
// its spec names another.
func Seal(t testing.TB, log *store.Log, specs ...EventSpec) []ledger.Entry {
	t.Helper()
	head, jobs := log.Head(), map[string]ledger.JobHead{}
	calls := callChain{log: log, newest: map[ledger.CallID]ledger.Hash{}}
	entries := make([]ledger.Entry, 0, len(specs))
	for _, d := range specs {
		job, known := jobs[d.Job]
		if !known {
			var err error
			if job, _, err = ledger.FindJob(t.Context(), log, d.Job); err != nil {
				t.Fatalf("FindJob(%q) = %v", d.Job, err)
			}
		}
		d.Payload = calls.link(t, d.Job, d.Payload)
		e, err := ledger.Seal(d.draft(t, log.Origin(), head, job))
		if err != nil {
			t.Fatalf("sealing %+v: %v", d, err)
		}
		calls.sealed(e)
		if head, err = head.Follow(e); err != nil {
			t.Fatal(err)
		}
		if !e.Type().OfLedger() {
			if jobs[d.Job], err = job.Follow(e); err != nil {
				t.Fatal(err)
			}
		}
		entries = append(entries, ledger.Entry{Event: e, View: d.View, Tags: d.Tags})
	}
	return entries
}

// SealAfter makes an event of a spec, which follows the log's head and the given head of
// its job.
func SealAfter(t testing.TB, log *store.Log, job ledger.JobHead, d EventSpec) []ledger.Entry {
	t.Helper()
	e, err := ledger.Seal(d.draft(t, log.Origin(), log.Head(), job))
	if err != nil {
		t.Fatalf("sealing %+v: %v", d, err)
	}
	return []ledger.Entry{{Event: e, View: d.View, Tags: d.Tags}}
}

func (d EventSpec) draft(t testing.TB, origin string, head ledger.Head, job ledger.JobHead) ledger.Draft {
	t.Helper()
	e := ledger.Draft{
		Seq:       ledger.Seq(head.Size),
		Origin:    origin,
		Time:      head.Time.Add(time.Second),
		Actor:     d.Actor,
		Prev:      head.Leaf,
		JobID:     d.Job,
		JobSeq:    job.JobSeq + 1,
		JobPrev:   job.Leaf,
		Revision:  job.Revision + 1,
		RequestID: d.RequestID,
		Payload:   d.Payload,
		Authority: head.Authority,
	}
	e.ID = eventID(head.Size, e.Time)
	if e.Type() == ledger.TypeIndexCommitted {
		e.Actor = ledger.ActorGait
	}
	if e.Actor == "" {
		e.Actor = "tester"
	}
	if e.Type().OfLedger() {
		e.JobSeq, e.JobPrev, e.Revision = 0, ledger.Hash{}, 0
	}
	if e.RequestID != "" {
		e.RequestDigest = sha256.Sum256([]byte(e.RequestID))
	}
	if e.Type() == ledger.TypeRefused {
		e.Revision = job.Revision
	}
	if len(d.Signers) > 0 {
		var keys []authoritytest.Signer
		for _, actor := range d.Signers {
			keys = append(keys, authoritytest.Key(t, actor))
		}
		c := authoritytest.CommandOf(t, e)
		if e.RequestID != "" {
			c.RequestID = e.RequestID
		}
		authoritytest.Sign(t, &e, c, keys...)
	}
	if d.Edit != nil {
		d.Edit(&e)
	}
	return e
}

// eventID returns the ULID that event seq has in tests.
func eventID(seq int64, at time.Time) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(seq)))
	return ulid.MustNew(ulid.Timestamp(at), bytes.NewReader(sum[:])).String()
}

// Append seals specs and appends the events in one batch.
func Append(t testing.TB, log *store.Log, specs ...EventSpec) ledger.Receipt {
	t.Helper()
	r, err := log.Append(context.Background(), log.Head(), Seal(t, log, specs...)...)
	if err != nil {
		t.Fatalf("Append = %v", err)
	}
	return r
}

// Rotate rotates a ledger's key to the n-th of its origin, sealing the event
// after the log's head.
func Rotate(t testing.TB, log *store.Log, n uint64) ledger.Receipt {
	t.Helper()
	next := KeyAfter(log.Origin(), n)
	r, err := log.Rotate(context.Background(), log.Head(), Rotation(t, log, next), next)
	if err != nil {
		t.Fatalf("Rotate = %v", err)
	}
	return r
}

// Rotated returns a ledger of 5 events whose key was rotated at events 2 and 3.
func Rotated(t testing.TB) *Ledger {
	t.Helper()
	l := New(t)
	Append(t, l.Log, Submit("job_1"))
	Rotate(t, l.Log, 1)
	Rotate(t, l.Log, 2)
	Append(t, l.Log, Progress("job_1", "step 1"))
	return l
}

// Signed begins a batch of sealed entries after at, and signs it.
func Signed(t testing.TB, log *store.Log, at ledger.Head, entries []ledger.Entry) ledger.Batch {
	t.Helper()
	b, err := log.Begin(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := b.Add(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Sign(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// Move hands a ledger over to the n-th key of its origin, as the place that it moves to.
func Move(t testing.TB, log *store.Log, n uint64) ledger.Receipt {
	t.Helper()
	next := KeyAfter(log.Origin(), n)
	r, err := log.Rotate(context.Background(), log.Head(), Moves(t, log, next), next)
	if err != nil {
		t.Fatalf("Rotate = %v", err)
	}
	return r
}

// MoveAway hands a ledger over to the n-th key of its origin, as the place that it leaves.
func MoveAway(t testing.TB, log *store.Log, n uint64) ledger.Receipt {
	t.Helper()
	r, err := log.Move(context.Background(), log.Head(), Moves(t, log, KeyAfter(log.Origin(), n)))
	if err != nil {
		t.Fatalf("Move = %v", err)
	}
	return r
}

// Moves seals the event that moves a ledger to the place of a key.
func Moves(t testing.TB, log *store.Log, to ledger.PrivateKey) ledger.Event {
	t.Helper()
	e, err := ledger.Seal(EventSpec{Payload: ledger.LedgerMoved{To: to.VerifierKey().String()}}.draft(t, log.Origin(), log.Head(), ledger.JobHead{}))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Rotation seals the event that rotates a ledger's key to next.
func Rotation(t testing.TB, log *store.Log, next ledger.PrivateKey) ledger.Event {
	t.Helper()
	p := ledger.KeyRotated{Key: next.VerifierKey().String(), Previous: log.Keys().Current().String()}
	e, err := ledger.Seal(EventSpec{Payload: p}.draft(t, log.Origin(), log.Head(), ledger.JobHead{}))
	if err != nil {
		t.Fatal(err)
	}
	return e
}
