package pebble_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

func TestPebbleFormatIsTheNewestWeKnow(t *testing.T) {
	// A newer Pebble brings a newer format, and with it ledgers that older
	// programs can't open. That is to be decided, not to happen.
	if pebble.FormatMajorVersion != 24 {
		t.Errorf("FormatMajorVersion = %d, want 24", pebble.FormatMajorVersion)
	}
	l := ledgertest.New(t)
	if got := pebble.DB(l.Table).FormatMajorVersion(); got != pebble.FormatMajorVersion {
		t.Errorf("a new ledger has Pebble format %d, want %d", got, pebble.FormatMajorVersion)
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	for name, put := range map[string]func(fs vfs.FS) error{
		"a ledger":           func(fs vfs.FS) error { return ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs}).Close() },
		"an empty directory": func(fs vfs.FS) error { return fs.MkdirAll(ledgertest.Dir, 0o700) },
		"a file": func(fs vfs.FS) error {
			f, err := fs.Create(ledgertest.Dir, vfs.WriteCategoryUnspecified)
			return errors.Join(err, f.Close())
		},
	} {
		mem := ledgertest.NewFS(t)
		if err := put(mem); err != nil {
			t.Fatal(err)
		}
		before := mem.String()
		key := ledgertest.Key(ledgertest.Origin)
		_, err := ledgertest.CreateWith(ledgertest.Dir, ledgertest.First(key.VerifierKey()), ledgertest.Options{FS: mem, Signer: key})
		if !errors.Is(err, store.ErrExists) {
			t.Errorf("Create over %s = %v, want ErrExists", name, err)
		}
		if mem.String() != before {
			t.Errorf("Create over %s changed something", name)
		}
	}
}

func TestCreateNeedsEventZeroAndItsKey(t *testing.T) {
	key, other := ledgertest.Key(ledgertest.Origin), ledgertest.Key("gait.test/other")
	first := ledgertest.First(key.VerifierKey())
	l := ledgertest.New(t)
	second := ledgertest.Seal(t, l.Log, ledgertest.Submit("job_1"))[0].Event
	tests := []struct {
		name  string
		first ledger.Event
		o     ledgertest.Options
		want  error
	}{
		{"no signer", first, ledgertest.Options{}, store.ErrNoSigner},
		{"another ledger's signer", first, ledgertest.Options{Signer: other}, store.ErrNoSigner},
		{"read-only", first, ledgertest.Options{Signer: key, ReadOnly: true}, store.ErrReadOnly},
		{"another event", second, ledgertest.Options{Signer: key}, nil},
		{"no event", ledger.Event{}, ledgertest.Options{Signer: key}, nil},
	}
	for _, tt := range tests {
		mem := ledgertest.NewFS(t)
		tt.o.FS = mem
		_, err := ledgertest.CreateWith(ledgertest.Dir, tt.first, tt.o)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("Create with %s = %v, want %v", tt.name, err, tt.want)
		}
		if names, err := mem.List("jobs"); err != nil || len(names) != 0 {
			t.Errorf("Create with %s left %v", tt.name, names)
		}
	}
}

func TestCreateRemovesWhatACrashLeft(t *testing.T) {
	mem := ledgertest.NewFS(t)
	for _, name := range []string{"jobs/ledger.creating-01ABC", "jobs/ledger.creating-", "jobs/ledger.retired", "jobs/other.creating-1"} {
		if err := mem.MkdirAll(name+"/sub", 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: mem})
	for name, want := range map[string]bool{"ledger": true, "ledger.creating-01ABC": false, "ledger.creating-": false, "ledger.retired": true, "other.creating-1": true} {
		if _, err := mem.Stat("jobs/" + name); (err == nil) != want {
			t.Errorf("jobs/%s is there: %t, want %t", name, err == nil, want)
		}
	}
}

func TestOpenNeverCreates(t *testing.T) {
	mem := ledgertest.NewFS(t)
	before := mem.String()
	for _, readOnly := range []bool{false, true} {
		_, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: mem, ReadOnly: readOnly})
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Open of nothing = %v, want ErrNotFound", err)
		}
	}
	if mem.String() != before {
		t.Errorf("Open of nothing made something:\n%s", mem)
	}
}

func TestOpenRefusesWhatIsNoLedger(t *testing.T) {
	foreign := func(format cockroach.FormatMajorVersion) func(vfs.FS) error {
		return func(fs vfs.FS) error {
			db, err := cockroach.Open(ledgertest.Dir, &cockroach.Options{FS: fs, FormatMajorVersion: format, Logger: silent{}})
			if err != nil {
				return err
			}
			return errors.Join(db.Set([]byte("k"), []byte("v"), cockroach.Sync), db.Close())
		}
	}
	tests := map[string]func(fs vfs.FS) error{
		"an empty directory":       func(fs vfs.FS) error { return fs.MkdirAll(ledgertest.Dir, 0o700) },
		"another program's Pebble": foreign(pebble.FormatMajorVersion),
		"a Pebble of old format":   foreign(cockroach.FormatMinSupported),
		"a file":                   func(fs vfs.FS) error { f, err := fs.Create(ledgertest.Dir, ""); return errors.Join(err, f.Close()) },
		"a format that is absent":  func(fs vfs.FS) error { return markFormat(t, fs, "") },
	}
	for name, put := range tests {
		mem := ledgertest.NewFS(t)
		if err := put(mem); err != nil {
			t.Fatal(err)
		}
		_, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: mem})
		if _, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt {
			t.Errorf("Open of %s = %v, want a CorruptError", name, err)
		}
	}
}

// markFormat makes a ledger whose Pebble format is another one.
func markFormat(t *testing.T, fs vfs.FS, format string) error {
	if err := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs}).Close(); err != nil {
		return err
	}
	names, err := fs.List(ledgertest.Dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if base, found := strings.CutSuffix(name, ".024"); found && format != "" {
			return fs.Rename(fs.PathJoin(ledgertest.Dir, name), fs.PathJoin(ledgertest.Dir, base+"."+format))
		} else if found {
			return fs.Remove(fs.PathJoin(ledgertest.Dir, name))
		}
	}
	return fmt.Errorf("no format marker among %v", names)
}

func TestOpenNamesAnUnsupportedVersion(t *testing.T) {
	mem := ledgertest.NewFS(t)
	if err := markFormat(t, mem, "025"); err != nil {
		t.Fatal(err)
	}
	if _, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: mem}); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("Open of a newer Pebble format = %v, want ErrUnsupportedVersion", err)
	}
	l := ledgertest.New(t)
	if err := pebble.DB(l.Table).Set([]byte("m/format"), []byte("6"), cockroach.Sync); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ledgertest.Open(l.Dir, ledgertest.Options{FS: l.FS}); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("Open of a newer store format = %v, want ErrUnsupportedVersion", err)
	}
}

func TestErrorsOfTheOperatingSystemAreNotCorruption(t *testing.T) {
	if os.Getuid() == 0 {
		// Root may read everything: give the error by hand.
		l := ledgertest.New(t)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for _, errno := range []error{syscall.EACCES, syscall.EIO, syscall.EMFILE} {
			_, err := ledgertest.Open(l.Dir, ledgertest.Options{FS: noReading{l.FS, errno}, ReadOnly: true})
			if _, corrupt := errors.AsType[*ledger.CorruptError](err); !errors.Is(err, errno) || corrupt {
				t.Errorf("Open where reading fails with %v = %v, want that error and no CorruptError", errno, err)
			}
		}
	}
}

// noReading is a file system on which no table opens.
type noReading struct {
	vfs.FS
	err error
}

func (n noReading) Open(name string, o ...vfs.OpenOption) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: n.err}
	}
	return n.FS.Open(name, o...)
}

func TestEverythingIsTheUsersAlone(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "ledger")
	log := ledgertest.Create(t, dir, ledgertest.Options{})
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	check := func(when string) {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if errors.Is(err, fs.ErrNotExist) {
				return nil // Pebble removes obsolete files in the background
			}
			want := fs.FileMode(0o600)
			if d.IsDir() {
				want = fs.ModeDir | 0o700
			}
			if err == nil && info.Mode() != want {
				t.Errorf("%s: %s has mode %v, want %v", when, path, info.Mode(), want)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	check("open")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	check("closed")
	again, err := ledgertest.Open(dir, ledgertest.Options{Signer: ledgertest.Key(ledgertest.Origin)})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	ledgertest.Append(t, again, ledgertest.Submit("job_2"))
	ledgertest.Check(t, again)
	check("reopened")
}

// Every command opens the ledger, appends, flushes and closes. With
// compactions off, the thirteenth would wait for ever.
func TestTwoHundredCommands(t *testing.T) {
	mem := ledgertest.NewFS(t)
	if err := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: mem}).Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		log := ledgertest.Reopen(t, mem)
		ledgertest.Append(t, log, ledgertest.Submit(fmt.Sprint("job_", i)))
		if err := log.Close(); err != nil {
			t.Fatalf("Close of command %d = %v", i, err)
		}
	}
	log := ledgertest.Reopen(t, mem)
	ledgertest.Check(t, log)
	names, err := mem.List(ledgertest.Dir)
	if err != nil || len(names) > 40 {
		t.Errorf("%d files after 200 commands (%v), want few", len(names), err)
	}
}

type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}
func (silent) Fatalf(string, ...any) {}
