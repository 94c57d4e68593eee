package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// A Log is the ledger a Server answers for.
type Log interface {
	commands.Log
	Changed() <-chan struct{}
	Imported() bool
	Checkpoint() (ledger.Checkpoint, []byte)
	Events(from ledger.Seq) ledger.Events
	Jobs(after string) iter.Seq2[ledger.JobEntry, error]
	ProofIn(signed []byte, seq ledger.Seq) (ledger.Proof, error)
	ConsistencyIn(signed []byte, old int64) ([]ledger.Hash, error)
	RootAt(size int64) (ledger.Hash, error)
	File(ledger.TileName) ([]byte, error)
	Rotations() ([]ledger.Rotation, error)
	Cosigned() ([]ledger.Cosigned, error)
	CosignedCheckpoint() ([]byte, error)
	Keep(signed []byte, c ledger.Cosignature) error
	Verify(progress func(done, total int64) error) error
	ReplaceViews(iter.Seq2[ledger.JobView, error]) error
}

// A Process is who serves.
type Process struct {
	PID     int    `json:"pid"`
	Version string `json:"version"`
	Root    string `json:"root"` // directory of the ledger
	Home    string `json:"home"` // where it keeps the outside checkpoint
}

// A Server answers for a ledger. All but Slog is required.
type Server struct {
	Engine   *commands.Engine
	Log      Log
	Process  Process
	Here     Surroundings
	Classify func(error) Failure // how each error is reported
	Now      func() time.Time
	Metrics  *Metrics
	Slog     *slog.Logger // a line a command; nil: none

	stop    chan struct{} // closed when the server is told to stop
	streams atomic.Int64
}

// Surroundings are what a job is bound to where its caller does not say: those
// of the daemon, which are the caller's too.
type Surroundings struct {
	EnvironmentFingerprint string
	ProducerVersion        string
}

// fill puts in what the caller left out.
func (s Surroundings) fill(c commands.Command) commands.Command {
	switch c := c.(type) {
	case commands.Submit:
		c.EnvironmentFingerprint = cmp.Or(c.EnvironmentFingerprint, s.EnvironmentFingerprint)
		c.ProducerVersion = cmp.Or(c.ProducerVersion, s.ProducerVersion)
		return c
	case commands.Resume:
		c.EnvironmentFingerprint = cmp.Or(c.EnvironmentFingerprint, s.EnvironmentFingerprint)
		return c
	default:
		return c
	}
}

// Bounds of connections. A client that is slow to ask or to read loses its
// connection, and takes no more than that from the others.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
	maxTimeout    = 10 * time.Minute // of a command
)

// HTTP returns servers with all the bounds, one for each place to listen at.
// Whoever runs them shuts them down. It is called once.
func (s *Server) HTTP(n int) []*http.Server {
	s.stop = make(chan struct{})
	s.Metrics.observe(s)
	mux := s.handler()
	stop := sync.OnceFunc(func() { close(s.stop) })
	all := make([]*http.Server, n)
	for i := range all {
		all[i] = &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
			ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
		all[i].RegisterOnShutdown(stop)
	}
	return all
}

// handler answers all routes.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.path, func(w http.ResponseWriter, q *http.Request) {
			w = s.hurry(w, q)
			err := fmt.Errorf("%s %s: %w", q.Method, r.path, ErrMethod)
			if q.Method != r.method {
				w.Header().Set("Allow", r.method)
			} else if err = r.checkQuery(q.URL.RawQuery); err == nil {
				err = r.handle(s, w, q)
			}
			if err != nil {
				s.fail(w, err)
			}
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		s.fail(w, fmt.Errorf("%.80q: %w", q.URL.Path, ErrNoRoute))
	})
	return mux
}

// hurry bounds how long a body may take to come, and an answer to go. The bounds
// of http.Server would go on while a command waits for its turn, and end that.
func (s *Server) hurry(w http.ResponseWriter, q *http.Request) http.ResponseWriter {
	t := &timed{ResponseWriter: w, conn: http.NewResponseController(w), now: s.Now}
	if q.ContentLength != 0 {
		_ = t.conn.SetReadDeadline(s.Now().Add(bodyTimeout)) // a connection without one has none
	}
	t.extend()
	return t
}

// A timed is an answer each part of which must go in time.
type timed struct {
	http.ResponseWriter
	conn *http.ResponseController
	now  func() time.Time
}

// extend bounds what goes from now on.
func (t *timed) extend() { _ = t.conn.SetWriteDeadline(t.now().Add(writeTimeout)) }

// WriteHeader sends a status, and what http.Server sends behind it.
func (t *timed) WriteHeader(status int) {
	t.extend()
	t.ResponseWriter.WriteHeader(status)
}

// Write sends a part.
func (t *timed) Write(b []byte) (int, error) {
	t.extend()
	return t.ResponseWriter.Write(b)
}

// FlushError sends what is held back.
func (t *timed) FlushError() error {
	t.extend()
	return t.conn.Flush()
}

// Unwrap returns what is timed.
func (t *timed) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// command carries one out.
func (s *Server) command(w http.ResponseWriter, q *http.Request) error {
	began := s.Now()
	b, err := body(w, q)
	if err != nil {
		return err
	}
	r, asked, err := decodeRequest(b)
	if err != nil {
		return err
	}
	r.Command = s.Here.fill(r.Command)
	ctx := q.Context()
	if asked.TimeoutMS > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(asked.TimeoutMS)*time.Millisecond)
		defer cancel()
	}
	result, err := s.Engine.Do(ctx, r)
	s.told(r, result, err, s.Now().Sub(began))
	refused, isRefused := errors.AsType[*commands.RefusedError](err)
	if err != nil && !isRefused {
		return err
	}
	status := http.StatusOK
	if isRefused {
		result = refused.Result
	}
	a, encoding := encodeResult(result, asked.State)
	if encoding != nil {
		return encoding
	}
	if isRefused {
		status, a.wireError = s.report(err)
	}
	return reply(w, status, a)
}

// told counts a command, and writes its one line, which has no payload.
func (s *Server) told(r commands.Request, result commands.Result, err error, took time.Duration) {
	code := "ok"
	if err != nil {
		code = s.Classify(err).Code
	}
	s.Metrics.command(r.Command.Verb(), code, took)
	if s.Slog == nil {
		return
	}
	if no, ok := errors.AsType[*commands.RefusedError](err); ok {
		result = no.Result
	}
	job := r.JobID
	if job == "" {
		job = result.Job.ID
	}
	attrs := []slog.Attr{slog.String("verb", r.Command.Verb()), slog.String("job", job), slog.String("code", code), slog.Duration("took", took)}
	if result.Receipt.TreeSize > 0 {
		attrs = append(attrs, slog.Int64("seq", int64(result.Receipt.Seq)), slog.String("leaf", result.Receipt.Leaf.String()), slog.Bool("replayed", result.Replayed))
	}
	s.Slog.LogAttrs(context.Background(), slog.LevelInfo, "command", attrs...)
}

// report says how an error is reported.
func (s *Server) report(err error) (int, *wireError) {
	f := s.Classify(err)
	return status(err, f), &wireError{Text: err.Error(), Code: f.Code, Category: f.Category, Exit: f.Exit, Retryable: f.Retryable, Hint: f.Hint}
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	code, e := s.report(err)
	if code == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close") // the rest of it is not read
	}
	_ = reply(w, code, e) // whoever asked has gone
}

// body reads a request's body, which may be no longer than maxBody.
func body(w http.ResponseWriter, q *http.Request) ([]byte, error) {
	if q.ContentLength > maxBody {
		return nil, fmt.Errorf("%d bytes, at most %d: %w", q.ContentLength, maxBody, ErrTooLong)
	}
	b, err := io.ReadAll(io.LimitReader(q.Body, maxBody+1))
	if err != nil {
		return nil, &commands.InvalidError{Err: fmt.Errorf("%w: %w", ledger.ErrMalformed, err)}
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // nothing more comes
	if len(b) > maxBody {
		return nil, fmt.Errorf("more than %d bytes: %w", maxBody, ErrTooLong)
	}
	return b, nil
}

// reply answers with an object.
func reply(w http.ResponseWriter, status int, v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	return send(w, status, "application/json", append(b, '\n'))
}

func send(w http.ResponseWriter, status int, kind string, b []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // whoever asked has gone
	return nil
}

// views returns the views of all jobs, made anew.
func (s *Server) views(yield func(ledger.JobView, error) bool) {
	for job, err := range projection.Rebuild(s.Log) {
		if !yield(ledger.JobView{ID: job.JobID, View: job.Made}, err) || err != nil {
			return
		}
	}
}
