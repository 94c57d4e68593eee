package daemon

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/jcs"
	"gait/projection"
)

// A GateQuestion is what a worker asks the gate, with the intent itself.
type GateQuestion struct {
	JobID, Actor, Tool string
	Intent             []byte // JSON, in any spelling
	CallID             string // optional, as the next ones
	RequestID          string
	Lease              int64       // the epoch of the lease that the worker holds
	Trace              string      // a traceparent (W3C Trace Context)
	Policy             ledger.Hash // the one that the job is believed to be bound to
	Facts              commands.GateFacts
	AcceptClock        bool

	// Once names a call without a CallID after its intent: it is made once in the life of the job.
	Once bool
}

// Named returns the question with the CallID that Once stands for. What is no intent gives none,
// and is blocked.
func (ask GateQuestion) Named() GateQuestion {
	if ask.CallID == "" {
		on := gateQuestion{Once: ask.Once}
		ask.CallID = on.named(ask.Intent).CallID
	}
	ask.Once = false
	return ask
}

// ErrOtherAnswer says that a daemon's answer is not about what was asked.
var ErrOtherAnswer = ledger.NewError("the daemon's answer is not about what was asked", ledger.Fault{Code: "not_verified", Category: ledger.CategoryVerification})

// wire returns the question but for the intent.
func (ask GateQuestion) wire() gateQuestion {
	return gateQuestion{
		JobID: ask.JobID, Actor: ask.Actor, Tool: ask.Tool, CallID: ask.CallID, RequestID: ask.RequestID,
		Lease: ask.Lease, Trace: ask.Trace, Policy: ask.Policy, Facts: ask.Facts, AcceptClock: ask.AcceptClock,
	}
}

// Request returns the request that the question stands for, with the content that the intent is
// kept as or, if there is none, with the problem that says why.
func (ask GateQuestion) Request(intent ledger.Content, problem string) commands.Request {
	return ask.wire().request(intent, problem)
}

// Check fails as the Check of the request does. It does not look at the intent.
func (ask GateQuestion) Check() error {
	return ask.Request(ledger.Content{}, gate.CodeIntentUnreadable).Check()
}

// A GateReply is what a daemon answered to a GateQuestion.
type GateReply struct {
	Request commands.Request // that the question stands for: it names the intent by its digest
	Result  commands.Result  // as Do returns it
	Proof   ledger.Proof     // of an allow: that its event is in the ledger. Zero if there is none
}

// Gate asks the gate, in one request. Errors are those of Do. The caller verifies the receipt and
// the proof: until then nothing is allowed.
func (c *Client) Gate(ctx context.Context, ask GateQuestion) (reply GateReply, err error) {
	ask = ask.Named()
	kept, media, problem := IntentBytes(ask.Intent)
	on := ask.wire()
	on.TimeoutMS, on.Proof = c.Timeout.Milliseconds(), true
	reply.Request = on.request(ledger.Content{}, problem)
	b, err := on.encode(ask.Intent)
	if err != nil {
		return reply, err
	}
	ctx, cancel := c.limit(ctx)
	defer cancel()
	a := gateAnswer{wireError: new(wireError), GateAnswer: new(commands.GateAnswer)}
	err = c.ask(ctx, http.MethodPost, gatePath, b, &a)
	result, err := a.answer().outcome(reply.Request, err)
	if err != nil {
		return reply, err
	}
	if problem == "" {
		salted, err := a.intent(kept)
		if err != nil {
			return reply, err
		}
		reply.Request = on.request(named(salted, media), "")
	}
	if a.Proof != "" {
		if reply.Proof, err = ledger.ParseProof([]byte(a.Proof)); err != nil {
			return reply, fmt.Errorf("reading the daemon's answer: %w", err)
		}
	}
	reply.Result = result
	return reply, nil
}

// encode writes the question with the intent.
func (ask gateQuestion) encode(intent []byte) ([]byte, error) {
	rest, err := jcs.Marshal(ask)
	if err != nil {
		return nil, err
	}
	if !json.Valid(intent) {
		return nil, malformed(errors.New("the intent is not JSON"))
	}
	return bytes.Join([][]byte{[]byte(`{"intent":`), intent, []byte(","), rest[1:]}, nil), nil
}

// answer returns the answer as one to a command.
func (a gateAnswer) answer() answer {
	return answer{wireError: a.wireError, Event: a.Event, Receipt: a.Receipt, Replayed: a.Repeated, Gate: a.GateAnswer}
}

// intent returns the content that the daemon says it has kept of an intent, made from the
// intent that was sent.
func (a gateAnswer) intent(kept []byte) (s content.Salted, err error) {
	salt, err := hex.DecodeString(a.Salt)
	if err != nil || len(salt) != content.SaltSize {
		return s, fmt.Errorf("%w: a salt of %d bytes", ErrOtherAnswer, len(salt))
	}
	copy(s.Salt[:], salt)
	s.Entry, err = content.DigestSalted(bytes.NewReader(kept), s.Salt)
	return s, err
}

// unrepeated returns what an error of the gate stands for that is no event: an allow that is
// not given again. It is nil for every other error.
func unrepeated(said *Error, a *commands.GateAnswer) *commands.UnrepeatedError {
	if a == nil || !a.Repeated || a.Grant == "" || a.ReasonCode != said.Kind.Code || a.Verdict != ledger.GateBlock {
		return nil
	}
	no := &commands.UnrepeatedError{
		Code: a.ReasonCode, Reason: a.Detail, Unsettled: a.Unsettled, Call: projection.Call{Outcome: a.Outcome},
		Allowed: ledger.GateDecided{Grant: a.Grant, CallID: a.CallID, Tool: a.Tool, PolicyDigest: a.PolicyDigest, DeterminedBy: a.DeterminedBy, Engine: a.Engine},
	}
	if a.Intent != nil {
		no.Allowed.Intent = *a.Intent
	}
	if a.Result != nil {
		no.Call.Result = *a.Result
	}
	return no
}
