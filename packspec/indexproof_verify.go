package packspec

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/packspec/finding"
)

// An IndexReport is what VerifyIndexProof found. Unless Verified is true, all of it is
// only what the proof says.
type IndexReport struct {
	Report
	Claim      IndexClaim      `json:"claim,omitempty"`
	Event      json.RawMessage `json:"event,omitempty"`      // the job's newest one, byte for byte
	Commitment json.RawMessage `json:"commitment,omitempty"` // the index_committed event
}

// VerifyIndexProof checks an index proof, trusting nothing in it. What is wrong with it
// is in the report and is not an error. The profile is the standard one. Errors:
// ledger.ErrUnsupportedVersion, and those of o.Seen and o.Jobs.
func VerifyIndexProof(b []byte, o Options) (IndexReport, error) {
	o.Profile = ProfileStandard
	v := &indexVerifier{ledgerVerifier: ledgerVerifier{base: newBase(o), checkpointEntry: "commitment_proof"}, text: b}
	report, err := v.run([]level{
		{name: finding.LevelCanonical, check: v.canonical, base: true, status: finding.Proved},
		{name: finding.LevelChain, check: v.chain, base: true, status: finding.Proved},
		{name: finding.LevelInclusion, check: v.inclusion, base: true, status: finding.Proved},
		{name: finding.LevelIndex, check: v.index, base: true, status: finding.Proved},
		{name: finding.LevelSignature, check: v.signature, status: finding.Proved},
		{name: finding.LevelCosignatures, check: v.cosignatures, status: finding.Proved},
		{name: finding.LevelFreshness, check: v.freshness, status: finding.Claimed},
	})
	if err != nil {
		return IndexReport{}, fmt.Errorf("verifying an index proof: %w", err)
	}
	return IndexReport{Report: report, Claim: v.proof.Claim, Event: v.event.Bytes(), Commitment: v.commitment.Bytes()}, nil
}

// An indexVerifier verifies one index proof.
type indexVerifier struct {
	ledgerVerifier
	text            []byte
	proof           IndexProof
	event           ledger.Event // zero if the claim is that the job is absent
	commitment      ledger.Event
	commitmentProof ledger.Proof
	path            mpt.Proof
}

// canonical reads all parts, each of which has one form.
func (v *indexVerifier) canonical() (string, error) {
	var err error
	if v.proof, err = ParseIndexProof(v.text); err != nil {
		return "", err
	}
	v.report.JobID = v.proof.JobID
	p := v.proof
	for _, part := range []struct {
		name, text string
		event      *ledger.Event
	}{{"created", p.Created, &v.created}, {"commitment", p.Commitment, &v.commitment}, {"event", p.Event, &v.event}} {
		if part.text == "" && part.event == &v.event {
			continue
		}
		if *part.event, err = ledger.Interpret([]byte(part.text)); err != nil {
			return "", finding.NotCanonical(part.name, err)
		}
	}
	if v.createdProof, err = ledger.ParseProof([]byte(p.CreatedProof)); err != nil {
		return "", finding.NotCanonical("created_proof", err)
	}
	if v.commitmentProof, err = ledger.ParseProof([]byte(p.CommitmentProof)); err != nil {
		return "", finding.NotCanonical(v.checkpointEntry, err)
	}
	if v.path, err = mpt.ParseProof(p.Path); err != nil {
		return "", finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, "path", "%s", err)
	}
	v.checkpoint = v.commitmentProof.Checkpoint
	if err := v.readTree(v.proof.Rotations); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes, each part in its one form", len(v.text)), nil
}

// chain checks that the events are of one ledger, and the newest one of the job before
// the commitment.
func (v *indexVerifier) chain() (string, error) {
	if v.keysErr != nil {
		return "", v.keysErr
	}
	fail := func(e ledger.Event, entry, what, expected, found string) error {
		return finding.Differs(finding.LevelChain, finding.CodeChain, entry, what, expected, found).At(e.Seq())
	}
	c := v.commitment
	switch {
	case c.Type() != ledger.TypeIndexCommitted:
		return "", fail(c, "commitment", "type", string(ledger.TypeIndexCommitted), string(c.Type()))
	case c.Origin() != v.evidence.Origin:
		return "", fail(c, "commitment", "origin", v.evidence.Origin, c.Origin())
	}
	e := v.event
	switch {
	case v.proof.Claim == ClaimAbsent:
		return fmt.Sprintf("event %d commits to the index over all events before it", c.Seq()), nil
	case e.Origin() != v.evidence.Origin:
		return "", fail(e, "event", "origin", v.evidence.Origin, e.Origin())
	case e.JobID() != v.proof.JobID:
		return "", fail(e, "event", "job_id", v.proof.JobID, e.JobID())
	case e.Seq() >= c.Seq():
		return "", fail(e, "event", "seq", fmt.Sprintf("one before %d", c.Seq()), fmt.Sprint(e.Seq()))
	case e.Time().After(c.Time()) || e.Time().Before(v.created.Time()):
		return "", fail(e, "event", "created_at", "between those of event 0 and of the commitment", ledger.FormatTime(e.Time()))
	}
	return fmt.Sprintf("the job's event %d is event %d of the ledger; event %d, after it, commits to the index over all events before it", e.JobSeq(), e.Seq(), c.Seq()), nil
}

func (v *indexVerifier) inclusion() (string, error) {
	if err := v.included("created_proof", v.createdProof, 0, v.created.LeafHash()); err != nil {
		return "", err
	}
	if err := v.included(v.checkpointEntry, v.commitmentProof, v.commitment.Seq(), v.commitment.LeafHash()); err != nil {
		return "", err
	}
	if string(v.createdProof.Checkpoint) != string(v.checkpoint) {
		return "", finding.Failf(finding.LevelInclusion, finding.CodeCheckpoint, "created_proof", "its checkpoint is not that of %s", v.checkpointEntry)
	}
	return fmt.Sprintf("events 0 and %d are in the tree of size %d, root %s", v.commitment.Seq(), v.evidence.Size, v.evidence.Root), nil
}

// index checks the path of the job's key to the root that the commitment names.
func (v *indexVerifier) index() (string, error) {
	committed, _ := v.commitment.Payload().(ledger.IndexCommitted)
	leaf, there, err := v.path.Check(mpt.Hash(committed.Index), ledger.JobKey(v.proof.JobID))
	switch {
	case err != nil:
		return "", finding.Failf(finding.LevelIndex, finding.CodeIndex, "path", "%s", err).At(v.commitment.Seq())
	case there && v.proof.Claim == ClaimAbsent:
		return "", finding.Differs(finding.LevelIndex, finding.CodeIndex, "path", "the job in the index", "", ledger.Hash(leaf).String()).At(v.commitment.Seq())
	case !there && v.proof.Claim == ClaimNewest:
		return "", finding.Differs(finding.LevelIndex, finding.CodeIndex, "path", "the job in the index", v.event.LeafHash().String(), "").At(v.commitment.Seq())
	case there && ledger.Hash(leaf) != v.event.LeafHash():
		return "", finding.Differs(finding.LevelIndex, finding.CodeIndex, "path", "the leaf hash of the job's newest event", v.event.LeafHash().String(), ledger.Hash(leaf).String()).At(v.commitment.Seq())
	case !there:
		return fmt.Sprintf("the index that event %d commits to does not have the job", v.commitment.Seq()), nil
	}
	return fmt.Sprintf("in the index that event %d commits to, the job's newest event is event %d", v.commitment.Seq(), v.event.Seq()), nil
}

// signature checks who signed the checkpoint, and whether the caller trusts that key.
func (v *indexVerifier) signature() (string, error) {
	if err := v.checkCheckpoint(v.checkpointEntry, v.checkpoint); err != nil {
		return "", err
	}
	from, err := v.trust()
	if f, ok := errors.AsType[*finding.Failure](err); ok {
		f.Entry = strings.Replace(f.Entry, entryCreated, "created", 1)
	}
	if err != nil {
		return "", err
	}
	v.report.TrustedBy, v.signed, v.report.Shown = from, true, v.shows()
	return fmt.Sprintf("the checkpoint is signed by %s, trusted by %s", v.key, from), nil
}

// shows returns what the proof shows of the job.
func (v *indexVerifier) shows() Shown {
	s := Shown{Commitment: v.commitment.Bytes(), CommitmentProof: []byte(v.commitmentProof.String()), Path: v.path.Encode()}
	if v.proof.Claim == ClaimNewest {
		s.Head = v.event.Bytes()
	}
	return s
}

// compareJob compares what the proof shows of the job with what the caller remembers. It
// is called once the path is known to lead where the proof says.
func (v *indexVerifier) compareJob() error {
	number := int64(0)
	if v.proof.Claim == ClaimNewest {
		number = v.event.JobSeq()
		if err := v.see(v.event); err != nil {
			return err
		}
	}
	if err := v.see(v.commitment); err != nil {
		return err
	}
	return v.seeEnd(v.proof.JobID, number, v.commitment.Seq()-1, v.commitment.Seq())
}

func (v *indexVerifier) freshness() (string, error) {
	if err := v.compareJob(); err != nil {
		return "", err
	}
	return v.unlessForked(v.compareSeen(func(_ []byte, seen ledger.Checkpoint) (string, error) {
		return fmt.Sprintf("newer than any checkpoint seen (%d events); that it continues those is not shown", seen.Size), nil
	}))
}
