package daemon

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"gait/ledger"
	"gait/projection"
	"gait/projection/cloudevents"
)

// heartbeat is how long a stream may be silent before it sends a comment.
const heartbeat = 15 * time.Second

// flushEvery is how many events are written before a flush.
const flushEvery = 64

// A stream sends events as they are appended. It reads them from the ledger, so
// that a slow client delays no other.
type stream struct {
	server *Server
	w      http.ResponseWriter
	out    *http.ResponseController
	ctx    context.Context
	job    string     // the only job whose events are sent; "" for all
	next   ledger.Seq // events before it were sent, or were not asked for
	cloud  bool       // as CloudEvents
	jobSeq int64      // the job's events up to it come before next
}

// follow streams events as server-sent events: from after since, or after the last
// one that the client has, or else those that are appended from now on.
func (s *Server) follow(w http.ResponseWriter, q *http.Request) error {
	query := q.URL.Query()
	text := query.Get("since")
	if last := q.Header.Get("Last-Event-ID"); last != "" {
		text = last
	}
	since := s.Log.Head().Size - 1
	if text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < -1 || n > since {
			return invalid("since", "%.40q is not an event, nor -1", text)
		}
		since = n
	}
	format := query.Get("format")
	if format != "" && format != "cloudevents" {
		return invalid("format", "%.40q is not cloudevents", format)
	}
	st := &stream{cloud: format != "", server: s, w: w, out: http.NewResponseController(w), ctx: q.Context(), job: query.Get("job"), next: ledger.Seq(since + 1)}
	if st.job != "" {
		if err := ledger.FieldJobID.Check(st.job); err != nil {
			return err
		}
		from, err := projection.JobSeqSince(q.Context(), s.Log, st.job, st.next)
		if err != nil {
			return err
		}
		st.jobSeq = from - 1
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	s.streams.Add(1)
	defer s.streams.Add(-1)
	over := make(chan struct{})
	defer close(over)
	go st.endWithServer(over)
	st.run()
	return nil
}

// endWithServer ends the current write when the server is told to stop: a client
// that does not read must not delay that. Each write sets its own deadline.
func (st *stream) endWithServer(over <-chan struct{}) {
	select {
	case <-st.server.stop:
	case <-over:
		return
	}
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		_ = st.out.SetWriteDeadline(st.server.Now())
		select {
		case <-again.C:
		case <-over:
			return
		}
	}
}

// run streams until the client leaves or the server stops.
func (st *stream) run() {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		changed := st.server.Log.Changed()
		if !isStillAdmitted(st.ctx) {
			return
		}
		if err := st.push(); err != nil {
			logFault(st.server, "/v1/events", err)
			st.say("event: error\ndata: %s\n\n", oneLine(err))
			return
		}
		if st.out.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-beat.C:
			st.say(": still here\n\n")
		case <-st.ctx.Done():
			return
		case <-st.server.stop:
			return
		}
	}
}

// push writes the events that have not been sent.
func (st *stream) push() error {
	events, err := st.events()
	if err != nil || events == nil {
		return err
	}
	sent := 0
	for e, err := range events {
		if err != nil {
			return err
		}
		if st.job != "" {
			st.jobSeq = e.JobSeq()
		}
		if e.Seq() < st.next {
			continue
		}
		st.next = e.Seq() + 1
		name, data := string(e.Type()), e.Bytes()
		if st.cloud {
			name, data = cloudevents.TypeOf(e), cloudevents.Append(nil, e)
		}
		st.say("id: %d\nevent: %s\ndata: %s\n\n", e.Seq(), name, data)
		if sent++; sent%flushEvery == 0 && st.out.Flush() != nil {
			return nil // the client does not read: Flush fails again
		}
	}
	return nil
}

// events returns the events that may not have been sent, or nil if there are none.
func (st *stream) events() (ledger.Events, error) {
	log := st.server.Log
	if st.job == "" {
		if int64(st.next) >= log.Head().Size {
			return nil, nil
		}
		return log.Events(st.ctx, st.next), nil
	}
	head, ok, err := ledger.FindJob(st.ctx, log, st.job)
	if err != nil || !ok || head.JobSeq <= st.jobSeq {
		return nil, err
	}
	return log.JobEvents(st.ctx, st.job, st.jobSeq+1), nil
}

func (st *stream) say(format string, args ...any) {
	_, _ = fmt.Fprintf(st.w, format, args...) // if this fails, so does Flush
}

// oneLine returns an error as one line of a stream.
func oneLine(err error) string { return strconv.Quote(err.Error()) }
