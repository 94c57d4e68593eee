package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// What every event says of itself, and the newest version this package writes.
const (
	EventSchemaID      = "gait.ledger.event"
	EventSchemaVersion = "1.1.0"
)

// A Seq is an event's place in its ledger: its leaf index in the tree, from 0.
type Seq int64

// An Event is one fact, written once. Seal and Decode make events; both keep
// the exact bytes, which Bytes returns and every hash and signature covers.
// Changing a field of a sealed event does not change those bytes.
type Event struct {
	Seq    Seq
	ID     string    // a ULID
	Origin string    // of the ledger
	Time   time.Time // UTC, whole milliseconds, never before the event before
	Clock  time.Time // the raw reading of a clock that had stepped back; else zero
	Actor  string    // who asked for it: a claim
	Prev   Hash      // leaf hash of the event before in the ledger; zero for event 0

	// The job fields; all empty in events about the ledger itself.
	JobID    string
	JobSeq   int64 // counts all events of the job, from 1
	JobPrev  Hash  // leaf hash of the event before in the job; zero for its first
	Revision int64 // the job's revision after the event

	RequestID     string // optional: the caller's idempotency key
	RequestDigest Hash   // SHA-256 of the canonical command; there when RequestID is

	Payload Payload

	// Reserved: the exact bytes an actor signed, and the signatures. Where
	// they are present, actor, job, type, request id and payload must be
	// those derived from Command; version 1.0.0 defines no derivation.
	Command     []byte
	CommandSigs []CommandSig

	raw    []byte
	leaf   Hash
	sealed *Event // as Seal left it; nil where Decode made it
}

// A CommandSig is an actor's Ed25519 signature over a command.
type CommandSig struct {
	KeyID Hash // SHA-256 of the 32 public key bytes
	Sig   []byte
}

// Bytes returns the event's exact bytes, without a newline. The caller must not change them.
func (e Event) Bytes() []byte { return e.raw }

// LeafHash returns the RFC 6962 leaf hash of the event's bytes.
func (e Event) LeafHash() Hash { return e.leaf }

// Type returns the payload's type, or "" when there is none.
func (e Event) Type() Type {
	if e.Payload == nil {
		return ""
	}
	return e.Payload.Type()
}

// Seal checks e against the format, encodes it, and returns it with its bytes
// and leaf hash. It fails with a *FieldError, or ErrMalformed when the event is
// over MaxEventSize.
func Seal(e Event) (Event, error) {
	raw, err := encode(make([]byte, 0, 640), &e)
	if err != nil {
		return Event{}, fmt.Errorf("sealing event %d: %w", e.Seq, err)
	}
	e.raw, e.leaf, e.sealed = raw, LeafHash(raw), nil
	sealed := e
	e.sealed = &sealed
	return e, nil
}

// Sealed returns the event that the bytes of e hold, whatever was done to the
// fields of e since: as Seal left it, or decoded once more. Errors are those of
// Decode. Slices in its payload are shared with e.
func (e Event) Sealed() (Event, error) {
	if e.sealed != nil {
		return *e.sealed, nil
	}
	return Decode(e.raw)
}

// encode writes e to the empty slice buf.
func encode(buf []byte, e *Event) ([]byte, error) {
	c := coder{writing: true, buf: buf}
	walk(&c, e, e.Type())
	if c.err != nil {
		return nil, c.err
	}
	if len(c.buf) > MaxEventSize {
		return nil, fmt.Errorf("%w: an event of %d bytes, at most %d", ErrMalformed, len(c.buf), MaxEventSize)
	}
	return c.buf, nil
}

// Decode reads an event from its exact bytes, which it keeps: the caller must
// not change them afterwards. It takes only what Seal writes. Errors wrap
// ErrMalformed, or ErrUnsupportedVersion where the bytes name another version.
//
// It need not encode the event again to know that: the coder reads, byte by
// byte, the one spelling that it writes. Keys stand in one order, each once;
// between tokens there is nothing; a string is escaped only where it must be;
// numbers, hashes, times and base64 have one form each; what is empty is left
// out, and an empty value is an error. TestDecodeTakesOneSpelling and
// FuzzDecode hold it to that.
func Decode(b []byte) (Event, error) {
	if len(b) > MaxEventSize {
		return Event{}, fmt.Errorf("%w: an event of %d bytes, at most %d", ErrMalformed, len(b), MaxEventSize)
	}
	c := coder{in: string(b)}
	var e Event
	walk(&c, &e, typeOf(c.in))
	if c.err == nil && c.pos != len(b) {
		c.fail("event", "%d bytes after its end", len(b)-c.pos)
	}
	if c.err != nil {
		if v, other := otherVersion(b); other {
			return Event{}, fmt.Errorf("event written as %s: %w", v, ErrUnsupportedVersion)
		}
		return Event{}, fmt.Errorf("decoding an event: %w", c.err)
	}
	e.raw, e.leaf = b, LeafHash(b)
	return e, nil
}

// typeOf finds the type of an encoded event. It is the last field, and no
// string can hold the bytes looked for, so what it finds is the field or the
// walk will fail.
func typeOf(s string) Type {
	const field = `,"type":"`
	i := strings.LastIndex(s, field)
	if i < 0 {
		return ""
	}
	name, _, _ := strings.Cut(s[i+len(field):], `"`)
	return Type(name)
}

var versionPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$`)

// otherVersion reports whether b says, in any JSON spelling, that it is an
// event of another format version, and which.
func otherVersion(b []byte) (string, bool) {
	var probe struct {
		ID      string `json:"schema_id"`
		Version string `json:"schema_version"`
	}
	if json.Unmarshal(b, &probe) != nil || probe.ID != EventSchemaID || !versionPattern.MatchString(probe.Version) {
		return "", false
	}
	return probe.Version, probe.Version != firstVersion && probe.Version != EventSchemaVersion
}

// walk visits the fields of an event in key order.
func walk(c *coder, e *Event, t Type) {
	c.object("event", func() {
		c.text("actor", &e.Actor, required, nameRule)
		c.time("clock", &e.Clock, optional)
		c.bytes("command", &e.Command, optional, 1, 32<<10)
		c.list("command_sigs", len(e.CommandSigs), 16, func(i int) { walkSig(c, e, i) })
		c.time("created_at", &e.Time, required)
		c.text("event_id", &e.ID, required, textRule{max: ulid.EncodedSize})
		job := c.jobFields(e)
		c.text("origin", &e.Origin, required, originRule)
		c.payload(e, t)
		c.hash("prev", &e.Prev, need(e.Seq > 0))
		c.hash("request_digest", &e.RequestDigest, optional)
		c.text("request_id", &e.RequestID, optional, requestIDRule)
		if job {
			c.int("revision", &e.Revision, 1)
		}
		c.constant("schema_id", EventSchemaID)
		c.constant("schema_version", t.Version())
		c.int("seq", (*int64)(&e.Seq), 0)
		c.constant("type", string(t))
	})
	if c.err == nil {
		checkEvent(c, e)
	}
}

// jobFields walks the job's fields and reports whether there are any.
func (c *coder) jobFields(e *Event) bool {
	c.text("job_id", &e.JobID, optional, jobIDRule)
	if e.JobID == "" {
		return false
	}
	c.hash("job_prev", &e.JobPrev, optional)
	c.int("job_seq", &e.JobSeq, 1)
	return true
}

func (c *coder) payload(e *Event, t Type) {
	shape, known := shapes[t]
	if !known {
		c.fail("type", "%.40q is not an event type", string(t))
		return
	}
	if c.key("payload", true) {
		c.object("payload", func() { e.Payload = shape(c, e.Payload) })
		return
	}
	c.missing("payload", required)
}

// constant is a string that can only be value, which needs no escape.
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

func walkSig(c *coder, e *Event, i int) {
	if !c.writing {
		e.CommandSigs = append(e.CommandSigs, CommandSig{})
	}
	s := &e.CommandSigs[i]
	c.object("command_sigs", func() {
		c.hash("key_id", &s.KeyID, required)
		c.bytes("sig", &s.Sig, required, 64, 64)
	})
	if i > 0 && bytes.Compare(e.CommandSigs[i-1].KeyID[:], s.KeyID[:]) >= 0 {
		c.fail("command_sigs", "not sorted by key_id, each key once")
	}
}

// isULID takes the characters of a ULID, of which there are too many for 128
// bits where the first is above 7.
var isULID = chars("01234567", "89ABCDEFGHJKMNPQRSTVWXYZ")

// checkEvent holds the rules that join several fields.
func checkEvent(c *coder, e *Event) {
	switch {
	case len(e.ID) != ulid.EncodedSize || !isULID(e.ID):
		c.fail("event_id", "%.40q is not a ULID", e.ID)
	case (e.Seq == 0) != e.Prev.IsZero():
		c.fail("prev", "event 0 has none, every other one has it")
	case e.Type().OfLedger() != (e.JobID == ""):
		c.fail("job_id", "job events have it, events about the ledger do not")
	case e.JobID == "" && (e.JobSeq != 0 || e.Revision != 0 || !e.JobPrev.IsZero()):
		c.fail("job_id", "missing where there are other job fields")
	case (e.JobSeq > 1) == e.JobPrev.IsZero():
		c.fail("job_prev", "a job's first event has none, every other one has it")
	case (e.RequestID == "") != e.RequestDigest.IsZero():
		c.fail("request_digest", "goes with request_id")
	case !e.Clock.IsZero() && !e.Clock.Before(e.Time):
		c.fail("clock", "only a reading before created_at is recorded")
	case len(e.CommandSigs) > 0 && len(e.Command) == 0:
		c.fail("command_sigs", "goes with command")
	}
}

// EncodePayload returns p's canonical JSON object, as it stands in an event.
func EncodePayload(p Payload) ([]byte, error) { return AppendPayload(nil, p) }

// AppendPayload appends what EncodePayload returns.
func AppendPayload(b []byte, p Payload) ([]byte, error) {
	shape, known := shapes[p.Type()]
	if !known {
		panic("ledger: no shape for payload type " + string(p.Type()))
	}
	c := coder{writing: true, buf: b}
	c.object("payload", func() { shape(&c, p) })
	if c.err != nil {
		return nil, fmt.Errorf("encoding a payload: %w", c.err)
	}
	return c.buf, nil
}

// DecodePayload reads what EncodePayload writes for a type. It takes nothing
// else. Errors wrap ErrMalformed.
func DecodePayload(t Type, b []byte) (Payload, error) {
	shape, known := shapes[t]
	if !known {
		return nil, fmt.Errorf("decoding a payload: %w: %.40q is not an event type", ErrMalformed, string(t))
	}
	if len(b) > MaxEventSize {
		return nil, fmt.Errorf("decoding a payload: %w: %d bytes, at most %d", ErrMalformed, len(b), MaxEventSize)
	}
	c := coder{in: string(b)}
	var p Payload
	c.object("payload", func() { p = shape(&c, nil) })
	if c.err == nil && c.pos != len(b) {
		c.fail("payload", "%d bytes after its end", len(b)-c.pos)
	}
	if c.err != nil {
		return nil, fmt.Errorf("decoding a payload: %w", c.err)
	}
	again, err := EncodePayload(p)
	if err != nil || !bytes.Equal(again, b) {
		return nil, fmt.Errorf("decoding a payload: %w: not in canonical form", ErrMalformed)
	}
	return p, nil
}

// Events are events in order, however they are stored. A sequence may be ranged
// over more than once unless its maker says otherwise. An error comes in the
// last pair, with a zero event.
type Events = iter.Seq2[Event, error]
