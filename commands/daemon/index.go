package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"gait/ledger"
	"gait/ledger/mpt"
)

// maxKeys is how many keys of the index one request may ask for.
const maxKeys = 64

// An indexQuestion asks for the index at a size of the ledger, on the wire.
type indexQuestion struct {
	Size int64         `json:"size"`
	Keys []ledger.Hash `json:"keys"`
}

// An indexAnswer is the index at a size of the ledger, on the wire.
type indexAnswer struct {
	Root   ledger.Hash `json:"root"`
	Proofs [][]byte    `json:"proofs"` // in the order of the keys, as package mpt encodes them
}

// index proves keys of the index.
func (s *Server) index(w http.ResponseWriter, q *http.Request) error {
	var ask indexQuestion
	if err := decodeBody(w, q, &ask); err != nil {
		return err
	}
	switch {
	case ask.Size < 0 || ask.Size > s.Log.Head().Size:
		return invalid("size", "there are %d events", s.Log.Head().Size)
	case len(ask.Keys) > maxKeys:
		return invalid("keys", "%d keys, at most %d", len(ask.Keys), maxKeys)
	}
	keys := make([]mpt.Key, len(ask.Keys))
	for i, k := range ask.Keys {
		keys[i] = mpt.Key(k)
	}
	root, proofs, err := s.Log.IndexAt(q.Context(), ask.Size, keys...)
	if err != nil {
		return err
	}
	a := indexAnswer{Root: root, Proofs: make([][]byte, len(proofs))}
	for i, p := range proofs {
		a.Proofs[i] = p.Encode()
	}
	return reply(w, http.StatusOK, a)
}

// A commitment is an index_committed event on the wire, byte for byte, if there is one.
type commitment struct {
	Event json.RawMessage `json:"event,omitempty"`
}

// committed answers with the newest index_committed event of the first size events.
func (s *Server) committed(w http.ResponseWriter, q *http.Request) error {
	size, err := s.size(q.URL.Query())
	if err != nil {
		return err
	}
	e, ok, err := s.Log.Committed(q.Context())
	if err == nil && ok && int64(e.Seq()) >= size {
		e, ok, err = ledger.NewestCommitment(q.Context(), s.Log, ledger.Seq(size))
	}
	if err != nil {
		return err
	}
	var c commitment
	if ok {
		c.Event = e.Bytes()
	}
	return reply(w, http.StatusOK, c)
}

// Index says whether what the daemon finds by the id of a job or of a request is
// proved, by its own word.
func (l *Ledger) Index() ledger.IndexState { return l.index }

// IndexAt returns the index at a size, as the daemon proves it.
func (l *Ledger) IndexAt(ctx context.Context, size int64, keys ...mpt.Key) (ledger.Hash, []mpt.Proof, error) {
	ask := indexQuestion{Size: size, Keys: make([]ledger.Hash, len(keys))}
	for i, k := range keys {
		ask.Keys[i] = ledger.Hash(k)
	}
	var a indexAnswer
	if err := l.post(ctx, "/v1/ledger/index", ask, &a); err != nil {
		return ledger.Hash{}, nil, err
	}
	if len(a.Proofs) != len(keys) {
		return ledger.Hash{}, nil, fmt.Errorf("%w: %d proofs for %d keys", ledger.ErrMalformed, len(a.Proofs), len(keys))
	}
	proofs := make([]mpt.Proof, len(keys))
	for i, b := range a.Proofs {
		p, err := mpt.ParseProof(b)
		if err == nil {
			_, _, err = p.Check(mpt.Hash(a.Root), keys[i])
		}
		if err != nil {
			return ledger.Hash{}, nil, &ledger.IndexError{Seq: -1, Reason: "the daemon's proof", Err: err}
		}
		proofs[i] = p
	}
	return a.Root, proofs, nil
}

// Committed returns the newest event that commits to the index, and whether there is
// one.
func (l *Ledger) Committed(ctx context.Context) (ledger.Event, bool, error) {
	var c commitment
	if err := l.get(ctx, "/v1/ledger/committed", l.size(), &c); err != nil || c.Event == nil {
		return ledger.Event{}, false, err
	}
	e, err := ledger.Decode(c.Event)
	if err == nil && (e.Type() != ledger.TypeIndexCommitted || int64(e.Seq()) >= l.checkpoint.Size) {
		err = fmt.Errorf("%w: expected an %s, got event %d, %s", ledger.ErrMalformed, ledger.TypeIndexCommitted, e.Seq(), e.Type())
	}
	return e, err == nil, err
}
