package projection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

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
//
// The last event alone shows little of the job's state. Before it there may be earlier, a
// text with a line for each event of the job before it. These are linked by hash, so the
// proof of the last one proves them all, and with them the whole state.
type ContinuedProof struct {
	Earlier []ledger.Event // all events of the job before Event, or none
	Event   ledger.Event
	Proof   ledger.Proof
}

// Whole reports whether the proof has all events of the job, so that Check requires the
// whole state to be what they give.
func (p ContinuedProof) Whole() bool { return int64(len(p.Earlier))+1 == p.Event.JobSeq() }

// Encode returns the proof as content.
func (p ContinuedProof) Encode() ([]byte, error) {
	var earlier strings.Builder
	for _, e := range p.Earlier {
		earlier.Write(e.Bytes())
		earlier.WriteByte('\n')
	}
	w := writtenProof{Earlier: earlier.String(), Event: string(p.Event.Bytes()), Proof: p.Proof.String(), SchemaID: ContinuedProofSchemaID, SchemaVersion: ContinuedProofSchemaVersion}
	return jcs.AppendWalk(nil, w.walk)
}

// A writtenProof is a ContinuedProof as it is written.
type writtenProof struct{ Earlier, Event, Proof, SchemaID, SchemaVersion string }

func (p *writtenProof) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "earlier", &p.Earlier, jcs.UnlessZero)
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
	earlier, err := eventsIn(w.Earlier)
	if err != nil {
		return ContinuedProof{}, err
	}
	e, err := ledger.Interpret([]byte(w.Event))
	if err != nil {
		return ContinuedProof{}, err
	}
	p, err := ledger.ParseProof([]byte(w.Proof))
	return ContinuedProof{Earlier: earlier, Event: e, Proof: p}, err
}

// eventsIn reads the events of a text, each with a line feed behind it.
func eventsIn(text string) (all []ledger.Event, err error) {
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		if !ended {
			return nil, fmt.Errorf("%w: the last line of earlier does not end", ledger.ErrMalformed)
		}
		e, err := ledger.Interpret([]byte(line))
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Check requires that the proof is that of a continued event of a job: that the other
// ledger's tree, of the size and root that the event names, has the job's last event,
// and that this event does not contradict what is said of the job. With the events before
// it the state must be what they give. It does not check who signed the tree. Errors wrap
// ledger.ErrUnverified.
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
	if len(p.Earlier) > 0 || p.Whole() {
		return p.checkState(job, tree, c)
	}
	return nil
}

// AskedAgain returns the decisions for which the job must be asked again right after its
// continued event. There are none if the proof, for which Check must hold, does not show the
// whole state.
func (p ContinuedProof) AskedAgain(job string, c ledger.Continued) ([]AskedAgain, error) {
	if c.Decisions == 0 || !p.Whole() {
		return nil, nil
	}
	_, again, err := p.continueJob(job, ledger.Checkpoint{Origin: c.Origin, Size: c.Size, Root: c.Root}, c.Proof)
	return again, err
}

// continueJob returns what Continue gives for all events of the job.
func (p ContinuedProof) continueJob(job string, tree ledger.Checkpoint, proof ledger.Content) (ledger.Continued, []AskedAgain, error) {
	var none ledger.Continued
	all := Folder{Trusted: true}
	first := p.Event
	for i, e := range append(slices.Clone(p.Earlier), p.Event) {
		if e.JobID() != job || e.Origin() != tree.Origin {
			return none, nil, unproved("event %d of the job is of job %q in %s", i+1, e.JobID(), e.Origin())
		}
		if err := all.Add(e); err != nil {
			return none, nil, unproved("event %d of the job does not follow: %s", i+1, err)
		}
		if i == 0 {
			first = e
		}
	}
	want, again, err := Continue(all.Job, first, p.Event, tree, proof)
	if err != nil {
		return none, nil, unproved("%s", err)
	}
	return want, again, nil
}

// checkState requires the state that all events of the job give.
func (p ContinuedProof) checkState(job string, tree ledger.Checkpoint, c ledger.Continued) error {
	want, _, err := p.continueJob(job, tree, c.Proof)
	if err != nil {
		return err
	}
	want.Epoch = max(want.Epoch, c.Epoch) // the event may count leases that are lost
	a, err := ledger.EncodePayload(want)
	if err != nil {
		return unproved("%s", err)
	}
	if b, err := ledger.EncodePayload(c); err != nil || !bytes.Equal(a, b) {
		return unproved("the events of the job give another state than the event that continues it: %s", otherField(a, b))
	}
	return nil
}

// otherField returns the name of the first member in which two payloads differ.
func otherField(a, b []byte) string {
	var x, y map[string]json.RawMessage
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return "all"
	}
	names := slices.Concat(slices.Collect(maps.Keys(x)), slices.Collect(maps.Keys(y)))
	slices.Sort(names)
	for _, name := range names {
		if !bytes.Equal(x[name], y[name]) {
			return name
		}
	}
	return "none"
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
