package mcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gait/ledger"
)

// drainTimeout is how long calls that have begun may take when the client has closed its side.
const drainTimeout = 30 * time.Second

// ErrMessage says that a client sent what is no message of the protocol.
var ErrMessage = ledger.NewError("the client sent what is no message", ledger.Fault{Code: "invalid_message", Category: ledger.CategoryInvalid})

// Serve serves one client, a message a line, until it closes in, ctx ends, or it sends what is no
// message at all. Calls that have begun are answered before. A request that is nested too deeply, or
// that says something twice, is answered with an error.
func Serve(ctx context.Context, o Options, in io.Reader, out io.Writer) error {
	err := New(o).Run(ctx, &drained{in: in, out: out})
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("serving MCP: %w", err)
	}
	return err
}

// A drained transport has a connection whose end is seen only after what came before is answered:
// the SDK drops what it has begun when it sees the end.
type drained struct {
	in  io.Reader
	out io.Writer
}

// Connect connects to the client.
func (t *drained) Connect(context.Context) (sdk.Connection, error) {
	return &drainedConn{Connection: newLineConn(t.in, t.out), open: map[any]bool{}, changed: make(chan struct{})}, nil
}

type drainedConn struct {
	sdk.Connection

	mu      sync.Mutex
	open    map[any]bool // ids of calls that are not answered
	changed chan struct{}
}

// Read returns the next message. The end comes when all calls are answered.
func (c *drainedConn) Read(ctx context.Context) (jsonrpc.Message, error) {
	m, err := c.Connection.Read(ctx)
	switch {
	case errors.Is(err, io.EOF):
		c.drain(ctx)
		return nil, err
	case err != nil && ctx.Err() == nil:
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	if r, ok := m.(*jsonrpc.Request); ok && r.IsCall() && r.Method != "subscriptions/listen" {
		c.mu.Lock()
		c.open[r.ID.Raw()] = true
		c.mu.Unlock()
	}
	return m, err
}

// Write sends a message.
func (c *drainedConn) Write(ctx context.Context, m jsonrpc.Message) error {
	err := c.Connection.Write(ctx, m)
	if r, ok := m.(*jsonrpc.Response); ok {
		c.mu.Lock()
		delete(c.open, r.ID.Raw())
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
	}
	return err
}

// drain waits until all calls are answered, for a while.
func (c *drainedConn) drain(ctx context.Context) {
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	for {
		c.mu.Lock()
		left, changed := len(c.open), c.changed
		c.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}
