package proxy

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// expect notes that a call goes on when its client has brought input. key says what that call
// must be.
func (s *session) expect(key string, on step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goingOn[key] = append(s.goingOn[key], on)
}

// expected returns a call that goes on, once, and whether there is one.
func (s *session) expected(key string) (on step, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := s.goingOn[key]
	if len(steps) == 0 {
		return on, false
	}
	if s.goingOn[key] = steps[1:]; len(steps) == 1 {
		delete(s.goingOn, key)
	}
	return steps[0], true
}

// nextStep returns what a call that brings input goes on under, or the answer to one that does
// not go on: what its first step was permitted by has to hold still.
func (s *session) nextStep(ctx context.Context, c toolCall) (on step, no *jsonrpc.Response) {
	o := outcome{Verdict: string(ledger.GateBlock), JobID: s.o.Job}
	key := c.same(c.state)
	on, ok := s.expected(key)
	if !ok {
		o.ReasonCode = "input_unknown"
		return on, refuse(c, o, wordsInput)
	}
	code := s.lapsed(ctx, on)
	switch code {
	case "":
		return on, nil
	case gate.CodeInternal: // that may pass; a job that was stopped is not resumed while a grant is open
		s.expect(key, on)
	}
	s.o.Log("a call of %s does not go on, and what became of its grant %s is not known: %s", c.name, on.grant, code)
	o.ReasonCode, o.Grant = code, on.grant
	return on, refuse(c, o, wordsNotOn+" ("+code+")")
}

// lapsed returns why a call does not go on, as the gate would say it; "" if it does.
func (s *session) lapsed(ctx context.Context, on step) (code string) {
	err := s.desk.Read(ctx, func(l *connect.Ledger) error {
		b, err := l.Basis(ctx)
		if err != nil {
			return err
		}
		j, err := l.Job(ctx, s.o.Job)
		if err == nil {
			code = lapsedIn(&j, b, s.o.Lease, on)
		}
		return err
	})
	if err != nil {
		s.o.Log("it is not known whether the grant %s still holds: %v", on.grant, err)
		return gate.CodeInternal
	}
	return code
}

// lapsedIn is lapsed for the state of a job, for who holds a lease.
func lapsedIn(j *projection.Job, b projection.Basis, lease int64, on step) string {
	g, open := j.Grant(on.grant)
	switch {
	case j.Status == projection.EmergencyStopped:
		return gate.CodeEmergencyStopped
	case j.Status != projection.Running:
		return gate.CodeNotRunning
	case !open:
		return commands.CodeGrantSettled
	case g.Unknown:
		return gate.CodeEffectsUnsettled
	case g.Epoch != lease, j.Lease.Lives(b.Reading) != (lease != 0), lease != 0 && j.Epoch() != lease:
		return string(projection.Fenced)
	case j.PolicyDigest != on.policy:
		return gate.CodePolicyMismatch
	case !j.BindingCounts(b):
		return gate.CodePolicyUnbound
	case !mayWork(b, g):
		return string(projection.RoleRequired)
	}
	return ""
}

// mayWork reports whether who got a grant could ask the gate still.
func mayWork(b projection.Basis, g projection.Grant) bool {
	if a := b.Authority; a.Enrolled(g.By) {
		return a.InForce(g.By, g.Key) && a.Has(g.By, ledger.RoleWorker)
	}
	return b.Authority.Mode() != ledger.ModeAll
}
