package daemon_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A served is a ledger with a server that listens on a socket.
type served struct {
	*ledgertest.Ledger
	path   string
	server *daemon.Server
	http   *http.Server
	client *daemon.Client
	behind atomic.Int64 // how far the server's clock is, so that its bounds are shorter by as much
}

// classify stands for the table of cmd.
func classify(err error) daemon.Failure {
	f := daemon.Failure{Code: "internal_failure", Category: "internal_failure", Exit: 1}
	_, wrong := errors.AsType[*commands.InvalidError](err)
	_, field := errors.AsType[*ledger.FieldError](err)
	no, refused := errors.AsType[*commands.RefusedError](err)
	switch {
	case refused:
		f = daemon.Failure{Code: no.Refusal.Code, Category: "invalid_input", Exit: 6, Hint: no.Refusal.Hint}
	case errors.Is(err, commands.ErrJobNotFound):
		f = daemon.Failure{Code: "job_not_found", Category: "invalid_input", Exit: 6}
	case wrong, field, errors.Is(err, daemon.ErrTooLong), errors.Is(err, daemon.ErrNoRoute), errors.Is(err, daemon.ErrMethod):
		f = daemon.Failure{Code: "invalid_input", Category: "invalid_input", Exit: 6}
	case errors.Is(err, daemon.ErrToken), errors.Is(err, daemon.ErrForeign):
		f = daemon.Failure{Code: "policy", Category: "policy_blocked", Exit: 3}
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ledger.ErrOutcomeUnknown):
		f = daemon.Failure{Code: "deadline_exceeded", Category: "state_contention", Exit: 1, Retryable: true}
	}
	return f
}

func serve(t testing.TB) *served {
	t.Helper()
	l := ledgertest.New(t)
	clock := &ledgertest.Clock{Step: time.Second}
	metrics := daemon.NewMetrics(time.Now)
	s := &served{Ledger: l, path: filepath.Join(t.TempDir(), "s")}
	s.server = &daemon.Server{
		Engine: &commands.Engine{Log: metrics.Count(l.Log), Now: clock.Now, Entropy: ledgertest.Entropy(7)},
		Log:    l.Log, Process: daemon.Process{PID: 1, Version: "test", Root: "/root"}, Classify: classify, Metrics: metrics,
		Here: daemon.Surroundings{EnvironmentFingerprint: "envfp:here", ProducerVersion: "daemon/1"},
	}
	s.server.Now = func() time.Time { return time.Now().Add(-time.Duration(s.behind.Load())) }
	s.http = s.server.HTTP(1)[0]
	listener, err := net.Listen("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); s.http.Serve(listener) }()
	t.Cleanup(func() { s.http.Close(); <-done })
	s.client = s.newClient(t)
	return s
}

func (s *served) newClient(t testing.TB) *daemon.Client {
	transport := daemon.Transport(s.dial)
	t.Cleanup(transport.CloseIdleConnections)
	return &daemon.Client{HTTP: &http.Client{Transport: transport}, Timeout: 10 * time.Second}
}

func (s *served) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", s.path)
}

func submit(job string) commands.Request {
	return commands.Request{JobID: job, Actor: "worker_1", Command: commands.Submit{EnvironmentFingerprint: "envfp:prod", ProducerVersion: "test/1"}}
}

func progress(job, summary string) commands.Request {
	return commands.Request{JobID: job, Actor: "worker_1", Command: commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: summary}}
}

// do carries requests out that must succeed.
func (s *served) do(t *testing.T, requests ...commands.Request) (last commands.Result) {
	t.Helper()
	for _, r := range requests {
		var err error
		if last, err = s.client.Do(t.Context(), r); err != nil {
			t.Fatalf("Do(%s %s) = %v", r.Command.Verb(), r.JobID, err)
		}
	}
	return last
}
