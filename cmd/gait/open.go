package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"gait/commands/connect"
	"gait/commands/recall"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
	"gait/projection"
)

// options returns how to open the ledger of this command line: to read it,
// unless the caller sets another mode.
func (a *app) options() (connect.Options, error) { return a.optionsIn("") }

// optionsIn returns how to open the ledger in dir, or that of this command line
// if dir is "".
func (a *app) optionsIn(dir string) (connect.Options, error) {
	homeDir, err := a.home()
	if err != nil {
		return connect.Options{}, err
	}
	var remote connect.Remote
	if dir == "" {
		if remote, err = a.remote(); err != nil {
			return connect.Options{}, err
		}
	}
	mode, err := a.daemonMode()
	o := connect.Options{
		Remote: remote,
		Options: root.Options{
			Dir: cmp.Or(dir, a.rootDir()), Home: homeDir, Now: a.now, Entropy: a.entropy, LockTimeout: a.lockWait(),
			AllowNetworkFS: a.allowNetworkFS, AcceptClock: a.acceptClock, Actor: a.actor(""), Notice: a.notice, Fatal: func(err error) { a.fatal(inDir(dir, err)) },
			Building: showBuilding(a), Views: projection.Views, Tags: projection.EntryTags,
		},
		Daemon: mode, Opened: a.opened,
	}
	if !remote.URL.IsZero() {
		o.Dir = remote.URL.String() // what errors name
		return o, err
	}
	o.Held = connect.Held(o)
	return o, err
}

// daemonMode returns how commands use a daemon: --require-daemon, or GAIT_DAEMON.
func (s *surroundings) daemonMode() (connect.Daemon, error) {
	mode := connect.Daemon(s.getenv("GAIT_DAEMON"))
	switch mode {
	case connect.Auto, connect.Never, connect.Require, "":
	default:
		return "", &usageError{code: "invalid_daemon_mode", text: fmt.Sprintf("GAIT_DAEMON takes require, never or auto, not %.40q", mode), hint: "unset GAIT_DAEMON"}
	}
	if s.requireDaemon {
		mode = connect.Require
	}
	return mode, nil
}

// lockWait is the lock timeout as package root wants it: negative is not at all.
func (f globalFlags) lockWait() time.Duration {
	if f.lockTimeout == 0 {
		return -1
	}
	return f.lockTimeout
}

// fatal ends the process after a failed write: nothing more may be written or
// acknowledged. A second call waits for the end of the process.
func (a *app) fatal(err error) {
	a.dying.Lock()
	err = fmt.Errorf("writing the ledger: %w", err)
	if a.writing.Load() && a.written.Load() == nil {
		err = fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, err)
	}
	a.exit(a.fail(err))
}

// read opens the ledger to read and hands it to f.
func (a *app) read(ctx context.Context, f func(*connect.Ledger) error) error {
	return a.readIn(ctx, "", f)
}

// readIn is read for the ledger in dir.
func (a *app) readIn(ctx context.Context, dir string, f func(*connect.Ledger) error) error {
	return a.open(ctx, dir, root.Read, f)
}

// write opens the ledger to write and hands it to f.
func (a *app) write(ctx context.Context, f func(*connect.Ledger) error) error {
	return a.writeIn(ctx, "", f)
}

// writeIn is write for the ledger in dir.
func (a *app) writeIn(ctx context.Context, dir string, f func(*connect.Ledger) error) error {
	return a.open(ctx, dir, root.Once, f)
}

func (a *app) open(ctx context.Context, dir string, mode root.Mode, f func(*connect.Ledger) error) error {
	o, err := a.optionsIn(dir)
	if err != nil {
		return err
	}
	o.Mode = mode
	return inDir(dir, connect.With(ctx, o, f))
}

// show opens the ledger to hand out what it has signed, which must be remembered
// first. If the ledger is only read, it is remembered if the home can be written.
func (a *app) show(ctx context.Context, f func(*connect.Ledger) error) error {
	return a.writeOrRead(ctx, "", true, func(r *connect.Ledger, reading bool) error {
		if err := f(r); err != nil || !reading {
			return err
		}
		_, signed := r.Log.Checkpoint()
		recall.Memory{Home: r.Home, Notice: a.notice}.KeepCheckpoint(signed, true, r.Log.Keys().Keys()...)
		return nil
	})
}

// writeOrRead opens the ledger in dir to write and hands it to f. If it is one that is
// only read, or that this user cannot write, it is opened to read, and f is told; if
// keyless, that also holds for a ledger whose private key is not here.
func (a *app) writeOrRead(ctx context.Context, dir string, keyless bool, f func(r *connect.Ledger, reading bool) error) error {
	opened := false
	err := a.writeIn(ctx, dir, func(r *connect.Ledger) error {
		opened = true
		return f(r, false)
	})
	if opened || !onlyRead(err) && !unwritable(err) && !(keyless && lacksKey(err)) {
		return err
	}
	read := a.readIn(ctx, dir, func(r *connect.Ledger) error { return f(r, true) })
	if lacksKey(read) && !onlyRead(err) {
		return err // whose ledger it is says more
	}
	return read
}

func lacksKey(err error) bool {
	_, missing := errors.AsType[*home.KeyMissingError](err)
	return missing
}

// unwritable reports whether an error of opening a ledger to write says that this user
// cannot write the ledger or the home. A reader may go on.
func unwritable(err error) bool {
	denied, ok := errors.AsType[*home.AccessError](err)
	_, unsafe := errors.AsType[*home.UnsafeError](err)
	return ok && denied.Write || unsafe
}

// onlyRead reports whether an error says that the ledger cannot be written for what it is:
// a copy, retired, moved away, or in an older state than was seen. Whether that may be read is found
// out by opening it to read.
func onlyRead(err error) bool {
	_, copied := errors.AsType[*root.ImportedError](err)
	_, retired := errors.AsType[*root.RetiredError](err)
	_, older := errors.AsType[*home.RolledBackError](err)
	_, moved := errors.AsType[*ledger.MovedError](err)
	return copied || retired || older || moved
}
