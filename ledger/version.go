package ledger

import "slices"

// EventSchemaVersion is the newest format version that this package knows.
const EventSchemaVersion = "1.6.0"

// versions are the format versions that this package knows, oldest first. A
// version is closed once it is on the main branch: from then on no type or field may be
// added with it as its since.
var versions = []string{"1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0", "1.6.0"}

// older reports whether version a is older than version b. An unknown version is
// older than all others.
func older(a, b string) bool { return slices.Index(versions, a) < slices.Index(versions, b) }

// A scope says what the events of a type are about.
type scope int

const (
	aboutJob scope = iota
	aboutLedger
)

// An eventType is what the format says of a type from one version on.
type eventType struct {
	name  Type
	since string
	scope scope
	shape shape
}

// eventTypes is the format: a row for each type, and for each shape that a type
// got later. The rows of one type stand oldest first, have one scope, and differ
// in the Go type of the payload, so that a payload has one row. A row is never
// changed once its version is closed. A field that came later is marked with its
// version in the function that walks its payload (see coder.since).
var eventTypes = []eventType{
	{TypeLedgerCreated, "1.0.0", aboutLedger, of((*LedgerCreated).walk)},
	{TypeSubmitted, "1.0.0", aboutJob, of((*Submitted).walk)},
	{TypeCheckpointAdded, "1.0.0", aboutJob, of((*CheckpointAdded).walk)},
	{TypePaused, "1.0.0", aboutJob, of((*Paused).walk)},
	{TypeApproved, "1.0.0", aboutJob, of((*Approved).walk)},
	{TypeDenied, "1.0.0", aboutJob, of((*Denied).walk)},
	{TypeResumed, "1.0.0", aboutJob, of((*Resumed).walk)},
	{TypeCancelled, "1.0.0", aboutJob, of(func(p *Cancelled, c *coder) { walkReason(c, &p.Reason) })},
	{TypeStopped, "1.0.0", aboutJob, of(func(p *Stopped, c *coder) { walkReason(c, &p.Reason) })},
	{TypeRefused, "1.0.0", aboutJob, of((*Refused).walk)},
	{TypeKeyRotated, "1.1.0", aboutLedger, of((*KeyRotated).walk)},
	{TypeImported, "1.1.0", aboutJob, of((*Imported).walk)},
	{TypeIndexCommitted, "1.2.0", aboutLedger, of(func(p *IndexCommitted, c *coder) { c.hash("index", &p.Index, required) })},
	{TypeLedgerMoved, "1.3.0", aboutLedger, of((*LedgerMoved).walk)},
	{TypeContinued, "1.3.0", aboutJob, of((*Continued).walk)},
	{TypeActorEnrolled, "1.4.0", aboutLedger, of((*ActorEnrolled).walk)},
	{TypeActorRevoked, "1.4.0", aboutLedger, of((*ActorRevoked).walk)},
	{TypeAuthoritySet, "1.4.0", aboutLedger, of((*AuthoritySet).walk)},
	{TypeContentErased, "1.4.0", aboutJob, of((*ContentErased).walk)},
	{TypeGateDecided, "1.5.0", aboutJob, of((*GateDecided).walk)},
	{TypeDispatchBlocked, "1.5.0", aboutJob, of((*DispatchBlocked).walk)},
	{TypeEffectSettled, "1.5.0", aboutJob, of((*EffectSettled).walk)},
	{TypeLeased, "1.6.0", aboutJob, of((*Leased).walk)},
	{TypeLeaseRenewed, "1.6.0", aboutJob, of((*LeaseRenewed).walk)},
	{TypeLeaseReleased, "1.6.0", aboutJob, of((*LeaseReleased).walk)},
	{TypeAttemptEnded, "1.6.0", aboutJob, of((*AttemptEnded).walk)},
}

// Types returns the event types of the format, oldest first.
func Types() []Type {
	var types []Type
	for _, row := range eventTypes {
		if !slices.Contains(types, row.name) {
			types = append(types, row.name)
		}
	}
	return types
}

// Versions returns the format versions that this package knows, oldest first.
func Versions() []string { return slices.Clone(versions) }

// A shape says how a payload is walked.
type shape struct {
	walk  func(c *coder, p Payload) Payload // writes p, or reads and returns one
	takes func(p Payload) bool
}

func of[T Payload](walk func(*T, *coder)) shape {
	return shape{
		walk: func(c *coder, p Payload) Payload {
			var v T
			if c.writing {
				given, ok := p.(T)
				if !ok {
					c.fail("payload", "a payload is given by value, not as %T", p)
					return nil
				}
				v = given
			}
			walk(&v, c)
			return v
		},
		takes: func(p Payload) bool { _, ok := p.(T); return ok },
	}
}

// rowOf returns the newest row of type t that keep reports true for, or the first
// row of the type if there is none. It returns nil for an unknown type.
func rowOf(t Type, keep func(*eventType) bool) *eventType {
	var found *eventType
	for _, row := range rowsByType[t] {
		if found == nil || keep(row) {
			found = row
		}
	}
	return found
}

// rowsByType is eventTypes by name.
var rowsByType = byType(eventTypes)

func byType(rows []eventType) map[Type][]*eventType {
	found := map[Type][]*eventType{}
	for i := range rows {
		found[rows[i].name] = append(found[rows[i].name], &rows[i])
	}
	return found
}

// rowToWrite returns the row of a payload.
func rowToWrite(p Payload) *eventType {
	return rowOf(payloadType(p), func(row *eventType) bool { return row.shape.takes(p) })
}

// rowToRead returns the row that type t has in a version.
func rowToRead(t Type, version string) *eventType {
	return rowOf(t, func(row *eventType) bool { return !older(version, row.since) })
}

// OfLedger reports whether events of type t are about the ledger itself and so
// belong to no job.
func (t Type) OfLedger() bool {
	row := rowOf(t, func(*eventType) bool { return false })
	return row != nil && row.scope == aboutLedger
}

// since walks optional fields that version added to the format. An event that
// has one of them is of that version, or of a later one; in an event of an older
// version they are unknown fields.
func (c *coder) since(version string, walk func()) {
	if !c.writing && older(c.version, version) {
		return
	}
	before := c.at()
	walk()
	if c.at() != before {
		c.use(version)
	}
}

// at returns where the coder is in what it writes or reads.
func (c *coder) at() int { return c.pos + len(c.buf) }

// use records that the event needs a version: for its type, for a field that is
// present, or for one of the values of a field.
func (c *coder) use(version string) {
	if older(c.used, version) {
		c.used = version
	}
}
