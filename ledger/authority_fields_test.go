package ledger_test

import (
	"encoding/json"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
)

// unsignedTypes are the types of events to which no signed command leads.
var unsignedTypes = []ledger.Type{ledger.TypeLedgerCreated, ledger.TypeIndexCommitted, ledger.TypeContinued}

// TestBindingsNameEveryField checks that authority says of each field of each payload how it
// follows from a signed command, and of no other field.
func TestBindingsNameEveryField(t *testing.T) {
	fields := map[ledger.Type]map[string]bool{}
	for _, form := range payloadForms() {
		var object map[string]json.RawMessage
		if err := json.Unmarshal([]byte(form.text), &object); err != nil {
			t.Fatal(err)
		}
		typ := form.payload.Type()
		if fields[typ] == nil {
			fields[typ] = map[string]bool{}
		}
		for name, value := range object {
			var members map[string]json.RawMessage
			if name != "facts" || json.Unmarshal(value, &members) != nil {
				fields[typ][name] = true
			}
			for member := range members { // each follows from the command in its own way
				fields[typ][name+"."+member] = true
			}
		}
	}
	rows := map[ledger.Type]map[string]authority.Field{ledger.TypeRefused: authority.RefusedFields()}
	for _, b := range authority.Bindings() {
		rows[b.Event] = b.Fields
	}
	for _, typ := range ledger.Types() {
		row, signed := rows[typ]
		if signed == slices.Contains(unsignedTypes, typ) {
			t.Errorf("%s has a row in authority's table: %t", typ, signed)
			continue
		}
		for name := range fields[typ] {
			if _, known := row[name]; signed && !known {
				t.Errorf("authority does not say how field %s of %s follows from a command", name, typ)
			}
		}
		for name := range row {
			if !fields[typ][name] {
				t.Errorf("authority names field %s of %s, which no payload has", name, typ)
			}
		}
	}
}
