package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// An app is one run of gait: its streams, its surroundings, its global flags.
// Time, chance, keys and the environment enter here and nowhere else.
type app struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	now            func() time.Time
	entropy        io.Reader
	exit           func(int)        // ends the process at once, for fail-stop
	rules          projection.Rules // by which fixtures are replayed; nil: today's

	json           bool
	dir            string // --root
	lockTimeout    time.Duration
	allowNetworkFS bool
	requireDaemon  bool

	running *cobra.Command // the command that is being carried out
	begun   bool           // its flags and arguments are those it takes
	jobID   string         // of the job it is about, once known and well-formed
	helped  error          // why help could not be printed
	lines   bool           // with --json it prints many objects, one a line
	writing atomic.Bool    // an event may have been written, nobody knows yet
	written atomic.Pointer[commands.Result]
	dying   sync.Mutex

	interrupted func() error // why long work is to stop
}

// newApp makes the app of this process. exit ends the process where a write
// failed.
func newApp(exit func(int)) *app {
	return &app{stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, now: time.Now, entropy: rand.Reader, exit: exit}
}

// main runs the command line of the process and returns the exit code.
func (a *app) main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the process, whatever it waits for
	return a.run(ctx, os.Args[1:])
}

// run carries out one command line. A panic is our own mistake: it is reported
// like any other error.
func (a *app) run(ctx context.Context, args []string) (code int) {
	defer func() {
		if p := recover(); p != nil {
			code = a.fail(&panicError{value: p, stack: debug.Stack()})
		}
	}()
	a.stdout, a.interrupted = output{a.stdout}, ctx.Err
	cmd := a.command()
	cmd.SetArgs(args)
	a.running, a.json = cmd, asksJSON(args)
	ran, err := cmd.ExecuteContextC(ctx)
	if err == nil {
		err = a.helped
	} else if !a.begun {
		a.running = ran // its flags or arguments are not what it takes
	}
	if err != nil {
		return a.fail(err)
	}
	return 0
}

// asksJSON reports whether the command line asks for JSON, so that an error in
// a flag before --json is JSON too.
func asksJSON(args []string) (asked bool) {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	for _, arg := range args {
		if arg == "--json" {
			asked = true
		} else if value, ok := strings.CutPrefix(arg, "--json="); ok {
			asked, _ = strconv.ParseBool(value)
		}
	}
	return asked
}

// A panicError is a panic that was recovered.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("gait made a mistake: %v", e.value) }

// home returns the directory of the user's keys and trust.
func (a *app) home() (string, error) {
	if dir := a.getenv("GAIT_HOME"); dir != "" {
		return dir, nil
	}
	if dir := a.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "gait"), nil
	}
	if dir := a.getenv("HOME"); dir != "" {
		return filepath.Join(dir, ".config", "gait"), nil
	}
	return "", &usageError{code: "home_unknown", text: "where keys are kept is unknown: neither GAIT_HOME nor HOME is set", hint: "export GAIT_HOME=/path/to/gait"}
}

// rootDir returns the directory of the ledger.
func (a *app) rootDir() string {
	if a.dir != "" {
		return a.dir
	}
	if dir := a.getenv("GAIT_ROOT"); dir != "" {
		return dir
	}
	return filepath.Join(".", "gait-out", "jobs")
}

// actor returns who acts: the flag, GAIT_ACTOR, or the login name.
func (a *app) actor(flag string) string {
	if flag != "" {
		return flag
	}
	if name := a.getenv("GAIT_ACTOR"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return ledger.OSActor(u.Username)
	}
	return ledger.OSActor("uid-" + strconv.Itoa(os.Getuid()))
}

// options returns how to open the root.
func (a *app) options() (root.Options, error) {
	home, err := a.home()
	if err != nil {
		return root.Options{}, err
	}
	return root.Options{Dir: a.rootDir(), Home: home, Now: a.now, Entropy: a.entropy, LockTimeout: a.waitFor(),
		AllowNetworkFS: a.allowNetworkFS, Actor: a.actor(""), Held: a.heldByDaemon, Notice: a.notice, Fatal: a.fatal}, nil
}

// waitFor is the lock timeout as package root wants it: negative is not at all.
func (a *app) waitFor() time.Duration {
	if a.lockTimeout == 0 {
		return -1
	}
	return a.lockTimeout
}

// fatal ends the process after a failed write: nothing more may be written or
// acknowledged. Whoever comes second waits for the end of the process.
func (a *app) fatal(err error) {
	a.dying.Lock()
	err = fmt.Errorf("writing the ledger: %w", err)
	if a.writing.Load() && a.written.Load() == nil {
		err = fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, err)
	}
	a.exit(a.fail(err))
}

// read opens the ledger to read and hands it to f.
func (a *app) read(ctx context.Context, f func(*openLedger) error) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	o.ReadOnly = true
	return a.open(ctx, o, f)
}

// write opens the ledger to write and hands it to f.
func (a *app) write(ctx context.Context, create bool, f func(*openLedger) error) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	o.Create, o.OneShot = create, true
	return a.open(ctx, o, f)
}

// show opens the ledger to hand out what it has signed, which must be durable
// first. A copy always is, and so is what was retired.
func (a *app) show(ctx context.Context, f func(*openLedger) error) error {
	err := a.write(ctx, false, f)
	_, copied := errors.AsType[*root.ImportedError](err)
	_, retired := errors.AsType[*root.RetiredError](err)
	if copied || retired {
		return a.read(ctx, f)
	}
	return err
}

func (a *app) open(ctx context.Context, o root.Options, f func(*openLedger) error) (err error) {
	l, err := a.openLedger(ctx, o)
	if err != nil {
		return err
	}
	defer func() {
		if closing := l.Close(); err == nil && closing != nil {
			err = fmt.Errorf("closing the ledger: %w", closing)
		}
	}()
	return f(l)
}
