package authority_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"gait/ledger"
	at "gait/ledger/authoritytest"
	"gait/ledger/jcs"
)

// An other is a payload that differs in one field.
type other struct {
	field   string
	payload ledger.Payload
}

// others returns payloads that differ from that of an event in one field each, which is left
// out or has another value. There is at least one for each field that the payload has.
func others(t *testing.T, e ledger.Event) (all []other) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(e.PayloadBytes(), &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if members, is := fields[name].(map[string]any); is && name == "facts" { // each is a field of its own
			for member := range members {
				all = append(all, othersOf(t, e, name+"."+member, members[member], func(value any) any {
					return with(fields, name, with(members, member, value))
				})...)
			}
			continue
		}
		all = append(all, othersOf(t, e, name, fields[name], func(value any) any { return with(fields, name, value) })...)
	}
	return all
}

// othersOf returns payloads that differ from that of an event in one field. put returns the
// payload with another value of it; nil: with none.
func othersOf(t *testing.T, e ledger.Event, name string, value any, put func(any) any) (all []other) {
	t.Helper()
	for _, value := range append(otherValues(value), nil) {
		text, err := jcs.Marshal(put(value))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := ledger.DecodePayload(e.Type(), text); err == nil {
			all = append(all, other{name, p})
		}
	}
	if bound := name == "checkpoint_type" || name == "verdict"; len(all) == 0 && !bound { // other fields go with its value
		t.Errorf("found no other value for %s of %s", name, e.Type())
	}
	return all
}

// with returns an object with another value of a member; nil: with none. An object without
// members is left out.
func with(object map[string]any, name string, value any) map[string]any {
	edited := maps.Clone(object)
	edited[name] = value
	if inner, is := value.(map[string]any); value == nil || is && len(inner) == 0 {
		delete(edited, name)
	}
	return edited
}

// otherValues returns values that differ from v. Most are not valid for the field.
func otherValues(v any) []any {
	switch v := v.(type) {
	case string:
		texts := []string{
			v + "x", "other", "cp_0009", "pause", "plan", "all", "claims", hashOf("another").String(), "2026-11-23T20:00:00.000Z",
			"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC", "log", "worker", "admin", "role:worker",
			"gait.example/authority+3+AAAA", "7" + at.ULID[1:], "unknown", "lost",
		}
		var all []any
		for _, s := range texts {
			if s != v {
				all = append(all, s)
			}
		}
		return all
	case float64:
		return []any{int64(v) + 1}
	case []any:
		var all []any
		for i := range v {
			all = append(all, slices.Delete(slices.Clone(v), i, i+1))
			for _, element := range otherValues(v[i]) {
				edited := slices.Clone(v)
				edited[i] = element
				all = append(all, edited)
			}
		}
		return all
	case map[string]any:
		var all []any
		for name, value := range v {
			for _, member := range otherValues(value) {
				edited := maps.Clone(v)
				edited[name] = member
				all = append(all, edited)
			}
			edited := maps.Clone(v)
			delete(edited, name)
			all = append(all, edited)
		}
		return all
	}
	return nil
}

// fieldsOf returns the fields of an event's payload as JSON texts.
func fieldsOf(t *testing.T, e ledger.Event) map[string]string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(e.PayloadBytes(), &fields); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for name, text := range fields {
		texts[name] = string(text)
	}
	return texts
}
