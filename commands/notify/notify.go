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
// of the ledger, which gait ledger info shows as a verifier key and gait serve, when it starts,
// as whpk_ and base64 of its 32 bytes (PublicKey): a receiver takes it from there, and not from a
// message. A receiver verifies in Python, with the package cryptography:
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
// time, up to 5 minutes, or when the target says; until then no later one is sent. The cursor is
// kept after each message. A target that has none begins with the next event.
package notify

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gait/ledger"
	"gait/projection"
	"gait/projection/cloudevents"
)

// The waits between attempts.
const (
	firstWait = time.Second
	maxWait   = 5 * time.Minute
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

// A Notifier delivers messages to one target. All fields are required.
type Notifier struct {
	Log    Log
	Signer ledger.Signer
	Target Target
	Cursor Cursor
	Now    func() time.Time

	// Failed is told of each attempt that failed, and when the next one is made.
	Failed func(seq ledger.Seq, err error, next time.Duration)
}

// Run delivers until ctx ends, which is no error, or the log or the cursor fails.
func (n *Notifier) Run(ctx context.Context) error {
	err := n.run(ctx)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func (n *Notifier) run(ctx context.Context) error {
	next, err := n.begin()
	if err != nil {
		return err
	}
	for {
		changed := n.Log.Changed()
		if next, err = n.deliverFrom(ctx, next); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin returns the first event to tell of. A cursor that is ahead belongs to a state of the
// ledger that is gone.
func (n *Notifier) begin() (ledger.Seq, error) {
	size := ledger.Seq(n.Log.Head().Size)
	next, ok, err := n.Cursor.Load()
	if err == nil && (!ok || next > size) {
		next = size
		err = n.Cursor.Save(next)
	}
	return next, err
}

// deliverFrom delivers what there is from an event on, and returns the first one that is not there yet.
func (n *Notifier) deliverFrom(ctx context.Context, next ledger.Seq) (ledger.Seq, error) {
	from := next
	if int64(next) >= n.Log.Head().Size {
		return next, nil
	}
	for e, err := range n.Log.Events(ctx, next) {
		if err != nil {
			return from, err
		}
		if Wants(e) {
			if err := n.deliver(ctx, e); err != nil {
				return from, err
			}
			if err := n.Cursor.Save(e.Seq() + 1); err != nil {
				return from, err
			}
		}
		next = e.Seq() + 1
	}
	return next, nil
}

// deliver delivers one message, however long it takes.
func (n *Notifier) deliver(ctx context.Context, e ledger.Event) error {
	for wait := firstWait; ; wait = min(2*wait, maxWait) {
		m, err := New(e, n.Signer, n.Now())
		if err != nil {
			return err
		}
		if err = n.Target.Deliver(ctx, m); err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		if later, ok := errors.AsType[*LaterError](err); ok {
			wait = min(max(wait, later.After), time.Hour)
		}
		n.Failed(e.Seq(), err, wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
