package process

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Command is what Start starts.
type Command struct {
	Args   []string  // the program, looked for in this process's PATH if its name has no slash, and its arguments
	Env    []string  // all of its environment
	Dir    string    // where it runs, and where a name with a slash is looked for; "": where this process runs
	Stdin  io.Reader // nil: nothing to read. A *os.File is given to the command itself
	Stdout io.Writer // nil: nowhere. A *os.File is given to the command itself, unless Tail is set
	Stderr io.Writer // as Stdout. If both are the same, at most one goroutine at a time writes to it
	Tail   int       // how many bytes of the end of both to keep
}

// An Exit is how a command ended.
type Exit struct {
	Code   int            // its exit code; 128 and the signal's number if it died of one
	Signal syscall.Signal // 0 if it exited
}

// killed is how a command ended of which only that is known.
var killed = Exit{Code: 128 + int(syscall.SIGKILL), Signal: syscall.SIGKILL}

// exitOf returns how a command ended, from its wait status.
func exitOf(s syscall.WaitStatus) Exit {
	if s.Signaled() {
		return Exit{Code: 128 + int(s.Signal()), Signal: s.Signal()}
	}
	return Exit{Code: s.ExitStatus()}
}

// patience is how long a guard's process may take to hear what it is told before it is killed, and
// all that it guards with it: it was frozen, and would not kill what it is told to.
var patience = 10 * time.Second

// A Process is a command that was started.
type Process struct {
	id      int64
	streams *streams
	begun   chan answer // whether it was started

	send    func(request, ...*os.File) // to the guard
	kill    func()                     // kills the guard's process, if that does not hear
	copying *sync.WaitGroup            // of the guard: what commands write

	pid  int // 0: not yet
	exit Exit
	done chan struct{}

	mu    sync.Mutex
	heard *time.Timer // until the guard says that it was told to end the command
}

// Pid returns the id of the command's first process, which is also that of its group.
func (p *Process) Pid() int { return p.pid }

// Wait waits until the command has ended, with all of its group, and returns how. It may be
// called again, and by several goroutines.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// Done returns a channel that is closed when Wait would return at once.
func (p *Process) Done() <-chan struct{} { return p.done }

// Terminate begins to end the command: its group gets SIGTERM, and SIGKILL if the command has
// not ended after grace. It does not wait; Wait does. If it is called again, the earlier end
// counts.
func (p *Process) Terminate(grace time.Duration) {
	p.mu.Lock()
	if p.heard == nil {
		p.heard = time.AfterFunc(patience, p.unheard)
	}
	p.mu.Unlock()
	p.send(request{ID: p.id, End: &grace})
}

// unheard ends a guard's process that did not hear that it is to end the command. If it is this
// process that was frozen, what the guard said is there to be read, and is read first.
func (p *Process) unheard() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = time.AfterFunc(time.Second, func() {
		select {
		case <-p.done:
		default:
			p.kill()
		}
	})
}

// Signal sends a signal to the command's group, if the command has not ended.
func (p *Process) Signal(s syscall.Signal) { p.send(request{ID: p.id, Signal: s}) }

// Expire has the guard kill the command's group after a time, unless Expire is called again
// before, with another. The guard does so even if this process is frozen; time in which the
// machine sleeps counts.
func (p *Process) Expire(in time.Duration) { p.send(request{ID: p.id, Expire: &in}) }

// Tail returns the end of what the command wrote.
func (p *Process) Tail() []byte { return p.streams.tail.bytes() }

// told is called with each answer about the command, one after the other.
func (p *Process) told(a answer) {
	switch {
	case a.Exit != nil:
		p.ended(*a.Exit)
	case a.Heard:
		p.mu.Lock()
		p.heard.Stop()
		p.mu.Unlock()
	case a.Pid != 0:
		p.pid = a.Pid
		p.streams.started()
		p.copying.Go(p.streams.copying.Wait)
		p.begun <- a
	default: // it was not started: who started it closes its files, which may be on their way to the guard
		p.begun <- a
	}
}

// ended is called once, when the command has ended.
func (p *Process) ended(e Exit) {
	p.exit = e
	go func() {
		p.streams.ended()
		close(p.done)
	}()
}

// orphaned is called instead of told if the guard's process has ended. It was the parent of the
// command, which the kernel may have killed already; its group is killed at once, before its id
// can come to be another's.
func (p *Process) orphaned() {
	if p.pid == 0 {
		p.told(answer{})
		return
	}
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	p.ended(killed)
}
