package daemon_test

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

// A testServer is a ledger with a server that listens on a socket.
type testServer struct {
	*ledgertest.Ledger
	path   string
	server *daemon.Server
	http   *http.Server
	open   http.Handler // of the server, without a guard
	client *daemon.Client
	tokens sync.Map     // of daemon.Holder, by the token's id
	behind atomic.Int64 // how far the server's clock is behind; its time limits end earlier by as much
}

func serve(t testing.TB) *testServer {
	t.Helper()
	l := ledgertest.New(t)
	clock := &ledgertest.Clock{Step: time.Second}
	metrics := daemon.NewMetrics(time.Now)
	s := &testServer{Ledger: l, path: filepath.Join(t.TempDir(), "s")}
	s.server = &daemon.Server{
		Engine: &commands.Engine{Log: metrics.Count(l.Log), Now: clock.Now, Entropy: ledgertest.Entropy(7)},
		Log:    l.Log, Process: daemon.Process{PID: 1, Version: "test", Root: "/root"}, Metrics: metrics,
		Here:    commands.Surroundings{EnvironmentFingerprint: "envfp:here", ProducerVersion: "daemon/1"},
		Content: content.Open(filepath.Join(t.TempDir(), "content")), Entropy: ledgertest.Entropy(9),
	}
	s.server.Engine.Content = s.server.Content
	s.server.Now = func() time.Time { return time.Now().Add(-time.Duration(s.behind.Load())) }
	s.http = s.server.HTTP(1)[0]
	listener, err := net.Listen("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.open = s.http.Handler
	door := daemon.Door{Own: true, Address: s.path, Tokens: s.holder, Signer: ledgertest.Key(l.Log.Origin()), Entropy: ledgertest.Entropy(8)}
	if err := s.server.Guard(s.http, door); err != nil {
		t.Fatal(err)
	}
	done, handler := make(chan struct{}), s.http.Handler
	var running sync.WaitGroup // requests, which go on for a while when their connection is closed
	s.http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Done()
		handler.ServeHTTP(w, r)
	})
	go func() { defer close(done); s.http.Serve(listener) }()
	t.Cleanup(func() { s.http.Close(); <-done; running.Wait() })
	s.client = s.newClient(t)
	return s
}

// holder finds who holds a token.
func (s *testServer) holder(id string) (daemon.Holder, bool, error) {
	h, ok := s.tokens.Load(id)
	if !ok {
		return daemon.Holder{}, false, nil
	}
	return h.(daemon.Holder), true, nil
}

func (s *testServer) newClient(t testing.TB) *daemon.Client {
	transport := daemon.Transport(s.dial)
	t.Cleanup(transport.CloseIdleConnections)
	return &daemon.Client{HTTP: &http.Client{Transport: transport}, Timeout: 10 * time.Second}
}

func (s *testServer) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", s.path)
}

func submit(job string) commands.Request {
	return commands.Request{JobID: job, Actor: "worker_1", Command: commands.Submit{EnvironmentFingerprint: "envfp:prod", ProducerVersion: "test/1"}}
}

func progress(job, summary string) commands.Request {
	return commands.Request{JobID: job, Actor: "worker_1", Command: commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: summary}}
}

// do carries out requests that must succeed.
func (s *testServer) do(t *testing.T, requests ...commands.Request) (last commands.Result) {
	t.Helper()
	for _, r := range requests {
		var err error
		if last, err = s.client.Do(t.Context(), r); err != nil {
			t.Fatalf("Do(%s %s) = %v", r.Command.Verb(), r.JobID, err)
		}
	}
	return last
}
