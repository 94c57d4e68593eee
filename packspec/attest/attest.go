package attest

import (
	"errors"
	"fmt"
	"strings"

	"gait/ledger"
	"gait/packspec"
)

// The types that a statement about a pack names.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://gait.example/attestation/pack/v1"
)

// Suffix is what the name of a file of attestations has behind that of the pack.
const Suffix = ".intoto.jsonl"

// A Predicate says what a pack shows.
type Predicate struct {
	Commitment *ledger.Seq `json:"commitment,omitempty"` // of a job pack: the event that commits to the index, or nil
	From       *ledger.Seq `json:"from,omitempty"`       // of a range pack: its first event
	JobID      string      `json:"job_id,omitempty"`     // of a job pack
	Key        string      `json:"key"`                  // the ledger's verifier key in force, which signs
	Origin     string      `json:"origin"`
	PackID     string      `json:"pack_id"`
	PackType   string      `json:"pack_type"`
	Root       string      `json:"root"` // of the tree, in hexadecimal
	To         *ledger.Seq `json:"to,omitempty"`
	TreeSize   int64       `json:"tree_size"`
}

// A Statement is an in-toto Statement v1 about a pack.
type Statement struct {
	Type          string    `json:"_type"`
	Predicate     Predicate `json:"predicate"`
	PredicateType string    `json:"predicateType"`
	Subject       []Subject `json:"subject"`
}

// A Subject names an artifact by its digests. It is an in-toto ResourceDescriptor v1.
type Subject struct {
	Digest map[string]string `json:"digest"` // by algorithm, in lower-case hex
	Name   string            `json:"name"`
}

// OfBuilt returns the predicate of a pack that was built, of a job or, if job is "", of a range.
func OfBuilt(b packspec.BuiltPack, job string, key ledger.VerifierKey) Predicate {
	p := Predicate{
		Commitment: b.Commitment, JobID: job, Key: key.String(), Origin: b.Checkpoint.Origin, PackID: b.Manifest.PackID,
		PackType: b.Manifest.PackType, Root: b.Checkpoint.Root.String(), TreeSize: b.Checkpoint.Size,
	}
	if job == "" {
		from, to := b.Coverage.From(), b.Coverage.To()
		p.From, p.To = &from, &to
	}
	return p
}

// OfReport returns the predicate of a pack that was verified.
func OfReport(r packspec.Report) Predicate {
	return Predicate{
		Commitment: r.Commitment, From: r.From, JobID: r.JobID, Key: r.Key, Origin: r.Origin, PackID: r.PackID,
		PackType: r.PackType, Root: r.Root, To: r.To, TreeSize: r.Size,
	}
}

// Name returns the default name of such a pack, with + for each colon of a job's id.
func (p Predicate) Name() string {
	if p.JobID != "" {
		return "pack_" + strings.ReplaceAll(p.JobID, ":", "+") + ".zip"
	}
	return fmt.Sprintf("pack_range_%d-%d.zip", *p.From, *p.To)
}

// Pack returns the attestation of a pack with this SHA-256: one line of a bundle.
func Pack(digest ledger.Hash, p Predicate, by ledger.Signer) ([]byte, error) {
	if p.JobID == "" && (p.From == nil || p.To == nil) {
		return nil, errors.New("attesting a pack: it is neither of a job nor of a range")
	}
	return Seal(Statement{
		Type: StatementType, Predicate: p, PredicateType: PredicateType,
		Subject: []Subject{{Digest: map[string]string{"sha256": digest.String()}, Name: p.Name()}},
	}, by)
}
