package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"gait/ledger"
)

// Ends are the streams of a client and a server.
type Ends struct {
	ClientIn  io.Reader // what the client writes
	ClientOut io.Writer
	ServerIn  io.WriteCloser
	ServerOut io.Reader // what the server writes
}

// Run passes messages until the client has left, the server has ended, or ctx ends. It closes
// what the server reads. Its error is nil if it was the client that left.
func Run(ctx context.Context, desk Desk, o Options, ends Ends) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	desk = newFewAtDesk(desk)
	s := &session{
		desk: desk, o: o, client: &peer{w: ends.ClientOut}, server: &peer{w: ends.ServerIn, queues: true}, running: make(chan struct{}, mostCalls),
		sent: make(map[string]*request), named: make(map[string]*request), asked: make(map[string]json.RawMessage), goingOn: make(map[string][]step),
	}
	s.tools = toolbox{
		shelf: shelf{desk: desk, job: o.Job, server: o.Server, actor: o.Actor}, askNew: o.AskNew, log: o.Log, list: s.listTools,
		proceed: func(ctx context.Context) { s.resume(ctx) },
	}
	left, ended := make(chan error, 1), make(chan error, 1)
	go func() { left <- readLines(ends.ClientIn, func(b []byte) error { return s.fromClient(ctx, b) }) }()
	go func() {
		err := readLines(ends.ServerOut, s.fromServer)
		s.end()
		ended <- err
	}()
	var err error
	select {
	case err = <-left:
		s.finish(ctx)
	case <-ctx.Done():
		s.finish(ctx)
	case err = <-ended:
		err = errors.Join(ErrServerEnded, err)
		select {
		case <-s.settled(): // calls are answered that the server has ended
		case <-ctx.Done():
		case <-left:
			s.finish(ctx)
		}
	}
	return errors.Join(err, ends.ServerIn.Close())
}

// settled returns a channel that is closed when no call runs.
func (s *session) settled() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		s.calls.Wait()
		close(done)
	}()
	return done
}

// finish gives calls that run some time to be settled, and the server to read what waits for it.
func (s *session) finish(ctx context.Context) {
	timer := time.NewTimer(s.o.Grace)
	defer timer.Stop()
	for _, done := range []<-chan struct{}{s.settled(), s.server.written()} {
		select {
		case <-done:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// fromClient passes a line of the client. An error ends the session.
func (s *session) fromClient(ctx context.Context, line []byte) error {
	m, id, err := decode(line)
	if err != nil {
		return s.client.write(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":null,"error":{"code":%d,"message":%s}}`, jsonrpc.CodeInvalidRequest, encoded1(err.Error())))
	}
	switch m := m.(type) {
	case *jsonrpc.Response:
		s.mu.Lock()
		asked, ok := s.asked[keyOf(id)]
		delete(s.asked, keyOf(id))
		s.mu.Unlock()
		if ok {
			s.replyToServer(asked, m)
		}
	case *jsonrpc.Request:
		if !m.IsCall() {
			s.clientSays(m)
			return nil
		}
		s.clientAsks(ctx, m, id)
	}
	return nil
}

// clientSays passes a notification of the client.
func (s *session) clientSays(m *jsonrpc.Request) {
	if !clientNotifications[m.Method] {
		s.o.Log("dropped a notification of the client: %.60q", m.Method)
		return
	}
	params := m.Params
	if m.Method == methodCancelled {
		if params = s.cancel(params); params == nil {
			return
		}
	}
	s.toServer(&jsonrpc.Request{Method: m.Method, Params: params})
}

// cancel notes that the client does not wait for a request any more, and returns what the server
// is told; nil if it is told nothing, since the request is not open.
func (s *session) cancel(params json.RawMessage) json.RawMessage {
	p, err := members(params)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.named[keyOf(p["requestId"])]
	if r == nil || !r.waited() {
		return nil
	}
	close(r.gone)
	if r.reply == nil {
		s.drop(r) // it is not to be answered any more
	}
	p["requestId"] = encoded1(r.name)
	return encoded(p)
}

// clientAsks passes a request of the client, which has given it an id, or answers it.
func (s *session) clientAsks(ctx context.Context, m *jsonrpc.Request, id json.RawMessage) {
	r := &request{method: m.Method, asked: id, gone: make(chan struct{})}
	work := map[string]func(context.Context, *jsonrpc.Request, *request){methodToolsCall: s.callTool, methodToolsList: s.listForClient}[m.Method]
	if work == nil && !clientRequests[m.Method] {
		s.replyTo(id, failed(jsonrpc.CodeMethodNotFound, fmt.Sprintf("the gate does not know the method %.60q, and has not passed it on", m.Method)))
		return
	}
	if work != nil {
		r.reply = make(chan *jsonrpc.Response, 1)
	}
	if !s.register(r) {
		s.replyTo(id, failed(jsonrpc.CodeInvalidRequest, "a request with this id is not answered yet"))
		return
	}
	if work == nil {
		s.pass(m, r)
		return
	}
	select {
	case s.running <- struct{}{}:
	default:
		s.answer(r, refuse(toolCall{}, outcome{Verdict: string(ledger.GateBlock), ReasonCode: "too_many_calls", JobID: s.o.Job}, wordsBusy))
		return
	}
	s.calls.Go(func() {
		defer func() { <-s.running }()
		work(ctx, m, r)
	})
}

// pass passes a request of the client, whose answer it will get as it is.
func (s *session) pass(m *jsonrpc.Request, r *request) {
	params := withoutTasks(m.Params, "_meta", metaCapabilities)
	if m.Method == methodInitialize {
		params = withoutTasks(params, "capabilities")
	}
	if err := s.sendAs(r, m.Method, params); err != nil {
		s.o.Log("the server does not read: %v", err)
		s.answer(r, failed(jsonrpc.CodeInternalError, "the server does not read"))
	}
}

// fromServer passes a line of the server. An error ends the session.
func (s *session) fromServer(line []byte) error {
	m, id, err := decode(line)
	if err != nil {
		s.o.Log("dropped a line of the server that is no message: %v", err)
		return nil
	}
	switch m := m.(type) {
	case *jsonrpc.Response:
		s.serverAnswers(m)
	case *jsonrpc.Request:
		if m.IsCall() {
			s.serverAsks(m, id)
			return nil
		}
		if !serverNotifications[m.Method] {
			s.o.Log("dropped a notification of the server: %.60q", m.Method)
			return nil
		}
		if m.Method == methodChanged {
			s.tools.stale()
		}
		s.toClient(&jsonrpc.Request{Method: m.Method, Params: s.subscribed(m.Params)})
	}
	return nil
}

// subscribed returns what a server says of a subscription, with the id by which the client knows
// that.
func (s *session) subscribed(b json.RawMessage) json.RawMessage {
	all, err := members(b)
	if err != nil {
		return b
	}
	meta, err := members(all["_meta"])
	if err != nil || meta[metaSubscription] == nil {
		return b
	}
	s.mu.Lock()
	r := s.sent[text(meta[metaSubscription])]
	s.mu.Unlock()
	if r == nil || r.asked == nil {
		return b
	}
	meta[metaSubscription] = r.asked
	all["_meta"] = encoded(meta)
	return encoded(all)
}

// serverAsks passes a request of the server, which has given it an id, or refuses it.
func (s *session) serverAsks(m *jsonrpc.Request, id json.RawMessage) {
	key := keyOf(id)
	s.mu.Lock()
	ok := serverRequests[m.Method] && s.asked[key] == nil && len(s.asked) < mostTools
	if ok {
		s.asked[key] = id
	}
	s.mu.Unlock()
	if !ok {
		s.replyToServer(id, failed(jsonrpc.CodeMethodNotFound, fmt.Sprintf("%.60q is not passed on", m.Method)))
		return
	}
	if err := s.client.sendAs(spelt{ID: id, Method: m.Method, Params: m.Params}); err != nil {
		s.o.Log("the client does not read: %v", err)
	}
}

// serverAnswers passes a response of the server to who waits for it.
func (s *session) serverAnswers(m *jsonrpc.Response) {
	s.mu.Lock()
	r := s.requestOf(m.ID)
	passes := r != nil && r.reply == nil
	s.mu.Unlock()
	switch {
	case r == nil:
		s.o.Log("dropped an answer of the server to what was not asked")
		return
	case !passes:
		select {
		case r.reply <- m:
		default: // it was answered before
		}
		return
	}
	if r.method == methodInitialize || r.method == methodDiscover {
		m.Result = withoutTasks(m.Result, "capabilities")
	}
	m.Result = s.subscribed(m.Result)
	s.answer(r, m)
}

// end answers all that the server has not, after its end.
func (s *session) end() {
	s.mu.Lock()
	s.ended = true
	var open []*request
	for _, r := range s.sent {
		if r.reply == nil {
			open = append(open, r)
			continue
		}
		select {
		case <-r.reply: // an answer that was not taken yet is taken back
		default:
		}
		close(r.reply)
	}
	s.mu.Unlock()
	for _, r := range open {
		s.answer(r, failed(jsonrpc.CodeInternalError, "the server has ended"))
	}
}
