package projection

import (
	"fmt"

	"gait/ledger"
	"gait/ledger/jcs"
)

// The form of the content that proves a continued event.
const (
	ContinuedProofSchemaID      = "gait.continued.proof"
	ContinuedProofSchemaVersion = "1.0.0"
	ContinuedProofMediaType     = "application/gait-continued-proof"

	// MaxContinuedProofSize is the size of the largest one, in bytes.
	MaxContinuedProofSize = 256 << 10
)

// A ContinuedProof shows the last event of a job in another ledger, and that it is in a
// tree which that ledger's key has signed. As content it is one canonical JSON object
// with the event and the tlog-proof as texts, byte for byte:
//
//	{"event":"…","proof":"…","schema_id":"gait.continued.proof","schema_version":"1.0.0"}
type ContinuedProof struct {
	Event ledger.Event
	Proof ledger.Proof
}

// Encode returns the proof as content.
func (p ContinuedProof) Encode() ([]byte, error) {
	w := writtenProof{Event: string(p.Event.Bytes()), Proof: p.Proof.String(), SchemaID: ContinuedProofSchemaID, SchemaVersion: ContinuedProofSchemaVersion}
	return jcs.AppendWalk(nil, w.walk)
}

// A writtenProof is a ContinuedProof as it is written.
type writtenProof struct{ Event, Proof, SchemaID, SchemaVersion string }

func (p *writtenProof) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "event", &p.Event, jcs.Always)
	jcs.Text(w, "proof", &p.Proof, jcs.Always)
	jcs.Text(w, "schema_id", &p.SchemaID, jcs.Always)
	jcs.Text(w, "schema_version", &p.SchemaVersion, jcs.Always)
	w.End()
}

// ParseContinuedProof reads what Encode writes. It verifies nothing. Errors wrap
// ledger.ErrMalformed or ledger.ErrUnsupportedVersion.
func ParseContinuedProof(b []byte) (ContinuedProof, error) {
	var w writtenProof
	if len(b) > MaxContinuedProofSize {
		return ContinuedProof{}, fmt.Errorf("%w: a proof of %d bytes, at most %d", ledger.ErrMalformed, len(b), MaxContinuedProofSize)
	}
	if err := jcs.ReadWalk(b, w.walk); err != nil {
		return ContinuedProof{}, fmt.Errorf("%w: %s: %w", ledger.ErrMalformed, ContinuedProofSchemaID, err)
	}
	switch {
	case w.SchemaID != ContinuedProofSchemaID:
		return ContinuedProof{}, fmt.Errorf("%w: it is no %s", ledger.ErrMalformed, ContinuedProofSchemaID)
	case w.SchemaVersion != ContinuedProofSchemaVersion:
		return ContinuedProof{}, fmt.Errorf("%s of version %.20q: %w", ContinuedProofSchemaID, w.SchemaVersion, ledger.ErrUnsupportedVersion)
	}
	e, err := ledger.Decode([]byte(w.Event))
	if err != nil {
		return ContinuedProof{}, err
	}
	p, err := ledger.ParseProof([]byte(w.Proof))
	return ContinuedProof{Event: e, Proof: p}, err
}

// Check requires that the proof is that of a continued event of a job: that the other
// ledger's tree, of the size and root that the event names, has the job's last event,
// and that this event does not contradict what is said of the job. It does not check
// who signed the tree. Errors wrap ledger.ErrUnverified.
func (p ContinuedProof) Check(job string, c ledger.Continued) error {
	e := p.Event
	tree, err := ledger.PeekCheckpoint(p.Proof.Checkpoint)
	switch {
	case err != nil:
		return err
	case e.JobID() != job || e.Origin() != c.Origin || e.LeafHash() != c.Leaf:
		return unproved("it is of event %s of job %q in %s, not of %s of job %q in %s", e.LeafHash(), e.JobID(), e.Origin(), c.Leaf, job, c.Origin)
	case tree != (ledger.Checkpoint{Origin: c.Origin, Size: c.Size, Root: c.Root}):
		return unproved("its tree of %s has %d events and root %s, not %d and %s", tree.Origin, tree.Size, tree.Root, c.Size, c.Root)
	case p.Proof.Seq != e.Seq():
		return unproved("it proves event %d, not %d", p.Proof.Seq, e.Seq())
	}
	if err := p.Proof.Check(e.LeafHash(), tree); err != nil {
		return err
	}
	if field := contradiction(e, c); field != "" {
		return unproved("event %d, %s, says another %s than the event that continues the job", e.Seq(), e.Type(), field)
	}
	return nil
}

// Open requires that a key has signed the tree in which the event is.
func (p ContinuedProof) Open(key ledger.PublicKey) error {
	tree, err := ledger.PeekCheckpoint(p.Proof.Checkpoint)
	if err != nil {
		return err
	}
	verifier, trusted := key.For(tree.Origin)
	if !trusted {
		return unproved("%s is no key of %s", key, tree.Origin)
	}
	_, err = ledger.OpenCheckpoint(p.Proof.Checkpoint, verifier)
	return err
}

func unproved(format string, args ...any) error {
	return fmt.Errorf("%w: the proof of a continued job: %s", ledger.ErrUnverified, fmt.Sprintf(format, args...))
}
