package projection

import (
	"encoding/base64"

	"gait/ledger"
)

// A Progress is what views show of an ask: who decides, about what and until when, and how
// many have approved. It is empty if the ask says none of that and one approval is enough.
type Progress struct {
	Amended   *ledger.Content `json:"amended,omitempty"`    // what an approver put in the subject's place
	Approvals []GivenView     `json:"approvals,omitempty"`  // those that count, oldest first
	Approvers []string        `json:"approvers,omitempty"`  // who may decide: names, or "role:" and a role
	Expired   bool            `json:"expired,omitempty"`    // only a decision that takes its place can be approved
	ExpiresAt string          `json:"expires_at,omitempty"` // from then on it is expired
	Needed    int64           `json:"needed,omitempty"`     // how many must approve; left out of what was recorded
	Quorum    int64           `json:"quorum,omitempty"`     // how many must approve, as was asked
	Replaces  string          `json:"replaces,omitempty"`   // what it took the place of: a checkpoint id, or pause
	Subject   *ledger.Content `json:"subject,omitempty"`    // what is decided about
}

// A GivenView is an approval that counts.
type GivenView struct {
	Actor string `json:"actor"`
	Key   string `json:"key,omitempty"` // that signed it, as ssh-keygen -l shows it; "": a claim
}

// AskedByClaim is what views say of who asked, if that is not signed.
const AskedByClaim = "claimed"

// progress returns what views show of the ask.
func (d Judgement) progress(b Basis) Progress {
	p := Progress{
		Approvers: d.Approvers, ExpiresAt: d.Expires, Quorum: d.Quorum, Replaces: d.Replaces, Expired: d.Outcome == OutcomeExpired,
		Subject: contentView(d.Subject), Amended: contentView(d.Amended),
	}
	if !b.IsZero() && (b.Authority != nil || d.Needed > 1) {
		p.Needed = d.Needed
	}
	for _, g := range d.Counts {
		p.Approvals = append(p.Approvals, GivenView{Actor: g.By, Key: fingerprint(g.Key)})
	}
	return p
}

// shown returns the verdict that views show of an ask that is not approved.
func (d Judgement) shown() Verdict {
	if d.Outcome == OutcomeDenied {
		return Denied
	}
	return Undecided
}

// askedBy returns AskedByClaim if a claim asked, in a ledger with authority.
func (d Judgement) askedBy(b Basis) string {
	if b.Authority == nil || !d.AskedKey.IsZero() {
		return ""
	}
	return AskedByClaim
}

func contentView(c ledger.Content) *ledger.Content {
	if c == (ledger.Content{}) {
		return nil
	}
	return &c
}

// fingerprint spells the hash of a key as ssh-keygen -l does; "" if it is zero.
func fingerprint(key ledger.Hash) string {
	if key.IsZero() {
		return ""
	}
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(key[:])
}
