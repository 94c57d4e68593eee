package commands_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

// There is no way to an allow but an event of the gate that says so, with its receipt.
func TestAnswersAreBlocks(t *testing.T) {
	g := newGateBench(t)
	allow, err := g.do(g.eval("read", 1, ""))
	if err != nil || commands.AnswerOf(allow, err).Verdict != ledger.GateAllow {
		t.Fatalf("allow = %v", err)
	}
	other, err := g.do(checkpoint(ledger.CheckpointProgress))
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*commands.Result)) commands.Result {
		r := allow
		change(&r)
		return r
	}
	for name, r := range map[string]commands.Result{
		"the zero Result":          {},
		"another event":            other,
		"no event":                 with(func(r *commands.Result) { r.Event = ledger.Event{} }),
		"no receipt":               with(func(r *commands.Result) { r.Receipt = ledger.Receipt{} }),
		"another event's receipt":  with(func(r *commands.Result) { r.Receipt = other.Receipt }),
		"a tree without the event": with(func(r *commands.Result) { r.Receipt.TreeSize = int64(r.Event.Seq()) }),
		"details that say allow":   {Gate: &commands.GateAnswer{Verdict: ledger.GateAllow, ReasonCode: "policy_permits", Grant: "01JA0000000000000000000000"}},
		"an event with the details": with(func(r *commands.Result) {
			r.Event, r.Gate = other.Event, &commands.GateAnswer{Verdict: ledger.GateAllow}
		}),
	} {
		if a := commands.AnswerOf(r, nil); a.Verdict != ledger.GateBlock || a.ReasonCode == "" || a.Grant != "" {
			t.Errorf("%s = %+v, want a block", name, a)
		}
	}
	for _, tt := range []struct {
		err  error
		code string
	}{
		{errors.New("anything"), gate.CodeInternal},
		{commands.ErrJobNotFound, gate.CodeJobNotFound},
		{fmt.Errorf("asking: %w", commands.ErrContention), "state_contention"},
		{commands.ErrBusy, "busy"},
		{ledger.ErrOutcomeUnknown, "outcome_unknown"},
		{fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, context.Canceled), "outcome_unknown"},
		{context.DeadlineExceeded, ""},
		{&fs.PathError{Op: "read", Err: fs.ErrInvalid}, ""},
		{&ledger.CorruptError{Seq: 3, Reason: "damaged"}, ""},
		{&ledger.ClockError{}, ""},
		{ledger.ErrContentMissing, ""},
		{&commands.InvalidError{Err: errors.New("bad")}, ""},
		{&commands.RevisionError{}, "state_conflict"},
		{&commands.RequestIDError{}, "request_id_conflict"},
		{&commands.UsedError{}, "command_used"},
		{&authority.Denial{Code: authority.SignatureRequired, Reason: "sign"}, "signature_required"},
		{&authority.Denial{Code: authority.Revoked, Reason: "gone"}, "revoked"},
		{&commands.RefusedError{Refusal: &projection.Refusal{Code: projection.RoleRequired, Reason: "no"}}, "role_required"},
		{&commands.RefusedError{Refusal: &projection.Refusal{Code: projection.InvalidTransition, Reason: "no", Details: projection.Details{Status: projection.Completed}}}, gate.CodeNotRunning},
		{&commands.UnrepeatedError{Code: gate.CodeEffectsUnsettled, Reason: "open"}, gate.CodeEffectsUnsettled},
	} {
		a := commands.AnswerOf(allow, tt.err) // whatever the result beside an error is
		if a.Verdict != ledger.GateBlock || a.ReasonCode == "" || tt.code != "" && a.ReasonCode != tt.code || a.Detail == "" {
			t.Errorf("AnswerOf(%v) = %+v, want a block %s", tt.err, a, tt.code)
		}
	}
}
