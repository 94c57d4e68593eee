package ledger_test

import (
	"reflect"
	"slices"
	"testing"

	"gait/ledger"
)

// What names content is in Contents: exports and backups carry what that returns, and
// nothing else.
func TestContentsHasAllThatIsNamed(t *testing.T) {
	found := 0
	for _, form := range payloadForms() {
		e := seal(t, eventOf(form.payload))
		named := digestsIn(reflect.ValueOf(form.payload))
		var got []ledger.Hash
		for _, c := range ledger.Contents(e) {
			got = append(got, c.Digest)
		}
		if found += len(named); !slices.Equal(got, named) {
			t.Errorf("Contents of %s = %v, want those in its payload, %v", e.Type(), got, named)
		}
	}
	if found == 0 {
		t.Error("no payload names content")
	}
}

// digestsIn returns the digests of the contents that a value holds, at any depth.
func digestsIn(v reflect.Value) (all []ledger.Hash) {
	switch c := v.Interface().(type) {
	case ledger.Content:
		if c == (ledger.Content{}) {
			return nil
		}
		return []ledger.Hash{c.Digest}
	case ledger.Requests:
		return []ledger.Hash{c.Digest}
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				all = append(all, digestsIn(v.Field(i))...)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			return digestsIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, digestsIn(v.Index(i))...)
		}
	default:
	}
	return all
}
