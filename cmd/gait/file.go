package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// openNoWait opens a file to read, without waiting for the writer of a pipe.
func openNoWait(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// maxPipeWait is how long a pipe may take to give all of a file.
var maxPipeWait = 30 * time.Second

// fromStdin is the name of standard input, for every file to read.
const fromStdin = "-"

// readFile reads a file that the user named, of 1 to limit bytes. Every flag and
// argument that names a file to read whole is read by it. A pipe is read to its end,
// or for maxPipeWait: then its writer may have begun and not ended, or may never have
// come. A file of nothing but white space is refused like an empty one, since a
// command that failed leaves one, and a job could be bound to it.
func (c *console) readFile(name string, limit int64) ([]byte, error) {
	in, err := c.openInput(name, 0)
	if err != nil {
		return nil, err
	}
	defer in.close()
	return in.all(limit)
}

// all reads 1 to limit bytes, which must be all there is.
func (in *input) all(limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, in.failed(err)
	}
	if int64(len(b)) > limit {
		return nil, in.tooLarge(limit)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return nil, in.empty()
	}
	return b, nil
}

// An input is a file, pipe or device that is open to be read, or standard input.
type input struct {
	io.Reader
	name string   // as errors call it
	file *os.File // nil of standard input
	stop func() bool
}

// openInput opens a file that the user named. If it is a pipe, reading ends after
// maxPipeWait, or, if quiet is positive, when it gave nothing for so long. If the
// command is interrupted, a read that waits fails.
func (c *console) openInput(name string, quiet time.Duration) (*input, error) {
	ctx := c.running.Context()
	if name == fromStdin {
		if c.stdinRead {
			return nil, &usageError{code: "invalid_usage", text: "two files are -, and standard input can be read once", hint: "name a file for one of them"}
		}
		c.stdinRead = true
		if c.stdin == nil { // the demo's commands have none
			c.stdin = bytes.NewReader(nil)
		}
		return &input{Reader: &patientReader{ctx, c.stdin}, name: "standard input", stop: func() bool { return true }}, nil
	}
	f, err := openNoWait(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &usageError{code: "file_not_found", text: name + " does not exist", hint: "check the path"}
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &usageError{code: "file_not_found", text: name + " is a directory, not a file", hint: "check the path"}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	in := &input{Reader: f, name: name, file: f, stop: func() bool { return true }}
	if info.Mode().Type() == fs.ModeNamedPipe {
		in.Reader = &pipeReader{file: f, until: time.Now().Add(maxPipeWait), quiet: quiet, ctx: ctx}
		in.stop = context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Now()) })
	}
	return in, nil
}

// isZip reports whether an input begins as a pack or a backup does. What it looks at is
// still to be read.
func (in *input) isZip() (bool, error) {
	const magic = "PK"
	ahead := bufio.NewReader(in.Reader)
	in.Reader = ahead
	first, err := ahead.Peek(len(magic))
	if err != nil && !errors.Is(err, io.EOF) {
		return false, in.failed(err)
	}
	return string(first) == magic, nil
}

// close ends the use of an input.
func (in *input) close() {
	in.stop()
	if in.file != nil {
		in.file.Close()
	}
}

// failed says that reading failed with err.
func (in *input) failed(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &usageError{code: "pipe_unfinished", text: fmt.Sprintf("%s is a pipe, and gave no whole file in %s", in.name, maxPipeWait), hint: "write the file first, then name it"}
	}
	return fmt.Errorf("reading %s: %w", in.name, err)
}

func (in *input) tooLarge(limit int64) error {
	return &usageError{code: "file_too_large", text: fmt.Sprintf("%s is over %d bytes", in.name, limit), hint: "check the path"}
}

func (in *input) empty() error {
	return &usageError{code: codeEmptyFile, text: in.name + " is empty", hint: "check the path, and the command that wrote it"}
}

// A patientReader waits for what a reader without deadlines has to give, or for its
// context to end.
type patientReader struct {
	ctx context.Context
	in  io.Reader
}

// Read reads into a buffer of its own, which the reader may still fill after the
// context has ended.
func (r *patientReader) Read(b []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	own, done := make([]byte, len(b)), make(chan result, 1)
	go func() {
		n, err := r.in.Read(own)
		done <- result{n, err}
	}()
	select {
	case got := <-done:
		return copy(b, own[:got.n]), got.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}

// codeEmptyFile is the code of the error about a file of no content.
const codeEmptyFile = "empty_file"

// A pipeReader reads a pipe that was opened without waiting for its writer. Until the
// first byte, the end of the file means that no writer has come yet.
type pipeReader struct {
	file  *os.File
	until time.Time
	quiet time.Duration // if positive, each byte moves until so far from now
	ctx   context.Context
	begun bool
}

// Read waits for a byte, for the end that follows one, or for the time to be over.
func (r *pipeReader) Read(b []byte) (int, error) {
	if err := r.file.SetReadDeadline(r.until); err != nil {
		return 0, err
	}
	for {
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.file.Read(b)
		if n > 0 && r.quiet > 0 {
			r.until = time.Now().Add(r.quiet)
		}
		r.begun = r.begun || n > 0
		if !errors.Is(err, io.EOF) || r.begun {
			if interrupted := r.ctx.Err(); err != nil && interrupted != nil {
				err = interrupted
			}
			return n, err
		}
		if time.Now().After(r.until) {
			return 0, os.ErrDeadlineExceeded
		}
		time.Sleep(10 * time.Millisecond)
	}
}
