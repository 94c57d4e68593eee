package proxy

import (
	"encoding/json"
	"io"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"gait/ledger"
)

// maxBehind is how many bytes wait for a peer that does not read, at most.
const maxBehind = 64 << 20

// errBehind says that a peer does not read what waits for it.
var errBehind = ledger.NewError("it does not read, and too much waits for it", ledger.Fault{Code: "mcp_peer_behind", Category: ledger.CategoryIO, Retryable: true})

// A peer is one end of the proxy, to be written to by several goroutines.
type peer struct {
	w io.Writer

	// queues says that a write does not wait until the peer reads, since its goroutine has another
	// peer to read.
	queues bool

	mu      sync.Mutex
	waiting [][]byte
	size    int           // of what waits
	failed  error         // the first error of a write, after which nothing is written
	writes  chan struct{} // closed when all is written; nil: nothing waits
}

// send writes a message.
func (p *peer) send(m jsonrpc.Message) error {
	b, err := jsonrpc.EncodeMessage(m)
	if err != nil {
		return err
	}
	return p.write(b)
}

// reply writes a response to the request that has an id, as that was spelt.
func (p *peer) reply(id json.RawMessage, m *jsonrpc.Response) error {
	return p.sendAs(spelt{ID: id, Result: m.Result, Error: m.Error})
}

// A spelt is a message whose id is as its sender has spelt it.
type spelt struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   error           `json:"error,omitempty"`
}

func (p *peer) sendAs(m spelt) error {
	m.Version = "2.0"
	if m.Error != nil { // who is told both takes the one or the other
		m.Result = nil
	} else if m.Method == "" && m.Result == nil {
		m.Error = &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the answer has neither a result nor an error"}
	}
	b, err := encode(m)
	if err != nil {
		return err
	}
	return p.write(b)
}

// write writes a line.
func (p *peer) write(b []byte) error {
	b = append(b, '\n')
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.queues:
		_, err := p.w.Write(b)
		return err
	case p.failed != nil:
		return p.failed
	case p.size > 0 && p.size+len(b) > maxBehind:
		return errBehind
	}
	p.waiting, p.size = append(p.waiting, b), p.size+len(b)
	if p.writes == nil {
		p.writes = make(chan struct{})
		go p.drain()
	}
	return nil
}

// drain writes what waits.
func (p *peer) drain() {
	for {
		p.mu.Lock()
		if len(p.waiting) == 0 || p.failed != nil {
			close(p.writes)
			p.writes = nil
			p.mu.Unlock()
			return
		}
		b := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.mu.Unlock()
		_, err := p.w.Write(b)
		p.mu.Lock()
		p.size, p.failed = p.size-len(b), err
		p.mu.Unlock()
	}
}

// written returns a channel that is closed when all that waits now is written, or cannot be.
func (p *peer) written() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writes != nil {
		return p.writes
	}
	done := make(chan struct{})
	close(done)
	return done
}
