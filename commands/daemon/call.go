package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"gait/commands"
	"gait/ledger"
)

// A callAnswer is the newest event about a call on the wire, byte for byte, if there is one.
type callAnswer struct {
	Event json.RawMessage `json:"event,omitempty"`
}

// serveCall answers with the newest event about a call of a tool among the first size events.
func serveCall(s *Server, w http.ResponseWriter, q *http.Request) error {
	query := q.URL.Query()
	size, err := s.size(query)
	if err != nil {
		return err
	}
	of := ledger.CallID{Job: query.Get("id"), Call: query.Get("call")}
	if err := checkCall(of); err != nil {
		return err
	}
	found, err := s.Log.Load(q.Context(), nil, nil, of)
	if err != nil {
		return err
	}
	e, ok := found.Calls[of]
	if ok && int64(e.Seq()) >= size {
		e, ok, err = callAt(q.Context(), s.Log, of, size)
	}
	if err != nil {
		return err
	}
	var a callAnswer
	if ok {
		a.Event = e.Bytes()
	}
	return reply(w, http.StatusOK, a)
}

func checkCall(of ledger.CallID) error {
	err := ledger.FieldJobID.Check(of.Job)
	if err == nil {
		err = ledger.FieldCallID.Check(of.Call)
	}
	if err != nil {
		return &commands.InvalidError{Err: err}
	}
	return nil
}

// callAt returns the newest event about a call when the tree had a size. The log has a newer
// one.
func callAt(ctx context.Context, log ledger.EventReader, of ledger.CallID, size int64) (newest ledger.Event, ok bool, err error) {
	for e, err := range log.JobEvents(ctx, of.Job, 1) {
		if err != nil {
			return ledger.Event{}, false, err
		}
		if int64(e.Seq()) >= size {
			break
		}
		if isAbout(e, of) {
			newest, ok = e, true
		}
	}
	return newest, ok, nil
}

// isAbout reports whether an event is about a call.
func isAbout(e ledger.Event, of ledger.CallID) bool {
	c, ok := ledger.CallOf(e.Payload())
	return ok && e.JobID() == of.Job && c.ID == of.Call
}

// findCall returns the newest event about a call, and whether there is one. The event is proved
// to be in the tree; that there is no newer one is the daemon's word.
func findCall(ctx context.Context, l *Ledger, of ledger.CallID) (ledger.Event, bool, error) {
	if err := checkCall(of); err != nil {
		return ledger.Event{}, false, err
	}
	query := l.size()
	query.Set("id", of.Job)
	query.Set("call", of.Call)
	var a callAnswer
	if err := l.get(ctx, "/v1/job/call", query, &a); err != nil || a.Event == nil {
		return ledger.Event{}, false, err
	}
	e, err := ledger.Decode(a.Event)
	if err != nil {
		return ledger.Event{}, false, fmt.Errorf("reading the daemon's answer: %w: %w", ledger.ErrMalformed, err)
	}
	if int64(e.Seq()) >= l.checkpoint.Size || e.Seq() != 0 && !isAbout(e, of) { // event 0: a ledger before knew the call
		return ledger.Event{}, false, fmt.Errorf("%w: expected an event about call %q of %s, got event %d, %s", ledger.ErrMalformed, of.Call, of.Job, e.Seq(), e.Type())
	}
	err = hasEvent(ctx, l, e)
	return e, err == nil, err
}

// hasEvent fails if an event is not in the tree of the signed checkpoint.
func hasEvent(ctx context.Context, l *Ledger, e ledger.Event) error {
	p, err := l.ProofIn(ctx, l.signed, e.Seq())
	if p.Seq = e.Seq(); err == nil {
		err = p.Check(e.LeafHash(), l.checkpoint)
	}
	return err
}
