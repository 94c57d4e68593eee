package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// An outFile is a file for output that a flag named. All output into a file goes
// through one. A regular file is replaced as a whole, behind any links that lead to it.
// A pipe or a character device is written to, and stays what it is: replacing
// /dev/null would break the machine for all its users. Nothing else is written to.
type outFile struct {
	outPath
	target string    // of a regular file, or one to be made: its path without links
	exists bool      // the regular file is there
	to     io.Writer // the descriptor that the path names, if it names one
	stdout bool      // to is standard output
	ctx    context.Context
}

// toStdout is the name of standard output.
const toStdout = "-"

// outForms says, for help texts, what a flag for output accepts.
const outForms = "- is standard output"

// outFile returns the file for output that the user named with a flag. Nothing is
// written yet. If it is standard output, that has the file alone: all else that the
// command prints goes to standard error from now on.
func (c *console) outFile(flag, name string) (outFile, error) {
	fd := 1
	if name != toStdout {
		at, err := c.outPath(flag, name)
		number, open := openDescriptor(name)
		if err != nil || !open {
			return at.file(c.running.Context(), flag, err)
		}
		fd = number
	}
	f := outFile{outPath: outPath{name}, ctx: c.running.Context()}
	switch fd {
	case 1:
		if c.stdoutFor != "" {
			return outFile{}, &usageError{code: "invalid_usage", text: c.stdoutFor + " and " + flag + " both name standard output", hint: "name a file with one of them"}
		}
		f.to, f.stdout = c.stdout, true
		c.stdoutFor, c.stdout = flag, talk{c.stderr}
	case 2:
		f.to = c.stderr
	default: // gait has opened no file of its own yet that could have this number
		copied, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return outFile{}, fmt.Errorf("writing to %s: %w", name, err)
		}
		f.to = os.NewFile(uintptr(copied), name)
	}
	return f, nil
}

// descriptorPath finds the paths of the descriptors of a process.
var descriptorPath = regexp.MustCompile(`^/(?:dev|proc/(self|thread-self|[0-9]+)(?:/task/[0-9]+)?)/fd/([0-9]+)$`)

// openDescriptor returns the number of the open file of this process that a path such
// as /dev/stdout names. To open that path again would write a regular file from its
// start, over what the shell's other commands write.
func openDescriptor(name string) (fd int, ok bool) {
	full, err := rooted(name)
	if err != nil {
		return 0, false
	}
	follow(full, func(at string) bool {
		m := descriptorPath.FindStringSubmatch(at)
		if m == nil || m[1] != "" && m[1] != "self" && m[1] != "thread-self" && m[1] != strconv.Itoa(os.Getpid()) {
			return false
		}
		fd, err = strconv.Atoi(m[2])
		ok = err == nil
		return true
	})
	return fd, ok
}

// file returns the file at a path. It fails with err, if that is an error, or with an
// *unsafeError if what is there is neither a regular file nor a pipe nor a device.
func (p outPath) file(ctx context.Context, flag string, err error) (outFile, error) {
	if err != nil {
		return outFile{}, err
	}
	f := outFile{outPath: p, ctx: ctx}
	full, err := rooted(p.path)
	if err != nil {
		return outFile{}, err
	}
	info, err := os.Stat(p.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(p.path, string(filepath.Separator)):
		f.target = followed(full)
		return f, nil
	case errors.Is(err, fs.ErrNotExist):
		return outFile{}, &unsafeError{code: "would_overwrite", text: p.path + " names a directory", hint: "name a file with " + flag}
	case err != nil:
		return outFile{}, fmt.Errorf("looking at %s: %w", p, err)
	}
	if no := notForOutput(info.Mode()); no != "" {
		return outFile{}, &unsafeError{code: "would_overwrite", text: p.path + " is " + no, hint: "name a file with " + flag}
	}
	return f.as(info.Mode(), full), nil
}

// as returns the file, of which mode says what is there and full is the path.
func (f outFile) as(mode fs.FileMode, full string) outFile {
	if mode.IsRegular() {
		f.target, f.exists = followed(full), true
	}
	return f
}

// notForOutput says what is at a path for output if nothing can be written there.
func notForOutput(mode fs.FileMode) string {
	switch kind := mode.Type(); {
	case kind == 0, kind == fs.ModeNamedPipe, kind&fs.ModeDevice != 0:
		return ""
	case mode.IsDir():
		return "a directory"
	}
	return "neither a file nor a pipe nor a device"
}

// regular reports whether output makes or replaces a regular file.
func (f outFile) regular() bool { return f.target != "" }

// write makes content the whole of a regular file, or writes it to a pipe, device or
// descriptor.
func (f outFile) write(content []byte) error {
	if !f.regular() {
		return f.through(func(w io.Writer) error {
			_, err := w.Write(content)
			return err
		})
	}
	if err := f.stillRegular(); err != nil {
		return err
	}
	return renameio.WriteFile(f.target, content, 0o644)
}

// append adds text to the end of a regular file, or writes it to a pipe, device or
// descriptor.
func (f outFile) append(text string) error {
	if !f.regular() {
		return f.write([]byte(text))
	}
	file, err := os.OpenFile(f.target, os.O_WRONLY|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// inDirectory fails if the directory of a file to be made is not there. What is kept apart
// from the ledger must not go to the disk under a mount point that has no mount.
func (f outFile) inDirectory() error {
	if !f.regular() {
		return nil
	}
	dir := filepath.Dir(f.target)
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &usageError{code: "file_not_found", text: "the directory " + dir + " is not there", hint: "mount its disk, or make it: mkdir -p " + quoted(dir)}
}

// stillRegular fails if something else than a regular file has taken the place of the
// one to be replaced.
func (f outFile) stillRegular() error {
	info, err := os.Lstat(f.target)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	return &unsafeError{code: "would_overwrite", text: f.target + " is no regular file any more", hint: "name another file"}
}

// through opens a pipe or device, and hands it, or the descriptor, to write. If the
// command is interrupted, a write that waits fails.
func (f outFile) through(write func(io.Writer) error) error {
	if f.to != nil {
		return write(f.to)
	}
	file, err := f.open()
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = &unsafeError{code: "would_overwrite", text: f.path + " was replaced by a file", hint: "name that file again, if it is to be replaced"}
	}
	if err == nil {
		stop := context.AfterFunc(f.ctx, func() { _ = file.SetWriteDeadline(time.Now()) }) // some devices have no deadline
		err = write(file)
		stop()
	}
	if err == nil && isBlockDevice(info.Mode()) {
		err = file.Sync() // what the disk does not take is known only then
	}
	if interrupted := f.ctx.Err(); err != nil && interrupted != nil {
		err = interrupted
	}
	return errors.Join(err, file.Close())
}

// isBlockDevice reports whether a mode is that of a disk, or of a part of one.
func isBlockDevice(mode fs.FileMode) bool { return mode.Type() == fs.ModeDevice }

// open opens a pipe or device to write. It waits for maxPipeWait for the reader of a
// pipe.
func (f outFile) open() (*os.File, error) {
	for until := time.Now().Add(maxPipeWait); ; time.Sleep(10 * time.Millisecond) {
		file, err := os.OpenFile(f.path, os.O_WRONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
		switch {
		case !errors.Is(err, syscall.ENXIO):
			return file, err
		case f.ctx.Err() != nil:
			return nil, f.ctx.Err()
		case time.Now().After(until):
			return nil, &usageError{code: "pipe_unfinished", text: fmt.Sprintf("%s is a pipe that no process has read from for %s", f.path, maxPipeWait), hint: "start its reader first"}
		}
	}
}

// A pendingFile is a file for output that is written in any order. It takes its place
// when it is whole.
type pendingFile struct {
	io.WriterAt
	at   outFile
	file *renameio.PendingFile // of a regular file; nil of another
	copy *os.File              // of all else: has no name any more
}

// begin begins a file of private content.
func (f outFile) begin() (*pendingFile, error) {
	p := &pendingFile{at: f}
	var err error
	if !f.regular() {
		p.copy, err = spool()
		p.WriterAt = p.copy
		return p, err
	}
	if err = os.MkdirAll(filepath.Dir(f.target), 0o700); err == nil {
		p.file, err = renameio.NewPendingFile(f.target, renameio.WithStaticPermissions(0o600))
		p.WriterAt = p.file
	}
	return p, err
}

// spool returns a temporary file that has no name, and is gone when it is closed.
func spool() (*os.File, error) {
	file, err := os.CreateTemp("", "gait-spool-")
	if err != nil {
		return nil, err
	}
	return file, os.Remove(file.Name())
}

// ReadAt reads what was written.
func (p *pendingFile) ReadAt(b []byte, at int64) (int, error) {
	if p.copy != nil {
		return p.copy.ReadAt(b, at)
	}
	return p.file.ReadAt(b, at)
}

// replacesOther fails if a file with other bytes than those written is in the place.
func (p *pendingFile) replacesOther() error {
	if p.copy != nil {
		return nil
	}
	old, err := openNoWait(p.at.target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", p.at, err)
	}
	defer old.Close()
	same, err := sameBytes(old, io.NewSectionReader(p, 0, 1<<62))
	if err == nil && !same {
		err = &unsafeError{code: "would_overwrite", text: p.at.path + " is there already, with other bytes", hint: "choose another file with --out"}
	}
	return err
}

// sameBytes reports whether a and b read the same to their ends.
func sameBytes(a, b io.Reader) (bool, error) {
	one, other := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err := readBlock(a, one)
		m, errOther := readBlock(b, other)
		if err := errors.Join(err, errOther); err != nil || !bytes.Equal(one[:n], other[:m]) {
			return false, err
		}
		if n < len(one) {
			return true, nil
		}
	}
}

// readBlock fills block, or as much of it as there is.
func readBlock(r io.Reader, block []byte) (int, error) {
	n, err := io.ReadFull(r, block)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return n, err
}

// keep puts the file in its place.
func (p *pendingFile) keep() error {
	if p.copy != nil {
		return p.at.through(func(w io.Writer) error {
			_, err := io.Copy(w, io.NewSectionReader(p.copy, 0, 1<<62))
			return err
		})
	}
	if err := p.at.stillRegular(); err != nil {
		return err
	}
	return p.file.CloseAtomicallyReplace()
}

// remove removes the file if it was not kept.
func (p *pendingFile) remove() {
	if p.copy != nil {
		p.copy.Close()
	}
	if p.file != nil {
		p.file.Cleanup()
	}
}
