package regress

import (
	"fmt"
	"maps"
	"slices"

	"gait/ledger"
	"gait/projection"
)

// Ignored says what may differ in a candidate of this fixture, beside what is Masked:
// what Ignore names, and the summaries that have a pattern.
func (f *Fixture) Ignored() []string {
	list := slices.Clone(f.Ignore)
	for _, id := range slices.Sorted(maps.Keys(f.Summaries)) {
		list = append(list, summaryOf(id))
	}
	return list
}

func summaryOf(checkpoint string) string { return "the summary of " + checkpoint }

// Unused returns those of Ignored that match nothing: neither in the recorded history
// nor in candidate, which may be nil. Somebody thinks that they do.
func (f *Fixture) Unused(candidate ledger.Events) ([]string, error) {
	unused := map[string]bool{}
	for _, name := range f.Ignored() {
		unused[name] = true
	}
	if len(unused) == 0 {
		return nil, nil
	}
	recorded, err := f.Events()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFixture, PackFile, err)
	}
	for _, events := range []ledger.Events{recorded, candidate} {
		if events == nil {
			continue
		}
		r, err := runOf(events)
		if err != nil {
			return nil, err
		}
		for _, s := range r.steps {
			f.use(s, unused)
		}
		f.useFields(map[string]any{"status": "", "stop_reason": ""}, "", unused)
	}
	return slices.Sorted(maps.Keys(unused)), nil
}

// use takes out of unused what a step has.
func (f *Fixture) use(s Step, unused map[string]bool) {
	id, _ := s.Payload["checkpoint_id"].(string)
	summary, _ := s.Payload["summary"].(string)
	if pattern := f.patterns[id]; pattern != nil && pattern.MatchString(summary) {
		delete(unused, summaryOf(id))
	}
	f.useFields(map[string]any{"type": "", "reason_code": "", "actor": "", "payload": s.Payload}, "", unused)
}

// useFields takes out of unused what names one of the fields, or one below it.
func (f *Fixture) useFields(fields map[string]any, at string, unused map[string]bool) {
	for name, value := range fields {
		pointer := at + projection.PointerStep(name)
		for _, entry := range f.Ignore {
			if d := (projection.Differ{Ignore: []string{entry}}); d.Ignores(pointer) {
				delete(unused, entry)
			}
		}
		switch v := value.(type) {
		case map[string]any:
			f.useFields(v, pointer, unused)
		case []any:
			items := map[string]any{}
			for i := range v {
				items[fmt.Sprint(i)] = v[i]
			}
			f.useFields(items, pointer, unused)
		}
	}
}
