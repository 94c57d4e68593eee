package packspec

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/projection"
)

// A pass is what reading a pack's events once finds out: the first error of
// each level, and the job as far as there is none.
type pass struct {
	count    int64
	head     ledger.JobHead
	last     ledger.Event
	fold     projection.Folder
	chainErr error
	stateErr error
	viewErr  error
}

// readEvents makes the pass. It fails where an event is not in its one form.
func (v *verifier) readEvents() error {
	views := v.compare(entryJobEvents)
	read, total := int64(0), v.pack.section(entryEvents).Size()
	for e, err := range v.pack.Events() {
		if err != nil {
			return notCanonical(entryEvents, err)
		}
		v.count++
		read += int64(len(e.Bytes())) + 1
		if err := v.tell(read, total); err != nil {
			return err
		}
		if v.chainErr == nil {
			v.chainErr = v.follow(e)
		}
		if v.chainErr == nil && v.stateErr == nil {
			v.stateErr = asFailure(LevelStateMachine, CodeTransition, v.fold.Add(e))
		}
		if v.viewErr == nil {
			v.viewErr = at(e, writeEventView(views, e))
		}
	}
	if v.viewErr == nil {
		v.viewErr = views.finish()
	}
	if v.chainErr == nil && v.count == 0 {
		v.chainErr = failure(LevelChain, CodeChain, entryEvents, "no events")
	}
	return nil
}

// tell says, now and then, how far the events were read.
func (v *verifier) tell(done, total int64) error {
	if v.progress == nil || v.count%1024 != 0 && done != total {
		return nil
	}
	return v.progress(done, total)
}

// at adds the event to a failure.
func at(e ledger.Event, err error) error {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.at(e.Seq)
	}
	return err
}

// asFailure makes a *ledger.CorruptError a failure and leaves other errors.
func asFailure(level, code string, err error) error {
	c, ok := errors.AsType[*ledger.CorruptError](err)
	if !ok {
		return err
	}
	f := failure(level, code, "", "%s", c.Reason)
	if c.Err != nil {
		f.Reason = fmt.Sprintf("%s: %s", c.Reason, c.Err)
	}
	return f.at(max(c.Seq, 0))
}

// follow holds an event to the chain of its job and its ledger.
func (v *verifier) follow(e ledger.Event) error {
	if f := v.misplaced(e); f != nil {
		f.Level, f.Code, f.Entry = LevelChain, CodeChain, entryEvents
		return f.at(e.Seq)
	}
	head, err := v.head.Follow(e)
	if err != nil {
		return asFailure(LevelChain, CodeChain, err)
	}
	v.head, v.last = head, e
	v.report.EventCount, v.report.HeadSeq = head.JobSeq, head.Seq
	return nil
}

// misplaced finds what a job's own chain does not say, and says precisely what
// it says most often.
func (v *verifier) misplaced(e ledger.Event) *Failure {
	before := v.created
	if v.head.JobSeq > 0 {
		before = v.last
	}
	switch {
	case e.Origin != v.evidence.Origin:
		return differs("", "", "", "origin", v.evidence.Origin, e.Origin)
	case e.JobID != v.pack.manifest.SourceRef:
		return differs("", "", "", "job_id", v.pack.manifest.SourceRef, orNothing(e.JobID))
	case e.JobSeq != v.head.JobSeq+1:
		return differs("", "", "", "job_seq", fmt.Sprint(v.head.JobSeq+1), fmt.Sprint(e.JobSeq))
	case e.JobPrev != v.head.Leaf:
		return differs("", "", "", "job_prev", hashOrNothing(v.head.Leaf), hashOrNothing(e.JobPrev))
	case e.Seq <= before.Seq:
		return differs("", "", "", "seq", fmt.Sprintf("one after %d", before.Seq), fmt.Sprint(e.Seq))
	case e.Time.Before(before.Time):
		return differs("", "", "", "created_at", "not before "+ledger.FormatTime(before.Time), ledger.FormatTime(e.Time))
	case e.Seq == before.Seq+1 && e.Prev != before.LeafHash():
		return differs("", "", "", "prev", before.LeafHash().String(), e.Prev.String())
	}
	return nil
}

func hashOrNothing(h ledger.Hash) string {
	if h.IsZero() {
		return "nothing"
	}
	return h.String()
}

// chain reports on the pass, and on event 0 and the rotations, which name the keys.
func (v *verifier) chain() (string, error) {
	if err := cmp.Or(v.keysErr, v.chainErr); err != nil {
		return "", err
	}
	return fmt.Sprintf("job_seq 1 to %d, each event named by the next, seq rises to %d", v.head.JobSeq, v.head.Seq), nil
}

// A comparer is a writer that holds what is written to it against an entry.
// It fails with a *Failure at the first byte that differs.
type comparer struct {
	in          io.Reader
	level, code string
	name        string
	what        string // what it means that they differ
	at          int64
	buf         []byte
}

// compare returns a comparer with a view.
func (v *verifier) compare(name string) *comparer {
	return &comparer{in: v.pack.buffered(name), level: LevelViews, code: CodeView, name: name,
		what: "it is not what the events give"}
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
	return differs(c.level, c.code, c.name, fmt.Sprintf("%s, at byte %d", c.what, at), quote(string(want)), quote(string(got)))
}

// finish requires that the entry ends here.
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
