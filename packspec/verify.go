package packspec

import (
	"fmt"
	"io"

	"gait/ledger"
)

// A Profile says how much a pack must show to be verified.
type Profile string

// The profiles. Strict also requires that no newer checkpoint of the ledger was seen,
// and that completeness is proved.
const (
	ProfileStandard Profile = "standard"
	ProfileStrict   Profile = "strict"
)

// Options are the caller's part of a verification. The zero value trusts no key, so
// that no pack verifies.
type Options struct {
	Trusted []TrustedKey
	Profile Profile // "": standard

	// Seen returns the checkpoints that the caller has seen of the ledger with these
	// keys. nil means none.
	Seen func(...ledger.VerifierKey) ([]Sighting, error)

	// Jobs returns what the caller remembers of the jobs of the ledger with these keys,
	// which are in their order. It may return nil; nil means nothing.
	Jobs func([]ledger.VerifierKey) (JobMemory, error)

	// Before returns what the caller remembers of the jobs of a ledger that a job was
	// continued from, one of whose keys is given. As Jobs it may be nil, or return nil.
	Before func([]ledger.VerifierKey) (JobMemory, error)

	Policy *Policy // nil: no witness is required

	// AdminKeys are keys that the caller knows. If there are any, one of them must have
	// signed the ledger's first authority event.
	AdminKeys []AdminKey

	// Progress is called now and then with how much of the events was read. Its error
	// ends the verification. It may be nil.
	Progress func(done, total int64) error
}

// A Policy is what the checkpoint must satisfy besides being signed by a trusted key.
// The policy's logs are not trusted by being in it: list them as Trusted.
type Policy struct {
	ledger.Policy
	From string // its source, for the report
}

// A Sighting is a signed checkpoint of a ledger that the caller has seen.
type Sighting struct {
	Note []byte               // signed by one of the ledger's keys or of Keys
	Keys []ledger.VerifierKey // that the ledger was seen with, oldest first; nil if it was one key
	Ends []ledger.End         // of its keys, as far as the caller has seen where they ended

	// OtherKey says that this is no checkpoint of the ledger: it has the same origin,
	// but its key is unrelated to the ledger's keys.
	OtherKey bool
}

// A TrustedKey is a key of a ledger that the caller trusts.
type TrustedKey struct {
	Key  ledger.PublicKey
	From string             // its source, for the report
	Not  []ledger.PublicKey // trust in Key does not extend to these, nor to keys that took over from them
}

// Verify checks a pack, trusting nothing in it. What is wrong with the pack is in the
// report and is not an error. Errors: ledger.ErrUnsupportedVersion if this version does
// not know the pack's format, and the reader's own.
func Verify(r io.ReaderAt, size int64, o Options) (Report, error) {
	if o.Profile == "" {
		o.Profile = ProfileStandard
	}
	if o.Profile != ProfileStandard && o.Profile != ProfileStrict {
		return Report{}, fmt.Errorf("verifying a pack: %.40q is not a profile", o.Profile)
	}
	report, err := verify(r, size, o)
	if err != nil {
		return Report{}, fmt.Errorf("verifying a pack: %w", err)
	}
	return report, nil
}

// verify checks a pack by the levels of its kind, and then by more, which tests add.
func verify(r io.ReaderAt, size int64, o Options, more ...level) (Report, error) {
	v, err := newVerifier(r, size, o)
	if err != nil {
		return Report{}, err
	}
	return v.run(append(v.levels(), more...))
}

// A verifier verifies one pack of one kind.
type verifier interface {
	levels() []level             // in the order they are checked
	run([]level) (Report, error) // of base
}

// newVerifier returns the verifier for a pack's kind. If the file is not a pack, it is
// the one for job packs, whose first level reports that.
func newVerifier(r io.ReaderAt, size int64, o Options) (verifier, error) {
	old, err := isV1(r, size)
	if err != nil {
		return nil, err
	}
	if old {
		return newV1Verifier(r, size, o), nil
	}
	p, err := Open(r, size)
	v := ledgerVerifier{base: newBase(o), size: size, pack: p, openErr: err, actorCheck: newActorCheck()}
	if err == nil && p.manifest.PackType == TypeRange {
		v.checkpointEntry = entryCheckpoint
		return &rangeVerifier{ledgerVerifier: v}, nil
	}
	v.checkpointEntry = entryHeadProof
	return &jobVerifier{ledgerVerifier: v}, nil
}
