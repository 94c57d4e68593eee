package attest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"gait/ledger"
	"gait/packspec"
)

// MaxSize bounds a file of attestations.
const MaxSize = 1 << 20

// The codes of what can be wrong with attestations. They are stable.
const (
	CodeMissing  = "attestation_missing"  // none of the file's lines is of the pack's key and of this kind
	CodeMismatch = "attestation_mismatch" // what the key has signed there is about another pack
)

// A MismatchError says that no attestation in a file holds for a pack.
type MismatchError struct {
	Code            string // CodeMissing or CodeMismatch
	What            string // that differs, with CodeMismatch
	Expected, Found string
	lines           int
}

func (e *MismatchError) Error() string {
	if e.Code == CodeMissing {
		return fmt.Sprintf("of the file's %d lines none is an attestation of a pack by the key that signs the pack", e.lines)
	}
	return fmt.Sprintf("the attestation names another %s", e.What)
}

// Fault returns that of failed verification.
func (e *MismatchError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.Code, Category: ledger.CategoryVerification}
}

// Check finds the attestation of a pack in a bundle: digest is the pack's SHA-256, and the report
// that of the pack, which has verified. Lines that are no envelope, that the pack's key has not
// signed, or that say something else than Pack does, are passed over, as the specification of
// bundles asks. It fails with a *MismatchError if no line is left that holds.
func Check(bundle []byte, digest ledger.Hash, r packspec.Report) (Statement, error) {
	if !r.Verified {
		return Statement{}, fmt.Errorf("checking an attestation: the pack has not verified")
	}
	key, err := ledger.ParseVerifierKey(r.Key)
	if err != nil {
		return Statement{}, fmt.Errorf("checking an attestation: %w", err)
	}
	failed := &MismatchError{Code: CodeMissing}
	for line := range bytes.Lines(bundle) {
		failed.lines++
		s, ok := statementIn(line, key)
		if !ok {
			continue
		}
		no := s.differs(digest, OfReport(r))
		if no == nil {
			return s, nil
		}
		if failed.Code == CodeMissing {
			failed = &MismatchError{CodeMismatch, no.What, no.Expected, no.Found, failed.lines}
		}
	}
	return Statement{}, failed
}

// Statements returns what the lines of a bundle say of packs, unverified, and nil for each line
// that says nothing of a pack.
func Statements(bundle []byte) iter.Seq[*Statement] {
	return func(yield func(*Statement) bool) {
		for line := range bytes.Lines(bundle) {
			var found *Statement
			if e, ok := envelopeIn(line); ok {
				payload, err := e.DecodeB64Payload()
				if s, ok := statementOf(e, payload); ok && err == nil {
					found = &s
				}
			}
			if !yield(found) {
				return
			}
		}
	}
}

// envelopeIn returns the envelope that is a line of a bundle.
func envelopeIn(line []byte) (*dsse.Envelope, bool) {
	e := &dsse.Envelope{}
	return e, json.Unmarshal(line, e) == nil && e.PayloadType == PayloadType
}

// statementIn returns the statement about a pack in a line, if the key has signed it.
func statementIn(line []byte, key ledger.VerifierKey) (Statement, bool) {
	e, ok := envelopeIn(line)
	if !ok || len(e.Signatures) > ledger.MaxSignatures {
		return Statement{}, false
	}
	payload, err := open(e, key)
	if err != nil {
		return Statement{}, false
	}
	return statementOf(e, payload)
}

func statementOf(e *dsse.Envelope, payload []byte) (s Statement, ok bool) {
	err := json.Unmarshal(payload, &s)
	return s, err == nil && e.PayloadType == PayloadType && s.Type == StatementType && s.PredicateType == PredicateType
}

// differs returns what a statement says otherwise than the pack with this SHA-256 and predicate.
func (s Statement) differs(digest ledger.Hash, p Predicate) *MismatchError {
	subject := ""
	for _, one := range s.Subject {
		if subject = one.Digest["sha256"]; subject == digest.String() {
			break
		}
	}
	got := s.Predicate
	for _, f := range []struct{ what, found, expected string }{
		{"pack: its SHA-256 is not the file's", subject, digest.String()},
		{"type of pack", got.PackType, p.PackType},
		{"pack id", got.PackID, p.PackID},
		{"origin", got.Origin, p.Origin},
		{"job", got.JobID, p.JobID},
		{"first event", seqText(got.From), seqText(p.From)},
		{"last event", seqText(got.To), seqText(p.To)},
		{"size of the tree", strconv.FormatInt(got.TreeSize, 10), strconv.FormatInt(p.TreeSize, 10)},
		{"root", got.Root, p.Root},
		{"commitment to the index", seqText(got.Commitment), seqText(p.Commitment)},
		{"key", got.Key, p.Key},
	} {
		if f.found != f.expected {
			return &MismatchError{Code: CodeMismatch, What: f.what, Expected: f.expected, Found: f.found}
		}
	}
	return nil
}

func seqText(s *ledger.Seq) string {
	if s == nil {
		return ""
	}
	return strconv.FormatInt(int64(*s), 10)
}
