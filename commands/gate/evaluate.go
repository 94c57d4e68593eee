package gate

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// Engine is the name and version of the policy engine, as events record them.
const Engine = "cedar-go/1.9.0"

// Evaluate decides whether a tool may do what an intent says. It is total: whatever the
// input, the answer is allow, require_approval or block, and a block has the reason. Evaluate
// is also the one way out: what no check below has permitted for certain is a block.
func Evaluate(in Input) Decision {
	d := block(CodeInternal, "the gate could not decide")
	err := guard(func() error {
		d = decide(&in)
		return nil
	})
	switch {
	case err != nil:
		d = block(CodeDiagnostic, "the policy could not be evaluated: "+err.Error())
		d.Engine = Engine
	case !d.decided(), !slices.Contains(ledger.GateVerdicts, d.Verdict):
		d = block(CodeInternal, "the gate came to no decision")
	case d.Verdict != ledger.GateBlock && unsafe(&in, d):
		d = block(CodeInternal, "the gate contradicts itself")
	}
	d.Facts.EnvironmentFingerprint, d.Facts.NotDoneExit = in.Facts.EnvironmentFingerprint, in.Facts.NotDoneExit
	return d
}

// unsafe reports whether an allow or a require_approval is not what an input can lead to. It
// repeats in one place what decide has checked in many.
func unsafe(in *Input, d Decision) bool {
	return in.Job == nil || in.Job.Status != projection.Running || in.Policy == nil || in.Intent.IsZero() ||
		in.IntentErr != nil || in.PolicyErr != nil || in.Denied != "" || in.Job.PolicyDigest.IsZero() ||
		in.Policy.digest != in.Job.PolicyDigest || in.Digest.IsZero() || len(d.DeterminedBy) == 0 ||
		grantsOf(in.Job, true) > 0 || len(in.Job.Grants) >= ledger.MaxOpenGrants
}

// decide goes through the checks, in the order in which a reader wants to hear of them.
func decide(in *Input) Decision {
	for _, check := range []func(*Input) Decision{checkJob, checkActor, checkStatus, checkIntent, checkCall, checkGrants, checkPolicy, checkAmended} {
		if d := check(in); d.decided() {
			return d
		}
	}
	return authorize(in)
}

func checkJob(in *Input) Decision {
	switch {
	case in.Job == nil || in.Job.Status == "":
		return block(CodeJobNotFound, "there is no such job")
	case in.Basis.Reading.IsZero():
		return block(CodeInternal, "the time is not known")
	case in.Facts.NotDoneExit < 0 || in.Facts.NotDoneExit > 255:
		return block(CodeInternal, fmt.Sprintf("%d is no exit code", in.Facts.NotDoneExit))
	}
	return Decision{}
}

func checkActor(in *Input) Decision {
	switch {
	case in.Denied != "":
		return block(in.Denied, fmt.Sprintf("authority does not admit what %s asks: %s", in.Actor, in.Denied))
	case in.Actor == "":
		return block(CodeInternal, "there is no actor")
	}
	return Decision{}
}

func checkStatus(in *Input) Decision {
	switch j := in.Job; {
	case j.Status == projection.EmergencyStopped:
		return block(CodeEmergencyStopped, fmt.Sprintf("job %s had an emergency stop", j.ID))
	case j.Status != projection.Running:
		return block(CodeNotRunning, fmt.Sprintf("job %s is %s", j.ID, j.Status))
	}
	return Decision{}
}

func checkIntent(in *Input) Decision {
	switch {
	case in.IntentErr != nil:
		return blockFor(in.IntentErr, CodeIntentUnreadable)
	case in.Intent.IsZero():
		return block(CodeIntentUnreadable, "there is no intent")
	case in.Digest.IsZero():
		return block(CodeIntentUnreadable, "the intent is not kept")
	case in.Tool != in.Intent.tool:
		return block(CodeIntentTool, fmt.Sprintf("the intent is for tool %q, not %q", in.Intent.tool, in.Tool))
	}
	return Decision{}
}

// blockFor returns the block of an error: with its own code, if it is an *Error.
func blockFor(err error, code string) Decision {
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" {
		code = e.Code
	}
	return block(code, err.Error())
}

// checkCall blocks a call that is open, done, or may have been, and one that stands for another
// intent, whatever became of that.
func checkCall(in *Input) Decision {
	c := in.Call
	switch {
	case in.CallID == "":
		return Decision{}
	case !c.Known:
		return block(CodeInternal, "what is known of the call was not read")
	case c.Leaf.IsZero():
		return Decision{}
	case c.Before:
		return block(CodeCallBefore, fmt.Sprintf("a ledger before this one knew call %s", in.CallID))
	case !in.Job.StandsFor(in.CallID, c, in.Digest, in.Basis):
		return block(CodeCallReused, fmt.Sprintf("call %s stands for another intent", in.CallID))
	case c.Outcome == ledger.EffectDone:
		d := block(CodeAlreadyDone, fmt.Sprintf("call %s was done", in.CallID))
		d.Settled = &c
		return d
	case c.Outcome == ledger.EffectNotDone, c.Verdict == ledger.GateRequireApproval:
		return Decision{}
	}
	return unsettled(in, []string{c.Grant}) // open, unknown, or nothing that is known
}

func checkGrants(in *Input) Decision {
	var same, unknown []string
	for _, g := range in.Job.Grants {
		if g.Unknown {
			unknown = append(unknown, g.ID)
		}
		if in.CallID == "" && g.Intent.Digest == in.Digest || in.CallID != "" && g.CallID == in.CallID {
			same = append(same, g.ID)
		}
	}
	switch {
	case len(same) > 0:
		return unsettled(in, same)
	case len(unknown) > 0:
		return unsettled(in, unknown)
	case len(in.Job.Grants) >= ledger.MaxOpenGrants:
		return block(CodeTooManyGrants, fmt.Sprintf("job %s has %d grants that are not settled", in.Job.ID, len(in.Job.Grants)))
	}
	return Decision{}
}

func unsettled(in *Input, grants []string) Decision {
	d := block(CodeEffectsUnsettled, fmt.Sprintf("what became of what was allowed before is not known: job %s, grant %s", in.Job.ID, strings.Join(grants, ", ")))
	d.Grants = grants
	return d
}

func checkPolicy(in *Input) Decision {
	j := in.Job
	switch {
	case j.PolicyDigest.IsZero():
		return block(CodePolicyMissing, fmt.Sprintf("job %s is bound to no policy", j.ID))
	case !in.Given.IsZero() && in.Given != j.PolicyDigest:
		return block(CodePolicyMismatch, fmt.Sprintf("policy %s is not the one that job %s is bound to, %s", in.Given, j.ID, j.PolicyDigest))
	case !in.rebound && !j.BindingCounts(in.Basis):
		return block(CodePolicyUnbound, fmt.Sprintf("no operator in force has bound job %s to policy %s", j.ID, j.PolicyDigest))
	case in.PolicyErr != nil:
		return blockFor(in.PolicyErr, CodePolicyUnreadable)
	case in.Policy == nil:
		return block(CodePolicyUnreadable, fmt.Sprintf("policy %s is not kept", j.PolicyDigest))
	case in.Policy.digest != j.PolicyDigest:
		return block(CodePolicyUnreadable, fmt.Sprintf("what is kept as policy %s is another one, %s", j.PolicyDigest, in.Policy.digest))
	}
	return Decision{}
}

// checkAmended blocks an intent that an approver put another one in the place of.
func checkAmended(in *Input) Decision {
	amended, is := in.Job.AmendedOf(in.Digest, in.Basis)
	if _, cleared := in.Job.ClearedFor(in.Digest, in.Basis); cleared || !is {
		return Decision{}
	}
	d := block(CodeIntentAmended, fmt.Sprintf("another intent was approved in its place: %s", amended.Digest))
	d.Amended = amended
	return d
}
