package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// lastWait is how long a guard waits for what it has killed before it ends.
const lastWait = 5 * time.Second

// GuardMain is all that a guard's process does: it starts commands, and ends them. It returns the
// exit code when its supervisor is gone and everything is killed. The caller must not have
// started goroutines that start processes, and passes os.Stdin.
func GuardMain(stdin *os.File) int {
	// The kernel kills a command when the thread that started it ends, so it must be one that lives
	// as long as the guard.
	runtime.LockOSThread()
	catchEndings()
	l, err := newLink(stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "this is run by the supervisor of a command:", err)
		return 6
	}
	g := &guarded{link: l, groups: map[int64]*group{}}
	for {
		var r request
		if l.receive(&r) != nil {
			break // the supervisor is gone
		}
		g.carryOut(r)
	}
	g.end()
	return 0
}

// catchEndings keeps what ends other processes from ending the guard: it ends when its
// supervisor has. The signals are caught, not ignored: commands would inherit that.
func catchEndings() {
	endings := []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGPIPE}
	signal.Notify(make(chan os.Signal, 1), slices.DeleteFunc(endings, signal.Ignored)...)
}

// guarded are the commands of a guard.
type guarded struct {
	link *link

	mu      sync.Mutex
	groups  map[int64]*group // that have not ended
	waiting sync.WaitGroup
}

// carryOut does what the supervisor asks for. It runs on the guard's one locked thread.
func (g *guarded) carryOut(r request) {
	if r.Start != nil {
		g.start(r.ID, r.Start)
		return
	}
	g.mu.Lock()
	c := g.groups[r.ID]
	g.mu.Unlock()
	if c == nil {
		return // it has ended meanwhile
	}
	switch {
	case r.End != nil:
		c.terminate(*r.End)
		g.tell(answer{ID: r.ID, Heard: true})
	case r.Expire != nil:
		c.expire(*r.Expire)
	case r.Signal != 0:
		c.signal(r.Signal)
	}
}

// tell sends an answer. If it cannot be sent the supervisor is gone, which receive finds too.
func (g *guarded) tell(a answer) { _ = g.link.send(a) }

// start starts a command.
func (g *guarded) start(id int64, s *spec) {
	files, err := g.link.take(filesOfStart)
	if err != nil {
		g.tell(answer{ID: id, Error: err.Error()})
		return
	}
	p, err := os.StartProcess(string(s.Path), strs(s.Args), &os.ProcAttr{
		Dir: string(s.Dir), Env: strs(s.Env), Files: files, Sys: attributes(),
	})
	for _, f := range files {
		f.Close()
	}
	if err != nil {
		g.tell(notStarted(id, err))
		return
	}
	c := &group{process: p}
	g.mu.Lock()
	g.groups[id] = c
	g.mu.Unlock()
	g.tell(answer{ID: id, Pid: p.Pid})
	g.waiting.Go(func() {
		exit := c.wait()
		g.mu.Lock()
		delete(g.groups, id)
		g.mu.Unlock()
		g.tell(answer{ID: id, Exit: &exit})
	})
}

func strs(list [][]byte) []string {
	s := make([]string, len(list))
	for i, b := range list {
		s[i] = string(b)
	}
	return s
}

// notStarted is the answer if a command could not be started.
func notStarted(id int64, err error) answer {
	a := answer{ID: id, Error: err.Error()}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		a.Op, a.Path = path.Op, path.Path
		a.Errno, _ = errors.AsType[syscall.Errno](err)
	}
	return a
}

// end kills all that runs, and waits for that, but not for ever.
func (g *guarded) end() {
	g.mu.Lock()
	for _, c := range g.groups {
		c.signal(syscall.SIGKILL)
	}
	g.mu.Unlock()
	done := make(chan struct{})
	go func() {
		g.waiting.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(lastWait):
	}
}
