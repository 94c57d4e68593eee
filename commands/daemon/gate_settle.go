package daemon

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"net/http"

	"gait/commands"
	"gait/ledger"
)

// A settlement is a GateSettle on the wire, but for the grant, which is in the address, and the
// result, which may be any JSON.
type settlement struct {
	JobID       string               `json:"job_id"`
	Actor       string               `json:"actor"`
	Outcome     ledger.EffectOutcome `json:"outcome"`
	Reason      string               `json:"reason,omitempty"`
	RequestID   string               `json:"request_id,omitempty"`
	Lease       int64                `json:"lease,omitempty"`
	Trace       string               `json:"trace,omitempty"`
	AcceptClock bool                 `json:"accept_clock,omitempty"`
	TimeoutMS   int64                `json:"timeout_ms,omitempty"`
}

func (ask settlement) request(grant string, result ledger.Content) commands.Request {
	return commands.Request{
		JobID: ask.JobID, Actor: ask.Actor, Reason: ask.Reason, RequestID: ask.RequestID, Lease: ask.Lease, Trace: ask.Trace, AcceptClock: ask.AcceptClock,
		Command: commands.GateSettle{Grant: grant, Outcome: ask.Outcome, Result: result},
	}
}

// A settleAnswer says what became of a grant, on the wire.
type settleAnswer struct {
	*wireError
	OK       bool            `json:"ok"`
	Event    json.RawMessage `json:"event,omitempty"`
	Receipt  *receipt        `json:"receipt,omitempty"`
	Replayed bool            `json:"replayed"`
	Repeated bool            `json:"repeated"`
	Salt     string          `json:"result_salt,omitempty"` // of the result, hexadecimal
}

// serveSettle settles a grant: in one request it keeps the result, byte for byte, and asks the
// engine.
func serveSettle(s *Server, w http.ResponseWriter, q *http.Request) error {
	began := s.Now()
	ask, given, err := readSettlement(w, q)
	if err != nil {
		return err
	}
	r := ask.request(q.PathValue("grant"), ledger.Content{})
	if err := mayIssue(q.Context(), r); err != nil {
		return err
	}
	if err := r.Check(); err != nil { // before anything is kept
		return err
	}
	var kept keptContent
	if given != nil {
		store, err := contentFor(q.Context(), s, ask.JobID, false)
		if err != nil {
			return err
		}
		put, err := store.PutFrom(bytes.NewReader(given), s.Entropy, maxBody)
		if err != nil {
			return err
		}
		kept = encodeSalted(put)
		r = ask.request(q.PathValue("grant"), named(put, "application/json"))
	}
	ctx, cancel := within(q.Context(), ask.TimeoutMS)
	defer cancel()
	result, err := s.Engine.Do(ctx, r)
	record(s, r, result, err, s.Now().Sub(began))
	refused, isRefused := errors.AsType[*commands.RefusedError](err)
	if err != nil && !isRefused {
		return err
	}
	a, status := settleAnswer{OK: err == nil, Salt: kept.Salt}, http.StatusOK
	if isRefused {
		status, a.wireError = report(err)
		result = refused.Result
	}
	encoded := encodeResult(result, false)
	a.Event, a.Receipt, a.Replayed, a.Repeated = encoded.Event, encoded.Receipt, encoded.Replayed, encoded.Repeated
	return reply(w, status, a)
}

// readSettlement reads what a grant came to, and the result as it was spelt.
func readSettlement(w http.ResponseWriter, q *http.Request) (ask settlement, result []byte, err error) {
	b, err := jsonBody(w, q)
	if err != nil {
		return ask, nil, err
	}
	rest, result, err := cutField(b, "result")
	if err == nil {
		err = unmarshal(rest, &ask)
	}
	if err == nil {
		err = cmp.Or(needed("job_id", ask.JobID), needed("actor", ask.Actor), needed("outcome", string(ask.Outcome)), checkTimeout(ask.TimeoutMS))
	}
	return ask, result, err
}
