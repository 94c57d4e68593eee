package regress

import (
	"fmt"
	"maps"
	"slices"

	"gait/projection"
)

// Ignored lists what may differ in a candidate of this fixture, besides what Masked
// lists: the fields in Ignore, and the summaries and fields of intents that have a pattern.
func (f *Fixture) Ignored() []string {
	list := slices.Clone(f.Ignore)
	for _, id := range slices.Sorted(maps.Keys(f.Summaries)) {
		list = append(list, summaryOf(id))
	}
	for _, path := range slices.Sorted(maps.Keys(f.Intents)) {
		list = append(list, intentFieldOf(path))
	}
	return list
}

func intentFieldOf(path string) string { return "the field " + path + " of intents" }

func summaryOf(checkpoint string) string { return "the summary of " + checkpoint }

// Unused returns the items of Ignored that match nothing, neither in the recorded history
// nor in candidate, which may have no events. They are probably misspelt.
func (f *Fixture) Unused(candidate History) ([]string, error) {
	u := usage{unused: map[string]bool{}, seen: map[string]bool{}}
	for _, name := range f.Ignored() {
		u.unused[name] = true
	}
	if len(u.unused) == 0 {
		return nil, nil
	}
	recorded, err := f.History()
	if err != nil {
		return nil, inFixture(PackFile, err)
	}
	for _, h := range []History{recorded, candidate} {
		if h.Events == nil {
			continue
		}
		r, err := runOf(h)
		if err != nil {
			return nil, err
		}
		for _, s := range r.steps {
			f.use(s, u)
		}
		f.useFields(map[string]any{"status": "", "stop_reason": ""}, "", u)
	}
	return slices.Sorted(maps.Keys(u.unused)), nil
}

// A usage has the items that have matched nothing so far, and the pointers that were
// compared with them: most events have the same ones.
type usage struct{ unused, seen map[string]bool }

// use removes from u.unused the items that match in a step.
func (f *Fixture) use(s Step, u usage) {
	id, _ := s.Payload["checkpoint_id"].(string)
	summary, _ := s.Payload["summary"].(string)
	if pattern := f.patterns[id]; pattern != nil && pattern.MatchString(summary) {
		delete(u.unused, summaryOf(id))
	}
	facts, _ := s.Payload["facts"].(map[string]any)
	shown, _ := facts["shown"].(map[string]any)
	for path, pattern := range f.intents {
		if value, is := shown[path].(string); is && pattern.MatchString(value) {
			delete(u.unused, intentFieldOf(path))
		}
	}
	f.useFields(map[string]any{"type": "", "reason_code": "", "actor": "", "payload": s.Payload}, "", u)
}

// useFields removes from u.unused the items that match one of the fields or one below it.
func (f *Fixture) useFields(fields map[string]any, at string, u usage) {
	for name, value := range fields {
		pointer := at + projection.PointerStep(name)
		for _, entry := range f.Ignore {
			if d := (projection.Differ{Ignore: []string{entry}}); !u.seen[pointer] && d.Ignores(pointer) {
				delete(u.unused, entry)
			}
		}
		u.seen[pointer] = true
		switch v := value.(type) {
		case map[string]any:
			f.useFields(v, pointer, u)
		case []any:
			items := map[string]any{}
			for i := range v {
				items[fmt.Sprint(i)] = v[i]
			}
			f.useFields(items, pointer, u)
		}
	}
}
