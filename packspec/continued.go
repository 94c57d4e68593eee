package packspec

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"slices"

	"gait/ledger"
	"gait/packspec/finding"
	"gait/projection"
)

// readContinued reads the proof that another ledger held the job before, if it did and the
// proof is at hand.
func (s *snapshot) readContinued(o JobOptions) error {
	if s.first.Type() != ledger.TypeContinued || o.Content == nil {
		return nil
	}
	b, _, err := readProofBefore(s.first, o.Content)
	if errors.Is(err, ledger.ErrContentMissing) {
		return nil
	}
	s.continued = b
	return err
}

// readProofBefore reads the proof that another ledger held a job before, and checks it. It
// fails with a *ContinuedError if the event that begins the job is not what it shows, with
// ledger.ErrUnsupportedVersion, and with the errors of read.
func readProofBefore(first ledger.Event, read func(ledger.Hash, int64) ([]byte, error)) (b []byte, p projection.ContinuedProof, err error) {
	c, _ := first.Payload().(ledger.Continued)
	if b, err = read(c.Proof.Digest, projection.MaxContinuedProofSize); err == nil {
		p, err = CheckContinued(first, b)
	} else if !errors.Is(err, ledger.ErrMalformed) { // content that is too large is no proof
		return nil, p, fmt.Errorf("the proof of job %s, which event %d continues: %w", first.JobID(), first.Seq(), err)
	}
	if err != nil && !errors.Is(err, ledger.ErrUnsupportedVersion) {
		err = &ContinuedError{Job: first.JobID(), Seq: first.Seq(), Err: err}
	}
	return b, p, err
}

// CheckContinued checks the content that a continued event names: that it has the digest
// and size, and proves what the event says, as projection.ContinuedProof.Check does. It
// does not check who signed the tree. Errors wrap ledger.ErrUnverified or
// ledger.ErrMalformed, or ledger.ErrUnsupportedVersion.
func CheckContinued(first ledger.Event, content []byte) (projection.ContinuedProof, error) {
	c, _ := first.Payload().(ledger.Continued)
	if got := ledger.Hash(sha256.Sum256(content)); got != c.Proof.Digest || int64(len(content)) != c.Proof.Size {
		return projection.ContinuedProof{}, fmt.Errorf("%w: the event names content of %d bytes with digest %s, this has %d and %s",
			ledger.ErrUnverified, c.Proof.Size, c.Proof.Digest, len(content), got)
	}
	p, err := projection.ParseContinuedProof(content)
	if err == nil {
		err = p.Check(first.JobID(), c)
	}
	return p, err
}

// continues reports whether another ledger held the job before.
func (v *jobVerifier) continues() bool { return v.first.Type() == ledger.TypeContinued }

// checkFormat requires evidence of format 3, 6 or 7 if the pack needs that, and only then.
func (v *jobVerifier) checkFormat() error {
	needs := v.continues() || moved(v.rotations)
	switch {
	case v.worked != (v.shape.format == WorkFormat):
		return finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence,
			"format %d: a pack of a job with events of version %s has format %d, and no other has", v.shape.format, workVersion, WorkFormat)
	case v.shape.format < WorkFormat && (v.gated || v.shape.hasPolicies()) != (v.shape.format == GateFormat):
		return finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence,
			"format %d: a pack of a job about which the gate was asked, and one with policies, has format %d, and no other has", v.shape.format, GateFormat)
	case v.keysErr == nil && v.shape.format < AuthorityFormat && needs != (v.shape.format == ContinuedFormat):
		return finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence,
			"format %d: a job that another ledger held before, or a ledger that was moved, has evidence of format %d, and no other has", v.shape.format, ContinuedFormat)
	case v.shape.continued && !v.continues():
		return finding.Failf(finding.LevelCanonical, finding.CodeEntries, entryContinued, "the job was not continued from another ledger")
	}
	return nil
}

// continued checks that another ledger held the job before, in the state in which it
// begins here.
func (v *jobVerifier) continued() (string, error) {
	c, _ := v.first.Payload().(ledger.Continued)
	v.report.Continued = &ContinuedFrom{Origin: c.Origin, Size: c.Size, Root: c.Root.String(), Leaf: c.Leaf.String(), JobSeq: c.JobSeq, Revision: c.Revision}
	what := fmt.Sprintf("event %d of the job in %s", c.JobSeq, c.Origin)
	if !v.shape.continued {
		return v.unprovedBefore(what + ", which this one continues, is not in the pack")
	}
	b, err := v.pack.read(entryContinued)
	if err != nil {
		return "", err
	}
	p, err := CheckContinued(v.first, b)
	if err == nil {
		err = forgotten(v.created, p)
	}
	if err == nil {
		err = v.compareAsked(p)
	}
	if errors.Is(err, ledger.ErrUnsupportedVersion) {
		return "", err
	}
	if err != nil {
		return "", finding.Failf(finding.LevelContinued, finding.CodeContinued, entryContinued, "%s", err).At(v.first.Seq())
	}
	what = fmt.Sprintf("%s is in a tree of %d, and agrees with what is said of the job", what, c.Size)
	signer, err := v.signerBefore(p)
	if err != nil {
		return "", err
	}
	if signer.from == "" {
		return v.unprovedBefore(what + "; " + noSignerBefore)
	}
	v.report.Continued.Key, v.report.Continued.TrustedBy = signer.key.String(), signer.from
	newer, err := v.seenBefore(v.first, p, signer.key)
	if err != nil {
		return "", err
	}
	what = fmt.Sprintf("%s, which %s has signed, trusted by %s", what, signer.key, signer.from)
	if but := cmp.Or(newer, notFound(v.created, c), notShown(p)); but != "" {
		return v.unprovedBefore(what + "; but " + but)
	}
	return what, nil
}

// compareAsked fails if the job asks for other decisions than those that it waited for.
func (v *jobVerifier) compareAsked(p projection.ContinuedProof) error {
	texts, err := textsToAsk(v.first, p)
	if err != nil {
		return err
	}
	for i, text := range texts {
		if i < len(v.asked) && v.asked[i].text != text {
			return otherDecision(v.asked[i].seq, p.Event.Origin())
		}
	}
	return nil
}

// forgotten fails if a proof shows that the other ledger used a request id, and event 0 names
// none that were used before.
func forgotten(created ledger.Event, p projection.ContinuedProof) error {
	if ledger.InheritedRequests(created) != nil {
		return nil
	}
	for _, e := range append(slices.Clone(p.Earlier), p.Event) {
		if e.RequestID() != "" {
			return fmt.Errorf("%w: event %d of %s used a request id, and event 0 names none that were used before", ledger.ErrUnverified, e.Seq(), e.Origin())
		}
	}
	return nil
}

// notShown says what a proof does not show of the state of a job, or "".
func notShown(p projection.ContinuedProof) string {
	if p.Whole() {
		return ""
	}
	return fmt.Sprintf("it is the last of %d events, and shows what it changed, not the whole state of the job", p.Event.JobSeq())
}

// notFound says why the other ledger may have had events of a job behind the one that is
// continued, as event 0 of this ledger has it: not all of the tree was found in which the
// event is proved. It returns "" if all of it was.
func notFound(created ledger.Event, c ledger.Continued) string {
	p, _ := created.Payload().(ledger.LedgerCreated)
	was := p.Predecessor
	if was == nil || was.Origin != c.Origin {
		return "event 0 does not say that this ledger continues " + c.Origin
	}
	if was.FoundSize < c.Size {
		return fmt.Sprintf("event 0 says that of %d events there %d were found, so that events of the job may be lost", c.Size, was.FoundSize)
	}
	return ""
}

// unprovedBefore returns the result if what the job was before is only claimed.
func (v *jobVerifier) unprovedBefore(detail string) (string, error) {
	if v.report.Profile == ProfileStrict {
		return "", finding.Failf(finding.LevelContinued, finding.CodeContinued, entryContinued, "%s", detail).At(v.first.Seq())
	}
	v.status = finding.Claimed
	return detail, nil
}

// A signerBefore is a key that has signed the tree of another ledger, and who trusts it.
// The zero signerBefore is none.
type signerBefore struct {
	key  ledger.VerifierKey
	from string
}

// noSignerBefore says why a proof of a continued job is not enough.
const noSignerBefore = "no key that you trust for that ledger has signed the tree"

// signerBefore returns the key that has signed the tree of the other ledger, if the caller
// trusts one that has.
func (o Options) signerBefore(p projection.ContinuedProof) (signerBefore, error) {
	for _, t := range o.Trusted {
		trusted, ok := t.Key.For(p.Event.Origin())
		if !ok {
			continue
		}
		keys, err := o.keysAfter(trusted, t.Not)
		if err != nil {
			return signerBefore{}, err
		}
		for _, key := range keys {
			if p.Open(key.PublicKey()) == nil {
				return signerBefore{key, t.From}, nil
			}
		}
	}
	return signerBefore{}, nil
}

// keysAfter returns a trusted key, and those that took over from it as far as the caller
// has seen that, and trusts them.
func (o Options) keysAfter(trusted ledger.VerifierKey, not []ledger.PublicKey) ([]ledger.VerifierKey, error) {
	keys := []ledger.VerifierKey{trusted}
	if o.Seen == nil {
		return keys, nil
	}
	seen, err := o.Seen(trusted)
	for _, at := range seen {
		i := slices.Index(at.Keys, trusted)
		if at.OtherKey || i < 0 {
			continue
		}
		for _, key := range at.Keys[i+1:] {
			if slices.ContainsFunc(not, func(n ledger.PublicKey) bool { return n.ID() == key.ID() }) {
				break
			}
			keys = append(keys, key)
		}
	}
	return keys, err
}

// seenBefore compares the job's last event in the other ledger with what the caller
// remembers of the job there. newer says what the caller has seen behind it, or is "". If
// the caller has seen another event in its place, that is a failure.
func (o Options) seenBefore(first ledger.Event, p projection.ContinuedProof, key ledger.VerifierKey) (newer string, err error) {
	if o.Before == nil {
		return "", nil
	}
	memory, err := o.Before([]ledger.VerifierKey{key})
	if err != nil || memory == nil {
		return "", err
	}
	fork, err := memory.See(p.Event)
	if err != nil {
		return "", err
	}
	if fork != nil {
		return "", finding.Failf(finding.LevelContinued, finding.CodeContinued, entryContinued, "%s", fork).At(first.Seq())
	}
	later, err := memory.End(p.Event.JobID(), p.Event.JobSeq(), math.MaxInt64)
	if err != nil || later == nil {
		return "", err
	}
	return fmt.Sprintf("you have seen event %d of the job there, and what came behind event %d is not continued", later.Seen.Number, p.Event.JobSeq()), nil
}
