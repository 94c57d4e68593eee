package daemon

import (
	"bytes"
	"net/http"
	"net/url"

	"gait/ledger"
	"gait/ledger/jcs"
)

// Bounds of a page.
const (
	pageLines = 4096
	pageBytes = 1 << 20
)

// A page is lines and an end line. It is complete before any of it is sent.
type page struct {
	b     bytes.Buffer
	n     int
	limit int // greatest number of lines
}

// newPage returns an empty page with the limit that the query asks for.
func newPage(query url.Values) (page, error) {
	limit, err := number(query, "limit", pageLines)
	if err == nil && limit == 0 {
		err = invalid("limit", "a page has at least one line")
	}
	return page{limit: int(min(limit, pageLines))}, err
}

// An end is the last line of a page.
type end struct {
	End  bool `json:"end"`
	More bool `json:"more"`
}

// add adds a line, and reports whether there is room for another.
func (p *page) add(line []byte) bool {
	p.b.Write(line)
	p.b.WriteByte('\n')
	p.n++
	return p.n < p.limit && p.b.Len() < pageBytes
}

func (p *page) send(w http.ResponseWriter, more bool) error {
	last, err := jcs.Marshal(end{End: true, More: more})
	if err != nil {
		return err
	}
	p.add(last)
	return send(w, http.StatusOK, "application/x-ndjson", p.b.Bytes())
}

// sendEvents sends a page of the events that a tree of the given size holds.
func sendEvents(w http.ResponseWriter, query url.Values, events ledger.Events, size int64) error {
	p, err := newPage(query)
	if err != nil {
		return err
	}
	for e, err := range events {
		if err != nil {
			return err
		}
		if int64(e.Seq()) >= size {
			break
		}
		if !p.add(e.Bytes()) {
			return p.send(w, true)
		}
	}
	return p.send(w, false)
}

func (s *Server) events(w http.ResponseWriter, q *http.Request) error {
	return sendFrom(s, w, q, func(from ledger.Seq) ledger.Events { return s.Log.Events(q.Context(), from) })
}

// sendFrom answers with a page of events of the ledger from the seq that is asked for.
func sendFrom(s *Server, w http.ResponseWriter, q *http.Request, events func(from ledger.Seq) ledger.Events) error {
	query := q.URL.Query()
	size, err := s.size(query)
	if err != nil {
		return err
	}
	from, err := number(query, "from", 0)
	if err != nil {
		return err
	}
	return sendEvents(w, query, events(ledger.Seq(from)), size)
}

func (s *Server) jobEvents(w http.ResponseWriter, q *http.Request) error {
	query := q.URL.Query()
	size, err := s.size(query)
	if err != nil {
		return err
	}
	from, err := number(query, "from", 1)
	if err != nil {
		return err
	}
	return sendEvents(w, query, s.Log.JobEvents(q.Context(), query.Get("id"), from), size)
}

func (s *Server) jobs(w http.ResponseWriter, q *http.Request) error {
	query := q.URL.Query()
	size, err := s.size(query)
	if err != nil {
		return err
	}
	p, err := newPage(query)
	if err != nil {
		return err
	}
	for j, err := range s.Log.Jobs(q.Context(), query.Get("after")) {
		if err != nil {
			return err
		}
		var ok bool
		if j.Head, ok, err = headAt(q.Context(), s, j, size); err != nil {
			return err
		}
		if !ok {
			continue
		}
		line, err := jcs.Marshal(encodeHead(j.ID, j.Head, j.View))
		if err != nil {
			return err
		}
		if !p.add(line) {
			return p.send(w, true)
		}
	}
	return p.send(w, false)
}
