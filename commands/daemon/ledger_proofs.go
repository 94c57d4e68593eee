package daemon

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"gait/ledger"
	"gait/ledger/jcs"
)

// ProofIn returns the proof that event seq is in the tree of a checkpoint of
// this ledger.
func (l *Ledger) ProofIn(ctx context.Context, signed []byte, seq ledger.Seq) (ledger.Proof, error) {
	b, err := jcs.Marshal(map[string]any{"seq": seq, "checkpoint": string(signed)})
	if err != nil {
		return ledger.Proof{}, err
	}
	text, err := l.client.read(ctx, http.MethodPost, "/v1/ledger/proof", b)
	if err != nil {
		return ledger.Proof{}, err
	}
	return ledger.ParseProof(text)
}

// ConsistencyIn returns the proof that the tree of size old is a prefix of that
// of a checkpoint of this ledger.
func (l *Ledger) ConsistencyIn(ctx context.Context, signed []byte, old int64) ([]ledger.Hash, error) {
	var p path
	err := l.post(ctx, "/v1/ledger/consistency", map[string]any{"old": old, "checkpoint": string(signed)}, &p)
	return p.Path, err
}

// RootAt returns the root hash of the tree of a size.
func (l *Ledger) RootAt(ctx context.Context, size int64) (ledger.Hash, error) {
	var r treeRoot
	err := l.get(ctx, "/v1/ledger/root", url.Values{"size": {fmt.Sprint(size)}}, &r)
	return r.Root, err
}

// File returns a file as C2SP tlog-tiles lays it out.
func (l *Ledger) File(ctx context.Context, name ledger.TileName) ([]byte, error) {
	return l.client.read(ctx, http.MethodGet, "/v1/ledger/file?"+url.Values{"name": {name.String()}}.Encode(), nil)
}

// Cosigned returns what witnesses have cosigned, and verifies each cosignature.
func (l *Ledger) Cosigned(ctx context.Context) ([]ledger.CosignedCheckpoint, error) {
	var list struct {
		Cosigned []cosignedNote `json:"cosigned"`
	}
	if err := l.get(ctx, "/v1/ledger/cosigned", url.Values{}, &list); err != nil {
		return nil, err
	}
	var all []ledger.CosignedCheckpoint
	for _, c := range list.Cosigned {
		key, err := ledger.ParseWitnessKey(c.Witness)
		if err != nil {
			return nil, err
		}
		one := ledger.CosignedCheckpoint{Signed: []byte(c.Note)}
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

// Begin fails: a daemon appends only what its commands decide.
func (l *Ledger) Begin(context.Context, ledger.Head) (ledger.Batch, error) {
	return nil, fmt.Errorf("appending through a daemon: %w", errors.ErrUnsupported)
}

// Keep makes the daemon keep a cosignature.
func (l *Ledger) Keep(ctx context.Context, signed []byte, c ledger.Cosignature) error {
	return l.post(ctx, "/v1/ledger/cosignatures", map[string]string{"checkpoint": string(signed), "witness": c.Key.String(), "line": c.Line()}, nil)
}

// ReplaceViews makes the daemon rebuild all views. It ranges over the views given,
// for callers that watch them, but does not send them.
func (l *Ledger) ReplaceViews(ctx context.Context, views iter.Seq2[ledger.JobView, error]) error {
	for _, err := range views {
		if err != nil {
			return fmt.Errorf("replacing views: %w", err)
		}
	}
	return l.post(ctx, "/v1/ledger/rebuild", struct{}{}, nil)
}

// Verify makes the daemon read the whole ledger again, and then reads each event to
// pass it to use.
func (l *Ledger) Verify(ctx context.Context, use func(ledger.Event) error, report func(done, total int64) error) error {
	if err := l.verify(ctx, report); err != nil || use == nil {
		return err
	}
	for e, err := range l.Events(ctx, 0) {
		if err != nil {
			return err
		}
		if err := use(e); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) verify(ctx context.Context, report func(done, total int64) error) error {
	_, err := followProgress(ctx, l, "/v1/ledger/verify", report)
	return err
}

// Rebuild makes the daemon verify all events and rebuild what follows from them, but
// for the views.
func (l *Ledger) Rebuild(ctx context.Context, report func(done, total int64) error) (ledger.Rebuilt, error) {
	last, err := followProgress(ctx, l, "/v1/ledger/rebuild-index", report)
	if err == nil && last.Rebuilt == nil {
		err = fmt.Errorf("%w: rebuilding the index came to nothing", ledger.ErrMalformed)
	}
	if err != nil {
		return ledger.Rebuilt{}, err
	}
	return *last.Rebuilt, nil
}

// followProgress asks for long work, reports how far it is, and returns its last line.
func followProgress(ctx context.Context, l *Ledger, path string, report func(done, total int64) error) (progress, error) {
	res, err := l.client.send(ctx, http.MethodPost, path, []byte("{}"))
	if err != nil {
		return progress{}, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxReply)
	for lines.Scan() {
		p := progress{wireError: new(wireError)}
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return progress{}, fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
		}
		switch {
		case p.Code != "":
			return progress{}, cmp.Or(ends(lines), error(p.err()))
		case p.End:
			return p, ends(lines)
		}
		if report == nil {
			continue
		}
		if err := report(p.Done, p.Total); err != nil {
			return progress{}, err
		}
	}
	err = lines.Err()
	switch {
	case errors.Is(err, ErrUnproved):
		return progress{}, err
	case err == nil:
		err = fmt.Errorf("%w: %s came to no end", ledger.ErrMalformed, path)
	}
	return progress{}, unreachable(ctx, err)
}

// ends fails if an answer goes on, or does not end as it must.
func ends(lines *bufio.Scanner) error {
	if lines.Scan() {
		return fmt.Errorf("%w: an answer goes on after its end", ledger.ErrMalformed)
	}
	return lines.Err()
}
