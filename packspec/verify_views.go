package packspec

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"gait/ledger/jcs"
	"gait/packspec/finding"
	"gait/projection"
)

// shownViews are the views of a job pack. They are compared, while the events are read
// once, with what each event adds to them.
type shownViews struct {
	events      *comparer
	eventsErr   error // the first difference
	approvals   *comparer
	checkpoints *comparer // nil if job_state.json has no list of checkpoints
	stateErr    [2]error  // the first differences in the two lists

	approvalList, checkpointList listWriter
}

// newShownViews begins the comparison. In job_state.json the checkpoints stand behind the
// approvals. It looks for the place where they begin, which no text in an approval can
// look like: in a string, a quotation mark is escaped.
func (v *jobVerifier) newShownViews() (*shownViews, error) {
	s := &shownViews{events: v.compare(entryJobEvents), approvals: v.compare(entryState)}
	state := v.pack.section(entryState)
	at, err := indexIn(state, stateCheckpoints)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", entryState, err)
	}
	if at >= 0 {
		from := at + int64(len(stateCheckpoints))
		s.checkpoints = v.compare(entryState)
		s.checkpoints.in, s.checkpoints.at = buffered(io.NewSectionReader(state, from, state.Size()-from)), from
		s.checkpointList.Writer = s.checkpoints
	}
	s.approvalList.Writer = s.approvals
	_, s.stateErr[0] = io.WriteString(s.approvals, stateApprovals)
	return s, nil
}

// indexIn returns the offset of the first occurrence of text, or -1.
func indexIn(in io.ReaderAt, text string) (int64, error) {
	buf := make([]byte, readBuffer)
	for at := int64(0); ; at += int64(len(buf) - len(text)) {
		n, err := in.ReadAt(buf, at)
		if i := bytes.Index(buf[:n], []byte(text)); i >= 0 {
			return at + int64(i), nil
		}
		if errors.Is(err, io.EOF) {
			return -1, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// compare compares what event i of a run adds.
func (s *shownViews) compare(r *run, i int) {
	if s.eventsErr == nil {
		_, err := s.events.Write(r.eventViews.of(i))
		s.eventsErr = atEvent(r.events[i], err)
	}
	if s.stateErr[0] == nil {
		_, s.stateErr[0] = s.approvalList.Write(r.approvals.of(i))
	}
	if s.checkpoints != nil && s.stateErr[1] == nil {
		_, s.stateErr[1] = s.checkpointList.Write(r.checkpoints.of(i))
	}
}

// finishEvents returns the first difference of job_events.jsonl.
func (s *shownViews) finishEvents() error {
	if s.eventsErr != nil {
		return s.eventsErr
	}
	return s.events.finish()
}

// finishState returns the first difference of job_state.json, whose end is that of j.
func (s *shownViews) finishState(j projection.Job) error {
	if s.stateErr[0] == nil {
		_, s.stateErr[0] = io.WriteString(s.approvals, stateCheckpoints)
	}
	if err := cmp.Or(s.stateErr[0], s.stateErr[1]); err != nil {
		return err
	}
	end, err := stateEnd(j)
	if err != nil {
		return err
	}
	if _, err := s.checkpoints.Write(end); err != nil {
		return err
	}
	return s.checkpoints.finish()
}

func (v *jobVerifier) views() (string, error) {
	err := cmp.Or(v.shown.finishEvents(), v.checkPayload(), v.shown.finishState(v.fold.Job), v.checkManifest(v.fold.Job.ID, v.last))
	if err != nil {
		return "", err
	}
	return "job_payload.json, job_state.json, job_events.jsonl and the manifest are what the events give", nil
}

func (v *jobVerifier) checkPayload() error {
	b, err := jcs.Marshal(payloadOf(v.fold.Job, v.head))
	if err != nil {
		return err
	}
	c := v.compare(entryPayload)
	if _, err := c.Write(b); err != nil {
		return err
	}
	return c.finish()
}

// A comparer is a writer that compares what is written to it with an entry. It fails
// with a *finding.Failure at the first byte that differs.
type comparer struct {
	in          io.Reader
	level, code string
	name        string
	what        string // the failure's reason
	at          int64
	buf         []byte
}

// compare returns a comparer for a view.
func (v *ledgerVerifier) compare(name string) *comparer {
	return &comparer{
		in: v.pack.buffered(name), level: finding.LevelViews, code: finding.CodeView, name: name,
		what: "it is not what the events give",
	}
}

func (c *comparer) Write(p []byte) (int, error) {
	if cap(c.buf) < len(p) {
		c.buf = make([]byte, 2*len(p))
	}
	got := c.buf[:len(p)]
	n, err := io.ReadFull(c.in, got)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("reading %s: %w", c.name, err)
	}
	if got = got[:n]; bytes.Equal(got, p) {
		c.at += int64(n)
		return n, nil
	}
	same := 0
	for same < n && got[same] == p[same] {
		same++
	}
	return same, c.differ(c.at+int64(same), p[same:], got[same:])
}

func (c *comparer) differ(at int64, want, got []byte) error {
	return finding.Differs(c.level, c.code, c.name, fmt.Sprintf("%s, at byte %d", c.what, at), finding.Quote(string(want)), finding.Quote(string(got)))
}

// finish requires that the entry has no further bytes.
func (c *comparer) finish() error {
	var more [80]byte
	n, err := io.ReadFull(c.in, more[:])
	if n > 0 {
		return c.differ(c.at, nil, more[:n])
	}
	if !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading %s: %w", c.name, err)
	}
	return nil
}
