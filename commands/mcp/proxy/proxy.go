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
	s := &session{
		desk: desk, o: o, client: &peer{w: ends.ClientOut}, server: &peer{w: ends.ServerIn}, running: make(chan struct{}, mostCalls),
		sent: make(map[jsonrpc.ID]*request), asked: make(map[jsonrpc.ID]bool), goingOn: make(map[string][]string),
	}
	s.tools = toolbox{
		shelf: shelf{desk: desk, job: o.Job, server: o.Server}, askNew: o.AskNew, log: o.Log, list: s.listTools,
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
		s.calls.Wait() // they are answered that the server has ended
		err = errors.Join(ErrServerEnded, err)
	}
	return errors.Join(err, ends.ServerIn.Close())
}

// finish gives calls that run some time to be settled.
func (s *session) finish(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		s.calls.Wait()
		close(done)
	}()
	timer := time.NewTimer(s.o.Grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// fromClient passes a line of the client. An error ends the session.
func (s *session) fromClient(ctx context.Context, line []byte) error {
	m, err := decode(line)
	if err != nil {
		return s.client.write(fmt.Appendf(nil, `{"jsonrpc":"2.0","id":null,"error":{"code":%d,"message":%s}}`, jsonrpc.CodeInvalidRequest, encoded1(err.Error())))
	}
	switch m := m.(type) {
	case *jsonrpc.Response:
		s.mu.Lock()
		ok := s.asked[m.ID]
		delete(s.asked, m.ID)
		s.mu.Unlock()
		if ok {
			return s.toServer(m)
		}
	case *jsonrpc.Request:
		if !m.IsCall() {
			return s.clientSays(m)
		}
		return s.clientAsks(ctx, m)
	}
	return nil
}

// clientSays passes a notification of the client.
func (s *session) clientSays(m *jsonrpc.Request) error {
	if !clientNotifications[m.Method] {
		s.o.Log("dropped a notification of the client: %.60q", m.Method)
		return nil
	}
	if m.Method == methodCancelled {
		s.cancel(m.Params)
	}
	return s.toServer(&jsonrpc.Request{Method: m.Method, Params: m.Params})
}

// cancel notes that the client does not wait for a request any more.
func (s *session) cancel(params json.RawMessage) {
	var p struct {
		RequestID any `json:"requestId"`
	}
	if json.Unmarshal(params, &p) != nil {
		return
	}
	id, err := jsonrpc.MakeID(p.RequestID)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.sent[id]; r != nil && r.waited() {
		close(r.gone)
	}
}

// clientAsks passes a request of the client, or answers it.
func (s *session) clientAsks(ctx context.Context, m *jsonrpc.Request) error {
	r := &request{method: m.Method, gone: make(chan struct{})}
	work := map[string]func(context.Context, *jsonrpc.Request, *request){methodToolsCall: s.callTool, methodToolsList: s.listForClient}[m.Method]
	if work == nil && !clientRequests[m.Method] {
		return s.toClient(failed(m.ID, jsonrpc.CodeMethodNotFound, fmt.Sprintf("the gate does not know the method %.60q, and has not passed it on", m.Method)))
	}
	if work != nil {
		r.reply = make(chan *jsonrpc.Response, 1)
	}
	if !s.register(m.ID, r) {
		return s.toClient(failed(m.ID, jsonrpc.CodeInvalidRequest, "a request with this id is not answered yet"))
	}
	if work == nil {
		params := withoutTasks(m.Params, "_meta", metaCapabilities)
		if m.Method == methodInitialize {
			params = withoutTasks(params, "capabilities")
		}
		return s.toServer(&jsonrpc.Request{ID: m.ID, Method: m.Method, Params: params})
	}
	select {
	case s.running <- struct{}{}:
	default:
		s.forget(m.ID)
		return s.toClient(refuse(m.ID, toolCall{}, outcome{Verdict: string(ledger.GateBlock), ReasonCode: "too_many_calls", JobID: s.o.Job}, wordsBusy))
	}
	s.calls.Go(func() {
		defer func() { <-s.running }()
		work(ctx, m, r)
	})
	return nil
}

// fromServer passes a line of the server. An error ends the session.
func (s *session) fromServer(line []byte) error {
	m, err := decode(line)
	if err != nil {
		s.o.Log("dropped a line of the server that is no message: %v", err)
		return nil
	}
	switch m := m.(type) {
	case *jsonrpc.Response:
		return s.serverAnswers(m)
	case *jsonrpc.Request:
		if m.IsCall() {
			return s.serverAsks(m)
		}
		if !serverNotifications[m.Method] {
			s.o.Log("dropped a notification of the server: %.60q", m.Method)
			return nil
		}
		if m.Method == methodChanged {
			s.tools.stale()
		}
		return s.toClient(&jsonrpc.Request{Method: m.Method, Params: m.Params})
	}
	return nil
}

// serverAsks passes a request of the server, or refuses it.
func (s *session) serverAsks(m *jsonrpc.Request) error {
	s.mu.Lock()
	ok := serverRequests[m.Method] && !s.asked[m.ID] && len(s.asked) < mostTools
	if ok {
		s.asked[m.ID] = true
	}
	s.mu.Unlock()
	if !ok {
		return s.toServer(failed(m.ID, jsonrpc.CodeMethodNotFound, fmt.Sprintf("%.60q is not passed on", m.Method)))
	}
	return s.toClient(&jsonrpc.Request{ID: m.ID, Method: m.Method, Params: m.Params})
}

// serverAnswers passes a response of the server to who waits for it.
func (s *session) serverAnswers(m *jsonrpc.Response) error {
	s.mu.Lock()
	r := s.sent[m.ID]
	if r != nil && r.reply == nil {
		delete(s.sent, m.ID)
	}
	s.mu.Unlock()
	switch {
	case r == nil:
		s.o.Log("dropped an answer of the server to what was not asked")
		return nil
	case r.reply != nil:
		select {
		case r.reply <- m:
		default: // it was answered before
		}
		return nil
	}
	if r.method == methodInitialize || r.method == methodDiscover {
		m.Result = withoutTasks(m.Result, "capabilities")
	}
	return s.toClient(&jsonrpc.Response{ID: m.ID, Result: m.Result, Error: m.Error})
}

// end answers all that the server has not, after its end.
func (s *session) end() {
	s.mu.Lock()
	s.ended = true
	var open []jsonrpc.ID
	for id, r := range s.sent {
		if r.reply == nil {
			open = append(open, id)
			delete(s.sent, id)
			continue
		}
		select {
		case <-r.reply: // an answer that was not taken yet is taken back
		default:
		}
		close(r.reply)
	}
	s.mu.Unlock()
	for _, id := range open {
		_ = s.toClient(failed(id, jsonrpc.CodeInternalError, "the server has ended"))
	}
}
