package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
	"time"
	"unsafe"
)

// EventSchemaID is the schema_id of every event.
const EventSchemaID = "gait.ledger.event"

// A Seq is an event's place in its ledger: its leaf index in the tree, from 0.
type Seq int64

// An Event is one fact, written once. Seal and Decode make events; both keep
// the exact bytes, which Bytes returns and which every hash and signature covers.
// No field of an event can be set. What its methods return by reference, such as
// a payload's slices, belongs to the event: the caller must not change it.
//
// The methods of the zero Event return zero values. Two events are the same
// if their Bytes are. They cannot be compared with ==.
type Event struct {
	_    [0]func() // no ==: it would compare pointers
	kept *sealedEvent
}

// A sealedEvent is what an Event points to.
type sealedEvent struct {
	draft Draft
	raw   []byte
	leaf  Hash

	version uint8 // the newest version that the event uses: 1 + its place in versions; 0: none
	parts   parts
}

// parts says where parts of an event stand in its bytes, which are MaxEventSize at most.
type parts struct{ time, payload, payloadEnd uint16 }

// noEvent is what the zero Event points to.
var noEvent sealedEvent

func (e Event) sealed() *sealedEvent {
	if e.kept == nil {
		return &noEvent
	}
	return e.kept
}

// Bytes returns the event's exact bytes, without a newline.
func (e Event) Bytes() []byte { return e.sealed().raw }

// LeafHash returns the RFC 6962 leaf hash of the event's bytes.
func (e Event) LeafHash() Hash { return e.sealed().leaf }

// Draft returns a draft with the event's content. It shares with the event what
// Payload, Command and CommandSigs hold by reference.
func (e Event) Draft() Draft { return e.sealed().draft }

// Type returns the payload's type, or "" if there is no payload.
func (e Event) Type() Type { return payloadType(e.sealed().draft.Payload) }

// Version returns the event's schema_version: the newest format version that it
// uses, for its type or for one of its fields.
func (e Event) Version() string {
	if n := e.sealed().version; n > 0 {
		return versions[n-1]
	}
	return ""
}

// Seq returns the event's place in its ledger.
func (e Event) Seq() Seq { return e.sealed().draft.Seq }

// ID returns the event's ULID.
func (e Event) ID() string { return e.sealed().draft.ID }

// Origin returns the ledger's origin.
func (e Event) Origin() string { return e.sealed().draft.Origin }

// Time returns when the event was written.
func (e Event) Time() time.Time { return e.sealed().draft.Time }

// TimeText returns the time as FormatTime spells it, without an allocation: it is a part
// of the event's bytes. It returns "" for the zero Event.
func (e Event) TimeText() string {
	s := e.sealed()
	if s.raw == nil {
		return ""
	}
	return textIn(s.raw[s.parts.time:][:timeSize])
}

// Clock returns the raw reading of a clock that had stepped back, or zero.
func (e Event) Clock() time.Time { return e.sealed().draft.Clock }

// Reading returns what the clock read when the event was written: Clock, or else Time.
func (e Event) Reading() time.Time {
	if clock := e.Clock(); !clock.IsZero() {
		return clock
	}
	return e.Time()
}

// Actor returns who asked for the event: a claim.
func (e Event) Actor() string { return e.sealed().draft.Actor }

// Prev returns the leaf hash of the ledger's event before this one, zero for event 0.
func (e Event) Prev() Hash { return e.sealed().draft.Prev }

// JobID returns the job's id, or "" for an event about the ledger itself.
func (e Event) JobID() string { return e.sealed().draft.JobID }

// JobSeq returns the event's place in its job, from 1.
func (e Event) JobSeq() int64 { return e.sealed().draft.JobSeq }

// JobPrev returns the leaf hash of the job's event before this one, zero for its first.
func (e Event) JobPrev() Hash { return e.sealed().draft.JobPrev }

// Revision returns the job's revision after the event.
func (e Event) Revision() int64 { return e.sealed().draft.Revision }

// RequestID returns the caller's idempotency key, or "".
func (e Event) RequestID() string { return e.sealed().draft.RequestID }

// RequestDigest returns the SHA-256 of the canonical command, or zero if there
// is no request id.
func (e Event) RequestDigest() Hash { return e.sealed().draft.RequestDigest }

// Payload returns the event's payload, or nil for the zero Event.
func (e Event) Payload() Payload { return e.sealed().draft.Payload }

// PayloadBytes returns the payload's canonical JSON object, as EncodePayload returns it:
// the part of Bytes that it is. It returns nil for the zero Event.
func (e Event) PayloadBytes() []byte {
	s := e.sealed()
	return s.raw[s.parts.payload:s.parts.payloadEnd:s.parts.payloadEnd]
}

// Lease returns the epoch of the lease that the writer held or said it held, or 0.
func (e Event) Lease() int64 { return e.sealed().draft.Lease }

// Trace returns the traceparent (W3C Trace Context) that the writer gave, or "".
func (e Event) Trace() string { return e.sealed().draft.Trace }

// Authority returns the leaf hash of the newest authority event before this one, or zero
// if there is none.
func (e Event) Authority() Hash { return e.sealed().draft.Authority }

// Command returns the text that actors signed, or nil if the event is a claim.
func (e Event) Command() []byte { return e.sealed().draft.Command }

// CommandSigs returns the signatures over the command.
func (e Event) CommandSigs() []CommandSig { return e.sealed().draft.CommandSigs }

// Seal checks d against the format, encodes it, and returns the event. After
// that the caller must not change what d holds by reference. Seal fails with a
// *FieldError, or with ErrMalformed if the event is larger than MaxEventSize.
func Seal(d Draft) (Event, error) {
	c := newCoder(coder{writing: true, buf: make([]byte, 0, 640)})
	defer c.free()
	walk(c, &d, payloadType(d.Payload))
	err := c.err
	if err == nil && len(c.buf) > MaxEventSize {
		err = fmt.Errorf("%w: an event of %d bytes, at most %d", ErrMalformed, len(c.buf), MaxEventSize)
	}
	if err != nil {
		return Event{}, fmt.Errorf("sealing event %d: %w", d.Seq, err)
	}
	return c.sealed(d, c.buf), nil
}

// Decode reads an event from its exact bytes, which it keeps: the caller must
// not change them afterwards. It takes only what Seal writes. Errors wrap
// ErrMalformed, or ErrUnsupportedVersion if the bytes name another version.
//
// It need not encode the event again to know that: the coder reads, byte by
// byte, the one spelling that it writes. Keys stand in one order, each once;
// between tokens there is nothing; a string is escaped only if it must be;
// numbers, hashes, times and base64 have one form each; empty fields are left
// out, and an empty value is an error. TestDecodeTakesOneSpelling and FuzzDecode
// check that.
func Decode(b []byte) (Event, error) {
	if len(b) > MaxEventSize {
		return Event{}, fmt.Errorf("%w: an event of %d bytes, at most %d", ErrMalformed, len(b), MaxEventSize)
	}
	in := textIn(b)
	c := newCoder(coder{in: in, plain: strings.IndexByte(in, '\\') < 0})
	defer c.free()
	t, at := textOf(c.in, `,"type":"`)
	c.version, _ = textOf(c.in[:at], `,"schema_version":"`)
	var d Draft // on the stack: setting a field of it costs no write barrier
	walk(c, &d, Type(t))
	if c.err == nil && c.pos != len(b) {
		c.fail("event", "%d bytes after its end", len(b)-c.pos)
	}
	if c.err != nil {
		if v, other := otherVersion(b); other {
			return Event{}, fmt.Errorf("event written as %s: %w", v, ErrUnsupportedVersion)
		}
		return Event{}, fmt.Errorf("decoding an event: %w", c.err)
	}
	return c.sealed(d, b), nil
}

// Interpret decodes an event as Decode does, for a caller that relies on what the event
// says. It fails as Event.CheckMeaning does, too.
func Interpret(b []byte) (Event, error) {
	e, err := Decode(b)
	if err == nil {
		err = e.CheckMeaning()
	}
	return e, err
}

// CheckMeaning fails with ErrUnsupportedVersion if an event holds a command in the form of
// the versions up to 1.3.0: none says what such an event means.
func (e Event) CheckMeaning() error {
	if e.sealed().draft.oldCommand() {
		return fmt.Errorf("event %d holds a command in a form without a meaning: %w", e.Seq(), ErrUnsupportedVersion)
	}
	return nil
}

// sealed returns the event that c has walked.
func (c *coder) sealed(d Draft, raw []byte) Event {
	return Event{kept: &sealedEvent{
		draft: d, raw: raw, leaf: LeafHash(raw), version: uint8(1 + slices.Index(versions, c.used)),
		parts: c.parts,
	}}
}

// textIn returns b as a string that shares its memory. An event keeps its bytes and
// they never change, so the texts in its fields can be parts of them.
func textIn(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// textOf finds the text of a field of an encoded event, given with the comma and
// the quotes around its key, and where the field begins. The field stands after
// the payload, and no string can hold these bytes. So textOf finds the field, or
// the event is malformed and the walk fails.
func textOf(event, field string) (text string, at int) {
	for at = len(event); ; {
		if at = strings.LastIndexByte(event[:at], ','); at < 0 {
			return "", 0
		}
		if rest, found := strings.CutPrefix(event[at:], field); found {
			if end := strings.IndexByte(rest, '"'); end >= 0 {
				rest = rest[:end]
			}
			return rest, at
		}
	}
}

var versionPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$`)

// otherVersion reports whether b names, in any JSON spelling, another version of
// the event format, and returns it.
func otherVersion(b []byte) (string, bool) {
	var probe struct {
		ID      string `json:"schema_id"`
		Version string `json:"schema_version"`
	}
	if json.Unmarshal(b, &probe) != nil || probe.ID != EventSchemaID || !versionPattern.MatchString(probe.Version) {
		return "", false
	}
	return probe.Version, !slices.Contains(versions, probe.Version)
}

// EncodePayload returns p's canonical JSON object, as it stands in an event.
func EncodePayload(p Payload) ([]byte, error) { return AppendPayload(nil, p) }

// AppendPayload appends to b what EncodePayload returns.
func AppendPayload(b []byte, p Payload) ([]byte, error) {
	row := rowToWrite(p)
	if row == nil {
		panic("ledger: no shape for payload type " + string(p.Type()))
	}
	c := coder{writing: true, buf: b}
	c.object("payload", func() { row.shape.walk(&c, p) })
	if _, ofField := errors.AsType[*FieldError](c.err); ofField {
		return nil, c.err // says itself what is wrong
	}
	if c.err != nil {
		return nil, fmt.Errorf("encoding a payload: %w", c.err)
	}
	return c.buf, nil
}

// DecodePayload reads what EncodePayload writes for a type in the newest
// version. It takes nothing else. Errors wrap ErrMalformed.
func DecodePayload(t Type, b []byte) (Payload, error) {
	newest := versions[len(versions)-1]
	row := rowToRead(t, newest)
	if row == nil {
		return nil, fmt.Errorf("decoding a payload: %w: %.40q is not an event type", ErrMalformed, string(t))
	}
	if len(b) > MaxEventSize {
		return nil, fmt.Errorf("decoding a payload: %w: %d bytes, at most %d", ErrMalformed, len(b), MaxEventSize)
	}
	c := coder{in: string(b), version: newest}
	var p Payload
	c.object("payload", func() { p = row.shape.walk(&c, nil) })
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
// over more than once unless the function that returns it says otherwise. An
// error comes in the last pair, with a zero event.
type Events = iter.Seq2[Event, error]
