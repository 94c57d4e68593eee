package daemon

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"gait/ledger"
)

// heartbeat is how often a stream with nothing to tell says that it is there.
const heartbeat = 15 * time.Second

// flushEvery is how many events are written before they are sent.
const flushEvery = 64

// A stream sends events as they come. It reads them from the ledger, so that
// one who reads slowly keeps nobody waiting.
type stream struct {
	server *Server
	w      http.ResponseWriter
	out    *http.ResponseController
	ctx    context.Context
	job    string     // the only one to tell of; "": all
	next   ledger.Seq // events before it were sent, or are not asked for
	jobSeq int64      // the job's events up to it are before next
}

// follow streams events, as server-sent ones: from behind since, or behind the
// last one that a client says it has, or else those that come from now on.
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
	st := &stream{server: s, w: w, out: http.NewResponseController(w), ctx: q.Context(), job: query.Get("job"), next: ledger.Seq(since + 1)}
	if st.job != "" {
		if err := ledger.FieldJobID.Check(st.job); err != nil {
			return err
		}
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

// endWithServer ends what is being written when the server is told to stop: one
// who does not read must not hold that up. Each write bounds itself anew.
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

// run streams until whoever reads goes, or the server stops.
func (st *stream) run() {
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		changed := st.server.Log.Changed()
		if err := st.push(); err != nil {
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

// push writes the events there are.
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
			st.jobSeq = e.JobSeq
		}
		if e.Seq < st.next {
			continue
		}
		st.next = e.Seq + 1
		st.say("id: %d\nevent: %s\ndata: %s\n\n", e.Seq, e.Type(), e.Bytes())
		if sent++; sent%flushEvery == 0 && st.out.Flush() != nil {
			return nil // nobody reads: Flush fails again
		}
	}
	return nil
}

// events returns those that may not have been sent; nil where there are none.
func (st *stream) events() (ledger.Events, error) {
	log := st.server.Log
	if st.job == "" {
		if int64(st.next) >= log.Head().Size {
			return nil, nil
		}
		return log.Events(st.next), nil
	}
	head, ok, err := log.JobHead(st.job)
	if err != nil || !ok || head.JobSeq <= st.jobSeq {
		return nil, err
	}
	return log.JobEvents(st.job, st.jobSeq+1), nil
}

func (st *stream) say(format string, args ...any) {
	_, _ = fmt.Fprintf(st.w, format, args...) // Flush fails too
}

// oneLine is an error as a line of a stream.
func oneLine(err error) string { return strconv.Quote(err.Error()) }
