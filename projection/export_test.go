package projection

import "gait/ledger"

// A Step is a step of the format, for tests that replace the steps.
type Step struct {
	From, To string
	Payload  func(ledger.Payload) ledger.Payload
}

// SetSteps replaces the steps and returns those before.
func SetSteps(list []Step) (before []Step) {
	for _, s := range steps {
		before = append(before, Step{s.from, s.to, s.payload})
	}
	steps = nil
	for _, s := range list {
		steps = append(steps, step{s.From, s.To, s.Payload})
	}
	return before
}
