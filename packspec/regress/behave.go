package regress

import (
	"encoding/json"
	"fmt"
	"maps"

	"gait/ledger"
	"gait/ledger/jcs"
)

// A run is one execution of the work: its steps and its final state.
type run struct {
	steps []Step
	at    []int64 // the number of each step's event
	final state
}

func runOf(h History) (r run, err error) {
	fold, normal := h.folder(nil), newNormaliser()
	for e, err := range h.Events {
		if err == nil {
			err = fold.Add(e)
		}
		if err != nil {
			return r, err
		}
		step, err := normal.step(e)
		if err != nil {
			return r, err
		}
		if ofLease(step.Type) { // who worked, and not what was done
			continue
		}
		r.steps, r.at = append(r.steps, step), append(r.at, e.JobSeq())
	}
	r.final = stateOf(fold.Job)
	return r, nil
}

// before describes the steps before the i-th, in order.
func (r run) before(i int) (context []string) {
	for k := max(0, i-contextSize); k < min(i, len(r.steps)); k++ {
		context = append(context, fmt.Sprintf("event %d: %s %s", r.at[k], r.steps[k].Type, r.steps[k].ReasonCode))
	}
	return context
}

// Behave compares a candidate, another run of the same work, with the recorded history,
// in each scope that the fixture names. Errors wrap ErrFixture or are those of the
// candidate's events.
func (f *Fixture) Behave(candidate History) ([]Comparison, error) {
	recorded, err := f.History()
	if err != nil {
		return nil, inFixture(PackFile, err)
	}
	want, err := runOf(recorded)
	if err != nil {
		return nil, inFixture(PackFile, err)
	}
	got, err := runOf(candidate)
	if err != nil {
		return nil, err
	}
	var all []Comparison
	for _, scope := range f.Compare {
		d, err := f.compareScope(scope, want, got)
		if err != nil {
			return nil, err
		}
		all = append(all, Comparison{Name: scope, Pass: d == nil, Divergence: d})
	}
	return all, nil
}

// compareScope returns the first divergence in one scope.
func (f *Fixture) compareScope(scope string, want, got run) (*Divergence, error) {
	if scope == Outcome {
		return f.compareOutcome(want, got)
	}
	a, b := f.pick(scope, want), f.pick(scope, got)
	for i := range max(len(a.steps), len(b.steps)) {
		d, err := f.compareStep(scope, a, b, i)
		if d != nil || err != nil {
			return d, err
		}
	}
	if scope == All {
		return f.compareOutcome(want, got)
	}
	return nil, nil
}

// pick returns the steps that belong to a scope.
func (f *Fixture) pick(scope string, r run) (out run) {
	for i, s := range r.steps {
		switch scope {
		case Checkpoints:
			if s.Type != ledger.TypeCheckpointAdded && s.Payload["verdict"] != string(ledger.GateRequireApproval) {
				continue
			}
		case Decisions:
			if s.Type != ledger.TypeApproved && s.Type != ledger.TypeDenied {
				continue
			}
		case Gate:
			if s.Type != ledger.TypeGateDecided && s.Type != ledger.TypeDispatchBlocked && s.Type != ledger.TypeEffectSettled {
				continue
			}
		}
		out.steps, out.at = append(out.steps, s), append(out.at, r.at[i])
	}
	return out
}

// compareStep compares the i-th steps of two runs in a scope.
func (f *Fixture) compareStep(scope string, a, b run, i int) (*Divergence, error) {
	want, got := f.facts(scope, a, i), f.facts(scope, b, i)
	d, err := f.firstFact(want, got)
	if d == nil || err != nil {
		return nil, err
	}
	where := &Divergence{}
	for _, side := range []run{b, a} { // the recorded event, if there is one
		if i < len(side.steps) {
			where.Event, where.Type = side.at[i], string(side.steps[i].Type)
		}
	}
	where.Context = a.before(i)
	switch {
	case want == nil:
		return d.at(where, "more than was recorded"), nil
	case got == nil:
		return d.at(where, "it is missing"), nil
	}
	return d.at(where, "it differs"), nil
}

// firstFact returns the first difference between the facts of two steps.
func (f *Fixture) firstFact(want, got []fact) (*Divergence, error) {
	for k := range max(len(want), len(got)) {
		var sides [2][]byte
		for side, facts := range [][]fact{want, got} {
			if facts == nil {
				continue
			}
			var err error
			if sides[side], err = facts[k].text(); err != nil {
				return nil, err
			}
		}
		if d, err := first(sides[0], sides[1], f.Ignore); d != nil || err != nil {
			return d, err
		}
	}
	return nil, nil
}

// facts returns the parts of the i-th step that a scope compares, the most important
// first. It returns nil if there is no such step.
func (f *Fixture) facts(scope string, r run, i int) []fact {
	if i >= len(r.steps) {
		return nil
	}
	s := r.steps[i]
	p := f.matched(s.Payload)
	some := func(names ...string) map[string]any {
		out := map[string]any{}
		for _, name := range names {
			if v, ok := p[name]; ok {
				out[name] = v
			}
		}
		return out
	}
	switch scope {
	case Sequence:
		return []fact{{"type", s.Type}, {"reason_code", s.ReasonCode}}
	case Checkpoints:
		return []fact{{"payload", some("checkpoint_type", "tool")}, {"payload", some("summary", "required_action")}}
	case Decisions:
		return []fact{{"type", s.Type}, {"payload", some("checkpoint_id", "target")}, {"actor", s.Actor}}
	case Gate:
		return []fact{{"type", s.Type}, {"payload", some("tool", "verdict")}, {"payload", some("intent", "facts", "reason_code", "outcome")}}
	}
	return []fact{{"type", s.Type}, {"payload", p}, {"reason_code", s.ReasonCode}, {"actor", s.Actor}}
}

// A fact is a part of a step, with its name.
type fact struct {
	name  string
	value any
}

// text returns a step that has only this fact.
func (f fact) text() ([]byte, error) { return jcs.Marshal(map[string]any{f.name: f.value}) }

// matched replaces a summary that matches its pattern, and the shown fields of an intent that
// match theirs, with a text about the pattern, so that all that match are equal. The intent of
// which a field matches is then not compared by its digest.
func (f *Fixture) matched(p map[string]any) map[string]any {
	p = f.matchedIntent(p)
	id, _ := p["checkpoint_id"].(string)
	summary, _ := p["summary"].(string)
	if pattern := f.patterns[id]; pattern != nil && pattern.MatchString(summary) {
		out := maps.Clone(p)
		out["summary"] = "matches " + f.Summaries[id]
		return out
	}
	return p
}

func (f *Fixture) compareOutcome(want, got run) (*Divergence, error) {
	outcome := func(s state) (json.RawMessage, error) {
		return jcs.Marshal(map[string]any{"status": s.Status, "stop_reason": s.StopReason})
	}
	a, err := outcome(want.final)
	if err != nil {
		return nil, err
	}
	b, err := outcome(got.final)
	if err != nil {
		return nil, err
	}
	d, err := first(a, b, f.Ignore)
	return d.at(&Divergence{Context: want.before(len(want.steps))}, "it ended otherwise"), err
}

// matchedIntent replaces the shown fields of an intent that match their patterns.
func (f *Fixture) matchedIntent(p map[string]any) map[string]any {
	facts, _ := p["facts"].(map[string]any)
	shown, _ := facts["shown"].(map[string]any)
	matched := map[string]any{}
	for path, pattern := range f.intents {
		if value, is := shown[path].(string); is && pattern.MatchString(value) {
			matched[path] = "matches " + f.Intents[path]
		}
	}
	if len(matched) == 0 {
		return p
	}
	shown, facts, p = maps.Clone(shown), maps.Clone(facts), maps.Clone(p)
	maps.Copy(shown, matched)
	facts["shown"], p["facts"] = shown, facts
	if intent, is := p["intent"].(map[string]any); is { // its digest and size are of the value, too
		intent = maps.Clone(intent)
		delete(intent, "digest")
		delete(intent, "size")
		p["intent"] = intent
	}
	return p
}
