package packspec

import (
	"fmt"

	"gait/ledger"
)

// A Status says how far a level of verification holds.
type Status string

// The statuses of a level.
const (
	Proved  Status = "proved"  // it follows from the bytes of the pack
	Claimed Status = "claimed" // the pack says so, and shows nothing for it
	Absent  Status = "absent"  // the pack holds nothing for it, or it was not reached
	Failed  Status = "failed"  // the pack contradicts it
)

// The levels, in the order they are checked and reported in.
const (
	LevelContainer    = "container"     // the file is a pack, and its entries are those the manifest lists
	LevelCanonical    = "canonical"     // every entry is in its one form
	LevelChain        = "chain"         // the events follow each other without a gap
	LevelInclusion    = "inclusion"     // the last event is in the checkpoint's tree
	LevelSignature    = "signature"     // checkpoint and manifest are signed by a key the caller trusts
	LevelCosignatures = "cosignatures"  // enough witnesses of the caller's policy cosigned the checkpoint
	LevelStateMachine = "state_machine" // each event may follow the one before
	LevelViews        = "views"         // the views are those that the events give
	LevelFreshness    = "freshness"     // the caller has seen no other checkpoint of the ledger that contradicts the pack's
	LevelActors       = "actors"        // actors are who they say
	LevelCompleteness = "completeness"  // no later event of the job, in the checkpoint's tree, is kept back
)

// The codes of failures. They are stable.
const (
	CodeArchive          = "malformed_archive"   // not the one form of a zip
	CodeManifest         = "malformed_manifest"  // not a manifest, or not in canonical form
	CodeEntries          = "entry_mismatch"      // entries missing, unlisted or too large
	CodeDigest           = "digest_mismatch"     // an entry is not the one the manifest lists
	CodeNotCanonical     = "not_canonical"       // an entry is not in its one form
	CodeNoEvidence       = "evidence_missing"    // a pack of gait's that lost its evidence, or one of PackSpec v1 under the strict profile
	CodeRecord           = "record_mismatch"     // a proof record of a PackSpec v1 pack is not that of its entry
	CodeChain            = "chain_broken"        // an event does not follow
	CodeNotIncluded      = "not_included"        // an event is not in the tree
	CodeCheckpoint       = "checkpoint_mismatch" // proofs and evidence.json speak of different trees
	CodeKeyMismatch      = "key_mismatch"        // the pack's key is not the one trusted for its origin, or not that of event 0
	CodeSignatureMissing = "signature_missing"   // the manifest is not signed by the ledger's key
	CodeSignatureInvalid = "signature_invalid"   // a signature does not hold
	CodeUntrustedKey     = "untrusted_key"       // intact, by a key the caller does not know
	CodeConflict         = "checkpoint_conflict" // a checkpoint seen before is of another history
	CodeOlder            = "older_than_seen"     // a newer checkpoint was seen, and the profile is strict
	CodeCosignature      = "cosignature_invalid" // one by a witness of the policy is not of this checkpoint
	CodePolicy           = "policy_unsatisfied"  // none of the policy's logs signed, or too few of its witnesses
	CodeTransition       = "invalid_transition"  // the rules do not allow an event
	CodeIncomplete       = "incomplete"          // completeness is not proved, and the profile is strict
	CodeView             = "view_mismatch"       // a view does not follow from the events
)

// A Cosigned says that a witness of the policy cosigned the checkpoint, and when.
type Cosigned struct {
	Witness string `json:"witness"` // its name
	Key     string `json:"public_key"`
	Time    string `json:"time"`
}

// A Level is what verification found about one question.
type Level struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
}

// A Failure is the first fact that does not hold.
type Failure struct {
	Level    string      `json:"level"`
	Code     string      `json:"code"`
	Seq      *ledger.Seq `json:"seq,omitempty"`   // of the event where it shows
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

// at returns f for an event.
func (f *Failure) at(seq ledger.Seq) *Failure {
	f.Seq = &seq
	return f
}

func failure(level, code, entry, format string, args ...any) *Failure {
	return &Failure{Level: level, Code: code, Entry: entry, Reason: fmt.Sprintf(format, args...)}
}

// differs is a failure where one thing was expected and another found.
func differs(level, code, entry, what, expected, found string) *Failure {
	return &Failure{Level: level, Code: code, Entry: entry, Expected: expected, Found: found, Reason: what}
}

// A FormatError says that a file is not a pack that can be read, and where.
type FormatError struct{ Failure }

func (e *FormatError) Error() string { return "not a pack: " + e.Failure.Error() }

// A Report is what Verify found. Unless Verified, what it says of job, ledger
// and key is what the pack says, and it is empty where the pack was not read
// that far.
type Report struct {
	Verified   bool        `json:"verified"`
	Profile    Profile     `json:"profile"`
	Format     string      `json:"format,omitempty"` // FormatV1; left out for packs of gait's own format
	PackType   string      `json:"pack_type,omitempty"`
	PackID     string      `json:"pack_id,omitempty"`
	JobID      string      `json:"job_id,omitempty"`
	Origin     string      `json:"origin,omitempty"`
	Size       int64       `json:"size,omitempty"`        // of the checkpoint's tree
	Root       string      `json:"root,omitempty"`        // of that tree, hexadecimal
	From       *ledger.Seq `json:"from,omitempty"`        // of a range pack: its first event
	To         *ledger.Seq `json:"to,omitempty"`          // and its last
	EventCount int64       `json:"event_count,omitempty"` // refusals included
	HeadSeq    ledger.Seq  `json:"head_seq,omitempty"`    // of the job's last event; never 0
	Key        string      `json:"key,omitempty"`         // the ledger's verifier key, the one in force
	Keys       []string    `json:"keys,omitempty"`        // where it was rotated, all it had, oldest first
	KeyID      string      `json:"key_id,omitempty"`      // SHA-256 of its public key bytes
	TrustedBy  string      `json:"trusted_by,omitempty"`  // where the caller has that key from
	Policy     string      `json:"policy,omitempty"`      // where the caller has the policy from
	Cosigned   []Cosigned  `json:"cosigned,omitempty"`    // by witnesses of the policy, verified
	Levels     []Level     `json:"levels"`
	Failure    *Failure    `json:"failure,omitempty"`
	Checkpoint string      `json:"checkpoint,omitempty"` // the signed note, once its key is trusted
	Evidence   []string    `json:"evidence,omitempty"`   // two signed notes that cannot both hold
	Notice     string      `json:"notice,omitempty"`     // what a pack of this format cannot show
}

// LedgerKeys returns all verifier keys that the ledger had, oldest first.
func (r Report) LedgerKeys() []string {
	if r.Keys != nil {
		return r.Keys
	}
	return []string{r.Key}
}

// Level returns what the report says about a level.
func (r Report) Level(name string) Level {
	for _, l := range r.Levels {
		if l.Name == name {
			return l
		}
	}
	panic("packspec: no level " + name)
}
