package root_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// holdEnv is set to make the test binary open the root that it names, and keep it open.
const holdEnv = "ROOT_TEST_HOLD"

func TestMain(m *testing.M) {
	unix.Umask(0o022) // some users' lets groups write, and in such a directory no home is used
	if dir := os.Getenv(holdEnv); dir != "" {
		hold(dir)
	}
	if dirs := os.Getenv(lookEnv); dirs != "" {
		lookAt(dirs)
	}
	os.Exit(m.Run())
}

func hold(dir string) {
	o := root.Options{Dir: filepath.Join(dir, "out", "jobs"), Home: filepath.Join(dir, "home", "gait"), Now: time.Now, Mode: root.Write}
	r, err := root.Open(context.Background(), o)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(r) // a root that is garbage collected releases its lock
	os.Exit(0)
}

func TestLockOfAnotherProcess(t *testing.T) {
	u := newUser(t)
	u.made(2)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+u.dir)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process says %q", line)
	}
	for _, timeout := range []time.Duration{-1, 40 * time.Millisecond} {
		_, err := u.try(func(o *root.Options) { o.LockTimeout = timeout })
		locked, ok := errors.AsType[*root.LockedError](err)
		if !ok || locked.PID != cmd.Process.Pid || locked.Waited != max(timeout, 0) || filepath.Base(locked.Path) != "gait.lock" {
			t.Errorf("Open of a root that process %d holds = %v, want a LockedError that names it", cmd.Process.Pid, err)
		}
	}
	must(t, cmd.Process.Kill())
	cmd.Wait()
	u.checkSize(2)
}

func TestLockWithinOneProcess(t *testing.T) {
	u := newUser(t)
	u.made(1)
	held := u.open()
	link := filepath.Join(u.dir, "link")
	must(t, os.Symlink(u.Dir, link))
	for _, dir := range []string{u.Dir, link, u.Dir + "/../jobs/.", u.Dir + "//"} {
		for _, mode := range []func(*root.Options){noCreate, readOnly} {
			_, err := u.try(mode, noWait, func(o *root.Options) { o.Dir = dir })
			if locked, ok := errors.AsType[*root.LockedError](err); !ok || locked.PID != os.Getpid() {
				t.Errorf("Open of %s while it is open = %v, want a LockedError that names this process", dir, err)
			}
		}
	}
	shut(t, held)
	u.checkSize(1)
}

func TestLockWaits(t *testing.T) {
	u := newUser(t)
	u.made(1)
	var all sync.WaitGroup
	var one sync.Mutex // for what the test shares, not for the root
	for range 6 {
		all.Go(func() {
			r, err := root.Open(context.Background(), u.Options)
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			one.Lock()
			defer one.Unlock()
			if err := u.tryAdd(r); err != nil {
				t.Errorf("Append: %v", err)
			}
			if err := r.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		})
	}
	all.Wait()
	u.checkSize(7)
}

func TestLockWaitIsCancelled(t *testing.T) {
	u := newUser(t)
	u.open()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := root.Open(ctx, u.Options)
	if _, locked := errors.AsType[*root.LockedError](err); locked || !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a cancelled context = %v, want that error", err)
	}
}

func TestLockFileMustBeAFile(t *testing.T) {
	for name, put := range map[string]func(path, elsewhere string) error{
		"link":           func(path, elsewhere string) error { return os.Symlink(elsewhere, path) },
		"directory":      func(path, _ string) error { return os.Mkdir(path, 0o700) },
		"named pipe":     func(path, _ string) error { return exec.Command("mkfifo", path).Run() },
		"open to others": func(path, _ string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, 0o666)) },
	} {
		u := newUser(t)
		must(t, os.MkdirAll(u.Dir, 0o700))
		elsewhere := filepath.Join(u.dir, "elsewhere")
		must(t, put(u.lockFile(), elsewhere))
		_, err := u.try()
		if unsafe, ok := errors.AsType[*home.UnsafeError](err); !ok || !strings.HasSuffix(unsafe.Path, "gait.lock") {
			t.Errorf("Open with a %s as lock file = %v, want an UnsafeError that names it", name, err)
		}
		if present(elsewhere) {
			t.Errorf("Open with a %s as lock file wrote elsewhere", name)
		}
	}
}

func TestLockFileOfSomeoneElse(t *testing.T) {
	u := newUser(t)
	must(t, os.MkdirAll(u.Dir, 0o700))
	text := []byte("this file is about something else entirely\n")
	write(t, u.lockFile(), text)
	if _, err := u.try(); !isCorrupt(err) {
		t.Errorf("Open = %v, want a CorruptError", err)
	}
	if got := read(t, u.lockFile()); string(got) != string(text) {
		t.Errorf("the file was changed to %q", got)
	}
}

func isCorrupt(err error) bool {
	_, ok := errors.AsType[*ledger.CorruptError](err)
	return ok
}

func TestLockFileSurvivesTornWrites(t *testing.T) {
	u := newUser(t)
	u.made(3)
	whole := read(t, u.lockFile())
	for name, content := range map[string]string{
		"pid line zeroed":     strings.Repeat("\x00", 25) + string(whole[25:]),
		"half a mark at end":  string(whole) + "retired gait.local/01",
		"zeroes at end":       string(whole) + "\x00\x00\x00",
		"last newline is off": string(whole[:len(whole)-1]),
	} {
		write(t, u.lockFile(), []byte(content))
		u.checkSize(3)
		if got := read(t, u.lockFile()); name == "last newline is off" && string(got[25:]) != string(whole[25:]) {
			t.Errorf("%s: the lock file is now %q, want %q", name, got, whole)
		}
	}
	write(t, u.lockFile(), append(whole, "no mark\n"...))
	if _, err := u.try(); !isCorrupt(err) {
		t.Errorf("Open with a line that is no mark = %v, want a CorruptError", err)
	}
}

func FuzzMarks(f *testing.F) {
	pid := "pid 4711                \n"
	key := "ledger gait.example/a+6e0b5a3b+ARpD2mV3yXj0nVf8y0cYV2b1zq0m7rj8i3Q2o2oQm0cN\n"
	hash := strings.Repeat("ab", 32)
	f.Add([]byte(pid + "retired gait.example/a 3 " + hash + " 0 -\n"))
	f.Add([]byte(pid + key))
	f.Add([]byte(pid))
	f.Fuzz(func(t *testing.T, b []byte) {
		last, end, err := root.Marks(b)
		if err != nil || last == "" {
			return
		}
		from := end - int64(len(last)) - 1
		if end > int64(len(b)) || string(b[from:end]) != last+"\n" {
			t.Errorf("the last mark reads as %q, but is written %q", last, b[from:end])
		}
	})
}

// Processes that wait for the lock are told that its holder builds the index, and so is
// the caller if the time is up first. Afterwards nothing of that is left.
func TestLockOfABuild(t *testing.T) {
	u := newUser(t)
	origin := u.made(3)
	must(t, ledgertest.EditDir(u.ledgerDir(), func(r ledgertest.Rows) (ledgertest.Rows, error) { return r.Format1(), nil }))
	must(t, os.Remove(filepath.Join(home.LedgerDir(u.Home, origin), "index"))) // it had an index when it was created
	building, ended := make(chan struct{}), make(chan error)
	var begin sync.Once
	go func() {
		o := u.with(noCreate)
		o.Building = func(string, int64, int64) error {
			begin.Do(func() { building <- struct{}{}; <-building })
			return nil
		}
		r, err := root.Open(context.Background(), o)
		if err == nil {
			err = r.Close()
		}
		ended <- err
	}()
	<-building
	for _, timeout := range []time.Duration{-1, 40 * time.Millisecond} {
		u.notices = nil
		_, err := u.try(readOnly, func(o *root.Options) { o.LockTimeout = timeout })
		const says = ", which is building the ledger's index"
		locked, ok := errors.AsType[*root.LockedError](err)
		if !ok || locked.PID != os.Getpid() || locked.Doing == "" || !strings.Contains(err.Error(), says) {
			t.Errorf("Open while the index is built = %v, want a LockedError that says so", err)
		}
		if len(u.notices) != 1 || !strings.Contains(u.notices[0], says) {
			t.Errorf("while it waits, it says %q", u.notices)
		}
	}
	close(building)
	must(t, <-ended)
	if line, _, _ := strings.Cut(string(read(t, u.lockFile())), "\n"); line != fmt.Sprintf("pid %-20d", os.Getpid()) {
		t.Errorf("after the build the lock file begins with %q", line)
	}
	held := u.open(noCreate)
	defer shut(t, held)
	if _, err := u.try(noWait); !strings.Contains(err.Error(), fmt.Sprintf("process %d; waited", os.Getpid())) {
		t.Errorf("Open after the build = %v", err)
	}
}
