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
	"slices"
	"strconv"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// A Ledger is the ledger that a daemon has open, as it was when Open or Renew
// was called: it does not show what is appended later.
type Ledger struct {
	client *Client

	process    Process
	keys       ledger.Keyring
	rotations  []ledger.Rotation
	checkpoint ledger.Checkpoint
	signed     []byte
	head       ledger.Head
	imported   bool
	index      ledger.IndexState
}

// Open reads the current state of the ledger.
func (c *Client) Open(ctx context.Context) (*Ledger, error) {
	l := &Ledger{client: c}
	return l, l.Renew(ctx)
}

// Renew reads the current state of the ledger again.
func (l *Ledger) Renew(ctx context.Context) error {
	var st state
	if err := l.client.ask(ctx, http.MethodGet, "/v1/ledger", nil, &st); err != nil {
		return err
	}
	if err := l.set(st); err != nil {
		return fmt.Errorf("reading the daemon's answer: %w", err)
	}
	return nil
}

// set takes over a state once it has checked that the ledger's keys have signed it.
func (l *Ledger) set(st state) error {
	if st.Views != projection.Version {
		return fmt.Errorf("%w: its views are version %d, not %d", ErrOtherVersion, st.Views, projection.Version)
	}
	created, err := ledger.Decode([]byte(st.Created))
	if err != nil {
		return err
	}
	now := Ledger{client: l.client, process: st.Process, signed: []byte(st.Checkpoint), imported: st.Imported, index: ledger.ParseIndexState(st.Index)}
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
	if now.head.Time, err = ledger.ParseTime(st.Time); err != nil {
		return err
	}
	if st.Authority != "" {
		now.head.Authority, err = ledger.ParseHash(st.Authority)
	}
	*l = now
	return err
}

// Process returns the process that serves the ledger.
func (l *Ledger) Process() Process { return l.process }

// Origin returns the name of the ledger.
func (l *Ledger) Origin() string { return l.keys.Origin() }

// Keys returns the keys that have signed the ledger.
func (l *Ledger) Keys() ledger.Keyring { return l.keys }

// Imported reports whether the ledger is a copy.
func (l *Ledger) Imported() bool { return l.imported }

// Head returns where the ledger ends.
func (l *Ledger) Head() ledger.Head { return l.head }

// Changed returns nil: a Ledger shows new events only after Renew.
func (l *Ledger) Changed() <-chan struct{} { return nil }

// Checkpoint returns the newest signed checkpoint and its note.
func (l *Ledger) Checkpoint() (ledger.Checkpoint, []byte) { return l.checkpoint, l.signed }

// Rotations returns the rotations of the ledger's key.
func (l *Ledger) Rotations(ctx context.Context) ([]ledger.Rotation, error) { return l.rotations, nil }

func (l *Ledger) get(ctx context.Context, path string, query url.Values, v any) error {
	return l.client.ask(ctx, http.MethodGet, path+"?"+query.Encode(), nil, v)
}

func (l *Ledger) post(ctx context.Context, path string, body, v any) error {
	b, err := jcs.Marshal(body)
	if err != nil {
		return err
	}
	return l.client.ask(ctx, http.MethodPost, path, b, v)
}

// size begins a query about the ledger at its size.
func (l *Ledger) size() url.Values {
	return url.Values{"size": {strconv.FormatInt(l.checkpoint.Size, 10)}}
}

// Event returns one event.
func (l *Ledger) Event(ctx context.Context, seq ledger.Seq) (ledger.Event, error) {
	if seq < 0 || int64(seq) >= l.checkpoint.Size {
		return ledger.Event{}, fmt.Errorf("reading event %d: there are %d", seq, l.checkpoint.Size)
	}
	b, err := l.client.read(ctx, http.MethodGet, fmt.Sprintf("/v1/ledger/event?seq=%d", seq), nil)
	if err != nil {
		return ledger.Event{}, err
	}
	e, err := ledger.Decode(b)
	if err == nil && e.Seq() != seq {
		err = fmt.Errorf("%w: asked for event %d, got %d", ledger.ErrMalformed, seq, e.Seq())
	}
	return e, err
}

// Load returns what the ledger holds under the ids of jobs, requests and calls. The
// view of a job may be that of an event after the ledger's size. The daemon cannot
// find an event by its request id, so Load reads all events to find one. An event about a
// call is proved to be in the tree.
func (l *Ledger) Load(ctx context.Context, jobs, requests []string, calls ...ledger.CallID) (ledger.Records, error) {
	found := ledger.Records{Jobs: make(map[string]ledger.JobEntry, len(jobs)), Requests: make(map[string]ledger.Event, len(requests)), Calls: make(map[ledger.CallID]ledger.Event, len(calls))}
	for _, id := range jobs {
		entry, ok, err := l.job(ctx, id)
		if err != nil {
			return ledger.Records{}, err
		}
		if ok {
			found.Jobs[id] = entry
		}
	}
	for _, id := range calls {
		e, ok, err := findCall(ctx, l, id)
		if err != nil {
			return ledger.Records{}, err
		}
		if ok {
			found.Calls[id] = e
		}
	}
	if len(requests) == 0 {
		return found, nil
	}
	for e, err := range l.Events(ctx, 0) {
		if err != nil {
			return ledger.Records{}, err
		}
		if e.RequestID() != "" && slices.Contains(requests, e.RequestID()) {
			found.Requests[e.RequestID()] = e
		}
	}
	return found, nil
}

// jobNotFound is the fault with which a daemon reports that there is no such job.
var jobNotFound, _ = ledger.FaultOf(commands.ErrJobNotFound)

func (l *Ledger) job(ctx context.Context, id string) (entry ledger.JobEntry, ok bool, err error) {
	query := l.size()
	query.Set("id", id)
	var h jobHead
	err = l.get(ctx, "/v1/job/head", query, &h)
	if e, isError := errors.AsType[*Error](err); isError && e.Kind == jobNotFound {
		return ledger.JobEntry{}, false, nil
	}
	if err != nil {
		return ledger.JobEntry{}, false, err
	}
	head, err := h.head()
	return ledger.JobEntry{ID: id, Head: head, View: h.View}, err == nil, err
}

// firstPage is how many lines the first page of a range has. The caller may want one
// line, or all: each page has eight times the lines of the one before.
const firstPage = 8

// Events returns the events from a seq on. It may be ranged over more than once.
func (l *Ledger) Events(ctx context.Context, from ledger.Seq) ledger.Events {
	return eventPages(ctx, l, "/v1/ledger/events", l.size(), max(int64(from), 0), func(e ledger.Event) int64 { return int64(e.Seq()) })
}

// JobEvents returns the events of a job from a job_seq on. It may be ranged over
// more than once.
func (l *Ledger) JobEvents(ctx context.Context, job string, from int64) ledger.Events {
	query := l.size()
	query.Set("id", job)
	return eventPages(ctx, l, "/v1/job/events", query, max(from, 1), func(e ledger.Event) int64 {
		if e.JobID() != job {
			return -1
		}
		return e.JobSeq()
	})
}

// eventPages reads page after page. number returns an event's number in the range.
func eventPages(ctx context.Context, l *Ledger, path string, query url.Values, from int64, number func(ledger.Event) int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		next, limit := from, firstPage
		for more := true; more; limit = min(8*limit, pageLines) {
			query.Set("from", strconv.FormatInt(next, 10))
			query.Set("limit", strconv.Itoa(limit))
			lines, rest, err := l.page(ctx, path, query)
			for _, line := range lines {
				e, bad := ledger.Decode(line)
				if bad == nil && number(e) != next {
					e, bad = ledger.Event{}, fmt.Errorf("%w: expected event %d of %s, got %d", ledger.ErrMalformed, next, path, number(e))
				}
				if !yield(e, bad) || bad != nil {
					return
				}
				next++
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
func (l *Ledger) Jobs(ctx context.Context, after string) iter.Seq2[ledger.JobEntry, error] {
	return func(yield func(ledger.JobEntry, error) bool) {
		query, next, limit := l.size(), after, firstPage
		for more := true; more; limit = min(8*limit, pageLines) {
			if next != "" {
				query.Set("after", next)
			}
			query.Set("limit", strconv.Itoa(limit))
			lines, rest, err := l.page(ctx, "/v1/jobs", query)
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

// page reads one page, which must have its end line.
func (l *Ledger) page(ctx context.Context, path string, query url.Values) (lines [][]byte, more bool, err error) {
	b, err := l.client.read(ctx, http.MethodGet, path+"?"+query.Encode(), nil)
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
