package packspec

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// ErrJobNotFound says that the log has no job of that id.
var ErrJobNotFound = errors.New("no such job")

// A Source is the log a pack is made from.
type Source interface {
	Origin() string
	Key() ledger.VerifierKey
	Checkpoint() (ledger.Checkpoint, []byte)
	Rotations() ([]ledger.Rotation, error)
	JobHead(job string) (ledger.JobHead, bool, error)
	JobEvents(job string, from int64) ledger.Events
	Event(ledger.Seq) (ledger.Event, error)

	// CosignedCheckpoint returns the newest checkpoint that witnesses have
	// cosigned, with their cosignatures; nil where there is none.
	CosignedCheckpoint() ([]byte, error)

	// ProofIn returns the proof that an event is in the tree of a checkpoint of
	// the log.
	ProofIn(signed []byte, seq ledger.Seq) (ledger.Proof, error)
}

// A Built says what a pack was made of.
type Built struct {
	Manifest   Manifest
	Checkpoint ledger.Checkpoint // that its proofs are in
	Cosigned   bool              // by witnesses
	Coverage   ledger.Coverage   // of a range pack
}

// JobPasses is how often BuildJob ranges over a job's events.
const JobPasses = 9

// BuildJob writes the pack of a job to w. Its proofs are in the newest
// checkpoint that witnesses have cosigned, if that covers the job's last event
// and is signed by the key in force, and else in the newest. The bytes depend on the log's head, the cosignatures
// it keeps, the job and the pack format, and on nothing else. signer is the
// ledger's. It ranges over the job's events JobPasses times and holds none of
// them. What was written is worthless when it fails: with ErrJobNotFound, with
// ledger.ErrConflict where the log moved on each time it looked, with a
// *ledger.CorruptError where the log does not hold together, or with an error of log or w.
func BuildJob(w io.Writer, src Source, job string, signer ledger.Signer) (Built, error) {
	if src.Key() != signer.VerifierKey() {
		return Built{}, fmt.Errorf("building a pack of %s: the key given is %s, not the ledger's", src.Origin(), signer.VerifierKey())
	}
	s, err := look(src, job)
	if err != nil {
		return Built{}, fmt.Errorf("building a pack of job %s: %w", job, err)
	}
	m, err := s.write(w, signer)
	if err != nil {
		return Built{}, fmt.Errorf("building a pack of job %s: %w", job, err)
	}
	return Built{Manifest: m, Checkpoint: s.checkpoint, Cosigned: s.cosigned}, nil
}

// A snapshot is a job and the proofs that belong to one checkpoint of its log.
type snapshot struct {
	keys         ledger.Keyring
	rotations    []ledger.Rotation // of its key
	checkpoint   ledger.Checkpoint
	cosigned     bool
	head         ledger.JobHead
	created      ledger.Event // event 0
	createdProof ledger.Proof
	headProof    ledger.Proof
	events       ledger.Events
	job          projection.Job
}

// lookups is how often a moving log is looked at again.
const lookups = 16

func look(src Source, job string) (*snapshot, error) {
	for range lookups {
		s, err := lookOnce(src, job)
		if !errors.Is(err, ledger.ErrConflict) {
			return s, err
		}
	}
	return nil, ledger.ErrConflict
}

// lookOnce reads the job and its proofs and checks them: a pack that would not
// verify is never written. It fails with ledger.ErrConflict where the job moved
// on in between.
func lookOnce(src Source, job string) (*snapshot, error) {
	_, signed := src.Checkpoint()
	s := &snapshot{}
	var found bool
	err := s.readKeys(src)
	if err != nil {
		return nil, err
	}
	if s.head, found, err = src.JobHead(job); err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrJobNotFound
	}
	if signed, err = s.choose(src, signed); err != nil {
		return nil, err
	}
	if s.createdProof, err = src.ProofIn(signed, 0); err != nil {
		return nil, err
	}
	if s.headProof, err = src.ProofIn(signed, s.head.Seq); err != nil {
		return nil, err
	}
	s.events = first(src.JobEvents(job, 1), s.head.JobSeq)
	if s.job, err = projection.Fold(s.events, s.head); err != nil {
		return nil, err
	}
	return s, errors.Join(s.createdProof.Check(s.created.LeafHash(), s.checkpoint), s.headProof.Check(s.head.Leaf, s.checkpoint))
}

// readKeys reads event 0 and the rotations, and follows the ledger's keys by them.
func (s *snapshot) readKeys(src Source) (err error) {
	if s.created, err = src.Event(0); err != nil {
		return err
	}
	if s.rotations, err = src.Rotations(); err != nil {
		return err
	}
	s.keys, err = ledger.NewKeyring(s.created)
	for _, r := range s.rotations {
		if err == nil {
			s.keys, err = s.keys.FollowProved(r)
		}
	}
	if err == nil && s.keys.Current() != src.Key() {
		err = ledger.ErrConflict
	}
	return err
}

// choose opens the checkpoint that the proofs are to be in: the cosigned one
// where it covers the job's last event and is signed by the key in force, else
// newest.
func (s *snapshot) choose(src Source, newest []byte) (signed []byte, err error) {
	cosigned, err := src.CosignedCheckpoint()
	if err != nil {
		return nil, err
	}
	if cosigned != nil {
		if s.checkpoint, err = s.keys.Open(cosigned); err != nil {
			return nil, err
		}
		if s.cosigned = int64(s.head.Seq) < s.checkpoint.Size && s.keys.At(s.checkpoint.Size) == s.keys.Current(); s.cosigned {
			return cosigned, nil
		}
	}
	if s.checkpoint, err = s.keys.Open(newest); err != nil {
		return nil, err
	}
	if int64(s.head.Seq) >= s.checkpoint.Size || s.keys.At(s.checkpoint.Size) != s.keys.Current() {
		return nil, ledger.ErrConflict
	}
	return newest, nil
}

// first yields the first n events.
func first(events ledger.Events, n int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		left := n
		for e, err := range events {
			left--
			if !yield(e, err) || err != nil || left == 0 {
				return
			}
		}
	}
}

// contents returns what each entry but the manifest holds.
func (s *snapshot) contents() (map[string]content, error) {
	summary, err := projection.Canonical(newEvidence(s.checkpoint, len(s.rotations)))
	if err != nil {
		return nil, err
	}
	all := map[string]content{
		entryVerify:       text(jobText(len(s.rotations))),
		entryEvidence:     text(summary),
		entryHeadProof:    text([]byte(s.headProof.String())),
		entryJobEvents:    func(w io.Writer) error { return s.each(w, writeEventView) },
		entryPayload:      func(w io.Writer) error { return writePayload(w, s.job, s.head) },
		entryState:        func(w io.Writer) error { return writeState(w, s.job, s.events) },
		entryCreated:      text(s.created.Bytes()),
		entryCreatedProof: text([]byte(s.createdProof.String())),
		entryEvents:       func(w io.Writer) error { return s.each(w, writeEvent) },
		entryKey:          text([]byte(s.keys.Current().String() + "\n")),
	}
	s.addRotations(all)
	return all, nil
}

func (s *snapshot) addRotations(all map[string]content) {
	for i, r := range s.rotations {
		event, proof := rotationEntries(i + 1)
		all[event], all[proof] = text(r.Event.Bytes()), text([]byte(r.Proof.String()))
	}
}

func (s *snapshot) each(w io.Writer, write func(io.Writer, ledger.Event) error) error {
	for e, err := range s.events {
		if err != nil {
			return err
		}
		if err := write(w, e); err != nil {
			return err
		}
	}
	return nil
}

// writeEvent writes an event's line of ledger_events.jsonl: its exact bytes.
func writeEvent(w io.Writer, e ledger.Event) error {
	if _, err := w.Write(e.Bytes()); err != nil {
		return err
	}
	return text([]byte{'\n'})(w)
}

func (s *snapshot) write(w io.Writer, signer ledger.Signer) (Manifest, error) {
	contents, err := s.contents()
	if err != nil {
		return Manifest{}, err
	}
	entries, err := measureAll(jobNames(len(s.rotations), layerViews, layerEvidence, layerText), contents)
	if err != nil {
		return Manifest{}, err
	}
	m, err := newManifest(TypeJob, s.job.ID, ledger.FormatTime(s.head.Time), entries)
	if err != nil {
		return Manifest{}, err
	}
	if m, err = m.sign(signer); err != nil {
		return Manifest{}, err
	}
	return m, writePack(w, m, entries, contents)
}

// measureAll measures the entries but the manifest, in order of name.
func measureAll(names []string, contents map[string]content) ([]entry, error) {
	var entries []entry
	for _, name := range names {
		if name == entryManifest {
			continue
		}
		e, err := measure(name, contents[name])
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// writePack writes the entries and the manifest, in order of name.
func writePack(w io.Writer, m Manifest, entries []entry, contents map[string]content) error {
	b, err := projection.Canonical(m)
	if err != nil {
		return err
	}
	own, err := measure(entryManifest, text(b))
	if err != nil {
		return err
	}
	contents[entryManifest] = text(b)
	i, _ := slices.BinarySearchFunc(entries, own.name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	a := archiveWriter{w: w}
	for _, e := range slices.Insert(slices.Clone(entries), i, own) {
		if err := a.add(e, contents[e.name]); err != nil {
			return err
		}
	}
	return a.close()
}
