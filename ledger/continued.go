package ledger

import "time"

// A Content names bytes that are kept beside a ledger, and shown with it. The digest is
// the SHA-256 of the bytes. As JSON it is spelled as events spell it.
type Content struct {
	Digest    Hash   `json:"digest"`
	MediaType string `json:"media_type,omitempty"`
	Name      string `json:"name,omitempty"` // of a file
	Size      int64  `json:"size"`           // in bytes
}

// Continued is the first event of a job that another ledger held before, which was
// retired: the state of the job after its last event there. Proof names the content
// that shows that this event stood in the other ledger, and was the job's.
//
// The job's checkpoints, verdicts and refusals stay there; here they are counted. The
// decisions that were open are asked for again, by the next Decisions events of the
// job, and verdicts are given again.
type Continued struct {
	Origin string // of the other ledger
	Size   int64  // of its signed tree in which the job's last event is proved
	Root   Hash   // of that tree

	Leaf     Hash  // leaf hash of the job's last event there
	JobSeq   int64 // of that event; in this ledger it begins at 1 again
	Revision int64 // of the job there; in this ledger it begins at 1 again

	Status           string
	StatusReasonCode string
	StopReason       string
	Hold             bool   // the job's pause or block keeps it from resuming until another actor approves it
	StoppedBy        string // optional: who asked for that pause or block
	ImportedBy       string // optional: who imported what waits for a verdict, and so may not approve it
	Decisions        int64  // how many decisions are asked for again

	CreatedAt              time.Time // of the job
	SubmittedBy            string    // optional: who submitted or imported it
	ProducerVersion        string
	EnvironmentFingerprint string
	Identity               string  // optional
	Labels                 []Label // by key, each key once
	PolicyDigest           Hash    // optional
	PolicyRef              string  // optional

	Checkpoints int64 // how many the job had; the next one here is numbered after them
	Approvals   int64
	Refusals    int64

	Proof Content

	Epoch     int64    // of the job's newest lease there; 0: it had none. The next one here follows it
	Attempts  int64    // how many attempts of its workers have ended
	After     []string // optional, as the two that follow: as in a submitted
	NotBefore time.Time
	Input     Content
}

// Type returns TypeContinued.
func (Continued) Type() Type { return TypeContinued }

func (Continued) sealed() {}

func (p *Continued) walk(c *coder) {
	c.since("1.6.0", func() { ascending(c, "after", &p.After, MaxAfter, jobIDRule) })
	c.int("approval_count", &p.Approvals, 0)
	c.since("1.6.0", func() { walkPositive(c, "attempt_count", &p.Attempts) })
	c.int("checkpoint_count", &p.Checkpoints, 0)
	c.time("created_at", &p.CreatedAt, required)
	c.int("decision_count", &p.Decisions, 0)
	c.text("environment_fingerprint", &p.EnvironmentFingerprint, required, envRule)
	c.since("1.6.0", func() { walkPositive(c, "epoch", &p.Epoch) })
	c.flag("hold", &p.Hold)
	c.text("identity", &p.Identity, optional, nameRule)
	c.text("imported_by", &p.ImportedBy, optional, nameRule)
	c.since("1.6.0", func() { c.optionalContent("input", &p.Input) })
	c.int("job_seq", &p.JobSeq, 1)
	c.pairs("labels", &p.Labels, labelRules)
	c.hash("leaf", &p.Leaf, required)
	c.since("1.6.0", func() { c.time("not_before", &p.NotBefore, optional) })
	c.text("origin", &p.Origin, required, originRule)
	c.hash("policy_digest", &p.PolicyDigest, optional)
	c.text("policy_ref", &p.PolicyRef, optional, policyRefRule)
	c.text("producer_version", &p.ProducerVersion, required, producerRule)
	c.content("proof", &p.Proof)
	c.int("refusal_count", &p.Refusals, 0)
	c.int("revision", &p.Revision, 1)
	c.hash("root", &p.Root, required)
	c.int("size", &p.Size, 1)
	c.text("status", &p.Status, required, codeRule)
	c.text("status_reason_code", &p.StatusReasonCode, required, codeRule)
	c.text("stop_reason", &p.StopReason, required, codeRule)
	c.text("stopped_by", &p.StoppedBy, optional, claimRule)
	c.text("submitted_by", &p.SubmittedBy, optional, nameRule)
	if p.Decisions > MaxOpenDecisions {
		c.fail("decision_count", "%d decisions, at most %d", p.Decisions, MaxOpenDecisions)
	}
}

// Contents returns the contents that an event names, of which each is kept beside the
// ledger under its digest: plain content and content of the event's job.
func Contents(e Event) []Content {
	if r := InheritedRequests(e); r != nil {
		return []Content{{Digest: r.Digest, Size: r.Size()}}
	}
	if p, ok := e.Payload().(Continued); ok {
		return append([]Content{p.Proof}, JobContents(p)...)
	}
	return JobContents(e.Payload())
}

// JobContents returns the content of the job that a payload names: it is kept with a salt
// before its bytes, see Content in the package's doc.
func JobContents(p Payload) (named []Content) {
	switch p := p.(type) {
	case CheckpointAdded:
		named = contentsOf(p.Subject)
		for _, a := range p.Attachments {
			named = append(named, a.Content)
		}
	case Submitted:
		named = contentsOf(p.Input)
	case Continued:
		named = contentsOf(p.Input)
	case AttemptEnded:
		named = contentsOf(p.Log)
	case Approved:
		named = contentsOf(p.Amended)
	case GateDecided:
		named = contentsOf(p.Intent)
	case EffectSettled:
		named = contentsOf(p.Result)
	default: // all others name none
	}
	return named
}

// NamesJobContent reports whether a payload names content of its job, if only by its digest,
// as a dispatch_blocked does: then the job has a content key.
func NamesJobContent(p Payload) bool {
	blocked, ok := p.(DispatchBlocked)
	return ok && !blocked.Intent.IsZero() || len(JobContents(p)) > 0
}

// content walks an object that names content. It is never absent.
func (c *coder) content(name string, v *Content) {
	if !c.key(name, true) {
		c.missing(name, required)
		return
	}
	c.object(name, func() {
		c.hash("digest", &v.Digest, required)
		c.text("media_type", &v.MediaType, optional, mediaTypeRule)
		c.text("name", &v.Name, optional, fileNameRule)
		c.int("size", &v.Size, 0)
	})
}
