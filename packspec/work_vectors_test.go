package packspec_test

import (
	"strings"
	"testing"

	"gait/packspec"
)

// workVectors are packs of jobs that were done under leases, of evidence format 7. Forged ones
// are signed with the ledger's key.
func workVectors(t *testing.T) []vector {
	w, p := worked(t), traced(t)
	var ranged packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &ranged, w.log(), 0, -1, w.key, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	expired := leaseExpired(t)
	all := []vector{
		newVector(t, "work", w.packOf(w.kept), w.key), newVector(t, "work without content", w.packOf(nil), w.key), newVector(t, "range work", ranged.Bytes(), w.key),
		newVector(t, "work under another key", w.packOf(w.kept), testKey(t, 2)), newVector(t, "work with a trace alone", p.packOf(nil), p.key),
		newVector(t, "work of a lease that expired", expired.packOf(nil), expired.key),
	}
	for _, tt := range workForgeries {
		all = append(all, newVector(t, "work forged "+tt.name, tt.forge(w), w.key))
	}
	for _, name := range sortedKeys(wrongWork) {
		w, pack := forgedWork(t, wrongWork[name])
		all = append(all, newVector(t, "work forged "+name, pack, w.key))
	}
	for _, name := range sortedKeys(otherLeases) {
		w, pack := forgedLease(t, otherLeases[name])
		all = append(all, newVector(t, "work forged "+name, pack, w.key))
	}
	return all
}

// The verifiers find in each vector of leases what its name says.
func TestWorkVectors(t *testing.T) {
	honest := 0
	for _, v := range workVectors(t) {
		want := !strings.Contains(v.File, "forged") && !strings.Contains(v.File, "under_another_key")
		if v.Verified != want {
			t.Errorf("%s: verified: %t, %+v", v.File, v.Verified, v.Failure)
		}
		if want {
			honest++
		}
	}
	if honest != 5 {
		t.Errorf("%d honest vectors, want 5", honest)
	}
}
