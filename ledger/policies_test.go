package ledger_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
)

// Each field of a payload that holds the digest of a policy is in Policies: backups and
// exports carry what that returns.
func TestPoliciesHasAllThatIsNamed(t *testing.T) {
	found := map[ledger.Type]bool{}
	for _, form := range payloadForms() {
		e := seal(t, eventOf(form.payload))
		got, named := ledger.Policies(e), policiesIn(reflect.ValueOf(form.payload))
		if found[e.Type()] = found[e.Type()] || len(named) > 0; !slices.Equal(got, named) {
			t.Errorf("Policies of %s = %v, want those in its payload, %v", e.Type(), got, named)
		}
	}
	for _, typ := range []ledger.Type{ledger.TypeSubmitted, ledger.TypeResumed, ledger.TypeContinued, ledger.TypeAuthoritySet} {
		if !found[typ] {
			t.Errorf("no payload of %s names a policy", typ)
		}
	}
}

// policiesIn returns the digests in the fields of a payload that are called after policies.
func policiesIn(v reflect.Value) (all []ledger.Hash) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !strings.Contains(f.Name, "Polic") {
			continue
		}
		switch h := v.Field(i).Interface().(type) {
		case ledger.Hash:
			if !h.IsZero() {
				all = append(all, h)
			}
		case []ledger.Hash:
			all = append(all, h...)
		}
	}
	return all
}
