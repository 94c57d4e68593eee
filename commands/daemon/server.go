package daemon

import (
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
	"gait/ledger/content"
	"gait/ledger/jcs"
	"gait/projection"
)

// A Process describes the process that serves a ledger.
type Process struct {
	PID     int    `json:"pid"`
	Version string `json:"version"`
	Root    string `json:"root"`            // directory of the ledger
	Home    string `json:"home"`            // directory in which it keeps the outside checkpoint
	Lock    string `json:"lock,omitempty"`  // root.LockID of the lock file that it holds
	Since   string `json:"since,omitempty"` // when it began to serve
}

// A Log is the log of a ledger that a Server can serve.
type Log interface {
	ledger.Log
	ledger.TagReader // to list jobs
}

// A Server answers requests for a ledger. All fields but Slog, Content, Entropy,
// MaxContent, Further and Warnings are required.
type Server struct {
	Engine  *commands.Engine
	Log     Log
	Process Process
	Here    commands.Surroundings
	Now     func() time.Time
	Metrics *Metrics
	Slog    *slog.Logger // logs requests, commands and faults; may be nil

	Content    *content.Store // the Engine's; nil if no content is kept
	Entropy    io.Reader      // for secrets of content; read by several goroutines
	MaxContent int64          // bytes of one content at most; 0 stands for content.DefaultLimit

	// Further are handlers of other interfaces, by their paths. They are behind the same doors; what
	// a token allows they ask with MayIssue.
	Further map[string]http.Handler

	// Warnings returns what /readyz warns of, a line each, such as notifications that are not taken.
	Warnings func() []string

	stop    chan struct{} // closed when the server is told to stop
	streams atomic.Int64
	queues  *queues
}

// Limits of connections. A client that is slow to send or to read loses its
// connection; it cannot slow down the others.
const (
	headerTimeout = 10 * time.Second

	// strangerTimeout is headerTimeout over TCP, where any user can connect.
	strangerTimeout = 2 * time.Second

	bodyTimeout  = 30 * time.Second
	writeTimeout = 60 * time.Second
	idleTimeout  = 2 * time.Minute
	maxHeader    = 16 << 10
	maxTimeout   = 10 * time.Minute // of a command
)

// HTTP returns servers with all these limits, one for each address to listen on.
// The caller runs them and shuts them down. HTTP is called once.
func (s *Server) HTTP(n int) []*http.Server {
	s.stop = make(chan struct{})
	s.queues = newQueues(s.Log, s.Now, s.stop)
	if s.Slog == nil {
		s.Slog = slog.New(slog.DiscardHandler)
	}
	s.Metrics.observe(s)
	mux := s.handler()
	stop := sync.OnceFunc(func() { close(s.stop) })
	all := make([]*http.Server, n)
	for i := range all {
		all[i] = &http.Server{
			Handler: mux, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
			ErrorLog: slog.NewLogLogger(s.Slog.Handler(), slog.LevelError),
		}
		all[i].RegisterOnShutdown(stop)
	}
	return all
}

// handler answers all routes.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.path, func(to http.ResponseWriter, q *http.Request) {
			began := s.Now()
			w := withDeadlines(s, to, q)
			defer func() { logRequest(s, r.path, q, w.status, s.Now().Sub(began)) }()
			err := fmt.Errorf("%s %s: %w", q.Method, r.path, ErrMethod)
			if q.Method != r.method {
				w.Header().Set("Allow", r.method)
			} else if err = r.check(q); err == nil {
				err = r.handle(s, w, q)
			}
			if err != nil {
				logFault(s, r.path, err)
				s.fail(w, r.path, err)
			}
		})
	}
	for path, h := range s.Further {
		mux.HandleFunc(path, func(to http.ResponseWriter, q *http.Request) {
			began := s.Now()
			w := withDeadlines(s, to, q)
			defer func() { logRequest(s, path, q, w.status, s.Now().Sub(began)) }()
			h.ServeHTTP(w, q)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		s.fail(w, q.URL.Path, fmt.Errorf("%.80q: %w", q.URL.Path, ErrNoRoute))
	})
	return mux
}

// withDeadlines sets read and write deadlines per request. http.Server's own would
// also run while a command waits in the queue, and end it.
func withDeadlines(s *Server, w http.ResponseWriter, q *http.Request) *deadlineWriter {
	t := &deadlineWriter{ResponseWriter: w, conn: http.NewResponseController(w), now: s.Now}
	if q.ContentLength != 0 {
		_ = t.conn.SetReadDeadline(s.Now().Add(bodyTimeout)) // a connection that supports no deadlines has none
	}
	t.extend()
	return t
}

// A deadlineWriter extends the write deadline before each write.
type deadlineWriter struct {
	http.ResponseWriter
	conn   *http.ResponseController
	now    func() time.Time
	status int // that was sent; 0 before
}

// extend sets the deadline for the next write.
func (t *deadlineWriter) extend() { _ = t.conn.SetWriteDeadline(t.now().Add(writeTimeout)) }

// WriteHeader sends a status, and what http.Server sends with it.
func (t *deadlineWriter) WriteHeader(status int) {
	t.extend()
	t.status = status
	t.ResponseWriter.WriteHeader(status)
}

// Write sends a part of the answer.
func (t *deadlineWriter) Write(b []byte) (int, error) {
	t.extend()
	return t.ResponseWriter.Write(b)
}

// FlushError sends what is buffered.
func (t *deadlineWriter) FlushError() error {
	t.extend()
	return t.conn.Flush()
}

// Unwrap returns the writer underneath.
func (t *deadlineWriter) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// command carries out one command.
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
	if err := mayIssue(q.Context(), r); err != nil {
		return err
	}
	r = r.Fill(s.Here)
	ctx, cancel := within(q.Context(), asked.TimeoutMS)
	defer cancel()
	result, err := s.Engine.Do(ctx, r)
	record(s, r, result, err, s.Now().Sub(began))
	refused, isRefused := errors.AsType[*commands.RefusedError](err)
	if err != nil && !isRefused {
		return err
	}
	status := http.StatusOK
	if isRefused {
		result = refused.Result
	}
	a := encodeResult(result, asked.State)
	if isRefused {
		status, a.wireError = report(err)
	}
	return reply(w, status, a)
}

// report returns the status and the body with which an error is reported.
func report(err error) (int, *wireError) {
	f, _ := ledger.FaultOf(err)
	d := commands.DetailsOf(err)
	e := &wireError{
		Text: err.Error(), Code: f.Code, Category: f.Category, Exit: categories[f.Category].exit,
		Retryable: f.Retryable, Hint: hintOf(f.Code, d), Details: d,
	}
	if _, ok := errors.AsType[*commands.UnrepeatedError](err); ok {
		said := commands.AnswerOf(commands.Result{}, err)
		e.Gate = &said
	}
	return status(err, f), e
}

// fail answers with an error at an address.
func (s *Server) fail(w http.ResponseWriter, path string, err error) {
	code, e := report(err)
	if code == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close") // the rest of the body is not read
	}
	var a any = e
	if isGatePath(path) {
		a = failGate(path, err, e)
	}
	_ = reply(w, code, a) // an error means that the client has left
}

// body reads a request's body, which may have at most maxBody bytes.
func body(w http.ResponseWriter, q *http.Request) ([]byte, error) { return bodyOf(w, q, maxBody) }

// bodyOf reads a request's body, which may have at most limit bytes.
func bodyOf(w http.ResponseWriter, q *http.Request, limit int64) ([]byte, error) {
	if q.ContentLength > limit {
		return nil, fmt.Errorf("%d bytes, at most %d: %w", q.ContentLength, limit, ErrTooLong)
	}
	b, err := io.ReadAll(io.LimitReader(q.Body, limit+1))
	if err != nil {
		return nil, &commands.InvalidError{Err: fmt.Errorf("%w: %w", ledger.ErrMalformed, err)}
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the body is complete
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("more than %d bytes: %w", limit, ErrTooLong)
	}
	return b, nil
}

// reply answers with an object.
func reply(w http.ResponseWriter, status int, v any) error {
	b, err := jcs.Marshal(v)
	if err != nil {
		return err
	}
	return send(w, status, "application/json", append(b, '\n'))
}

func send(w http.ResponseWriter, status int, kind string, b []byte) error {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b) // an error means that the client has left
	return nil
}

// views returns the views of all jobs, rebuilt from the events.
func (s *Server) views(ctx context.Context) iter.Seq2[ledger.JobView, error] {
	return func(yield func(ledger.JobView, error) bool) {
		for job, err := range projection.Rebuild(ctx, s.Log) {
			if !yield(ledger.JobView{ID: job.JobID, View: job.Made}, err) || err != nil {
				return
			}
		}
	}
}
