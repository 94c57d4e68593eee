package authority

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/jcs"
)

// bind checks that an event says what its command says. It returns what differs, or "".
func bind(c Command, arguments map[string]any, e ledger.Event) (string, error) {
	if differs, err := bindEnvelope(c, arguments, e); differs != "" || err != nil {
		return differs, err
	}
	row, leads := leadsTo(c.Verb, e.Type())
	if !leads {
		return fmt.Sprintf("its command is %s, which leads to no %s", c.Verb, e.Type()), nil
	}
	payload, err := jcs.Decode(e.PayloadBytes())
	if err != nil {
		return "", fmt.Errorf("reading a payload: %w", err)
	}
	object, _ := payload.(map[string]any)
	if differs := bindFields(row.Fields, object, c, arguments); differs != "" || row.Whole == "" {
		return differs, nil
	}
	return bindWhole(row.Whole, object, arguments)
}

// leadsTo returns how an event of a type follows from a command, and whether the verb leads to
// one. A command about a job can be refused.
func leadsTo(verb string, typ ledger.Type) (Binding, bool) {
	rows := verbs[verb]
	if typ == ledger.TypeRefused && !rows[0].Event.OfLedger() {
		return Binding{Fields: refusedFields}, true
	}
	for _, row := range rows {
		if row.Event == typ {
			return *row, true
		}
	}
	return Binding{}, false
}

// bindEnvelope compares the fields that all events have.
func bindEnvelope(c Command, arguments map[string]any, e ledger.Event) (string, error) {
	digest, err := c.digest(arguments)
	if err != nil {
		return "", err
	}
	before := e.Revision() - 1
	if e.Type() == ledger.TypeRefused {
		before = e.Revision()
	}
	switch {
	case c.Actor != e.Actor():
		return fmt.Sprintf("its actor is %s, and that of its command %s", e.Actor(), c.Actor), nil
	case c.JobID != e.JobID() && (c.JobID != "" || !verbs[c.Verb][0].unnamed):
		return fmt.Sprintf("its job is %s, and that of its command %s", e.JobID(), c.JobID), nil
	case c.Lease != e.Lease():
		return fmt.Sprintf("its lease is %d, and that of its command %d", e.Lease(), c.Lease), nil
	case c.Origin != e.Origin():
		return "its command is for the ledger " + c.Origin, nil
	case c.RequestID != e.RequestID():
		return fmt.Sprintf("its request id is %s, and that of its command %s", e.RequestID(), c.RequestID), nil
	case digest != e.RequestDigest():
		return "its request_digest is not that of its command", nil
	case c.IfRevision != nil && *c.IfRevision != before:
		return fmt.Sprintf("its command is for revision %d, and the job had revision %d", *c.IfRevision, before), nil
	}
	return c.untimely(e.Reading()), nil
}

// bindFields compares the fields of a payload with what they are copied from. A field
// that the table does not name is not bound, and so differs.
func bindFields(fields map[string]Field, payload map[string]any, c Command, arguments map[string]any) string {
	payload = byPath(fields, payload)
	for _, name := range slices.Sorted(maps.Keys(payload)) {
		if _, known := fields[name]; !known {
			return fmt.Sprintf("no signed command leads to its field %s", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		f := fields[name]
		if f.Kind != Copied && f.Kind != CopiedIfPresent {
			continue
		}
		want := f.From.of(c, arguments)
		switch {
		case want != nil:
		case f.Kind == CopiedIfPresent:
			continue
		case f.Default != "":
			want = f.Default
		}
		if got := payload[name]; !reflect.DeepEqual(got, asField(want, got)) {
			return fmt.Sprintf("its field %s is not what its command says in %s", name, f.From)
		}
	}
	return ""
}

// byPath returns a payload with each object whose members are fields of their own replaced by
// these.
func byPath(fields map[string]Field, payload map[string]any) map[string]any {
	flat := make(map[string]any, len(payload))
	for name, value := range payload {
		object, is := value.(map[string]any)
		if _, whole := fields[name]; whole || !is {
			flat[name] = value
			continue
		}
		for member, of := range object {
			flat[name+"."+member] = of
		}
	}
	return flat
}

// bindWhole compares a payload, without its reason, with the digest that an argument has.
func bindWhole(argument string, payload, arguments map[string]any) (string, error) {
	payload = maps.Clone(payload)
	delete(payload, "reason")
	b, err := jcs.AppendValue(nil, payload)
	if err != nil {
		return "", fmt.Errorf("digest of a payload: %w", err)
	}
	if digest := ledger.Hash(sha256.Sum256(b)); arguments[argument] != digest.String() {
		return fmt.Sprintf("its payload has the digest %s, and its command says %v in %s", digest, arguments[argument], argument), nil
	}
	return "", nil
}

// of returns what a command has in a source, or nil if that is absent. An empty string is
// absent: so commands write that there is no policy.
func (s Source) of(c Command, arguments map[string]any) any {
	var v any
	switch s {
	case SourceReason:
		v = c.Reason
	case SourceVerb:
		v = c.Verb
	default:
		v = arguments
		for name := range strings.SplitSeq(string(s[len(SourceArgument):]), ".") {
			object, _ := v.(map[string]any)
			v = object[name]
		}
	}
	if v == "" {
		return nil
	}
	return v
}

// asField returns an argument in the form of the field that it is compared with. They have
// one form, but for the labels of a job: those are a list of objects with key and value in a
// command, and one object in an event.
func asField(argument, field any) any {
	list, isList := argument.([]any)
	if _, isObject := field.(map[string]any); !isList || !isObject {
		return argument
	}
	labels := map[string]any{}
	for _, element := range list {
		label, _ := element.(map[string]any)
		key, isText := label["key"].(string)
		if _, twice := labels[key]; !isText || twice || len(label) != 2 {
			return argument
		}
		labels[key] = label["value"]
	}
	return labels
}
