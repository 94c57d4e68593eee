package packspec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/projection"
)

// ErrJobNotFound says that the log has no job with that id.
var ErrJobNotFound = projection.ErrJobNotFound

// A BuiltPack describes a pack that was written.
type BuiltPack struct {
	Manifest   container.Manifest
	Size       int64             // in bytes
	Checkpoint ledger.Checkpoint // its proofs are in this checkpoint's tree
	Cosigned   bool              // whether witnesses cosigned that checkpoint
	Commitment *ledger.Seq       // of a job pack: the commitment to the index that it stands on, or nil
	Unproved   error             // if it stands on none that the tree may have: why the index could not be computed
	Coverage   ledger.Coverage   // of a range pack
}

// BuildJob writes the pack of a job to w, from offset 0 on. signer is the ledger's. The
// proofs are in the newest checkpoint that witnesses have cosigned, if that covers the
// job's last event and is signed by the key in force, and in the newest checkpoint
// otherwise. If that tree has a commitment to the index after the job's last event, the
// pack proves with it that no event of the job was left out. If the log cannot prove its
// index, that takes all events up to the commitment, and the content that event 0 may name.
// The bytes depend only on the log's head, its cosignatures, the job, AsOf, the pack format,
// and which of the contents that event 0 and the job's first event name are at hand. BuildJob
// ranges over the job's events JobPasses times: the first time it folds and measures
// them, the second time it writes them. It holds a few of them at a time.
//
// If it fails, what was written is no pack. Errors: ErrJobNotFound;
// ledger.ErrConflict if the log moved on during each attempt; a *ledger.CorruptError
// if the log contradicts itself; and those of src and w.
func BuildJob(ctx context.Context, w io.WriterAt, src ledger.Reader, job string, signer ledger.Signer, o JobOptions) (BuiltPack, error) {
	if src.Keys().Current() != signer.VerifierKey() {
		return BuiltPack{}, fmt.Errorf("building a pack of %s: the key given is %s, not the ledger's", src.Origin(), signer.VerifierKey())
	}
	s, err := snapshotJob(ctx, src, job, o)
	if err != nil {
		return BuiltPack{}, fmt.Errorf("building a pack of job %s: %w", job, err)
	}
	m, size, err := s.write(w, signer)
	if err != nil {
		return BuiltPack{}, fmt.Errorf("building a pack of job %s: %w", job, err)
	}
	built := BuiltPack{Manifest: m, Size: size, Checkpoint: s.checkpoint, Cosigned: s.cosigned, Unproved: s.unproved}
	if s.shape().committed {
		seq := s.commitment.event.Seq()
		built.Commitment = &seq
	}
	return built, nil
}

// A snapshot is a job with its proofs, all for one checkpoint of the log.
type snapshot struct {
	keys         ledger.Keyring
	rotations    []ledger.Rotation // of its key
	checkpoint   ledger.Checkpoint
	cosigned     bool
	head         ledger.JobHead
	next         ledger.Seq   // of the job's next event, if the pack ends before it; else 0
	created      ledger.Event // event 0
	createdProof ledger.Proof
	headProof    ledger.Proof
	commitment   commitment // its event is the zero Event if there is none
	unproved     error      // why it is not one that the tree may have, or nil
	continued    []byte     // the proof that another ledger held the job before; nil if there is none

	authority   *authorityChain // the authority events up to the commitment or the job's last event; nil if there are none
	included    []string        // the entries with content of the job, and with policies, that are at hand
	openContent func(ledger.Hash) (io.ReadCloser, error)
	readPolicy  func(ledger.Hash, int64) ([]byte, error)
	events      ledger.Events
	measurements
}

// measurements are what a pack needs to know of all events of a job before it is written.
type measurements struct {
	first ledger.Event
	fold  projection.Folder
	sizes jobSizes

	content contents // that the events name
	gated   bool     // whether the gate was asked about the job
	worked  bool     // whether an event of it is of the version of leases
}

// A CheckedJob is a job whose events were read and checked.
type CheckedJob struct {
	head ledger.JobHead
	measurements
}

// CheckJob reads and checks all that BuildJob packs of a job. If it succeeds, a commitment
// to the index that is appended for the pack is not appended in vain. Errors are those
// of BuildJob.
func CheckJob(ctx context.Context, src ledger.Reader, job string) (*CheckedJob, error) {
	s, err := snapshotJob(ctx, src, job, JobOptions{jobOnly: true})
	if err != nil {
		return nil, fmt.Errorf("checking job %s: %w", job, err)
	}
	return &CheckedJob{s.head, s.measurements}, nil
}

// maxAttempts limits how often a log that moves on is read again.
const maxAttempts = 16

func snapshotJob(ctx context.Context, src ledger.Reader, job string, o JobOptions) (*snapshot, error) {
	for range maxAttempts {
		s, err := snapshotJobOnce(ctx, src, job, o)
		if !errors.Is(err, ledger.ErrConflict) {
			return s, err
		}
	}
	return nil, ledger.ErrConflict
}

// snapshotJobOnce reads the job and its proofs and checks them, so that no pack is
// written that would not verify. It fails with ledger.ErrConflict if the log moved on
// while it was read.
func snapshotJobOnce(ctx context.Context, src ledger.Reader, job string, o JobOptions) (*snapshot, error) {
	_, signed := src.Checkpoint()
	s := &snapshot{}
	if err := s.readKeys(ctx, src); err != nil {
		return nil, err
	}
	if err := s.findJob(ctx, src, job, o.AsOf); err != nil {
		return nil, err
	}
	if o.AtRevision != 0 {
		if err := s.goBack(ctx, src, job, o.AtRevision); err != nil {
			return nil, err
		}
	}
	signed, err := s.chooseCheckpoint(ctx, src, signed)
	if err != nil {
		return nil, err
	}
	if !o.jobOnly {
		if err := s.chooseCommitment(ctx, src, job, o); err != nil {
			return nil, err
		}
	}
	if err := s.readAuthority(ctx, src, o.Index); err != nil {
		return nil, err
	}
	if err := s.prove(ctx, src, signed); err != nil {
		return nil, err
	}
	s.events = first(src.JobEvents(ctx, job, 1), s.head.JobSeq)
	if o.Checked != nil && o.Checked.head.Leaf == s.head.Leaf {
		s.measurements = o.Checked.measurements
	} else if err := s.measure(); err != nil {
		return nil, err
	}
	if err := s.findContents(o); err != nil {
		return nil, err
	}
	return s, s.readContinued(o)
}

// prove reads the proofs and checks them.
func (s *snapshot) prove(ctx context.Context, src ledger.ProofReader, signed []byte) (err error) {
	prove := func(e ledger.Seq, leaf ledger.Hash) (ledger.Proof, error) {
		p, err := src.ProofIn(ctx, signed, e)
		if err == nil {
			err = p.Check(leaf, s.checkpoint)
		}
		return p, err
	}
	if s.createdProof, err = prove(0, s.created.LeafHash()); err != nil {
		return err
	}
	if s.headProof, err = prove(s.head.Seq, s.head.Leaf); err != nil {
		return err
	}
	if s.shape().committed {
		s.commitment.proof, err = prove(s.commitment.event.Seq(), s.commitment.event.LeafHash())
	}
	return err
}

// shape returns the shape of the pack, once the events are measured.
func (s *snapshot) shape() shape {
	sh := shape{format: IndexedFormat, rotations: len(s.rotations), committed: s.commitment.event.Bytes() != nil, continued: s.continued != nil}
	if s.first.Type() == ledger.TypeContinued || moved(s.rotations) {
		sh.format = ContinuedFormat
	}
	if sh.authority = s.authority != nil; sh.authority {
		sh.format = AuthorityFormat
	}
	if sh.contents = s.included; len(sh.contents) > 0 {
		sh.format = ContentFormat
	}
	if s.gated || sh.hasPolicies() {
		sh.format = GateFormat
	}
	if s.worked {
		sh.format = WorkFormat
	}
	return sh
}

// moved reports whether a ledger was moved to another place.
func moved(rotations []ledger.Rotation) bool {
	return slices.ContainsFunc(rotations, func(r ledger.Rotation) bool { return r.Event.Type() == ledger.TypeLedgerMoved })
}

// readKeys reads event 0 and the rotations, and derives the ledger's keys.
func (s *snapshot) readKeys(ctx context.Context, src ledger.Reader) (err error) {
	if s.created, err = src.Event(ctx, 0); err != nil {
		return err
	}
	if s.rotations, err = src.Rotations(ctx); err != nil {
		return err
	}
	s.keys, err = ledger.NewKeyring(s.created)
	for _, r := range s.rotations {
		if err == nil {
			s.keys, err = s.keys.FollowProved(r)
		}
	}
	if err == nil && s.keys.Current() != src.Keys().Current() {
		err = ledger.ErrConflict
	}
	return err
}

// chooseCheckpoint opens the checkpoint for the proofs: the cosigned one if it covers
// the job's last event and is signed by the key in force, or else newest.
func (s *snapshot) chooseCheckpoint(ctx context.Context, src ledger.Reader, newest []byte) (signed []byte, err error) {
	cosigned, err := ledger.NewestCosigned(ctx, src)
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

// contents returns the content of each entry that holds nothing of each event, except
// the manifest.
func (s *snapshot) contents() (map[string][]byte, error) {
	summary, err := jcs.Marshal(newEvidence(s.checkpoint, s.shape()))
	if err != nil {
		return nil, err
	}
	payload, err := jcs.Marshal(payloadOf(s.fold.Job, s.head))
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{
		entryVerify:       s.shape().text(),
		entryEvidence:     summary,
		entryHeadProof:    []byte(s.headProof.String()),
		entryPayload:      payload,
		entryCreated:      s.created.Bytes(),
		entryCreatedProof: []byte(s.createdProof.String()),
		entryKey:          []byte(s.keys.Current().String() + "\n"),
	}
	if s.shape().committed {
		all[entryCommitment] = s.commitment.event.Bytes()
		all[entryCommitmentProof] = []byte(s.commitment.proof.String())
		all[entryIndexProof] = s.commitment.path.Encode()
	}
	if s.continued != nil {
		all[entryContinued] = s.continued
	}
	s.addRotations(all)
	s.addAuthority(all)
	return all, nil
}

func (s *snapshot) addRotations(all map[string][]byte) {
	for i, r := range s.rotations {
		event, proof := rotationEntries(i + 1)
		all[event], all[proof] = r.Event.Bytes(), []byte(r.Proof.String())
	}
}

// write writes the pack, and returns its manifest and its size.
func (s *snapshot) write(w io.WriterAt, signer ledger.Signer) (container.Manifest, int64, error) {
	contents, err := s.contents()
	if err != nil {
		return container.Manifest{}, 0, err
	}
	p := packWriter{
		archiveWriter: archiveWriter{w: w}, packType: TypeJob, ref: s.fold.Job.ID, createdAt: ledger.FormatTime(s.head.Time),
		names: s.shape().names(layerViews, layerEvidence, layerText, layerContent), signer: signer,
	}
	streams := jobStreams{head: s.head}
	for _, name := range p.names {
		switch name {
		case entryEvents:
			streams.events, err = p.reserve(name, s.sizes.events)
		case entryJobEvents:
			streams.eventViews, err = p.reserve(name, s.sizes.eventViews)
		case entryState:
			err = streams.reserveState(&p.archiveWriter, s.sizes, s.fold.Job)
		case container.ManifestEntry:
			err = p.reserveManifest()
		default:
			if content, fixed := contents[name]; fixed {
				err = p.add(name, content)
			} else {
				err = s.addContent(&p, name)
			}
		}
		if err != nil {
			return container.Manifest{}, 0, err
		}
	}
	if err := streams.write(s.events); err != nil {
		return container.Manifest{}, 0, err
	}
	return p.finish()
}
