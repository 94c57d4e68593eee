package root_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/mpt"
	"gait/ledger/root"
)

// succession returns how to continue the ledger with two jobs, under a request id that was
// used, and a content that the root keeps.
func (u *user) succession() root.Succession {
	return root.Succession{Reason: "to go on", Begin: func(ctx context.Context, e root.Estate) (root.Inheritance, error) {
		var from root.Inheritance
		if e.Log != nil {
			from.Found, _ = e.Log.Checkpoint()
		}
		var content []byte
		from.Requests, content = ledger.RequestsOf([]mpt.Key{ledger.RequestKey("before")})
		if _, err := e.Keep.Put(content); err != nil {
			return from, err
		}
		from.Entries = func(first ledger.Event) iter.Seq2[ledger.Entry, error] {
			return func(yield func(ledger.Entry, error) bool) {
				prev := first
				for _, job := range []string{"job_1", "job_2"} {
					event, err := ledger.Seal(ledger.Draft{
						Seq: prev.Seq() + 1, ID: prev.ID(), Origin: prev.Origin(), Time: prev.Time(), Actor: "tester", Prev: prev.LeafHash(),
						JobID: job, JobSeq: 1, Revision: 1, Payload: continuedJob(from.Found),
					})
					if !yield(ledger.Entry{Event: event}, err) {
						return
					}
					prev = event
				}
			}
		}
		return from, nil
	}}
}

// continuedJob returns a payload of a job that was continued. Nothing proves it.
func continuedJob(from ledger.Checkpoint) ledger.Continued {
	return ledger.Continued{
		Origin: "gait.test/before", Size: 1 + from.Size, Root: ledger.Hash{1}, Leaf: ledger.Hash{2}, JobSeq: 1, Revision: 1, Status: "running", StatusReasonCode: "submitted", StopReason: "none",
		CreatedAt: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC), ProducerVersion: "test", EnvironmentFingerprint: "envfp:test", Proof: ledger.Content{Digest: ledger.Hash{3}, Size: 1},
	}
}

func (u *user) succeed(changes ...func(*root.Options)) (root.Succeeded, error) {
	o := u.Options
	for _, change := range changes {
		change(&o)
	}
	return root.Succeed(context.Background(), o, u.succession())
}

// checkContinued checks that the root holds the successor of a ledger, whole and writable,
// and that the ledger is kept beside it.
func (u *user) checkContinued(origin string, seen, found int64) {
	u.t.Helper()
	r := u.open(noCreate)
	defer shut(u.t, r)
	first, err := r.Log.Event(u.t.Context(), 0)
	must(u.t, err)
	was := first.Payload().(ledger.LedgerCreated).Predecessor
	if was == nil || was.Origin != origin || was.SeenSize != seen || was.FoundSize != found || was.Requests == nil {
		u.t.Fatalf("the successor's predecessor is %+v, want %s, seen %d, found %d", was, origin, seen, found)
	}
	if r.Created {
		u.t.Error("Open says that it created the successor")
	}
	must(u.t, r.Log.Verify(u.t.Context(), nil, nil))
	found2, err := r.Log.Load(u.t.Context(), []string{"job_1", "job_2"}, []string{"before"})
	if err != nil || len(found2.Jobs) != 2 || found2.Requests["before"].Seq() != 0 {
		u.t.Errorf("Load = %v, %v, want both jobs and event 0 under the request id used before", found2, err)
	}
	u.add(r, 1)
	if present(filepath.Join(u.Dir, "successor")) {
		u.t.Error("the directory in which the successor was built is still there")
	}
	keys, err := home.TrustedKeys(u.Home)
	if must(u.t, err); !keys[len(keys)-1].Is(r.Log.Keys().Current()) {
		u.t.Error("the successor's key is not trusted")
	}
	if present(home.KeyPath(u.Home, origin, false)) || !present(home.KeyPath(u.Home, origin, true)) {
		u.t.Error("the key of the ledger before was not retired")
	}
}

func TestSucceed(t *testing.T) {
	u := newUser(t)
	origin := u.made(4)
	kept := u.putContent("a proof")
	c := u.checkpoint()
	did, err := u.succeed()
	if err != nil || did.Found != c || did.Seen != c || did.Size != 3 || did.Resumed || !present(did.Path) || !present(did.Key) {
		t.Fatalf("Succeed = %+v, %v", did, err)
	}
	u.checkContinued(origin, 4, 4)
	u.checkRetiredContent(kept)
	n, retired, err := home.ReadRetirementNote(u.Home, origin)
	if !retired || err != nil || n.Successor != did.Successor || n.Reason != "to go on" {
		t.Errorf("the note is %+v, %v", n, err)
	}
	second, err := u.succeed()
	if err != nil || second.Origin != did.Successor.Name() || second.Found.Size != 4 {
		t.Fatalf("Succeed of the successor = %+v, %v", second, err)
	}
	u.checkContinued(did.Successor.Name(), 4, 4)
}

// Whatever moment a crash comes at, the ledger is untouched, or the same call, or the next
// command that writes, puts the one successor in its place.
func TestSucceedCrashes(t *testing.T) {
	steps := 0
	ways := []string{"succeed", "write", "read, then succeed"}
	if testing.Short() {
		ways = ways[:1]
	}
	for _, finish := range ways {
		for n := 1; ; n++ {
			if testing.Short() && n%3 != 1 {
				continue
			}
			u := newUser(t)
			origin := u.made(4)
			kept := u.putContent("a proof")
			var at []string
			_, err := u.succeed(func(o *root.Options) {
				o.SetStep(func(step string) error {
					if at = append(at, step); len(at) == n {
						return errCrash
					}
					return nil
				})
			})
			if err == nil {
				steps = n - 1
				break
			}
			if !errors.Is(err, errCrash) {
				t.Fatalf("step %d: Succeed = %v", n, err)
			}
			_, noted, err := home.ReadRetirementNote(u.Home, origin)
			must(t, err)
			t.Run(at[n-1]+", then "+finish, func(t *testing.T) {
				u.t = t
				u.afterCrash(origin, finish, noted)
				u.checkRetiredContent(kept)
			})
		}
	}
	if steps < 15 && !testing.Short() {
		t.Errorf("a crash was tried after %d steps", steps)
	}
}

func (u *user) afterCrash(origin, finish string, noted bool) {
	size := int64(4)
	switch {
	case !noted:
		r := u.open(noCreate) // the ledger goes on as if nothing had happened
		if r.Log.Origin() != origin {
			u.t.Fatalf("before the note, %s is in the root", r.Log.Origin())
		}
		if finish == "write" {
			u.add(r, 1)
			size++
		}
		shut(u.t, r)
	case finish == "write":
		shut(u.t, u.open(noCreate))
		u.checkContinued(origin, size, size)
		return
	case finish == "read, then succeed":
		r, err := u.try(readOnly)
		_, unfinished := errors.AsType[*root.UnfinishedError](err)
		if err != nil && !unfinished {
			u.t.Errorf("reading after the crash: %v", err)
		}
		if err == nil {
			shut(u.t, r)
		}
	}
	did, err := u.succeed()
	if err != nil {
		u.t.Fatalf("Succeed after a crash: %v", err)
	}
	if did.Resumed != noted {
		u.t.Errorf("Succeed = %+v; the note was there: %t", did, noted)
	}
	if did.Origin != origin {
		u.t.Errorf("Succeed continued %s", did.Origin)
	}
	u.checkContinued(origin, size, size)
}

func TestSucceedOlderState(t *testing.T) {
	u := newUser(t)
	dirs, key := u.versions(5)
	u.restore(dirs[2])
	did, err := u.succeed()
	if err != nil || did.Seen.Size != 5 || did.Found.Size != 3 {
		t.Fatalf("Succeed of an older state = %+v, %v", did, err)
	}
	u.checkContinued(key.Name(), 5, 3)
}

func TestSucceedWithoutKey(t *testing.T) {
	u := newUser(t)
	origin := u.made(4)
	aside := filepath.Join(u.dir, "key")
	must(t, os.Rename(home.KeyPath(u.Home, origin, false), aside))
	if _, err := u.succeed(); err != nil {
		t.Fatalf("Succeed without the key = %v", err)
	}
	must(t, os.MkdirAll(home.KeyDir(u.Home, true), 0o700))
	must(t, os.Rename(aside, home.KeyPath(u.Home, origin, true)))
	u.checkContinued(origin, 4, 4)
}

// Nothing is given up if the successor cannot be made.
func TestSucceedFails(t *testing.T) {
	u := newUser(t)
	u.made(4)
	broken := errors.New("it cannot be read")
	for name, begin := range map[string]func(context.Context, root.Estate) (root.Inheritance, error){
		"at once": func(context.Context, root.Estate) (root.Inheritance, error) { return root.Inheritance{}, broken },
		"late": func(ctx context.Context, e root.Estate) (root.Inheritance, error) {
			from, err := u.succession().Begin(ctx, e)
			all := from.Entries
			from.Entries = func(first ledger.Event) iter.Seq2[ledger.Entry, error] {
				return func(yield func(ledger.Entry, error) bool) {
					for entry := range all(first) {
						if !yield(entry, nil) {
							return
						}
					}
					yield(ledger.Entry{}, broken)
				}
			}
			return from, err
		},
		"without what it names": func(ctx context.Context, e root.Estate) (root.Inheritance, error) {
			from, err := u.succession().Begin(ctx, e)
			must(t, os.RemoveAll(e.Keep.Dir()))
			return from, err
		},
	} {
		_, err := root.Succeed(t.Context(), u.Options, root.Succession{Reason: "why", Begin: begin})
		if !errors.Is(err, broken) && !errors.Is(err, ledger.ErrContentMissing) {
			t.Errorf("%s: Succeed = %v", name, err)
		}
		u.checkSize(4)
	}
	for _, reason := range []string{"", "two\nlines"} {
		how := u.succession()
		how.Reason = reason
		_, err := root.Succeed(t.Context(), u.Options, how)
		if _, ok := errors.AsType[*ledger.FieldError](err); !ok {
			t.Errorf("Succeed with reason %q = %v, want a FieldError", reason, err)
		}
	}
	u.checkSize(4)
	u.retire("without a successor after all")
	if keys, err := home.Keys(u.Home); err != nil || len(keys) < 2 || !keys[0].Retired || present(filepath.Join(u.Dir, "successor")) {
		t.Errorf("the keys are %v, %v; want all retired, and nothing left of the successor", keys, err)
	}
}

// Another history than the one seen is not continued.
func TestSucceedRefusesAFork(t *testing.T) {
	u := newUser(t)
	u.made(3)
	aside := filepath.Join(u.dir, "aside")
	copyDir(t, u.ledgerDir(), aside)
	u.made(5)
	must(t, os.RemoveAll(u.ledgerDir()))
	copyDir(t, aside, u.ledgerDir())
	slots := home.LedgerDir(u.Home, u.key().Name())
	saved := filepath.Join(u.dir, "slots")
	copyDir(t, slots, saved)
	must(t, os.RemoveAll(slots))
	u.made(6)
	must(t, os.RemoveAll(slots))
	copyDir(t, saved, slots)
	_, err := u.succeed()
	if _, back := errors.AsType[*home.RolledBackError](err); !back {
		t.Errorf("Succeed of a fork = %v, want a RolledBackError", err)
	}
}

func TestSucceedOfNothing(t *testing.T) {
	u := newUser(t)
	if _, err := u.succeed(); !errors.Is(err, root.ErrNoLedger) {
		t.Errorf("Succeed where nothing is = %v, want ErrNoLedger", err)
	}
	u.made(3)
	u.lose()
	_, err := u.succeed()
	if _, lost := errors.AsType[*root.LostError](err); !lost || present(u.Dir) {
		t.Errorf("Succeed of a ledger that is lost = %v, want a LostError", err)
	}
	how := u.succession()
	how.Keys = func() ([]ledger.VerifierKey, error) { return nil, nil }
	did, err := root.Succeed(t.Context(), u.Options, how)
	if err != nil || did.Seen.Size != 3 || did.Found.Size != 0 || did.Path != "" {
		t.Fatalf("Succeed from elsewhere = %+v, %v", did, err)
	}
	u.checkContinued(did.Origin, 3, 0)
	other := &user{Options: u.Options, t: t, dir: u.dir}
	other.Dir = filepath.Join(u.dir, "plain")
	other.made(2)
	other.retire("done")
	if _, err := other.succeed(); !errors.Is(err, root.ErrNoLedger) {
		t.Errorf("Succeed of a ledger that was retired = %v, want ErrNoLedger", err)
	}
}
