package main

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"gait/ledger"
)

// checkedOutput is stdout. An error of writing to it is an *outputError.
type checkedOutput struct{ io.Writer }

func (o checkedOutput) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil {
		err = &outputError{err}
	}
	return n, err
}

// An outputError says that the outcome could not be printed.
type outputError struct{ err error }

func (e *outputError) Error() string { return "printing the outcome: " + e.err.Error() }

// Fault returns what kind of error it is.
func (*outputError) Fault() ledger.Fault {
	return ledger.Fault{Code: "output_failed", Category: ledger.CategoryIO}
}

// readerLeft reports whether an error says that the process that read stdout is gone:
// gait job list | head -1.
func readerLeft(err error) bool {
	_, printing := errors.AsType[*outputError](err)
	return printing && errors.Is(err, unix.EPIPE)
}

// Unwrap returns why it could not be printed.
func (e *outputError) Unwrap() error { return e.err }

// untilReaderLeaves returns a context that ends when no process can read what is
// written to stdout any longer: its cause is then an error of which readerLeft is true. A
// command that may wait for long before it writes again would not notice. The caller
// calls stop.
func (c *console) untilReaderLeaves(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if f, ok := fileOf(c.stdout); ok {
		go func() {
			if waitForHangup(int(f.Fd())) {
				cancel(&outputError{unix.EPIPE})
			}
		}()
	}
	return ctx, func() { cancel(nil) }
}

// waitForHangup waits until the other end of a pipe, a socket or a terminal is gone. It
// reports false if that cannot be seen, and waits for ever if there is no other end.
func waitForHangup(fd int) bool {
	poll := []unix.PollFd{{Fd: int32(fd)}} // for no event but those that are always reported
	for {
		_, err := unix.Poll(poll, -1)
		if !errors.Is(err, unix.EINTR) {
			return err == nil && poll[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	}
}

func readsTerminal(in io.Reader) bool {
	f, ok := in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func isTerminal(w io.Writer) bool {
	f, ok := fileOf(w)
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalSize returns how many columns and lines a terminal has, or 80 and 24 if
// that is unknown.
func terminalSize(w io.Writer) (width, height int) {
	if f, ok := fileOf(w); ok {
		width, height, _ = term.GetSize(int(f.Fd()))
	}
	if width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}

// talk is stderr in the place of stdout. If it cannot be written, nothing is lost: what a
// program reads went to stdout.
type talk struct{ io.Writer }

// Write writes what it can, and never fails.
func (t talk) Write(b []byte) (int, error) {
	_, _ = t.Writer.Write(b)
	return len(b), nil
}

func (t talk) under() io.Writer { return t.Writer }

// A wrapper is a stream that writes to another one.
type wrapper interface{ under() io.Writer }

func (o checkedOutput) under() io.Writer { return o.Writer }

// fileOf returns the file that a stream writes to in the end.
func fileOf(w io.Writer) (*os.File, bool) {
	for {
		o, ok := w.(wrapper)
		if !ok {
			break
		}
		w = o.under()
	}
	f, ok := w.(*os.File)
	return f, ok
}
