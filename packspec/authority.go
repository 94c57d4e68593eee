package packspec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/mpt"
	"gait/packspec/finding"
)

// maxAuthority is how many bytes of authority events a pack holds at most. A verifier keeps
// all of them.
const maxAuthority = 32 << 20

// ErrAuthorityTooLarge says that a ledger has more authority events than a pack can hold.
var ErrAuthorityTooLarge = ledger.NewError("the ledger has more authority events than a pack can hold", ledger.Fault{Code: "pack_too_large", Category: ledger.CategoryInvalid})

// An authorityChain is all authority events of a ledger up to one, oldest first: what a
// pack shows of who may do what.
type authorityChain struct {
	authority.Chain

	size int64 // of the events, each with a line feed
}

// readAuthority reads the authority events up to the one with a leaf hash, and checks that
// each is admissible and signed. It returns nil if leaf is zero.
func readAuthority(ctx context.Context, log authority.Log, leaf ledger.Hash) (*authorityChain, error) {
	if leaf.IsZero() {
		return nil, nil
	}
	c := &authorityChain{}
	var signatures authority.Signatures
	for e, err := range log.AuthorityEvents(ctx) {
		if err == nil {
			err = c.Add(e)
		}
		if err == nil {
			signatures.Add(e)
			if c.size += int64(len(e.Bytes())) + 1; c.size > maxAuthority {
				err = ErrAuthorityTooLarge
			}
		}
		if err != nil {
			return nil, errors.Join(err, signatures.Wait())
		}
		if e.LeafHash() == leaf {
			return c, signatures.Wait()
		}
	}
	return nil, errors.Join(&ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("an event names the authority event %s, which the ledger does not have", leaf)}, signatures.Wait())
}

// states gives the authority at each event; c may be nil.
func (c *authorityChain) states(leaf ledger.Hash) (*authority.State, error) {
	if leaf.IsZero() {
		return nil, nil
	}
	if c != nil {
		if s, known := c.At(leaf); known {
			return s, nil
		}
	}
	return nil, &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("there is no authority event %s before it", leaf)}
}

// lines returns the events as authority_events.jsonl has them.
func (c *authorityChain) lines() []byte {
	b := make([]byte, 0, c.size)
	for _, e := range c.Events() {
		b = append(append(b, e.Bytes()...), '\n')
	}
	return b
}

// readAuthority reads the authority events that the pack shows: up to that which its
// commitment names or, without one, the job's last event.
func (s *snapshot) readAuthority(ctx context.Context, src ledger.Reader, o IndexOptions) (err error) {
	last := s.commitment.event
	if last.Bytes() == nil {
		if last, err = src.Event(ctx, s.head.Seq); err != nil {
			return err
		}
	}
	if s.authority, err = readAuthority(ctx, src, last.Authority()); err != nil || s.authority == nil || s.commitment.event.Bytes() == nil {
		return err
	}
	_, s.commitment.authority, err = indexAt(ctx, src, int64(last.Seq()), ledger.AuthorityKey, o)
	if err == nil {
		err = leadsTo(s.commitment.authority, last, s.authority.Newest().Leaf())
	}
	return err
}

// leadsTo checks that a path leads from the authority to the index of a commitment, and
// that it ends with a leaf hash.
func leadsTo(path mpt.Proof, commitment ledger.Event, leaf ledger.Hash) error {
	p, _ := commitment.Payload().(ledger.IndexCommitted)
	newest, found, err := path.Check(mpt.Hash(p.Index), ledger.AuthorityKey)
	differs := func(code, format string, args ...any) error {
		return finding.Failf(finding.LevelActors, code, entryAuthorityProof, format, args...).At(commitment.Seq())
	}
	switch {
	case err != nil:
		return differs(finding.CodeIndex, "it does not lead from the authority to the index of event %d: %s", commitment.Seq(), err)
	case !found:
		return differs(finding.CodeIncomplete, "the index of event %d has no authority", commitment.Seq())
	case ledger.Hash(newest) != leaf:
		return differs(finding.CodeIncomplete, "the newest authority event in the index of event %d is %s, and that in %s is %s", commitment.Seq(), newest, entryAuthority, leaf)
	}
	return nil
}

// addAuthority adds the entries of the authority.
func (s *snapshot) addAuthority(all map[string][]byte) {
	if s.authority == nil {
		return
	}
	all[entryAuthority] = s.authority.lines()
	if s.commitment.event.Bytes() != nil {
		all[entryAuthorityProof] = s.commitment.authority.Encode()
	}
}

// authorityEvents yields the events of authority_events.jsonl, decoded and otherwise
// unchecked.
func (p *Pack) authorityEvents() ledger.Events {
	raw := func(yield func([]byte, error) bool) {
		b, err := p.read(entryAuthority)
		for line := range bytes.Lines(b) {
			if !bytes.HasSuffix(line, []byte("\n")) {
				err = fmt.Errorf("%w: the last line does not end", ledger.ErrMalformed)
				break
			}
			if !yield(bytes.TrimSuffix(line, []byte("\n")), nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
	return ledger.DecodeAhead(raw, func(n int64, line []byte) (ledger.Event, error) {
		e, err := ledger.Interpret(line)
		return e, atLine(n, err)
	})
}

// An admitted checks all events of a ledger, from event 0 on, against its authority.
type admitted struct {
	chain      authority.Chain
	signatures authority.Signatures
}

// add checks the next event. Its signatures are verified meanwhile.
func (a *admitted) add(e ledger.Event) (err error) {
	if e.Type().OfAuthority() {
		err = a.chain.Add(e)
	} else {
		_, err = a.chain.Newest().Check(e)
	}
	if err == nil {
		a.signatures.Add(e)
	}
	return err
}

// AuthorityOf returns the authority events of a pack that come before its events: all that a
// job pack has, and those of a range pack from before its range. Call Verify first: the
// signatures are not verified here. Errors are those of Open, and a *ledger.CorruptError.
func AuthorityOf(r io.ReaderAt, size int64) (*authority.Chain, error) {
	p, err := Open(r, size)
	if err != nil {
		return nil, err
	}
	chain, end := &authority.Chain{}, ledger.Seq(maxSize)
	if !p.has(entryAuthority) {
		return chain, nil
	}
	if p.manifest.PackType == TypeRange {
		b, err := p.read(entryEvidence)
		if err != nil {
			return nil, err
		}
		e, _, err := parseRangeEvidence(b)
		if err != nil {
			return nil, finding.AsFormat(err)
		}
		end = e.From
	}
	for e, err := range p.authorityEvents() {
		if err == nil && e.Seq() >= end {
			break
		}
		if err == nil {
			err = chain.Add(e)
		}
		if err != nil {
			return nil, err
		}
	}
	return chain, nil
}
