package packspec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"

	"gait/ledger"
)

// A run is a number of events of a job, in order, with what each of them adds to the
// views. Runs are decoded and rendered on several goroutines.
type run struct {
	lines  [][]byte // of ledger_events.jsonl; nil if the events came from a log
	line   int64    // the number of the first line, from 0
	events []ledger.Event
	err    error // of what stands behind these lines or events, if it cannot be read

	eventViews, approvals, checkpoints pieces // of each event
}

// The size of a run: it has this number of events at most, and these bytes or one event
// more.
const (
	runEvents = 128
	runBytes  = 128 << 10
)

// pieces are byte strings, one behind the other.
type pieces struct {
	all  []byte
	ends []int
}

// end ends a piece. What is appended to all from now on belongs to the next.
func (p *pieces) end() { p.ends = append(p.ends, len(p.all)) }

// of returns piece i.
func (p *pieces) of(i int) []byte {
	from := 0
	if i > 0 {
		from = p.ends[i-1]
	}
	return p.all[from:p.ends[i]]
}

// rendered yields the events of a log in runs with their views.
func rendered(events ledger.Events) iter.Seq[*run] {
	return inOrder(eventRuns(events), func(r *run) *run {
		r.render()
		return r
	})
}

// eventRuns groups events. If they end in an error, the last run has it.
func eventRuns(events ledger.Events) iter.Seq[*run] {
	return func(yield func(*run) bool) {
		r, size := new(run), 0
		for e, err := range events {
			if err != nil {
				r.err = err
				break
			}
			r.events = append(r.events, e)
			if size += len(e.Bytes()); len(r.events) == runEvents || size >= runBytes {
				if !yield(r) {
					return
				}
				r, size = &run{events: make([]ledger.Event, 0, runEvents)}, 0
			}
		}
		yield(r)
	}
}

// decoded yields the events of ledger_events.jsonl in runs with their views. in is the
// content.
func decoded(in io.Reader) iter.Seq[*run] {
	return inOrder(lineRuns(in), func(r *run) *run {
		r.decode()
		r.render()
		return r
	})
}

// lineRuns groups the lines of ledger_events.jsonl. If they end in an error, the last run
// has it.
func lineRuns(in io.Reader) iter.Seq[*run] {
	return func(yield func(*run) bool) {
		var rest []byte // the beginning of a line
		for line := int64(0); ; {
			r := &run{line: line}
			var err error
			rest, err = r.fill(in, rest)
			switch {
			case len(rest) > ledger.MaxEventSize:
				r.err = fmt.Errorf("%w: more than %d bytes", ledger.ErrMalformed, ledger.MaxEventSize)
			case errors.Is(err, io.EOF) && len(rest) > 0:
				r.err = fmt.Errorf("%w: it does not end", ledger.ErrMalformed)
			case !errors.Is(err, io.EOF):
				r.err = err
			}
			line += int64(len(r.lines))
			last := err != nil || r.err != nil // once yielded, r is written to elsewhere
			if !yield(r) || last {
				return
			}
		}
	}
}

// fill reads lines behind rest, the beginning of one, and returns the beginning of the
// line that is cut off. A line that is too long is returned so too.
func (r *run) fill(in io.Reader, rest []byte) ([]byte, error) {
	block := make([]byte, runBytes) // the events keep it
	n, err := io.ReadFull(in, block[copy(block, rest):])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	block = block[:len(rest)+n]
	for {
		i := bytes.IndexByte(block, '\n')
		if i < 0 || i > ledger.MaxEventSize {
			return block, err
		}
		r.lines = append(r.lines, block[:i:i])
		block = block[i+1:]
	}
}

// decode decodes the lines, up to the first that is no event.
func (r *run) decode() {
	r.events = make([]ledger.Event, 0, len(r.lines))
	for _, line := range r.lines {
		e, err := ledger.Interpret(line)
		if err != nil {
			r.err = err
			break
		}
		r.events = append(r.events, e)
	}
	r.err = atLine(r.line+int64(len(r.events)), r.err)
}

// render makes what the events add to the views.
func (r *run) render() {
	r.eventViews.all = make([]byte, 0, 512*len(r.events))
	r.checkpoints.all = make([]byte, 0, 256*len(r.events))
	for _, e := range r.events {
		r.eventViews.all = appendEventView(r.eventViews.all, e)
		r.approvals.all = appendApprovals(r.approvals.all, e)
		r.checkpoints.all = appendCheckpoints(r.checkpoints.all, e)
		r.eventViews.end()
		r.approvals.end()
		r.checkpoints.end()
	}
}
