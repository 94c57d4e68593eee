package packspec

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/projection"
)

// A Profile says how much a pack must show to be verified.
type Profile string

// The profiles. Strict also demands that no newer checkpoint of the ledger was
// seen, and that completeness is proved.
const (
	ProfileStandard Profile = "standard"
	ProfileStrict   Profile = "strict"
)

// Options are what the caller brings to a verification. The zero value trusts
// nobody, so that nothing verifies.
type Options struct {
	Trusted []TrustedKey
	Profile Profile // "": standard

	// Seen returns checkpoints that the caller has seen of the ledger with these
	// keys. Without it none was.
	Seen func(...ledger.VerifierKey) ([]Sighting, error)

	Policy *Policy // nil: no witness is asked for

	// Progress is told now and then how much of the events was read, and an error
	// of it ends the work. It may be nil.
	Progress func(done, total int64) error
}

// A Policy is one that the checkpoint must satisfy besides being signed by a
// trusted key. Its logs are not trusted by being in it: list them as Trusted.
type Policy struct {
	ledger.Policy
	From string // where the caller has it from, for the report
}

// A Sighting is a signed checkpoint of a ledger that the caller has seen.
type Sighting struct {
	Note []byte               // by one of the ledger's keys, or of those below
	Keys []ledger.VerifierKey // that the ledger was seen to have had, oldest first; nil where it had one

	// OtherKey says that this is none of the ledger's: there is only a checkpoint
	// of the same origin by a key that has nothing to do with these.
	OtherKey bool
}

// A TrustedKey is a ledger's key that the caller trusts.
type TrustedKey struct {
	Key  ledger.PublicKey
	From string // where the caller has it from, for the report
}

// Verify checks a pack, trusting nothing in it. What is wrong with the pack is
// in the report and not an error. Errors: ledger.ErrUnsupportedVersion where
// the pack is of a format that this version does not know, and the reader's own.
func Verify(r io.ReaderAt, size int64, o Options) (Report, error) {
	if o.Profile == "" {
		o.Profile = ProfileStandard
	}
	if o.Profile != ProfileStandard && o.Profile != ProfileStrict {
		return Report{}, fmt.Errorf("verifying a pack: %.40q is not a profile", o.Profile)
	}
	v, err := verify(r, size, o)
	if err != nil {
		return Report{}, fmt.Errorf("verifying a pack: %w", err)
	}
	return v.report, nil
}

func verify(r io.ReaderAt, size int64, o Options) (*verifier, error) {
	v := &verifier{r: r, size: size, trusted: o.Trusted, policy: o.Policy, seen: o.Seen, progress: o.Progress, report: Report{Profile: o.Profile, Verified: true}}
	old, err := isV1(r, size)
	if err != nil {
		return nil, err
	}
	steps := levels
	if old {
		v.old, steps = &v1pass{}, v1Levels
		v.report.Format, v.report.Notice = FormatV1, noticeV1
	}
	for i := range steps {
		if err := v.run(steps[i]); err != nil {
			return nil, err
		}
		if v.pack != nil && v.pack.manifest.PackType == TypeRange {
			steps = rangeLevels
		}
	}
	return v, nil
}

// levels are what is checked, in order. Where a level that others rest on
// fails, those after it are not reached.
var levels = []level{
	{LevelContainer, (*verifier).container, true, Proved},
	{LevelCanonical, (*verifier).canonical, true, Proved},
	{LevelChain, (*verifier).chain, true, Proved},
	{LevelInclusion, (*verifier).inclusion, false, Proved},
	{LevelSignature, (*verifier).signature, false, Proved},
	{LevelCosignatures, (*verifier).cosignatures, false, Proved},
	{LevelStateMachine, (*verifier).stateMachine, true, Proved},
	{LevelViews, (*verifier).views, true, Proved},
	{LevelFreshness, (*verifier).freshness, false, Claimed},
	{LevelActors, (*verifier).actors, false, Claimed},
	{LevelCompleteness, (*verifier).completeness, false, Claimed},
}

type level struct {
	name   string
	check  func(*verifier) (detail string, err error)
	base   bool   // what comes after rests on it
	status Status // when the check finds nothing wrong, unless it says otherwise
}

// A verifier is one verification under way.
type verifier struct {
	r       io.ReaderAt
	size    int64
	trusted []TrustedKey
	seen    func(...ledger.VerifierKey) ([]Sighting, error)
	policy  *Policy
	report  Report
	status  Status // what the level under way found
	halted  string // why the levels that are left are not checked

	progress func(done, total int64) error

	pack         *Pack
	evidence     Evidence
	created      ledger.Event // event 0
	createdProof ledger.Proof
	headProof    ledger.Proof
	keys         ledger.Keyring     // from event 0 on
	rotations    []ledger.Rotation  // that lead from one to the next
	keysErr      error              // a *Failure: why they do not follow
	key          ledger.VerifierKey // the one in force
	signed       bool               // by a key that the caller trusts
	pass

	rng *rangePass // where the pack is one of a range
	old *v1pass    // instead of the above, where the pack is one of PackSpec v1
}

// run checks one level and reports it.
func (v *verifier) run(l level) error {
	if v.halted != "" {
		v.record(l.name, Absent, "not checked: "+v.halted)
		return nil
	}
	v.status = l.status
	detail, err := l.check(v)
	if err == nil {
		v.record(l.name, v.status, detail)
		return nil
	}
	f, ok := errors.AsType[*Failure](err)
	if broken, malformed := errors.AsType[*FormatError](err); malformed {
		f, ok = &broken.Failure, true
	}
	if !ok {
		return err
	}
	v.report.Verified = false
	switch {
	case f.Code == CodeNoEvidence, f.Code == CodeSignatureMissing && v.old != nil:
		v.record(l.name, Absent, f.Reason)
	default:
		v.record(l.name, Failed, f.Error())
	}
	if l.base && f.Code == CodeNoEvidence {
		v.halted = f.Reason
	} else if l.base {
		v.halted = l.name + " failed"
	}
	if v.report.Failure == nil {
		v.report.Failure = f
	}
	return nil
}

func (v *verifier) record(name string, s Status, detail string) {
	v.report.Levels = append(v.report.Levels, Level{Name: name, Status: s, Detail: detail})
}

func (v *verifier) container() (string, error) {
	p, err := Open(v.r, v.size)
	if err != nil {
		return "", err
	}
	v.pack = p
	v.report.PackType, v.report.PackID, v.report.JobID = p.manifest.PackType, p.manifest.PackID, p.manifest.SourceRef
	return fmt.Sprintf("%d entries in %d bytes, as the manifest lists them", len(p.entries), v.size), nil
}

func (v *verifier) canonical() (string, error) {
	if !v.pack.hasEvidence() {
		return "", failure(LevelCanonical, CodeNoEvidence, entryEvidence, "the pack holds no evidence, only views")
	}
	for _, read := range []func() error{v.readEvidence, v.readCreated, v.readKeys, v.readProofs, v.readEvents} {
		if err := read(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d events, each in its one form", v.count), nil
}

func (v *verifier) readEvidence() error {
	b, err := v.pack.read(entryEvidence)
	if err != nil {
		return err
	}
	if v.evidence, err = parseEvidence(b, v.pack.rotations()); err != nil {
		return err
	}
	v.report.Origin, v.report.Size, v.report.Root = v.evidence.Origin, v.evidence.Size, v.evidence.Root
	return v.checkText(jobText(v.pack.rotations()))
}

// checkText holds VERIFY.md to the text of the format.
func (v *verifier) checkText(want []byte) error {
	c := &comparer{in: v.pack.section(entryVerify), level: LevelCanonical, code: CodeNotCanonical, name: entryVerify, what: "not the text of this format"}
	if _, err := c.Write(want); err != nil {
		return err
	}
	return c.finish()
}

func (v *verifier) readCreated() error {
	b, err := v.pack.read(entryCreated)
	if err != nil {
		return err
	}
	v.created, err = ledger.Decode(b)
	return notCanonical(entryCreated, err)
}

func (v *verifier) readProofs() error {
	var err error
	if v.createdProof, err = v.readProof(entryCreatedProof); err == nil {
		v.headProof, err = v.readProof(entryHeadProof)
	}
	return err
}

func (v *verifier) readProof(name string) (ledger.Proof, error) {
	b, err := v.pack.read(name)
	if err != nil {
		return ledger.Proof{}, err
	}
	p, err := ledger.ParseProof(b)
	return p, notCanonical(name, err)
}

// notCanonical makes an error about malformed bytes a failure.
func notCanonical(name string, err error) error {
	if errors.Is(err, ledger.ErrMalformed) {
		return failure(LevelCanonical, CodeNotCanonical, name, "%s", err)
	}
	return err
}

func (v *verifier) stateMachine() (string, error) {
	if v.stateErr != nil {
		return "", v.stateErr
	}
	return fmt.Sprintf("the rules allow each event; status %s, revision %d", v.fold.Job.Status, v.fold.Job.Revision), nil
}

func (v *verifier) views() (string, error) {
	if v.viewErr != nil {
		return "", v.viewErr
	}
	err := cmp.Or(v.checkPayload(), v.checkState(), v.checkManifest(v.fold.Job.ID, v.last))
	if err != nil {
		return "", err
	}
	return "job_payload.json, job_state.json, job_events.jsonl and the manifest are what the events give", nil
}

func (v *verifier) checkPayload() error {
	c := v.compare(entryPayload)
	if err := writePayload(c, v.fold.Job, v.head); err != nil {
		return err
	}
	return c.finish()
}

func (v *verifier) checkState() error {
	c := v.compare(entryState)
	if err := writeState(c, v.fold.Job, v.pack.Events()); err != nil {
		return err
	}
	return c.finish()
}

// checkManifest makes the manifest again, but for its signatures. last is the
// last event that the pack shows.
func (v *verifier) checkManifest(ref string, last ledger.Event) error {
	m, err := newManifest(v.pack.manifest.PackType, ref, ledger.FormatTime(last.Time), v.pack.entries)
	if err != nil {
		return err
	}
	m.Signatures = v.pack.manifest.Signatures
	b, err := projection.Canonical(m)
	if err != nil {
		return err
	}
	c := v.compare(entryManifest)
	if _, err := c.Write(b); err != nil {
		return err
	}
	return c.finish()
}

func (v *verifier) actors() (string, error) {
	return "actors are what the ledger was told; no event is signed by its actor", nil
}

// completeness asks whether an event of the job that changes it can be in the
// checkpoint's tree and not here. None can after the tree's last event, nor
// after a final status, which leaves room for refusals alone.
func (v *verifier) completeness() (string, error) {
	if v.report.Level(LevelInclusion).Status != Proved {
		v.status = Absent
		return "not checked: " + LevelInclusion + " failed", nil
	}
	shown := fmt.Sprintf("all %d events of the job up to event %d are here", v.count, v.head.Seq)
	switch {
	case int64(v.head.Seq) == v.evidence.Size-1:
		v.status = Proved
		return shown + ", the last of the checkpoint's tree", nil
	case v.fold.Job.Status.Final():
		v.status = Proved
		return fmt.Sprintf("%s, and a job that is %s does not change any more", shown, v.fold.Job.Status), nil
	case v.report.Profile == ProfileStrict:
		return "", differs(LevelCompleteness, CodeIncomplete, entryHeadProof, "a later event of the job may be in the checkpoint's tree",
			"a job that is final, or the tree's last event", fmt.Sprintf("a job that is %s at event %d of %d", v.fold.Job.Status, v.head.Seq, v.evidence.Size))
	}
	return shown + "; a later event of the job, in the checkpoint's tree, would not show", nil
}
