package gate

import (
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/jcs"
)

// shown returns the fields of an intent that the policies say may be shown, by path.
func shown(in Intent, rules []rule) (fields []ledger.Label) {
	for _, r := range rules {
		for _, path := range r.terms.record {
			// A value that is too long, or could deceive a reader, is left out.
			if text, there := in.field(path); there && ledger.FieldShown.Check(text) == nil {
				fields = append(fields, ledger.Label{Key: strings.Join(path, "."), Value: text})
			}
		}
	}
	slices.SortFunc(fields, func(a, b ledger.Label) int { return strings.Compare(a.Key, b.Key) })
	fields = slices.CompactFunc(fields, func(a, b ledger.Label) bool { return a.Key == b.Key })
	return fields[:min(len(fields), ledger.MaxShown)]
}

// field returns a field of the intent as JSON text, and whether it is there.
func (i Intent) field(path []string) (string, bool) {
	if path[0] == "target" {
		return string(jcs.AppendString(nil, i.target)), i.target != ""
	}
	var v any = i.arguments
	for _, name := range path[1:] {
		object, _ := v.(map[string]any)
		member, there := object[name]
		if !there {
			return "", false
		}
		v = member
	}
	text, err := jcs.AppendValue(nil, v)
	return string(text), err == nil
}
