package root_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// lookEnv makes the test binary open the root and home that it names in each mode, as
// the user it runs as, and print what that gives.
const lookEnv = "ROOT_TEST_LOOK"

var modes = []struct {
	name string
	mode root.Mode
}{{"read", root.Read}, {"write", root.Write}, {"once", root.Once}, {"serve", root.Serve}}

func lookAt(dirs string) {
	dir, homeDir, _ := strings.Cut(dirs, ":")
	for _, m := range modes {
		fmt.Printf("%s: %s\n", m.name, lookIn(m.mode, dir, homeDir))
	}
	os.Exit(0)
}

func lookIn(mode root.Mode, dir, homeDir string) string {
	ctx := context.Background()
	r, err := root.Open(ctx, root.Options{Dir: dir, Home: homeDir, Now: time.Now, Entropy: entropy("look"), Mode: mode, LockTimeout: -1, Fatal: func(err error) { panic(err) }})
	if err != nil {
		f, _ := ledger.FaultOf(err)
		return f.Code + " " + err.Error()
	}
	if err := r.Explain(r.Log.Verify(ctx, nil, nil)); err != nil {
		return err.Error()
	}
	said := fmt.Sprintf("%d events, index %s, signer %t", r.Log.Head().Size, r.Log.Index(), r.Signer != nil)
	if err := r.Close(); err != nil {
		return err.Error()
	}
	return said
}

// looked has a process look at a root, and returns what each mode gave.
func looked(t *testing.T, dir, homeDir string, set func(*exec.Cmd)) map[string]string {
	t.Helper()
	return ledgertest.Said(t, lookEnv+"="+dir+":"+homeDir, set)
}

// state returns what is in a directory: path, owner, mode, size and time of each file.
func state(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&all, path, info.Mode(), info.Size(), info.ModTime().UnixNano(), fmt.Sprintf("%+v", info.Sys()))
		}
		return err
	}))
	return dropTimes(all.String())
}

// dropTimes leaves out when a file was last read.
func dropTimes(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		before, after, _ := strings.Cut(line, "Atim:")
		_, after, _ = strings.Cut(after, "}")
		kept.WriteString(before + after)
	}
	return kept.String()
}

// unclosed makes a ledger whose newest events are in a write-ahead log, as a daemon
// leaves them that is killed.
func (u *user) unclosed(n int) {
	u.t.Helper()
	u.made(1)
	r := u.open()
	u.add(r, n-1)
	for before := []string(nil); before == nil || !slices.Equal(before, names(u.t, u.ledgerDir())); {
		must(u.t, os.RemoveAll(u.Dir+"-killed")) // the store has removed an old log meanwhile
		before = names(u.t, u.ledgerDir())
		if err := os.CopyFS(u.Dir+"-killed", os.DirFS(u.Dir)); errors.Is(err, fs.ErrNotExist) {
			before = nil
		} else {
			must(u.t, err)
		}
	}
	closeToOthers(u.t, u.Dir+"-killed")
	shut(u.t, r)
	must(u.t, os.RemoveAll(u.Dir))
	must(u.t, os.Rename(u.Dir+"-killed", u.Dir))
}

// A user with no more than permission to read reads a ledger, and leaves no trace in
// it. So does root in the ledger of another user.
func TestLedgerOfAnotherUser(t *testing.T) {
	ledgertest.OnlyRoot(t)
	for _, uid := range []int{ledgertest.Other, 0} {
		for _, lock := range []string{"there", "missing"} {
			u := newUser(t)
			u.unclosed(5)
			ledgertest.Reachable(t, u.Dir)
			ledgertest.Readable(t, u.Dir)
			if lock == "missing" {
				must(t, os.Remove(u.lockFile()))
				must(t, os.Remove(filepath.Join(u.ledgerDir(), "LOCK")))
			}
			ledgertest.Give(t, u.Dir, ledgertest.Owner)
			own := filepath.Join(u.dir, "own")
			must(t, os.Mkdir(own, 0o700))
			must(t, os.Lchown(own, uid, uid))
			before := state(t, u.Dir)
			said := looked(t, u.Dir, own, func(cmd *exec.Cmd) { ledgertest.As(t, cmd, uid) })
			for _, m := range modes {
				want := "unsafe_permissions "
				switch m.mode {
				case root.Read:
					want = "5 events, index unchecked, signer false"
				case root.Write, root.Once, root.Serve:
				}
				if got := said[m.name]; !strings.HasPrefix(got, want) {
					t.Errorf("user %d, lock file %s: opened to %s: %s, want %s", uid, lock, m.name, got, want)
				}
			}
			if after := state(t, u.Dir); after != before {
				t.Errorf("user %d, lock file %s: the ledger of another user was\n%s, is\n%s", uid, lock, before, after)
			}
		}
	}
}

// A ledger whose owner took the permission to write away is read, and the owner is
// told how to write it again.
func TestUnwritableRoot(t *testing.T) {
	ledgertest.OnlyRoot(t)
	for _, tt := range []struct{ path, want string }{
		{"", "5 events, index proved"},
		{"ledger", "root_unwritable"},
		{"gait.lock", "root_unwritable"},
	} {
		u := newUser(t)
		u.unclosed(5)
		ledgertest.Reachable(t, u.Dir)
		ledgertest.Give(t, u.dir, ledgertest.Owner)
		path := filepath.Join(u.Dir, tt.path)
		st, err := os.Stat(path)
		must(t, err)
		must(t, os.Chmod(path, st.Mode().Perm()&0o555))
		said := looked(t, u.Dir, u.Home, func(cmd *exec.Cmd) { ledgertest.As(t, cmd, ledgertest.Owner) })
		for _, m := range modes {
			want := tt.want
			if m.mode == root.Read {
				want = "5 events, index proved, signer false"
			}
			if got := said[m.name]; !strings.HasPrefix(got, want) || strings.Contains(want, "root_") && !strings.Contains(got, path+" cannot be written") {
				t.Errorf("%s not writable: opened to %s: %s, want %s", path, m.name, got, want)
			}
		}
	}
}

// A file of the ledger that this user may not read is named.
func TestUnreadableFile(t *testing.T) {
	ledgertest.OnlyRoot(t)
	u := newUser(t)
	u.made(5)
	ledgertest.Reachable(t, u.Dir)
	ledgertest.Readable(t, u.Dir)
	tables, err := filepath.Glob(filepath.Join(u.ledgerDir(), "*.sst"))
	must(t, err)
	must(t, os.Chmod(tables[0], 0o600))
	said := looked(t, u.Dir, filepath.Join(u.dir, "own"), func(cmd *exec.Cmd) { ledgertest.As(t, cmd, ledgertest.Other) })
	if got := said["read"]; !strings.HasPrefix(got, "root_unreadable ") || !strings.Contains(got, tables[0]+" cannot be read: permission denied; it belongs to user 0") {
		t.Errorf("reading a ledger with a table that only its owner reads: %s", got)
	}
}

// A ledger on a read-only mount is read, whatever its state.
func TestReadOnlyMount(t *testing.T) {
	for name, tt := range map[string]func(u *user){
		"closed": func(u *user) { u.made(5) },
		"killed": func(u *user) { u.unclosed(5) },
		"killed, no lock files": func(u *user) {
			u.unclosed(5)
			must(t, os.Remove(u.lockFile()))
			must(t, os.Remove(filepath.Join(u.ledgerDir(), "LOCK")))
		},
		"killed in a one-shot":     func(u *user) { u.made(5); write(t, filepath.Join(u.ledgerDir(), "unsettled"), nil) },
		"created by half, so read": func(u *user) { u.made(5); cutLastMark(t, u) },
	} {
		u := newUser(t)
		tt(u)
		before := state(t, u.dir)
		said := looked(t, u.Dir, u.Home, func(cmd *exec.Cmd) {
			*cmd = *exec.Command("sh", "-c", `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$1"`, u.dir, os.Args[0])
			cmd.Env = append(os.Environ(), lookEnv+"="+u.Dir+":"+u.Home)
			ledgertest.OwnMounts(t, cmd)
		})
		for _, m := range modes {
			want := "root_unwritable "
			if m.mode == root.Read {
				want = "5 events, index proved, signer false"
			}
			if got := said[m.name]; !strings.HasPrefix(got, want) {
				t.Errorf("%s: opened to %s: %s, want %s", name, m.name, got, want)
			}
		}
		if after := state(t, u.dir); after != before {
			t.Errorf("%s: it was\n%s, is\n%s", name, before, after)
		}
	}
}

// cutLastMark takes away the mark that says that the ledger is complete.
func cutLastMark(t *testing.T, u *user) {
	t.Helper()
	text := strings.TrimSuffix(string(read(t, u.lockFile())), "\n")
	write(t, u.lockFile(), []byte(text[:strings.LastIndex(text, "\n")+1]))
}

// A mapped file system shows a ledger at another place, as another mount does.
type mapped struct {
	vfs.FS
	from, to string
}

func (m mapped) name(name string) string { return strings.Replace(name, m.from, m.to, 1) }

func (m mapped) Unwrap() vfs.FS { return m.FS }
func (m mapped) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	return m.FS.Open(m.name(name), o...)
}
func (m mapped) OpenDir(name string) (vfs.File, error)        { return m.FS.OpenDir(m.name(name)) }
func (m mapped) List(name string) ([]string, error)           { return m.FS.List(m.name(name)) }
func (m mapped) Stat(name string) (vfs.FileInfo, error)       { return m.FS.Stat(m.name(name)) }
func (m mapped) PathBase(name string) string                  { return m.FS.PathBase(name) }
func (m mapped) GetDiskUsage(n string) (vfs.DiskUsage, error) { return m.FS.GetDiskUsage(m.name(n)) }

// While a ledger is written by a process whose lock a reader does not see, the reader
// sees what the ledger was at one moment, or is told that it was written. It is never
// shown anything else.
func TestReadingBesideAnotherMount(t *testing.T) {
	u := newUser(t)
	u.made(2)
	there := u.elsewhere()
	var stop atomic.Bool
	ended := make(chan struct{})
	go func() { // each turn flushes, merges and removes files
		defer close(ended)
		for n := 0; !stop.Load(); n++ {
			mode := root.Once
			if n%4 == 3 {
				mode = root.Write
			}
			r, err := root.Open(context.Background(), u.with(func(o *root.Options) { o.Mode = mode }))
			if err != nil {
				t.Errorf("opening to write: %v", err)
				return
			}
			for range 1 + n%3 {
				if err := u.tryAdd(r); err != nil {
					t.Errorf("writing: %v", err)
				}
			}
			if err := r.Close(); err != nil {
				t.Errorf("closing: %v", err)
			}
		}
	}()
	t.Cleanup(func() { stop.Store(true); <-ended })
	whole, changed := 0, 0
	seen := map[int64]ledger.Hash{}
	for whole+changed < ledgertest.Times(400, 60) {
		r, err := there.try(readOnly)
		if err == nil {
			c, _ := r.Log.Checkpoint()
			if err = r.Explain(r.Log.Verify(t.Context(), nil, nil)); err == nil {
				seen[c.Size] = c.Root
			}
			shut(t, r)
		}
		if _, ok := errors.AsType[*root.ChangedError](err); ok {
			changed++
			continue
		}
		if err != nil {
			t.Fatalf("reading beside a writer = %v, want a ChangedError", err)
		}
		whole++
	}
	stop.Store(true)
	<-ended
	t.Logf("read %d times as it was, of %d sizes, and %d times it was written meanwhile", whole, len(seen), changed)
	if whole == 0 {
		t.Error("the reader never saw the ledger")
	}
	r := u.open(noCreate)
	for size, want := range seen {
		if got, err := r.Log.RootAt(t.Context(), size); err != nil || got != want {
			t.Errorf("the reader saw root %s of %d events, the ledger has %s, %v", want, size, got, err)
		}
	}
}

// elsewhere returns the user with another root, which holds the same ledger and has no
// lock file in common with this one, and with a home that has seen nothing.
func (u *user) elsewhere() *user {
	u.t.Helper()
	there := &user{Options: u.Options, t: u.t, dir: u.dir}
	there.Dir, there.Home = filepath.Join(u.dir, "mount"), filepath.Join(u.dir, "other")
	must(u.t, os.MkdirAll(filepath.Join(there.Dir, "ledger"), 0o755))
	must(u.t, os.Chmod(there.Dir, 0o555))
	u.t.Cleanup(func() { os.Chmod(there.Dir, 0o755) })
	if os.Geteuid() == 0 {
		ledgertest.Give(u.t, there.Dir, ledgertest.Owner)
	}
	there.FS = mapped{FS: vfs.Default, from: there.ledgerDir(), to: u.ledgerDir()}
	return there
}

// If the home can be written ahead of a commit and not after it, a process that serves
// the ledger ends.
func TestServingEndsIfTheHomeIsLost(t *testing.T) {
	u := newUser(t)
	u.made(3)
	dir := home.LedgerDir(u.Home, u.key().Name())
	var armed atomic.Bool
	hook := &ledgertest.HookFS{FS: vfs.Default, Before: func(op ledgertest.Op, name string) error {
		if op == ledgertest.OpSync && filepath.Ext(name) == ".log" && armed.Swap(false) {
			return errors.Join(os.Rename(dir, dir+"-aside"), os.WriteFile(dir, nil, 0o600))
		}
		return nil
	}}
	var fatal error
	r := u.open(noCreate, func(o *root.Options) { o.Mode, o.FS, o.Fatal = root.Serve, hook, func(err error) { fatal = err } })
	armed.Store(true)
	if err := u.tryAdd(r); !errors.Is(err, ledger.ErrOutcomeUnknown) {
		t.Errorf("writing when the home goes meanwhile = %v, want ErrOutcomeUnknown", err)
	}
	if fatal == nil {
		t.Error("the process does not end")
	}
	shut(t, r)
	must(t, os.Remove(dir))
	must(t, os.Rename(dir+"-aside", dir))
	u.checkSize(4)
}

// No event is written that the home could not keep the checkpoint of.
func TestUnwritableHomeStopsWriting(t *testing.T) {
	u := newUser(t)
	u.made(3)
	dir := home.LedgerDir(u.Home, u.key().Name())
	r := u.open(noCreate)
	must(t, os.Rename(dir, dir+"-aside"))
	must(t, os.WriteFile(dir, nil, 0o600))
	if err := u.tryAdd(r); err == nil || errors.Is(err, ledger.ErrOutcomeUnknown) || r.Log.Head().Size != 3 {
		t.Errorf("writing with a home that keeps no checkpoint = %v, and there are %d events, want an error and 3", err, r.Log.Head().Size)
	}
	shut(t, r)
	must(t, os.Remove(dir))
	must(t, os.Rename(dir+"-aside", dir))
	u.checkSize(3)
}
