package connect_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/daemon"
	"gait/ledger/root"
)

func TestMain(m *testing.M) {
	unix.Umask(0o022) // some users' lets groups write, and in such a directory no home is used
	os.Exit(m.Run())
}

// options returns how to open a root in dir, whose ledger is created by the
// first write.
func options(dir string) connect.Options {
	return connect.Options{Options: root.Options{
		Dir: filepath.Join(dir, "jobs"), Home: filepath.Join(dir, "home"), Actor: "worker_1",
		Now: time.Now, Entropy: rand.Reader, Mode: root.Once, Create: true,
	}}
}

// A served is a root with a daemon in this process.
type served struct {
	root   *root.Root
	server *http.Server
	engine *commands.Engine
	done   chan error
	open   sync.WaitGroup // connections
}

// serve starts a daemon.
func serve(ctx context.Context, o connect.Options) (*served, error) {
	o.Mode, o.LockTimeout = root.Serve, time.Minute // the test's other openers are many
	r, err := root.Open(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	l, err := connect.Listen(r.Dir, connect.ListenOptions{})
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	lock, err := r.LockID()
	if err != nil {
		return nil, errors.Join(err, l.Close(), r.Close())
	}
	engine := &commands.Engine{Log: r.Log, Now: o.Now, Entropy: o.Entropy, Content: r.Content()}
	s := &daemon.Server{
		Engine: engine, Log: r.Log,
		Process: daemon.Process{PID: 1, Version: "test", Root: r.Dir, Home: connect.Absolute(r.Home), Lock: lock}, Now: o.Now, Metrics: daemon.NewMetrics(o.Now),
		Content: r.Content(), Entropy: o.Entropy,
	}
	d := &served{root: r, engine: engine, server: s.HTTP(1)[0], done: make(chan error, 1)}
	d.server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			d.open.Add(1)
		case http.StateClosed, http.StateHijacked:
			d.open.Done()
		case http.StateActive, http.StateIdle:
		}
	}
	go func() { d.done <- d.server.Serve(l) }()
	return d, nil
}

// kill closes every connection at once, whatever was being sent, and gives up
// the root.
func (d *served) kill() error {
	err := d.server.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if served := <-d.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	d.open.Wait()
	d.engine.Drain()
	return errors.Join(err, d.root.Close())
}

// mustServe starts a daemon for as long as the test runs.
func mustServe(t *testing.T, o connect.Options) {
	t.Helper()
	d, err := serve(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.kill(); err != nil {
			t.Error(err)
		}
	})
}
