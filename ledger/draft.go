package ledger

import (
	"time"

	"github.com/oklog/ulid/v2"
)

// A Draft is the content of an event that is not sealed yet. Seal makes it an event.
type Draft struct {
	Seq    Seq
	ID     string    // a ULID
	Origin string    // of the ledger
	Time   time.Time // UTC, whole milliseconds, never before the event before
	Clock  time.Time // the raw reading of a clock that had stepped back, or zero
	Actor  string    // who asked for it: a claim
	Prev   Hash      // leaf hash of the event before in the ledger; zero for event 0

	// The job fields; all empty in events about the ledger itself.
	JobID    string
	JobSeq   int64 // counts all events of the job, from 1
	JobPrev  Hash  // leaf hash of the event before in the job; zero for its first
	Revision int64 // the job's revision after the event

	Lease int64  // optional: the epoch of the lease under which the writer acts, or says so
	Trace string // optional: a traceparent (W3C Trace Context) that the writer gave

	RequestID     string // optional: the caller's idempotency key
	RequestDigest Hash   // SHA-256 of the canonical command; present if RequestID is

	Payload Payload

	// Authority is the leaf hash of the newest authority event before this one; zero if
	// there is none.
	Authority Hash

	// Command is the exact text that actors signed, and CommandSigs are the signatures,
	// ascending. Package authority says how the event follows from the command. Events of
	// versions up to 1.3.0 may have both in another form, which has no meaning.
	Command     []byte
	CommandSigs []CommandSig
}

// Type returns the payload's type, or "" if there is no payload.
func (d Draft) Type() Type { return payloadType(d.Payload) }

func payloadType(p Payload) Type {
	if p == nil {
		return ""
	}
	return p.Type()
}

// walk visits the fields of an event in key order.
func walk(c *coder, d *Draft, t Type) {
	c.object("event", func() {
		c.text("actor", &d.Actor, required, nameRule)
		c.since("1.4.0", func() { c.hash("authority", &d.Authority, optional) })
		c.time("clock", &d.Clock, optional)
		c.command(d)
		c.time("created_at", &d.Time, required)
		c.parts.time = uint16(c.at() - timeSize - 1)
		c.text("event_id", &d.ID, required, textRule{max: ulid.EncodedSize})
		job := c.jobFields(d)
		c.since("1.6.0", func() { walkPositive(c, "lease", &d.Lease) })
		c.text("origin", &d.Origin, required, originRule)
		c.payload(d, t)
		c.hash("prev", &d.Prev, need(d.Seq > 0))
		c.hash("request_digest", &d.RequestDigest, optional)
		c.text("request_id", &d.RequestID, optional, requestIDRule)
		if job {
			c.int("revision", &d.Revision, 1)
		}
		c.constant("schema_id", EventSchemaID)
		walkVersion(c, d)
		c.int("seq", (*int64)(&d.Seq), 0)
		c.since("1.6.0", func() { c.text("trace", &d.Trace, optional, traceRule) })
		c.constant("type", string(t))
	})
	if c.err == nil && !c.writing && c.version != c.used {
		c.fail("schema_version", "%.40q, and the newest version that the event uses is %q", c.version, c.used)
	}
	if c.err == nil {
		checkDraft(c, d)
	}
}

// jobFields walks the job's fields and reports whether there are any.
func (c *coder) jobFields(d *Draft) bool {
	c.text("job_id", &d.JobID, optional, jobIDRule)
	if d.JobID == "" {
		return false
	}
	c.hash("job_prev", &d.JobPrev, optional)
	c.int("job_seq", &d.JobSeq, 1)
	return true
}

func (c *coder) payload(d *Draft, t Type) {
	row := rowToRead(t, c.version)
	if c.writing {
		row = rowToWrite(d.Payload)
	}
	if row == nil {
		c.fail("type", "%.40q is not an event type", string(t))
		return
	}
	c.use(row.since)
	c.scope = row.scope
	if c.key("payload", true) {
		c.parts.payload = uint16(c.at())
		c.object("payload", func() { d.Payload = row.shape.walk(c, d.Payload) })
		c.parts.payloadEnd = uint16(c.at())
		return
	}
	c.missing("payload", required)
}

// constant walks a string that can only be value, which needs no escape.
func (c *coder) constant(name, value string) {
	if !c.key(name, true) {
		c.missing(name, required)
		return
	}
	if c.writing {
		c.buf = appendString(c.buf, value)
		return
	}
	if raw, _ := c.readRaw(name); c.err == nil && raw != value {
		c.fail(name, "%.40q is not %q", raw, value)
	}
}

// walkVersion walks the newest version that the event uses. Fields that come later can be
// of a newer version than those before: a writer counts these already, and a reader takes
// what the event says, and compares at the end.
func walkVersion(c *coder, d *Draft) {
	if c.writing && d.Trace != "" {
		c.use("1.6.0")
	}
	version := c.version
	if c.writing {
		version = c.used
	}
	c.constant("schema_version", version)
}

// isULID reports whether the characters of s are those of a ULID. If the first is
// above 7, they are too many for 128 bits.
var isULID = chars("01234567", "89ABCDEFGHJKMNPQRSTVWXYZ")

// checkDraft checks the rules that join several fields.
func checkDraft(c *coder, d *Draft) {
	switch {
	case len(d.ID) != ulid.EncodedSize || !isULID(d.ID):
		c.fail("event_id", "%.40q is not a ULID", d.ID)
	case (d.Seq == 0) != d.Prev.IsZero():
		c.fail("prev", "event 0 has none, every other one has it")
	case c.scope == aboutLedger && d.Type() == TypeIndexCommitted && d.Actor != ActorGait:
		c.fail("actor", "%s is written by %s", TypeIndexCommitted, ActorGait)
	case (c.scope == aboutLedger) != (d.JobID == ""):
		c.fail("job_id", "job events have it, events about the ledger do not")
	case d.JobID == "" && (d.JobSeq != 0 || d.Revision != 0 || !d.JobPrev.IsZero()):
		c.fail("job_id", "missing where there are other job fields")
	case d.Lease != 0 && d.JobSeq <= 1:
		c.fail("lease", "only an event of a job that began before has one")
	case (d.JobSeq > 1) == d.JobPrev.IsZero():
		c.fail("job_prev", "a job's first event has none, every other one has it")
	case (d.RequestID == "") != d.RequestDigest.IsZero():
		c.fail("request_digest", "goes with request_id")
	case !d.Clock.IsZero() && !d.Clock.Before(d.Time):
		c.fail("clock", "only a reading before created_at is recorded")
	}
	checkCommand(c, d)
}
