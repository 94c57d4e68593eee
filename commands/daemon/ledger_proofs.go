package daemon

import (
	"bufio"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"gait/ledger"
)

// Proof returns the proof that event seq is in the tree of the checkpoint.
func (l *Ledger) Proof(seq ledger.Seq) (ledger.Proof, error) { return l.ProofIn(l.signed, seq) }

// ProofIn returns the proof that event seq is in the tree of a checkpoint of
// this ledger.
func (l *Ledger) ProofIn(signed []byte, seq ledger.Seq) (ledger.Proof, error) {
	b, err := marshal(map[string]any{"seq": seq, "checkpoint": string(signed)})
	if err != nil {
		return ledger.Proof{}, err
	}
	text, err := l.client.read(l.ctx, http.MethodPost, "/v1/ledger/proof", b)
	if err != nil {
		return ledger.Proof{}, err
	}
	return ledger.ParseProof(text)
}

// Consistency returns the proof that the tree of size old is a prefix of that
// of the checkpoint.
func (l *Ledger) Consistency(old int64) ([]ledger.Hash, error) {
	return l.ConsistencyIn(l.signed, old)
}

// ConsistencyIn is Consistency with a checkpoint of this ledger.
func (l *Ledger) ConsistencyIn(signed []byte, old int64) ([]ledger.Hash, error) {
	var p path
	err := l.post("/v1/ledger/consistency", map[string]any{"old": old, "checkpoint": string(signed)}, &p)
	return p.Path, err
}

// RootAt returns the root hash of the tree of a size.
func (l *Ledger) RootAt(size int64) (ledger.Hash, error) {
	var r treeRoot
	err := l.get("/v1/ledger/root", url.Values{"size": {fmt.Sprint(size)}}, &r)
	return r.Root, err
}

// File returns a file as C2SP tlog-tiles lays it out.
func (l *Ledger) File(name ledger.TileName) ([]byte, error) {
	return l.client.read(l.ctx, http.MethodGet, "/v1/ledger/file?"+url.Values{"name": {name.String()}}.Encode(), nil)
}

// Cosigned returns what witnesses have cosigned, each checked again.
func (l *Ledger) Cosigned() ([]ledger.Cosigned, error) {
	var list struct {
		Cosigned []cosigned `json:"cosigned"`
	}
	if err := l.get("/v1/ledger/cosigned", url.Values{}, &list); err != nil {
		return nil, err
	}
	var all []ledger.Cosigned
	for _, c := range list.Cosigned {
		key, err := ledger.ParseWitnessKey(c.Witness)
		if err != nil {
			return nil, err
		}
		one := ledger.Cosigned{Signed: []byte(c.Note)}
		by, err := ledger.Cosignatures(one.Signed, []ledger.WitnessKey{key})
		if err == nil && len(by) != 1 {
			err = fmt.Errorf("%w: it is not cosigned by %s", ledger.ErrUnverified, key.Name())
		}
		if err == nil {
			one.Cosignature = by[0]
			one.Checkpoint, err = l.keys.Open(one.Signed)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// CosignedCheckpoint returns the newest checkpoint that a witness has cosigned;
// nil where there is none.
func (l *Ledger) CosignedCheckpoint() ([]byte, error) {
	b, err := l.client.read(l.ctx, http.MethodGet, "/v1/ledger/cosigned-checkpoint", nil)
	if len(b) == 0 {
		b = nil
	}
	return b, err
}

// Keep has the daemon keep a cosignature.
func (l *Ledger) Keep(signed []byte, c ledger.Cosignature) error {
	return l.post("/v1/ledger/cosignatures", map[string]string{"checkpoint": string(signed), "witness": c.Key.String(), "line": c.Line()}, nil)
}

// ReplaceViews has the daemon make all views anew. The ones given are ranged
// over, so that the caller sees what is in them, and not sent.
func (l *Ledger) ReplaceViews(views iter.Seq2[ledger.JobView, error]) error {
	for _, err := range views {
		if err != nil {
			return fmt.Errorf("replacing views: %w", err)
		}
	}
	return l.post("/v1/ledger/rebuild", struct{}{}, nil)
}

// Verify has the daemon read the whole ledger again.
func (l *Ledger) Verify(report func(done, total int64) error) error {
	res, err := l.client.send(l.ctx, http.MethodPost, "/v1/ledger/verify", []byte("{}"))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		p := progress{wireError: new(wireError)}
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
		}
		switch {
		case p.Code != "":
			return p.err()
		case p.End:
			return nil
		}
		if err := report(p.Done, p.Total); err != nil {
			return err
		}
	}
	err = lines.Err()
	if err == nil {
		err = fmt.Errorf("%w: verifying came to no end", ledger.ErrMalformed)
	}
	return unreachable(l.ctx, err)
}

// VerifyEach has the daemon read the whole ledger again, and then hands on each
// of its events.
func (l *Ledger) VerifyEach(report func(done, total int64) error, use func(ledger.Event) error) error {
	if err := l.Verify(report); err != nil {
		return err
	}
	for e, err := range l.Events(0) {
		if err != nil {
			return err
		}
		if err := use(e); err != nil {
			return err
		}
	}
	return nil
}
