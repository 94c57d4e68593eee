package packspec

import (
	"gait/ledger"
	"gait/packspec/finding"
)

// A Cosignature says that a witness of the policy cosigned the checkpoint, and when.
type Cosignature struct {
	Witness string `json:"witness"` // its name
	Key     string `json:"public_key"`
	Time    string `json:"time"`
}

// A Report is what Verify found. Unless Verified is true, what it says about job,
// ledger and key is only what the pack says; fields that were not read are empty.
type Report struct {
	Verified   bool             `json:"verified"`
	Profile    Profile          `json:"profile"`
	Format     string           `json:"format,omitempty"` // FormatV1; left out for packs of gait's own format
	PackType   string           `json:"pack_type,omitempty"`
	PackID     string           `json:"pack_id,omitempty"`
	JobID      string           `json:"job_id,omitempty"`
	Origin     string           `json:"origin,omitempty"`
	Size       int64            `json:"size,omitempty"`        // of the checkpoint's tree
	Root       string           `json:"root,omitempty"`        // of that tree, hexadecimal
	From       *ledger.Seq      `json:"from,omitempty"`        // of a range pack: its first event
	To         *ledger.Seq      `json:"to,omitempty"`          // and its last
	EventCount int64            `json:"event_count,omitempty"` // refusals included
	HeadSeq    ledger.Seq       `json:"head_seq,omitempty"`    // of the job's last event; never 0
	Commitment *ledger.Seq      `json:"commitment,omitempty"`  // the event that commits to the index; the job is shown as of it
	Key        string           `json:"key,omitempty"`         // the ledger's verifier key, the one in force
	Keys       []string         `json:"keys,omitempty"`        // all keys it had, oldest first, if it was rotated
	KeyID      string           `json:"key_id,omitempty"`      // SHA-256 of its public key bytes
	TrustedBy  string           `json:"trusted_by,omitempty"`  // the source that the caller named for that key
	Policy     string           `json:"policy,omitempty"`      // the source that the caller named for the policy
	Cosigned   []Cosignature    `json:"cosigned,omitempty"`    // by witnesses of the policy, verified
	Levels     []finding.Level  `json:"levels"`
	Failure    *finding.Failure `json:"failure,omitempty"`
	Checkpoint string           `json:"checkpoint,omitempty"` // the signed note, once its key is trusted
	Evidence   []string         `json:"evidence,omitempty"`   // two signed notes that cannot both hold
	Kept       string           `json:"kept,omitempty"`       // where the caller keeps the evidence of a fork
	Notice     string           `json:"notice,omitempty"`     // what a pack of this format cannot show

	// PastEnd says of the failure job_forked that the caller has seen the job go on in another
	// ledger behind an earlier event than the pack has.
	PastEnd bool `json:"-"`

	Continued *ContinuedFrom `json:"continued,omitempty"` // where the job was before, if another ledger held it

	Authority *Authority `json:"authority,omitempty"` // of a ledger with authority

	Shown Shown        `json:"-"`
	Ends  []ledger.End `json:"-"` // of all of the ledger's keys but the one in force
}

// A ContinuedFrom says in which ledger a job was before, and how that is shown.
type ContinuedFrom struct {
	Origin    string `json:"origin"`
	Size      int64  `json:"tree_size"` // of the signed tree in which the job's last event there is proved
	Root      string `json:"root"`
	Leaf      string `json:"leaf_hash"`            // of that event
	JobSeq    int64  `json:"job_seq"`              // of that event
	Revision  int64  `json:"revision"`             // of the job there
	Key       string `json:"key,omitempty"`        // that signed the tree, if the caller trusts it
	TrustedBy string `json:"trusted_by,omitempty"` // the source that the caller named for that key
}

// LedgerKeys returns all verifier keys that the ledger has had, oldest first.
func (r Report) LedgerKeys() []string {
	if r.Keys != nil {
		return r.Keys
	}
	return []string{r.Key}
}

// Level returns the result of a level. It panics if the report has no such level.
func (r Report) Level(name string) finding.Level {
	for _, l := range r.Levels {
		if l.Name == name {
			return l
		}
	}
	panic("packspec: no level " + name)
}
