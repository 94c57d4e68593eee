package connect

import (
	"container/list"
	"net"
	"sync"
)

// A boundedListener takes up to limit connections at a time, and closes those past
// it.
type boundedListener struct {
	net.Listener
	limit int
	sheds bool // closes the oldest stranger instead, if there is one

	mu        sync.Mutex
	open      int       // connections
	strangers list.List // of *boundConn, the oldest first; kept only if it sheds
}

// Shed returns a listener for an address that every user of this machine can reach.
// It takes up to limit connections at a time; a limit of 0 is a quarter of what
// Socket.Listen takes. A connection is a stranger's until its Known method is called.
// When seven eighths of the limit are open, each new connection closes the oldest
// stranger, so that strangers, however many, keep no other client out for longer than
// it takes to send a request.
func Shed(l net.Listener, limit int) net.Listener {
	if limit == 0 {
		limit = maxOpen() / 4
	}
	return &boundedListener{Listener: l, limit: limit, sheds: true}
}

// Accept returns the next connection that is taken.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.take(conn); c != nil {
			return c, nil
		}
		_ = conn.Close()
	}
}

// take counts a connection, or returns nil if there are too many.
func (l *boundedListener) take(conn net.Conn) net.Conn {
	if oldest := l.crowding(); oldest != nil {
		_ = oldest.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.limit {
		return nil
	}
	l.open++
	c := &boundConn{Conn: conn, of: l}
	if l.sheds {
		c.stranger = l.strangers.PushBack(c)
	}
	return c
}

// crowding returns the oldest stranger if the limit is near.
func (l *boundedListener) crowding() *boundConn {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := l.strangers.Front()
	if oldest == nil || l.open < l.limit-l.limit/8 {
		return nil
	}
	c, _ := l.strangers.Remove(oldest).(*boundConn)
	return c
}

// A boundConn is one of the connections that are open.
type boundConn struct {
	net.Conn
	of       *boundedListener
	stranger *list.Element // nil if its listener does not shed
	closed   bool
}

// Known says that the client has shown who it is. The connection is not shed from
// then on.
func (c *boundConn) Known() {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.forget()
}

func (c *boundConn) forget() {
	if c.stranger != nil {
		c.of.strangers.Remove(c.stranger) // nothing, if it was shed
	}
}

// Close closes the connection, and counts it once.
func (c *boundConn) Close() error {
	c.of.mu.Lock()
	if !c.closed {
		c.closed = true
		c.of.open--
		c.forget()
	}
	c.of.mu.Unlock()
	return c.Conn.Close()
}
