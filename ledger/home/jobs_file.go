package home

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/ledger/seen"
)

const (
	recordSchemaID = "gait.job.seen"
	recordVersion  = "1.0.0"

	factSize    = 8 + 8 + 32
	recordLimit = 1<<20 + (seen.Dense+seen.MaxSparse)*factSize
)

// A jobRecord is what home remembers of one job, or of the ledger's own events: the
// content of a file.
type jobRecord struct {
	job   string               // ofLedger if it is of the ledger
	keys  []ledger.VerifierKey // of the ledger, oldest first
	from  PackSeen             // that showed the newest fact
	facts seen.Record          // as Keep keeps them
}

// A PackSeen is a pack or an index proof that was verified, and what it shows: of a job
// its newest event and the proof of that, of a range of events the signed checkpoint.
// A pack with a commitment to the ledger's index, and an index proof, show where the
// job ended, too.
type PackSeen struct {
	SHA256          ledger.Hash // of its bytes
	Head            []byte      // the job's newest event
	Proof           []byte      // the C2SP tlog-proof of that event
	Checkpoint      []byte      // the signed checkpoint
	Commitment      []byte      // the index_committed event
	CommitmentProof []byte      // the C2SP tlog-proof of that event
	Path            []byte      // of the job in the index, as package mpt encodes it
}

// A recordHeader is the first line of the file.
type recordHeader struct {
	Checkpoint      string   `json:"checkpoint,omitempty"`
	Commitment      string   `json:"commitment,omitempty"`
	CommitmentProof string   `json:"commitment_proof,omitempty"`
	Facts           int      `json:"facts"`
	Head            string   `json:"head,omitempty"`
	JobID           string   `json:"job_id,omitempty"`
	Keys            []string `json:"keys"`
	Pack            string   `json:"pack_sha256"`
	Path            []byte   `json:"path,omitempty"`
	Proof           string   `json:"proof,omitempty"`
	SchemaID        string   `json:"schema_id"`
	Version         string   `json:"schema_version"`
}

// encode returns the bytes of the file.
func (r jobRecord) encode() ([]byte, error) {
	h := recordHeader{
		Checkpoint: string(r.from.Checkpoint), Commitment: string(r.from.Commitment), CommitmentProof: string(r.from.CommitmentProof),
		Facts: len(r.facts), Head: string(r.from.Head), JobID: r.job, Pack: r.from.SHA256.String(), Path: r.from.Path,
		Proof: string(r.from.Proof), SchemaID: recordSchemaID, Version: recordVersion,
	}
	for _, key := range r.keys {
		h.Keys = append(h.Keys, key.String())
	}
	b, err := jcs.Marshal(h)
	if err != nil {
		return nil, err
	}
	b = append(slices.Grow(b, 1+len(r.facts)*factSize+sha256.Size), '\n')
	for _, f := range r.facts {
		b = binary.BigEndian.AppendUint64(b, uint64(f.Number))
		b = binary.BigEndian.AppendUint64(b, uint64(f.Seq))
		b = append(b, f.Leaf[:]...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...), nil
}

// decodeRecord reads the bytes of a file: those that encode writes and no others.
func decodeRecord(b []byte) (jobRecord, error) {
	bad := func(format string, args ...any) (jobRecord, error) {
		return jobRecord{}, fmt.Errorf("%w: %s", ledger.ErrMalformed, fmt.Sprintf(format, args...))
	}
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok {
		return bad("no first line")
	}
	var h recordHeader
	if err := json.Unmarshal(line, &h); err != nil {
		return bad("its first line: %s", err)
	}
	if h.SchemaID == recordSchemaID && h.Version != recordVersion {
		return jobRecord{}, fmt.Errorf("written as %.20q: %w", h.Version, ledger.ErrUnsupportedVersion)
	}
	facts := len(rest) - sha256.Size
	if h.SchemaID != recordSchemaID || facts < factSize || facts%factSize != 0 || facts/factSize != h.Facts {
		return bad("not what was seen of a job, or not all of it")
	}
	if sum := sha256.Sum256(b[:len(b)-sha256.Size]); !bytes.Equal(sum[:], rest[facts:]) {
		return bad("its bytes do not have the SHA-256 at its end")
	}
	r, err := h.record(rest[:facts])
	if err != nil {
		return jobRecord{}, err
	}
	if again, err := r.encode(); err != nil || !bytes.Equal(again, b) {
		return bad("not in its one form")
	}
	return r, nil
}

// record returns the record with this header.
func (h recordHeader) record(facts []byte) (jobRecord, error) {
	r := jobRecord{job: h.JobID, from: PackSeen{
		Head: optional(h.Head), Proof: optional(h.Proof), Checkpoint: optional(h.Checkpoint),
		Commitment: optional(h.Commitment), CommitmentProof: optional(h.CommitmentProof), Path: h.Path,
	}}
	var err error
	if h.JobID != ofLedger {
		err = ledger.FieldJobID.Check(h.JobID)
	}
	if err != nil {
		return r, fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
	}
	if r.from.SHA256, err = ledger.ParseHash(h.Pack); err != nil {
		return r, err
	}
	for _, text := range h.Keys {
		key, err := ledger.ParseVerifierKey(text)
		if err != nil {
			return r, err
		}
		r.keys = append(r.keys, key)
	}
	r.facts = make(seen.Record, 0, len(facts)/factSize)
	for ; len(facts) > 0; facts = facts[factSize:] {
		r.facts = append(r.facts, seen.Fact{
			Number: int64(binary.BigEndian.Uint64(facts)), Seq: ledger.Seq(binary.BigEndian.Uint64(facts[8:])), Leaf: ledger.Hash(facts[16:factSize]),
		})
	}
	return r, r.check()
}

// check requires that the facts are those that are kept, and that what first showed the
// newest one shows it.
func (r jobRecord) check() error {
	switch {
	case len(r.keys) == 0:
		return fmt.Errorf("%w: no key", ledger.ErrMalformed)
	case !r.facts.Valid() || len(slices.Clone(r.facts).Keep()) != len(r.facts):
		return fmt.Errorf("%w: facts that are not kept", ledger.ErrMalformed)
	case r.from.Head == nil:
		return nil
	}
	e, err := ledger.Decode(r.from.Head)
	newest := r.facts[len(r.facts)-1]
	if err == nil && r.job != ofLedger && (e.JobID() != r.job || e.JobSeq() != newest.Number || !newest.IsEnd() && e.LeafHash() != newest.Leaf) {
		err = fmt.Errorf("%w: its head is not the newest event", ledger.ErrMalformed)
	}
	return err
}

func optional(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}
