package ledger

import "time"

// Limits of a decision.
const (
	MaxAttachments = 16
	MaxApprovers   = 16
	MaxQuorum      = 16
)

// An Attachment is content that a checkpoint brings with it.
type Attachment struct {
	Content

	Role AttachmentRole `json:"role"`
}

// An AttachmentRole says what an attachment is for.
type AttachmentRole string

// The roles of attachments.
const (
	AttachArtifact AttachmentRole = "artifact" // what the job made
	AttachLog      AttachmentRole = "log"      // what it said
	AttachState    AttachmentRole = "state"    // what it needs to go on
)

// AttachmentRoles lists every role of an attachment.
var AttachmentRoles = []AttachmentRole{AttachArtifact, AttachLog, AttachState}

// ReplacesPause is the Replaces of a decision that takes the place of the pause or hold that
// the job is in, which has no checkpoint id.
const ReplacesPause = "pause"

// A Decision is what a decision-needed checkpoint says of who decides, until when, and
// about what. The zero Decision says nothing.
type Decision struct {
	Approvers []string  // optional, ascending, each once: who may decide, an actor's name or "role:" and a role; empty: anyone who may
	ExpiresAt time.Time // optional: from then on it can neither be decided nor be used up
	Quorum    int64     // 2 to MaxQuorum: how many must approve; 0 stands for one
	Replaces  string    // optional: the checkpoint id of the decision or block that this takes the place of, or ReplacesPause
	Subject   Content   // optional: what is decided about
}

// IsZero reports whether the decision says nothing.
func (d Decision) IsZero() bool {
	return len(d.Approvers) == 0 && d.ExpiresAt.IsZero() && d.Quorum == 0 && d.Replaces == "" && d.Subject == Content{}
}

// ContentErased says that the bytes of a content of the job were deleted. What names the
// content stays as it is.
type ContentErased struct {
	Digest Hash
	Reason string
}

// Type returns TypeContentErased.
func (ContentErased) Type() Type { return TypeContentErased }

func (ContentErased) sealed() {}

func (p *ContentErased) walk(c *coder) {
	c.hash("digest", &p.Digest, required)
	c.text("reason", &p.Reason, required, reasonRule)
}

func (c *coder) attachments(v *[]Attachment) {
	c.list("attachments", len(*v), MaxAttachments, func(i int) {
		*v = grown(c, *v)
		a := &(*v)[i]
		c.object("attachments", func() {
			c.hash("digest", &a.Digest, required)
			c.text("media_type", &a.MediaType, optional, mediaTypeRule)
			c.text("name", &a.Name, optional, fileNameRule)
			role := string(a.Role)
			c.text("role", &role, required, attachmentRule)
			a.Role = AttachmentRole(role)
			c.int("size", &a.Size, 0)
		})
		c.locate("attachment %d", i+1)
	})
}

// optionalContent walks an object that names content, absent if zero.
func (c *coder) optionalContent(name string, v *Content) {
	if c.writing && *v == (Content{}) {
		return
	}
	if c.writing || c.peek(name) {
		c.content(name, v)
	}
}

// quorum walks how many must approve, absent if 0.
func (c *coder) quorum(v *int64) {
	if c.writing && *v == 0 || !c.writing && !c.peek("quorum") {
		return
	}
	c.int("quorum", v, 2)
	if *v > MaxQuorum {
		c.fail("quorum", "%d, at most %d", *v, MaxQuorum)
	}
}

func isReplaced(s string) bool { return s == ReplacesPause || isCheckpointID(s) }

var (
	attachmentRule = textRule{max: 32, form: oneOf(AttachmentRoles), like: OneOf(AttachmentRoles)}
	replacesRule   = textRule{max: checkpointID.max, form: isReplaced, like: "a checkpoint id like cp_0001, or pause"}
)
