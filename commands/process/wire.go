package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A request is what the supervisor tells its guard.
type request struct {
	ID     int64          // of the command
	Start  *spec          `json:",omitempty"` // three files come with it
	End    *time.Duration `json:",omitempty"` // the grace of Terminate
	Expire *time.Duration `json:",omitempty"`
	Signal syscall.Signal `json:",omitempty"`
}

// A spec is a command to start. Its texts need not be UTF-8.
type spec struct {
	Path []byte
	Args [][]byte
	Env  [][]byte
	Dir  []byte
}

// An answer is what the guard tells: that a command was started or could not be, or how it ended.
type answer struct {
	ID    int64
	Pid   int           `json:",omitempty"` // it was started
	Heard bool          `json:",omitempty"` // it was told to end
	Exit  *Exit         `json:",omitempty"` // it has ended
	Error string        `json:",omitempty"` // why it could not be started
	Op    string        `json:",omitempty"` // what failed then, on
	Path  string        `json:",omitempty"`
	Errno syscall.Errno `json:",omitempty"`
}

// failure is the error of a command that could not be started.
func (a answer) failure(name string) error {
	switch {
	case a.Errno != 0:
		return &StartError{Name: name, Err: &fs.PathError{Op: a.Op, Path: a.Path, Err: a.Errno}}
	case a.Error != "":
		return &StartError{Name: name, Err: errors.New(a.Error)}
	}
	return ErrGuard
}

// filesOfStart is how many files come with a request to start a command.
const filesOfStart = 3

// maxFiles is how many files one read can bring.
const maxFiles = 64

// A link is one end of the socket between supervisor and guard.
type link struct {
	conn    *net.UnixConn
	decoder *json.Decoder
	files   []*os.File // that have come and belong to no message yet

	mu sync.Mutex // held while writing
}

// newLink makes a link of a socket. f can be closed afterwards.
func newLink(f *os.File) (*link, error) {
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("process: the guard's standard input is a socket of type %s, not one of its supervisor", c.LocalAddr().Network())
	}
	l := &link{conn: conn}
	l.decoder = json.NewDecoder(incoming{l})
	return l, nil
}

// pair returns the two ends of a new socket, closed on exec.
func pair() (mine, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(fds[0]), "guard"), os.NewFile(uintptr(fds[1]), "supervisor"), nil
}

// send writes a message, and passes files with it.
func (l *link) send(message any, files ...*os.File) error {
	b, err := json.Marshal(message)
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = syscall.UnixRights(fds...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n, _, err := l.conn.WriteMsgUnix(b, rights, nil)
	if err == nil && n < len(b) {
		_, err = l.conn.Write(b[n:])
	}
	return err
}

// receive reads the next message. Files that came with it are in l.files.
func (l *link) receive(message any) error { return l.decoder.Decode(message) }

// take returns the next n files that have come.
func (l *link) take(n int) ([]*os.File, error) {
	if len(l.files) < n {
		return nil, fmt.Errorf("process: %d files came with a command, not %d", len(l.files), n)
	}
	files := l.files[:n]
	l.files = l.files[n:]
	return files, nil
}

// incoming reads a link's bytes, and keeps the files that come with them.
type incoming struct{ *link }

// Read reads bytes, and adds to l.files.
func (l incoming) Read(b []byte) (int, error) {
	rights := make([]byte, syscall.CmsgSpace(4*maxFiles))
	n, size, _, _, err := l.conn.ReadMsgUnix(b, rights)
	if err != nil {
		return 0, err
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:size])
	if err != nil {
		return n, os.NewSyscallError("recvmsg", err)
	}
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return n, os.NewSyscallError("recvmsg", err)
		}
		for _, fd := range fds {
			l.files = append(l.files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}
