package backup

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A witness has cosigned once at most: a summary that says it again costs nothing to refuse.
func TestSummaryNamesAWitnessOnce(t *testing.T) {
	key, w := ledgertest.Key(ledgertest.Origin), ledgertest.NewWitness("w.example")
	c := ledger.Checkpoint{Origin: ledgertest.Origin, Size: 1}
	signed, err := c.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	one := ledger.CosignedCheckpoint{Checkpoint: c, Signed: []byte(string(signed) + w.Line(signed, ledgertest.Start))}
	one.Key = w.Key
	s := Summary{Checkpoint: c, Key: key.VerifierKey(), AsOf: ledgertest.Start}
	for n, want := range []string{"", "", "two cosignatures of"} {
		s.Cosigned = slices.Repeat([]ledger.CosignedCheckpoint{one}, n)
		b, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err = decodeSummary(b); (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("a summary with it %d times is read with %v, want %q", n, err, want)
		}
	}
}

// An attacker can make the key of a witness, and add what it cosigns to a backup: so there are no
// more than a log keeps.
func TestSummaryNamesFewWitnesses(t *testing.T) {
	key := ledgertest.Key(ledgertest.Origin)
	c := ledger.Checkpoint{Origin: ledgertest.Origin, Size: 1}
	signed, err := c.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	s := Summary{Checkpoint: c, Key: key.VerifierKey(), AsOf: ledgertest.Start}
	for i := range ledger.MaxCosigned + 1 {
		w := ledgertest.NewWitness(fmt.Sprintf("w%02d.example", i))
		one := ledger.CosignedCheckpoint{Checkpoint: c, Signed: []byte(string(signed) + w.Line(signed, ledgertest.Start))}
		one.Key = w.Key
		s.Cosigned = append(s.Cosigned, one)
		b, err := s.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err = decodeSummary(b); (err != nil) != (i == ledger.MaxCosigned) {
			t.Errorf("a summary with %d cosignatures is read with %v", i+1, err)
		}
	}
}
