package gate

import (
	"time"

	"gait/ledger"
	"gait/projection"
)

// An Input is what a decision is made on. It has values alone.
type Input struct {
	Policy    *Policy // of the bytes that are kept under the digest that the job is bound to; nil: see PolicyErr
	PolicyErr error
	Given     ledger.Hash // digest of the policy that the worker named; zero: none

	Intent    Intent // zero: see IntentErr
	IntentErr error
	Digest    ledger.Hash // of the intent, as content of the job
	Tool      string
	CallID    string // "": none

	Job    *projection.Job // nil: there is none
	Basis  projection.Basis
	Actor  string
	Keys   []ledger.Hash // that signed, verified; none: the actor is a claim
	Denied string        // authority's code if it does not admit an event of the actor; ""
	Call   projection.Call
	Facts  ledger.GateFacts // EnvironmentFingerprint and NotDoneExit

	principal *principal // of a test case, in the place of what authority says
	rebound   bool       // of a replay: the job is taken as bound to the policy
	asAsked   bool       // of a test case: what is cleared was approved under the policy's terms
}

// A principal is what a policy sees of an actor.
type principal struct {
	proven bool
	roles  []ledger.Role
}

// A Decision is what the gate answers, and why. The zero Decision is a block: it allows
// nothing, and asks for nothing.
type Decision struct {
	Verdict      ledger.GateVerdict
	ReasonCode   string
	Detail       string // the reason in words
	DeterminedBy []string
	Engine       string // "" if no policy was asked
	Facts        ledger.GateFacts

	RequiredAction string // of a require_approval, as the next three
	Approvers      []string
	ExpiresAt      time.Time
	Quorum         int64

	Clearance ledger.Hash // of an allow that uses an approval up: leaf hash of the resume

	Settled *projection.Call // of a block already_done
	Grants  []string         // of a block effects_unsettled: what has to be settled
	Amended ledger.Content   // of a block intent_amended: the intent that was approved
}

// Allows reports whether the tool may run now.
func (d Decision) Allows() bool { return d.Verdict == ledger.GateAllow }

// block returns a block.
func block(code, detail string) Decision {
	return Decision{Verdict: ledger.GateBlock, ReasonCode: code, Detail: detail}
}

// decided reports whether a check has ended the decision.
func (d Decision) decided() bool { return d.ReasonCode != "" }
