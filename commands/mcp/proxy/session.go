package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

// ErrServerEnded says that the server's output has ended before the client's.
var ErrServerEnded = ledger.NewError("the MCP server has ended", ledger.Fault{Code: "mcp_server_ended", Category: ledger.CategoryIO, Retryable: true})

// Options say for which job the proxy asks.
type Options struct {
	Job    string // that the calls are recorded in
	Actor  string // that the desk acts as
	Server string // the operator's name for the server, letters, digits and ._-
	Lease  int64  // the epoch of the lease that is held; 0: none

	// Policy is that of the operator. If the job was bound to another one, nothing runs. The zero
	// hash stands for the one that the job is bound to.
	Policy ledger.Hash

	Fingerprint string // of the environment
	AutoResume  bool   // resume the job when all that it waits for was approved
	AskNew      bool   // ask for a decision about tools that are new

	Grace    time.Duration // how long calls may still take after the client has left
	Patience time.Duration // how long the server may take to list its tools; 0: as long as it likes

	Log func(format string, args ...any) // tells people; required
}

// mostCalls is how many calls run at once.
const mostCalls = 64

// A session is one run of the proxy.
type session struct {
	desk           Desk
	o              Options
	client, server *peer
	tools          toolbox
	running        chan struct{} // a place for each call that runs
	calls          sync.WaitGroup

	mu      sync.Mutex
	ended   bool                       // the server has
	sent    map[string]*request        // by the proxy's id
	named   map[string]*request        // those of the client, by the key of its id
	asked   map[string]json.RawMessage // ids of what the server has asked the client, by their keys
	goingOn map[string][]step          // calls that the server has asked for input, by what their next step must be
	last    int                        // the proxy's newest id
}

// A step is a call that goes on when its client has brought input.
type step struct {
	grant  string
	policy ledger.Hash // that has permitted it
}

// A request is one that the server has to answer, or that the proxy still has in hand.
//
// Towards the server it has an id of the proxy's own, which no other one ever has in this
// session: an answer that comes late is to no other request.
type request struct {
	method string
	id     jsonrpc.ID // towards the server: name
	name   string
	out    bool                   // the server was sent it
	asked  json.RawMessage        // the id that the client has given it; nil: the proxy asks itself
	reply  chan *jsonrpc.Response // nil: the answer goes to the client as it is
	gone   chan struct{}          // closed once the client does not wait any more
}

// waited reports whether the client still waits for the answer.
func (r *request) waited() bool {
	select {
	case <-r.gone:
		return false
	default:
		return true
	}
}

// idPrefix begins the ids of the proxy.
const idPrefix = "gait:"

// register notes a request and gives it an id, unless the client has not got an answer to
// another one of the same id.
func (s *session) register(r *request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.asked != nil {
		if key := keyOf(r.asked); s.named[key] == nil {
			s.named[key] = r
		} else {
			return false
		}
	}
	s.last++
	r.name = idPrefix + strconv.Itoa(s.last)
	r.id, _ = jsonrpc.MakeID(r.name) //nolint:errcheck // text is an id
	s.sent[r.name] = r
	if s.ended && r.reply != nil {
		close(r.reply)
	}
	return true
}

// sendAs sends the server a request, to which it can answer from then on.
func (s *session) sendAs(r *request, method string, params json.RawMessage) error {
	s.mu.Lock()
	r.out = true
	s.mu.Unlock()
	return s.server.send(&jsonrpc.Request{ID: r.id, Method: method, Params: params})
}

// requestOf returns the request that an answer of the server is to, with the lock held; nil if the
// server was sent none of its id.
func (s *session) requestOf(id jsonrpc.ID) *request {
	name, ok := id.Raw().(string)
	if !ok {
		return nil
	}
	if r := s.sent[name]; r != nil && r.out {
		return r
	}
	return nil
}

// drop forgets a request, with the lock held.
func (s *session) drop(r *request) {
	delete(s.sent, r.name)
	if key := keyOf(r.asked); s.named[key] == r {
		delete(s.named, key)
	}
}

// forget forgets a request, and reports whether the client still waits for its answer.
func (s *session) forget(r *request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(r)
	return r.waited()
}

// toServer sends a notification to the server. That it cannot be sent is found out by its end.
func (s *session) toServer(m jsonrpc.Message) {
	if err := s.server.send(m); err != nil {
		s.o.Log("the server does not read: %v", err)
	}
}

// replyToServer answers a request of the server, by the id that the server has given it.
func (s *session) replyToServer(id json.RawMessage, m *jsonrpc.Response) {
	if err := s.server.reply(id, m); err != nil {
		s.o.Log("the server does not read: %v", err)
	}
}

// toClient sends a notification to the client. That it has left is found out by its end.
func (s *session) toClient(m jsonrpc.Message) {
	if err := s.client.send(m); err != nil {
		s.o.Log("the client does not read: %v", err)
	}
}

// askServer asks the server for something of the proxy's own.
func (s *session) askServer(ctx context.Context, method string, params json.RawMessage) (json.RawMessage, error) {
	if s.o.Patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.o.Patience)
		defer cancel()
	}
	r := &request{method: method, reply: make(chan *jsonrpc.Response, 1), gone: make(chan struct{})}
	s.register(r)
	defer s.forget(r)
	if err := s.sendAs(r, method, params); err != nil {
		return nil, err
	}
	select {
	case m, ok := <-r.reply:
		switch {
		case !ok:
			return nil, ErrServerEnded
		case m.Error != nil:
			return nil, fmt.Errorf("%s: %w", method, m.Error)
		}
		return m.Result, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

func (s *session) listTools(ctx context.Context, meta json.RawMessage) ([]json.RawMessage, error) {
	return listAll(ctx, meta, s.askServer)
}

// resume resumes the job, if all that stopped it was approved, and reports whether it did.
func (s *session) resume(ctx context.Context) bool {
	if !s.o.AutoResume {
		return false
	}
	var is projection.Job
	var may bool
	err := s.desk.Read(ctx, func(l *connect.Ledger) error {
		b, err := l.Basis(ctx)
		if err == nil {
			is, err = l.Job(ctx, s.o.Job)
		}
		may = err == nil && projection.ApprovedAt(is, b)
		return err
	})
	if err == nil && may {
		_, err = s.desk.Do(ctx, commands.Request{JobID: s.o.Job, IfRevision: &is.Revision, Command: commands.Resume{
			EnvironmentFingerprint: s.o.Fingerprint, PolicyDigest: is.PolicyDigest, PolicyRef: is.PolicyRef,
		}})
	}
	if err != nil {
		s.o.Log("job %s was not resumed: %v", s.o.Job, err)
	}
	return err == nil && may
}

// answer answers a request of the client, if it still waits.
func (s *session) answer(r *request, m *jsonrpc.Response) {
	if s.forget(r) {
		s.replyTo(r.asked, m)
	}
}

// replyTo answers a request of the client, by the id that the client has given it. That it has
// left is found out by its end.
func (s *session) replyTo(id json.RawMessage, m *jsonrpc.Response) {
	if err := s.client.reply(id, m); err != nil {
		s.o.Log("the client does not read: %v", err)
	}
}

// await waits for the server's answer, and for a call that the client has cancelled not much
// longer. It returns nil if there is none.
func (s *session) await(ctx context.Context, r *request) *jsonrpc.Response {
	select {
	case m := <-r.reply:
		return m
	case <-ctx.Done():
		return nil
	case <-r.gone:
	}
	timer := time.NewTimer(s.o.Grace)
	defer timer.Stop()
	select {
	case m := <-r.reply:
		return m
	case <-ctx.Done():
	case <-timer.C:
	}
	return nil
}
