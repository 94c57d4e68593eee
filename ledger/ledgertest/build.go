package ledgertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/oklog/ulid/v2"

	"gait/ledger"
	"gait/ledger/store"
)

// Dir is where on its file system New puts a ledger.
const Dir = "jobs/ledger"

// A Ledger is an open log and what it was made with.
type Ledger struct {
	*store.Log
	FS  *vfs.MemFS // where it lives; CrashClone takes it as a power cut would leave it
	Dir string
	Key ledger.PrivateKey
}

// New returns a ledger of one event on a memory file system. It is closed when
// the test ends.
func New(t testing.TB) *Ledger {
	t.Helper()
	fs := NewFS(t)
	return &Ledger{Log: Create(t, Dir, store.Options{FS: fs}), FS: fs, Dir: Dir, Key: Key(Origin)}
}

// NewFS returns a memory file system with the directory in which Dir goes.
func NewFS(t testing.TB) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll(fs.PathDir(Dir), 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := fs.OpenDir("/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.Sync(); err != nil {
		t.Fatal(err)
	}
	return fs
}

// Create creates a ledger of Origin, signed by its Key unless o names another
// signer, and closes it when the test ends.
func Create(t testing.TB, dir string, o store.Options) *store.Log {
	t.Helper()
	if o.Signer == nil {
		o.Signer = Key(Origin)
	}
	log, err := store.Create(dir, First(o.Signer.VerifierKey()), o)
	if err != nil {
		t.Fatalf("Create = %v", err)
	}
	closeAfter(t, log)
	return log
}

// Reopen opens the ledger at Dir on a file system, ready to write, and closes
// it when the test ends. Close the log that has it open first, unless fs is a clone.
func Reopen(t testing.TB, fs store.FS) *store.Log {
	t.Helper()
	log, err := store.Open(Dir, store.Options{FS: fs, Signer: Key(Origin)})
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	closeAfter(t, log)
	return log
}

func closeAfter(t testing.TB, log *store.Log) {
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
}

// First returns the event 0 of a ledger that is signed with key.
func First(key ledger.VerifierKey) ledger.Event {
	e, err := ledger.Seal(ledger.Event{
		ID:      eventID(0, Start),
		Origin:  key.Name(),
		Time:    Start,
		Actor:   "tester",
		Payload: ledger.LedgerCreated{Format: ledger.Format, Key: key.String()},
	})
	if err != nil {
		panic("ledgertest: " + err.Error())
	}
	return e
}

// A Draft is what an event is to say. The rest follows from the log.
type Draft struct {
	Job       string
	Payload   ledger.Payload
	Actor     string // "": tester
	RequestID string // "": none
	View      []byte // the job's view with it; nil: none
}

// Submit is the draft of a job's first event.
func Submit(job string) Draft {
	return Draft{Job: job, Payload: ledger.Submitted{EnvironmentFingerprint: "envfp:test", ProducerVersion: "test"}}
}

// Progress is the draft of a progress checkpoint.
func Progress(job, summary string) Draft {
	return Draft{Job: job, Payload: ledger.CheckpointAdded{
		CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: summary,
	}}
}

// Seal makes events of drafts, such that they follow the log's head and each
// other. Each is a second after the one before it.
func Seal(t testing.TB, log *store.Log, drafts ...Draft) []ledger.Entry {
	t.Helper()
	head, jobs := log.Head(), map[string]ledger.JobHead{}
	entries := make([]ledger.Entry, 0, len(drafts))
	for _, d := range drafts {
		job, known := jobs[d.Job]
		if !known {
			var err error
			if job, _, err = log.JobHead(d.Job); err != nil {
				t.Fatalf("JobHead(%q) = %v", d.Job, err)
			}
		}
		e, err := ledger.Seal(d.event(log.Origin(), head, job))
		if err != nil {
			t.Fatalf("sealing %+v: %v", d, err)
		}
		if head, err = head.Follow(e); err != nil {
			t.Fatal(err)
		}
		if jobs[d.Job], err = job.Follow(e); err != nil {
			t.Fatal(err)
		}
		entries = append(entries, ledger.Entry{Event: e, View: d.View})
	}
	return entries
}

func (d Draft) event(origin string, head ledger.Head, job ledger.JobHead) ledger.Event {
	e := ledger.Event{
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
	}
	e.ID = eventID(head.Size, e.Time)
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
	return e
}

// eventID returns the ULID that event seq has in tests.
func eventID(seq int64, at time.Time) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(seq)))
	return ulid.MustNew(ulid.Timestamp(at), bytes.NewReader(sum[:])).String()
}

// Append seals drafts and appends them at once.
func Append(t testing.TB, log *store.Log, drafts ...Draft) ledger.Receipt {
	t.Helper()
	r, err := log.Append(context.Background(), log.Head(), Seal(t, log, drafts...)...)
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

// Rotation seals the event that rotates a ledger's key to next.
func Rotation(t testing.TB, log *store.Log, next ledger.PrivateKey) ledger.Event {
	t.Helper()
	p := ledger.KeyRotated{Key: next.VerifierKey().String(), Previous: log.Key().String()}
	e, err := ledger.Seal(Draft{Payload: p}.event(log.Origin(), log.Head(), ledger.JobHead{}))
	if err != nil {
		t.Fatal(err)
	}
	return e
}
