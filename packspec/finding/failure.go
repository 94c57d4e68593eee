package finding

import (
	"errors"
	"fmt"
	"strconv"

	"gait/ledger"
)

// The codes of failures. They are stable.
const (
	CodeArchive          = "malformed_archive"         // not the one form of a zip
	CodeManifest         = "malformed_manifest"        // not a manifest, or not in canonical form
	CodeEntries          = "entry_mismatch"            // entries missing, unlisted or too large
	CodeDigest           = "digest_mismatch"           // an entry is not the one the manifest lists
	CodeNotCanonical     = "not_canonical"             // an entry is not in its one form
	CodeNoEvidence       = "evidence_missing"          // a pack of gait's that lost its evidence, or one of PackSpec v1 under the strict profile
	CodeRecord           = "record_mismatch"           // a proof record of a PackSpec v1 pack is not that of its entry
	CodeChain            = "chain_broken"              // an event does not follow
	CodeIndex            = "index_mismatch"            // an event commits to another index than the events before it give, or a path does not lead to it
	CodeNotIncluded      = "not_included"              // an event is not in the tree
	CodeCheckpoint       = "checkpoint_mismatch"       // proofs and evidence.json name different trees
	CodeKeyMismatch      = "key_mismatch"              // the pack's key is not the one trusted for its origin, or not that of event 0
	CodeSignatureMissing = "signature_missing"         // the manifest is not signed by the ledger's key
	CodeSignatureInvalid = "signature_invalid"         // a signature does not hold
	CodeUntrustedKey     = "untrusted_key"             // the pack is intact, but the caller does not know its key
	CodeConflict         = "checkpoint_conflict"       // a checkpoint seen before is of another history
	CodeForked           = "job_forked"                // another event was seen as the same event of a job
	CodeOlder            = "older_than_seen"           // a newer checkpoint was seen, and the profile is strict
	CodeCosignature      = "cosignature_invalid"       // a cosignature by a witness of the policy is not for this checkpoint
	CodePolicy           = "policy_unsatisfied"        // none of the policy's logs signed, or too few of its witnesses
	CodeTransition       = "invalid_transition"        // the rules do not allow an event
	CodeIncomplete       = "incomplete"                // the index names another event as the job's newest; or completeness is not proved, and the profile is strict
	CodeContinued        = "continued_mismatch"        // what a job was in another ledger is not what the proof of it shows
	CodeAuthority        = "authority_mismatch"        // an authority event is not admissible, or an event names another than the newest before it
	CodeActor            = "actor_mismatch"            // an event is not what its actor signed, or its actor may not do it
	CodeCommandSignature = "command_signature_invalid" // the signature of an actor does not hold
	CodeAdminKey         = "admin_key_mismatch"        // the first admin signed with another key than the caller knows
	CodeContent          = "content_mismatch"          // a content in the pack is not one that the job's events name
	CodePolicyMismatch   = "policy_mismatch"           // a decision of the gate names another policy than the caller has
	CodeView             = "view_mismatch"             // a view does not follow from the events
)

// A Failure is the first check that failed.
type Failure struct {
	Level    string      `json:"level"`
	Code     string      `json:"code"`
	Seq      *ledger.Seq `json:"seq,omitempty"`   // of the event that shows it
	Entry    string      `json:"entry,omitempty"` // of the pack
	Expected string      `json:"expected,omitempty"`
	Found    string      `json:"found,omitempty"`
	Reason   string      `json:"reason"`
}

func (f *Failure) Error() string {
	s := f.Reason
	if f.Expected != "" || f.Found != "" {
		s = fmt.Sprintf("%s: expected %s, found %s", s, orNothing(f.Expected), orNothing(f.Found))
	}
	if f.Seq != nil {
		s = fmt.Sprintf("event %d: %s", *f.Seq, s)
	}
	if f.Entry != "" {
		s = f.Entry + ": " + s
	}
	return s
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// At sets the event and returns f.
func (f *Failure) At(seq ledger.Seq) *Failure {
	f.Seq = &seq
	return f
}

// Failf returns a failure with a formatted reason.
func Failf(level, code, entry, format string, args ...any) *Failure {
	return &Failure{Level: level, Code: code, Entry: entry, Reason: fmt.Sprintf(format, args...)}
}

// Differs returns a failure about a value that differs from the expected one.
func Differs(level, code, entry, what, expected, found string) *Failure {
	return &Failure{Level: level, Code: code, Entry: entry, Expected: expected, Found: found, Reason: what}
}

// A FormatError says why a file cannot be read as a pack.
type FormatError struct{ Failure }

// Fault returns the fault with the failure's code.
func (e *FormatError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.Code, Category: ledger.CategoryVerification}
}

func (e *FormatError) Error() string { return "not a pack: " + e.Failure.Error() }

// AsFormat makes a *Failure a *FormatError and returns other errors unchanged.
func AsFormat(err error) error {
	if f, ok := errors.AsType[*Failure](err); ok {
		return &FormatError{*f}
	}
	return err
}

// NotCanonical makes an error about malformed bytes a *Failure and returns other errors
// unchanged.
func NotCanonical(name string, err error) error {
	if errors.Is(err, ledger.ErrMalformed) {
		return Failf(LevelCanonical, CodeNotCanonical, name, "%s", err)
	}
	return err
}

// Quote returns text from a pack in a form that is safe to show: quoted, in ASCII, and
// cut if it is long.
func Quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.QuoteToASCII(s)
}
