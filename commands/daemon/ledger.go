package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"gait/ledger"
	"gait/projection"
)

// A Ledger is the ledger that a daemon has open, as it was when Open or Renew
// was called: what is appended later does not show. Its methods are those of a
// log on disk. It keeps one job's view, so one goroutine uses it at a time.
type Ledger struct {
	client *Client
	ctx    context.Context // of whoever opened it: a log's methods take none

	process    Process
	keys       ledger.Keyring
	rotations  []ledger.Rotation
	checkpoint ledger.Checkpoint
	signed     []byte
	head       ledger.Head
	imported   bool
	last       jobHead // the job that was asked for last
}

// Open asks for the ledger as it is now.
func (c *Client) Open(ctx context.Context) (*Ledger, error) {
	l := &Ledger{client: c, ctx: ctx}
	return l, l.Renew()
}

// Renew asks for the ledger as it is now.
func (l *Ledger) Renew() error {
	var st state
	if err := l.client.ask(l.ctx, http.MethodGet, "/v1/ledger", nil, &st); err != nil {
		return err
	}
	if err := l.set(st); err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	return nil
}

// set takes a state over, once the ledger's keys have signed it.
func (l *Ledger) set(st state) error {
	if st.Views != projection.Version {
		return fmt.Errorf("%w: its views are version %d, not %d", ErrOtherVersion, st.Views, projection.Version)
	}
	created, err := ledger.Decode([]byte(st.Created))
	if err != nil {
		return err
	}
	now := Ledger{client: l.client, ctx: l.ctx, process: st.Process, signed: []byte(st.Checkpoint), imported: st.Imported}
	if now.keys, err = ledger.NewKeyring(created); err != nil {
		return err
	}
	for _, r := range st.Rotations {
		var one ledger.Rotation
		if one.Event, err = ledger.Decode([]byte(r.Event)); err != nil {
			return err
		}
		if one.Proof, err = ledger.ParseProof([]byte(r.Proof)); err != nil {
			return err
		}
		if now.keys, err = now.keys.Follow(one.Event); err != nil {
			return err
		}
		now.rotations = append(now.rotations, one)
	}
	if now.checkpoint, err = now.keys.Open(now.signed); err != nil {
		return err
	}
	now.head.Size = now.checkpoint.Size
	if now.head.Leaf, err = ledger.ParseHash(st.Leaf); err != nil {
		return err
	}
	now.head.Time, err = ledger.ParseTime(st.Time)
	*l = now
	return err
}

// Process returns who serves.
func (l *Ledger) Process() Process { return l.process }

// Origin returns the name of the ledger.
func (l *Ledger) Origin() string { return l.keys.Origin() }

// Keys returns the keys that have signed the ledger.
func (l *Ledger) Keys() ledger.Keyring { return l.keys }

// Key returns the key in force.
func (l *Ledger) Key() ledger.VerifierKey { return l.keys.Current() }

// Imported reports whether the ledger is a copy.
func (l *Ledger) Imported() bool { return l.imported }

// Head returns where the ledger ends.
func (l *Ledger) Head() ledger.Head { return l.head }

// Checkpoint returns the newest checkpoint and its note.
func (l *Ledger) Checkpoint() (ledger.Checkpoint, []byte) { return l.checkpoint, l.signed }

// Rotations returns the rotations of the ledger's key.
func (l *Ledger) Rotations() ([]ledger.Rotation, error) { return l.rotations, nil }

func (l *Ledger) get(path string, query url.Values, v any) error {
	return l.client.ask(l.ctx, http.MethodGet, path+"?"+query.Encode(), nil, v)
}

func (l *Ledger) post(path string, body, v any) error {
	b, err := marshal(body)
	if err != nil {
		return err
	}
	return l.client.ask(l.ctx, http.MethodPost, path, b, v)
}

// size begins a query about the ledger at its size.
func (l *Ledger) size() url.Values {
	return url.Values{"size": {strconv.FormatInt(l.checkpoint.Size, 10)}}
}

// Event returns one event.
func (l *Ledger) Event(seq ledger.Seq) (ledger.Event, error) {
	if seq < 0 || int64(seq) >= l.checkpoint.Size {
		return ledger.Event{}, fmt.Errorf("reading event %d: there are %d", seq, l.checkpoint.Size)
	}
	b, err := l.client.read(l.ctx, http.MethodGet, fmt.Sprintf("/v1/ledger/event?seq=%d", seq), nil)
	if err != nil {
		return ledger.Event{}, err
	}
	e, err := ledger.Decode(b)
	if err == nil && e.Seq != seq {
		err = fmt.Errorf("%w: asked for event %d, got %d", ledger.ErrMalformed, seq, e.Seq)
	}
	return e, err
}

// JobHead returns where a job ends, and whether there is such a job.
func (l *Ledger) JobHead(job string) (ledger.JobHead, bool, error) {
	query := l.size()
	query.Set("id", job)
	var h jobHead
	err := l.get("/v1/job/head", query, &h)
	if e, ok := errors.AsType[*Error](err); ok && e.Code == jobNotFound {
		return ledger.JobHead{}, false, nil
	}
	if err != nil {
		return ledger.JobHead{}, false, err
	}
	l.last = h
	head, err := h.head()
	return head, err == nil, err
}

// jobNotFound is the code by which every gait reports commands.ErrJobNotFound.
const jobNotFound = "job_not_found"

// View returns the cached view of a job, and whether there is one.
func (l *Ledger) View(job string) ([]byte, bool, error) {
	if l.last.ID != job {
		if _, ok, err := l.JobHead(job); err != nil || !ok {
			return nil, false, err
		}
	}
	return l.last.View, l.last.View != nil, nil
}

// firstPage is how many lines the first page of a range has. Whoever ranges
// over it may want one, or all: each page has eight times the lines of the last.
const firstPage = 8

// Events returns the events from one on. It may be ranged over more than once.
func (l *Ledger) Events(from ledger.Seq) ledger.Events {
	return l.eventPages("/v1/ledger/events", l.size(), max(int64(from), 0), func(e ledger.Event) int64 { return int64(e.Seq) })
}

// JobEvents returns the events of a job from a job_seq on. It may be ranged
// over more than once.
func (l *Ledger) JobEvents(job string, from int64) ledger.Events {
	query := l.size()
	query.Set("id", job)
	return l.eventPages("/v1/job/events", query, max(from, 1), func(e ledger.Event) int64 {
		if e.JobID != job {
			return -1
		}
		return e.JobSeq
	})
}

// eventPages reads page after page. number is what events are counted by.
func (l *Ledger) eventPages(path string, query url.Values, from int64, number func(ledger.Event) int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		next, limit := from, firstPage
		for more := true; more; limit = min(8*limit, pageLines) {
			query.Set("from", strconv.FormatInt(next, 10))
			query.Set("limit", strconv.Itoa(limit))
			lines, rest, err := l.page(path, query)
			for _, line := range lines {
				e, bad := ledger.Decode(line)
				if bad == nil && number(e) != next {
					bad = fmt.Errorf("%w: expected event %d of %s, got %d", ledger.ErrMalformed, next, path, number(e))
				}
				if bad != nil {
					yield(ledger.Event{}, bad)
					return
				}
				next++
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(ledger.Event{}, err)
				return
			}
			more = rest
		}
	}
}

// Jobs returns the jobs whose id is greater than after. It may be ranged over
// more than once.
func (l *Ledger) Jobs(after string) iter.Seq2[ledger.JobEntry, error] {
	return func(yield func(ledger.JobEntry, error) bool) {
		query, next, limit := l.size(), after, firstPage
		for more := true; more; limit = min(8*limit, pageLines) {
			query.Set("after", next)
			query.Set("limit", strconv.Itoa(limit))
			lines, rest, err := l.page("/v1/jobs", query)
			for _, line := range lines {
				j, bad := decodeEntry(line)
				if !yield(j, bad) || bad != nil {
					return
				}
				next = j.ID
			}
			if err != nil {
				yield(ledger.JobEntry{}, err)
				return
			}
			more = rest
		}
	}
}

func decodeEntry(line []byte) (ledger.JobEntry, error) {
	var h jobHead
	if err := json.Unmarshal(line, &h); err != nil {
		return ledger.JobEntry{}, fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
	}
	head, err := h.head()
	return ledger.JobEntry{ID: h.ID, Head: head, View: h.View}, err
}

// page reads one page, which must have its end.
func (l *Ledger) page(path string, query url.Values) (lines [][]byte, more bool, err error) {
	b, err := l.client.read(l.ctx, http.MethodGet, path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, false, err
	}
	lines = bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	var last end
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil || !last.End {
		return nil, false, fmt.Errorf("%w: a page of %s without its end", ledger.ErrMalformed, path)
	}
	if last.More && len(lines) == 1 {
		return nil, false, fmt.Errorf("%w: an empty page of %s that is not the last", ledger.ErrMalformed, path)
	}
	return lines[:len(lines)-1], last.More, nil
}
