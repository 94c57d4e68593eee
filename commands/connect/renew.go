package connect

import (
	"cmp"
	"fmt"
	"net"
	"sync"
	"time"
)

// lookAgain is how often a daemon looks whether its socket is there.
const lookAgain = time.Second

// ListenOptions says how the daemon of a root listens.
type ListenOptions struct {
	RuntimeDir string // holds the socket of a root with a long path; "", or if it cannot be used: /tmp/gait-UID

	// Held fails if the root is no longer the one whose lock the caller holds: the
	// socket is then not made again. Nil never fails.
	Held func() error

	// Renewed is called if the socket was gone and was made again, and with the error
	// if it could not be: once for each new error. It may be nil.
	Renewed func(path string, err error)

	every time.Duration // instead of lookAgain
}

// A rootListener is the socket of a root. If that is removed, it is made again.
type rootListener struct {
	at   socket
	o    ListenOptions
	dirs []string

	mu     sync.Mutex
	now    *ownListener
	closed bool
	stop   chan struct{} // closed by Close
	over   chan struct{} // closed when it is no longer looked after
}

// Listen makes the socket of a root, whose lock the caller holds, and takes connections
// of the user's own processes, up to a bound. If the socket is removed, it is soon made
// again; connections that are open stay so. The address is that of the socket now.
func Listen(dir string, o ListenOptions) (net.Listener, error) {
	at, err := inRoot(dir)
	if err != nil {
		return nil, err
	}
	l := &rootListener{at: at, o: o, stop: make(chan struct{}), over: make(chan struct{})}
	if o.RuntimeDir != "" {
		l.dirs = append(l.dirs, o.RuntimeDir)
	}
	l.dirs = append(l.dirs, sharedDir(at.uid))
	if l.now, err = at.bind(l.dirs); err != nil {
		return nil, err
	}
	go l.lookAfter()
	return &boundedListener{Listener: l, limit: maxOpen()}, nil
}

// Accept returns the next connection that is taken.
func (l *rootListener) Accept() (net.Conn, error) {
	for {
		now := l.current()
		conn, err := now.Accept()
		if err == nil || now == l.current() { // else it was replaced
			return conn, err
		}
	}
}

// Addr returns the address of the socket.
func (l *rootListener) Addr() net.Addr { return l.current().Addr() }

// Close closes the socket and removes it.
func (l *rootListener) Close() error {
	l.mu.Lock()
	again := l.closed
	l.closed = true
	l.mu.Unlock()
	if !again {
		close(l.stop)
		<-l.over
	}
	return l.current().Close()
}

func (l *rootListener) current() *ownListener {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// lookAfter makes the socket again when it is gone.
func (l *rootListener) lookAfter() {
	defer close(l.over)
	tick := time.NewTicker(cmp.Or(l.o.every, lookAgain))
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-tick.C:
		case <-l.stop:
			return
		}
		renewed, err := l.renew()
		text := ""
		if err != nil {
			text = err.Error()
		}
		if l.o.Renewed != nil && (renewed || text != "" && text != said) {
			l.o.Renewed(l.Addr().String(), err)
		}
		said = text
	}
}

// renew makes the socket again if it is gone.
func (l *rootListener) renew() (renewed bool, err error) {
	was := l.now // only this goroutine changes it
	if was.inPlace() {
		return false, nil
	}
	if l.o.Held != nil {
		if err := l.o.Held(); err != nil {
			return false, err
		}
	}
	if was.taken() {
		return false, fmt.Errorf("another process listens at %s", was.path)
	}
	next, err := l.at.bind(l.dirs)
	if err != nil {
		return false, err
	}
	l.mu.Lock()
	l.now = next
	l.mu.Unlock()
	return true, was.UnixListener.Close() // not the files: those of next are in their place
}
