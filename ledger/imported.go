package ledger

import (
	"errors"
	"fmt"
	"time"
)

// Imported is the first event of a job that was imported from a pack of PackSpec
// v1: what the pack says of the job. All of it is a claim, except the digest of
// the pack's bytes and the result of checking its signature with the importer's
// keys.
type Imported struct {
	Approvals              []ImportedApproval   // all, in order
	Checkpoints            []ImportedCheckpoint // all, in order: cp_0001, cp_0002, …
	CreatedAt              time.Time            // of the job
	EnvironmentFingerprint string
	Identity               string // optional
	PackID                 Hash   // as the manifest names it
	PackKeyID              Hash   // SHA-256 of the public key that, by its own word, signed the manifest; zero if unsigned
	PackSHA256             Hash   // of the pack's bytes
	PackTrusted            bool   // the signature verifies, under a key that the importer trusts
	PolicyDigest           Hash   // optional
	PolicyRef              string // optional
	ProducerVersion        string // of the program that submitted the job
	Reason                 string // optional: why it was imported
	Revision               int64  // of the job in the pack; in the ledger it begins at 1 again
	Status                 string
	StatusReasonCode       string
	StopReason             string
	StoppedAt              time.Time // when a paused or blocked job was stopped, or zero
	StoppedBy              string    // optional: who stopped it
	UpdatedAt              time.Time // when the job last changed
}

// An ImportedCheckpoint is a job's checkpoint as a pack records it. Its id is its
// place in the list.
type ImportedCheckpoint struct {
	Actor          string // optional
	CheckpointType CheckpointType
	CreatedAt      time.Time
	Open           bool // a decision, asked for since the job last ran
	RequiredAction string
	Summary        string
}

// An ImportedApproval is an approval as a pack records it. A pack does not say
// what was approved.
type ImportedApproval struct {
	Actor     string
	CreatedAt time.Time
	Reason    string
}

// Type returns TypeImported.
func (Imported) Type() Type { return TypeImported }

func (Imported) sealed() {}

// maxImported bounds the lists. An event is full before it has so many.
const maxImported = 1024

func (p *Imported) walk(c *coder) {
	c.list("approvals", len(p.Approvals), maxImported, func(i int) {
		p.Approvals = grown(c, p.Approvals)
		c.object("approvals", func() { p.Approvals[i].walk(c) })
		c.locate("approval %d", i+1)
	})
	c.list("checkpoints", len(p.Checkpoints), maxImported, func(i int) {
		p.Checkpoints = grown(c, p.Checkpoints)
		c.object("checkpoints", func() { p.Checkpoints[i].walk(c) })
		c.locate("checkpoint %s", CheckpointID(int64(i)+1))
	})
	c.time("created_at", &p.CreatedAt, required)
	c.text("environment_fingerprint", &p.EnvironmentFingerprint, required, envRule)
	c.text("identity", &p.Identity, optional, nameRule)
	c.hash("pack_id", &p.PackID, required)
	c.hash("pack_key_id", &p.PackKeyID, need(p.PackTrusted))
	c.hash("pack_sha256", &p.PackSHA256, required)
	c.flag("pack_trusted", &p.PackTrusted)
	c.hash("policy_digest", &p.PolicyDigest, optional)
	c.text("policy_ref", &p.PolicyRef, optional, policyRefRule)
	c.text("producer_version", &p.ProducerVersion, required, producerRule)
	c.text("reason", &p.Reason, optional, reasonRule)
	c.int("revision", &p.Revision, 1)
	c.text("status", &p.Status, required, codeRule)
	c.text("status_reason_code", &p.StatusReasonCode, required, codeRule)
	c.text("stop_reason", &p.StopReason, required, codeRule)
	c.time("stopped_at", &p.StoppedAt, optional)
	c.text("stopped_by", &p.StoppedBy, optional, claimRule)
	c.time("updated_at", &p.UpdatedAt, required)
	if p.PackTrusted && p.PackKeyID.IsZero() {
		c.fail("pack_key_id", "missing: a trusted pack is a signed one")
	}
}

func (a *ImportedApproval) walk(c *coder) {
	c.text("actor", &a.Actor, required, claimRule)
	c.time("created_at", &a.CreatedAt, required)
	c.text("reason", &a.Reason, required, reasonRule)
}

func (p *ImportedCheckpoint) walk(c *coder) {
	c.text("actor", &p.Actor, optional, claimRule)
	c.checkpointType(&p.CheckpointType)
	c.time("created_at", &p.CreatedAt, required)
	c.flag("open", &p.Open)
	c.text("required_action", &p.RequiredAction, need(p.CheckpointType == CheckpointDecisionNeeded), actionRule)
	c.text("summary", &p.Summary, required, summaryRule)
	if p.Open && p.CheckpointType != CheckpointDecisionNeeded {
		c.fail("open", "only a decision is")
	}
}

// grown returns list, when reading with room for one more element.
func grown[T any](c *coder, list []T) []T {
	if c.writing {
		return list
	}
	var next T
	return append(list, next)
}

// locate adds to a field's error which element of a list it is in. The first
// error ends the list.
func (c *coder) locate(format string, args ...any) {
	if e, ok := errors.AsType[*FieldError](c.err); ok {
		c.err = &FieldError{Field: e.Field, Problem: fmt.Sprintf(format, args...) + ": " + e.Problem}
	}
}
