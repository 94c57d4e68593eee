package projection

import (
	"errors"

	"gait/ledger"
	"gait/ledger/jcs"
)

// A cachedJob is a Job as it is kept outside of memory: with the version of the folds
// and the leaf hash of the event after which it was made. The walk methods below
// describe the members of its types, as their tags for encoding/json do.
type cachedJob struct {
	Job     Job         `json:"job"`
	Leaf    ledger.Hash `json:"leaf"`
	Version int64       `json:"version"`

	texts bool // with the texts of the job's decisions
}

func (c *cachedJob) walk(w *jcs.Walker) {
	w.Begin()
	w.Member("job", true, jcs.Always)
	c.Job.walk(w, c.texts)
	w.Hash("leaf", (*[32]byte)(&c.Leaf), jcs.Always)
	w.Int("version", &c.Version, jcs.Always)
	w.End()
}

func (j *Job) walk(w *jcs.Walker, texts bool) {
	ask := func(a *Ask, w *jcs.Walker) { a.walk(w, texts) }
	w.Begin()
	jcs.List(w, "after", &j.After, jcs.TextValue[string])
	w.Int("allow_count", &j.Allows, jcs.UnlessZero)
	w.Int("approval_count", &j.Approvals, jcs.Always)
	w.Int("attempt_count", &j.Attempts, jcs.UnlessZero)
	w.Int("block_count", &j.Blocks, jcs.UnlessZero)
	w.Int("checkpoint_count", &j.Checkpoints, jcs.Always)
	jcs.List(w, "cleared", &j.Cleared, func(c *Cleared, w *jcs.Walker) { c.walk(w, texts) })
	w.Hash("content_key", (*[32]byte)(&j.ContentKey), jcs.UnlessZero)
	jcs.Pointer(w, "continued", &j.Continued, (*Continued).walk)
	jcs.Text(w, "created_at", &j.Created, jcs.Always)
	jcs.List(w, "decisions", &j.Decisions, ask)
	w.Hash("ended", (*[32]byte)(&j.Ended), jcs.UnlessZero)
	jcs.Text(w, "environment_fingerprint", &j.EnvironmentFingerprint, jcs.Always)
	jcs.List(w, "grants", &j.Grants, (*Grant).walk)
	jcs.Text(w, "identity", &j.Identity, jcs.UnlessZero)
	jcs.Pointer(w, "imported", &j.Imported, (*Import).walk)
	walkContent(w, "input", &j.Input, true)
	jcs.Text(w, "job_id", &j.ID, jcs.Always)
	w.Int("job_seq", &j.JobSeq, jcs.Always)
	jcs.List(w, "labels", &j.Labels, walkLabel)
	jcs.Pointer(w, "last_block", &j.LastBlock, (*LastBlock).walk)
	jcs.Pointer(w, "last_checkpoint", &j.LastCheckpoint, (*Checkpoint).walk)
	jcs.Pointer(w, "last_refusal", &j.LastRefusal, (*LastRefusal).walk)
	jcs.Pointer(w, "lease", &j.Lease, (*Lease).walk)
	jcs.Text(w, "not_before", &j.NotBefore, jcs.UnlessZero)
	jcs.Text(w, "policy_by", &j.PolicyBy, jcs.UnlessZero)
	w.Hash("policy_digest", (*[32]byte)(&j.PolicyDigest), jcs.UnlessZero)
	w.Hash("policy_key", (*[32]byte)(&j.PolicyKey), jcs.UnlessZero)
	jcs.Text(w, "policy_ref", &j.PolicyRef, jcs.UnlessZero)
	jcs.Text(w, "producer_version", &j.ProducerVersion, jcs.Always)
	walkSteps(w, "progress", &j.Steps)
	w.Int("refusal_count", &j.Refusals, jcs.Always)
	w.Int("revision", &j.Revision, jcs.Always)
	w.Flag("signed", &j.Signed, jcs.UnlessZero)
	jcs.Text(w, "status", &j.Status, jcs.Always)
	jcs.Text(w, "status_reason_code", &j.ReasonCode, jcs.Always)
	jcs.Pointer(w, "stop", &j.Stop, ask)
	jcs.Text(w, "stop_reason", &j.StopReason, jcs.Always)
	jcs.Text(w, "submitted_by", &j.SubmittedBy, jcs.Always)
	w.Hash("submitted_key", (*[32]byte)(&j.SubmittedKey), jcs.UnlessZero)
	jcs.Text(w, "updated_at", &j.Updated, jcs.Always)
	w.End()
}

func (a *Ask) walk(w *jcs.Walker, texts bool) {
	w.Begin()
	jcs.Text(w, "actor", &a.Actor, jcs.Always)
	walkContent(w, "amended", &a.Amended, true)
	jcs.List(w, "approvers", &a.Approvers, jcs.TextValue[string])
	w.Hash("asked_key", (*[32]byte)(&a.AskedKey), jcs.UnlessZero)
	jcs.List(w, "askers", &a.Askers, (*Asker).walk)
	jcs.Text(w, "call_id", &a.CallID, jcs.UnlessZero)
	jcs.Text(w, "checkpoint_id", &a.CheckpointID, jcs.UnlessZero)
	w.Flag("claimed", &a.Claimed, jcs.UnlessZero)
	w.Flag("continued", &a.Continued, jcs.UnlessZero)
	jcs.Text(w, "created_at", &a.Created, jcs.Always)
	jcs.Text(w, "expires_at", &a.Expires, jcs.UnlessZero)
	w.Flag("hold", &a.Hold, jcs.UnlessZero)
	w.Int("job_seq", &a.JobSeq, jcs.Always)
	jcs.Text(w, "kind", &a.Kind, jcs.Always)
	w.Int("quorum", &a.Quorum, jcs.UnlessZero)
	jcs.Text(w, "replaces", &a.Replaces, jcs.UnlessZero)
	if texts {
		jcs.Text(w, "required_action", &a.RequiredAction, jcs.UnlessZero)
	}
	walkContent(w, "subject", &a.Subject, texts)
	if texts {
		jcs.Text(w, "summary", &a.Summary, jcs.UnlessZero)
	}
	w.Hash("target", (*[32]byte)(&a.Target), jcs.Always)
	jcs.Text(w, "tool", &a.Tool, jcs.UnlessZero)
	jcs.Text(w, "verdict", &a.Verdict, jcs.UnlessZero)
	jcs.Text(w, "verdict_by", &a.VerdictBy, jcs.UnlessZero)
	w.Hash("verdict_leaf", (*[32]byte)(&a.VerdictLeaf), jcs.Always)
	w.Int("verdict_seq", &a.VerdictSeq, jcs.UnlessZero)
	jcs.List(w, "verdicts", &a.Verdicts, (*Given).walk)
	w.End()
}

// walkContent walks a member that names content, which is left out if it names none.
func walkContent(w *jcs.Walker, name string, c *ledger.Content, texts bool) {
	v := *c
	if !texts {
		v.MediaType, v.Name = "", ""
	}
	if !w.Member(name, v != ledger.Content{}, jcs.UnlessZero) {
		return
	}
	w.Begin()
	w.Hash("digest", (*[32]byte)(&v.Digest), jcs.Always)
	if texts {
		jcs.Text(w, "media_type", &v.MediaType, jcs.UnlessZero)
		jcs.Text(w, "name", &v.Name, jcs.UnlessZero)
	}
	w.Int("size", &v.Size, jcs.Always)
	w.End()
	if v == (ledger.Content{}) {
		w.Fail(errNoContent)
	}
	if !texts {
		v.MediaType, v.Name = c.MediaType, c.Name
	}
	*c = v
}

var errNoContent = errors.New("content that names nothing is not left out")

// walkSteps walks a member that says how far a job has come, which is left out if it says
// nothing.
func walkSteps(w *jcs.Walker, name string, s *ledger.StepCount) {
	if !w.Member(name, *s != ledger.StepCount{}, jcs.UnlessZero) {
		return
	}
	w.Begin()
	w.Int("done", &s.Done, jcs.Always)
	w.Int("total", &s.Total, jcs.Always)
	w.End()
	if *s == (ledger.StepCount{}) {
		w.Fail(errNoSteps)
	}
}

var errNoSteps = errors.New("progress that says nothing is not left out")

func (a *Asker) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "by", &a.By, jcs.Always)
	w.Hash("key", (*[32]byte)(&a.Key), jcs.UnlessZero)
	w.End()
}

func (g *Given) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "by", &g.By, jcs.Always)
	w.Hash("key", (*[32]byte)(&g.Key), jcs.UnlessZero)
	w.Hash("leaf", (*[32]byte)(&g.Leaf), jcs.Always)
	w.Int("seq", &g.Seq, jcs.Always)
	w.End()
}

func (c *Checkpoint) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "actor", &c.Actor, jcs.UnlessZero)
	w.Flag("actor_verified", &c.Verified, jcs.UnlessZero)
	jcs.Text(w, "checkpoint_id", &c.ID, jcs.Always)
	w.Flag("claimed", &c.Claimed, jcs.UnlessZero)
	jcs.Text(w, "created_at", &c.Created, jcs.Always)
	walkSteps(w, "progress", &c.Steps)
	jcs.Text(w, "reason_code", &c.ReasonCode, jcs.Always)
	jcs.Text(w, "required_action", &c.RequiredAction, jcs.UnlessZero)
	jcs.Text(w, "summary", &c.Summary, jcs.Always)
	jcs.Text(w, "type", &c.Type, jcs.Always)
	w.End()
}

func (l *LastRefusal) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "actor", &l.Actor, jcs.Always)
	jcs.Text(w, "command", &l.Command, jcs.Always)
	w.Int("exit", &l.Exit, jcs.Always)
	jcs.Text(w, "reason", &l.Reason, jcs.UnlessZero)
	jcs.Text(w, "refusal", &l.Refusal, jcs.Always)
	jcs.Text(w, "summary", &l.Summary, jcs.UnlessZero)
	w.End()
}

func (i *Import) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "actor", &i.Actor, jcs.Always)
	w.Int("approval_count", &i.Approvals, jcs.Always)
	w.Int("checkpoint_count", &i.Checkpoints, jcs.Always)
	jcs.Text(w, "imported_at", &i.ImportedAt, jcs.Always)
	jcs.Text(w, "pack_id", &i.PackID, jcs.Always)
	jcs.Text(w, "pack_key_id", &i.PackKeyID, jcs.UnlessZero)
	jcs.Text(w, "pack_sha256", &i.PackSHA256, jcs.Always)
	w.Flag("pack_trusted", &i.PackTrusted, jcs.Always)
	w.Int("revision", &i.Revision, jcs.Always)
	jcs.Text(w, "updated_at", &i.UpdatedAt, jcs.Always)
	w.End()
}

func (c *Continued) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "actor", &c.Actor, jcs.Always)
	jcs.Text(w, "continued_at", &c.ContinuedAt, jcs.Always)
	w.Int("decision_count", &c.Decisions, jcs.Always)
	jcs.Text(w, "imported_by", &c.ImportedBy, jcs.UnlessZero)
	w.Int("job_seq", &c.JobSeq, jcs.Always)
	jcs.Text(w, "leaf_hash", &c.Leaf, jcs.Always)
	jcs.Text(w, "origin", &c.Origin, jcs.Always)
	jcs.Text(w, "proof", &c.Proof, jcs.Always)
	w.Int("revision", &c.Revision, jcs.Always)
	w.Int("tree_size", &c.Size, jcs.Always)
	w.Int("unasked", &c.Unasked, jcs.UnlessZero)
	w.End()
}

func walkLabel(l *ledger.Label, w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "key", &l.Key, jcs.Always)
	jcs.Text(w, "value", &l.Value, jcs.Always)
	w.End()
}
