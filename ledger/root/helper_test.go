package root_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// A user has a home and roots, all under one temporary directory.
type user struct {
	root.Options
	t       *testing.T
	dir     string // of everything
	notices []string
}

func newUser(t *testing.T) *user {
	t.Helper()
	dir := t.TempDir()
	u := &user{t: t, dir: dir}
	now := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	u.Options = root.Options{
		Dir:     filepath.Join(dir, "out", "jobs"),
		Home:    filepath.Join(dir, "home", "gait"),
		Now:     func() time.Time { now = now.Add(time.Second); return now },
		Entropy: entropy(t.Name()),
		Actor:   "tester",
		Mode:    root.Write,
		Create:  true,
		Notice:  func(s string) { u.notices = append(u.notices, s) },
		Fatal:   func(err error) { panic(err) },
	}
	return u
}

// with returns the user's options after change.
func (u *user) with(change func(*root.Options)) root.Options {
	o := u.Options
	change(&o)
	return o
}

func readOnly(o *root.Options) { o.Mode, o.Create = root.Read, false }
func noCreate(o *root.Options) { o.Create = false }
func noWait(o *root.Options)   { o.LockTimeout = -1 }

func (u *user) open(changes ...func(*root.Options)) *root.Root {
	u.t.Helper()
	r, err := u.try(changes...)
	if err != nil {
		u.t.Fatalf("Open: %v", err)
	}
	return r
}

func (u *user) try(changes ...func(*root.Options)) (*root.Root, error) {
	u.t.Helper()
	o := u.Options
	for _, change := range changes {
		change(&o)
	}
	r, err := root.Open(context.Background(), o)
	if err == nil {
		u.t.Cleanup(func() { r.Close() })
	}
	return r, err
}

// made creates the user's ledger with n events, closes it, and returns its origin.
func (u *user) made(n int) string {
	u.t.Helper()
	r := u.open()
	u.add(r, n-int(r.Log.Head().Size))
	origin := r.Log.Origin()
	shut(u.t, r)
	return origin
}

func shut(t *testing.T, r *root.Root) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// add appends n events to job_1.
func (u *user) add(r *root.Root, n int) {
	u.t.Helper()
	for range n {
		if err := u.tryAdd(r); err != nil {
			u.t.Fatalf("Append: %v", err)
		}
	}
}

func (u *user) tryAdd(r *root.Root) error {
	u.t.Helper()
	head := r.Log.Head()
	job, _, err := ledger.FindJob(u.t.Context(), r.Log, "job_1")
	if err != nil {
		return err
	}
	at, clock := head.At(u.Now())
	id, err := ulid.New(ulid.Timestamp(at), u.Entropy)
	if err != nil {
		return err
	}
	d := ledger.Draft{
		Seq: ledger.Seq(head.Size), ID: id.String(), Origin: r.Log.Origin(), Time: at, Clock: clock, Actor: "worker_1",
		Prev: head.Leaf, JobID: "job_1", JobSeq: job.JobSeq + 1, JobPrev: job.Leaf, Revision: job.Revision + 1,
		Payload: ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(job.JobSeq), CheckpointType: ledger.CheckpointProgress, Summary: "step"},
	}
	if job.JobSeq == 0 {
		d.Payload = ledger.Submitted{EnvironmentFingerprint: "envfp:test", ProducerVersion: "test"}
	}
	e, err := ledger.Seal(d)
	if err != nil {
		return err
	}
	_, err = r.Log.Append(context.Background(), head, ledger.Entry{Event: e})
	return err
}

// checkSize opens the root for writing, and checks the number of its events and
// the whole ledger.
func (u *user) checkSize(want int64) {
	u.t.Helper()
	r := u.open(noCreate)
	defer shut(u.t, r)
	if got := r.Log.Head().Size; got != want {
		u.t.Errorf("the ledger has %d events, want %d", got, want)
	}
	if err := r.Log.Verify(u.t.Context(), nil, nil); err != nil {
		u.t.Errorf("Verify: %v", err)
	}
}

func (u *user) ledgerDir() string { return filepath.Join(u.Dir, "ledger") }
func (u *user) lockFile() string  { return filepath.Join(u.Dir, "gait.lock") }
func (u *user) slot(origin, n string) string {
	return filepath.Join(home.LedgerDir(u.Home, origin), "checkpoint."+n)
}

func copyDir(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.CopyFS(to, os.DirFS(from)))
	closeToOthers(t, to)
}

// closeToOthers takes the modes for other users from all files of a directory.
func closeToOthers(t *testing.T, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		mode := os.FileMode(0o600)
		if err == nil && d.IsDir() {
			mode = 0o700
		}
		return os.Chmod(path, mode)
	}))
}

func present(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	slices.Sort(all)
	return all
}

// What package ledgertest has, by its names here.
var (
	must, read, write = ledgertest.Must, ledgertest.ReadFile, ledgertest.WriteFile
	entropy           = ledgertest.EntropyOf
)
