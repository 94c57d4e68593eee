package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// GuardArg is the one argument with which a program that uses this package runs GuardMain.
const GuardArg = "__guard"

// A Guard starts the commands of this process and outlives it, to end them.
type Guard struct {
	self []string

	mu      sync.Mutex
	warden  *warden        // nil if Close was called
	newest  int64          // id of the newest command
	copying sync.WaitGroup // what commands write
}

// NewGuard starts a guard. self is the program to run and all its arguments, which must lead to
// GuardMain before anything else happens: this very program, and GuardArg.
func NewGuard(self []string) (*Guard, error) {
	g := &Guard{self: self}
	var err error
	if g.warden, err = g.newWarden(); err != nil {
		return nil, err
	}
	return g, nil
}

func (g *Guard) newWarden() (*warden, error) {
	mine, theirs, err := pair()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGuard, err)
	}
	defer mine.Close()
	defer theirs.Close()
	w := &warden{copying: &g.copying, commands: map[int64]*Process{}, ended: make(chan struct{})}
	if w.link, err = newLink(mine); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGuard, err)
	}
	w.cmd = exec.Command(g.self[0], g.self[1:]...)
	w.cmd.Stdin, w.cmd.Stderr = theirs, os.Stderr
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // what a terminal sends does not reach it
	if err := w.cmd.Start(); err != nil {
		_ = w.link.conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrGuard, err)
	}
	go w.listen()
	return w, nil
}

// Close ends the guard, and at once all commands that run. It waits until what they wrote has been
// passed on.
func (g *Guard) Close() error {
	g.mu.Lock()
	w := g.warden
	g.warden = nil
	g.mu.Unlock()
	if w != nil {
		_ = w.link.conn.CloseWrite() // the end of the socket, to the guard; it goes on answering
		<-w.ended
	}
	g.copying.Wait()
	return nil
}

// Start starts a command. ctx bounds the start alone. If it is the command that cannot be
// started, the error is a *StartError.
func (g *Guard) Start(ctx context.Context, c Command) (*Process, error) {
	spec, err := specOf(c)
	if err != nil {
		return nil, err
	}
	streams, err := newStreams(c)
	if err != nil {
		return nil, &StartError{Name: c.Args[0], Err: err}
	}
	p := &Process{streams: streams, begun: make(chan answer, 1), done: make(chan struct{})}
	if err := g.enter(p, spec); err != nil {
		streams.abandon()
		return nil, err
	}
	select {
	case a := <-p.begun:
		if a.Pid == 0 {
			streams.abandon()
			return nil, a.failure(c.Args[0])
		}
		return p, nil
	case <-ctx.Done():
		go func() {
			if a := <-p.begun; a.Pid != 0 {
				p.Terminate(0)
			} else {
				streams.abandon()
			}
		}()
		return nil, ctx.Err()
	}
}

// specOf says what to run for a command. Names are made absolute: the guard may run elsewhere.
func specOf(c Command) (*spec, error) {
	if len(c.Args) == 0 {
		return nil, &StartError{Name: "nothing", Err: errNoCommand}
	}
	dir, err := filepath.Abs(c.Dir)
	if err == nil && c.Dir != "" {
		_, err = os.Stat(dir) // else a directory that is not there looks like a program that is not there
	}
	if err != nil {
		return nil, &StartError{Name: c.Args[0], Err: err}
	}
	path := c.Args[0]
	switch {
	case !strings.Contains(path, "/"):
		if path, err = exec.LookPath(path); err != nil {
			return nil, &StartError{Name: c.Args[0], Err: errors.Unwrap(err)}
		}
	case !filepath.IsAbs(path):
		path = filepath.Join(dir, path)
	}
	return &spec{Path: []byte(path), Args: texts(c.Args), Env: texts(c.Env), Dir: []byte(dir)}, nil
}

func texts(list []string) [][]byte {
	b := make([][]byte, len(list))
	for i, s := range list {
		b[i] = []byte(s)
	}
	return b
}

// enter tells the guard's process to start p. If that process has ended, another one is started.
func (g *Guard) enter(p *Process, s *spec) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.warden == nil {
		return ErrGuard
	}
	g.newest++
	p.id = g.newest
	if !g.warden.add(p) {
		w, err := g.newWarden()
		if err != nil {
			return err
		}
		g.warden = w
		w.add(p)
	}
	g.warden.send(request{ID: p.id, Start: s}, p.streams.given...)
	return nil
}
