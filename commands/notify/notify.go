// Package notify tells others of decisions and stops: it delivers the events that people wait
// for to a target, such as a webhook, in the order of the ledger, each until the target takes
// it. It does no I/O itself: the caller brings the log, the target and the cursor.
//
// # What is told
//
// A message is told of each event that asks for a decision, gives a verdict, or keeps a job
// from running: checkpoints of the types decision-needed, blocked, completed and failed, pauses,
// approvals, denials, emergency stops, cancellations, and answers of the gate that ask for an
// approval (Wants).
//
// # A message
//
// The body is the event as a CloudEvent in the JSON event format (package cloudevents). It is
// signed by the ledger's key, as Standard Webhooks 1.0.0 says for ed25519. A webhook gets
//
//	POST /… HTTP/1.1
//	Content-Type: application/cloudevents+json
//	webhook-id: msg_5e4c3f6d…                 msg_ and the event's leaf hash
//	webhook-timestamp: 1795379578             when it is sent, in seconds since 1970
//	webhook-signature: v1a,base64 of 64 bytes
//
// The signature is over the id, a dot, the timestamp, a dot, and the body. The public key is that
// of the ledger, which gait ledger info --json shows as webhook_key, and gait serve when it starts
// unless it is quiet: whpk_ and base64 of its 32 bytes (PublicKey). A receiver takes it from there, and not
// from a message. A receiver verifies in Python, with the package cryptography:
//
//	key = Ed25519PublicKey.from_public_bytes(base64.b64decode(whpk.removeprefix("whpk_")))
//	signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
//	key.verify(base64.b64decode(headers["webhook-signature"].removeprefix("v1a,")), signed)
//	assert abs(time.time() - int(headers["webhook-timestamp"])) < 300
//
// What the key signs elsewhere, checkpoints of the ledger above all, never begins with msg_.
//
// # How often
//
// At least once: if a target took a message, and the cursor could not be kept, it is sent again, with the
// same id. A message that is not taken is tried again after 1 s, then after twice as long each
// time, up to 5 minutes, or when the target says; until then no later one is sent, but for
// emergency stops: they go ahead of what is not taken, or takes long, and are told once. So the order is
// that of the ledger otherwise, and the seq in the body says it always.
//
// A message that the target refuses for good (RefusedError) is tried six times, within about 31 s, and
// then set aside: it is not sent again, and the later ones are. Only the message is: what it
// is about is in the ledger, and gait export cloudevents has it. A target that answers one message
// with a redirect or a status of 5xx for ever holds the later ones, but no emergency stop.
//
// The cursor is kept after each message. While it cannot be kept, messages are sent all the same, and it is
// tried again. A target that has none begins with the next event.
package notify

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gait/ledger"
	"gait/projection"
	"gait/projection/cloudevents"
)

// A Log is what is followed.
type Log interface {
	Head() ledger.Head
	Events(ctx context.Context, from ledger.Seq) ledger.Events
	Changed() <-chan struct{}
}

// A Message tells a target of one event.
type Message struct {
	ID        string // of the event: the same in each attempt
	Timestamp string // of the attempt: seconds since 1970
	Signature string // v1a, a comma and base64
	Body      []byte // a CloudEvent
}

// A Target takes messages. What fails is tried again.
type Target interface {
	Deliver(context.Context, Message) error
}

// A Cursor keeps where a target is: Load returns the first event that it may not know of, or
// false if none was kept, and Save is durable.
type Cursor interface {
	Load() (next ledger.Seq, ok bool, err error)
	Save(next ledger.Seq) error
}

// A LaterError says that a target wants a message again, and not before a time has passed.
type LaterError struct {
	After time.Duration
	Err   error
}

func (e *LaterError) Error() string { return e.Err.Error() }

// Unwrap returns what the target said.
func (e *LaterError) Unwrap() error { return e.Err }

// A RefusedError says that a target refuses a message for good: to send it again changes nothing.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns what the target said.
func (e *RefusedError) Unwrap() error { return e.Err }

// Wants reports whether a target is told of an event.
func Wants(e ledger.Event) bool {
	switch p := e.Payload().(type) {
	case ledger.Approved:
		return true
	case ledger.CheckpointAdded:
		return p.CheckpointType == ledger.CheckpointDecisionNeeded || projection.MeaningOf(e).Stops
	case ledger.GateDecided:
		return p.Verdict == ledger.GateRequireApproval
	default:
		return projection.MeaningOf(e).Stops
	}
}

// PublicKey spells a ledger's key as Standard Webhooks does.
func PublicKey(k ledger.VerifierKey) string {
	parts := strings.SplitN(k.String(), "+", 3) // name, id, and base64 of the type and the key
	typed, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(typed) < 2 {
		return "" // the zero key
	}
	return "whpk_" + base64.StdEncoding.EncodeToString(typed[1:])
}

// New returns the message about an event, signed at a time.
func New(e ledger.Event, by ledger.Signer, at time.Time) (Message, error) {
	m := Message{ID: "msg_" + cloudevents.ID(e), Timestamp: strconv.FormatInt(at.Unix(), 10), Body: cloudevents.Append(nil, e)}
	sig, err := by.Sign(append([]byte(m.ID+"."+m.Timestamp+"."), m.Body...))
	if err != nil {
		return Message{}, fmt.Errorf("signing the message about event %d: %w", e.Seq(), err)
	}
	m.Signature = "v1a," + base64.StdEncoding.EncodeToString(sig)
	return m, nil
}
