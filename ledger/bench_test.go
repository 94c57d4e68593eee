package ledger_test

import (
	"crypto/sha256"
	"testing"

	"gait/ledger"
)

// benchEvent is an ordinary checkpoint of about 450 bytes.
func benchEvent(b *testing.B) ledger.Event {
	e := eventOf(ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "step 1 complete"})
	e = seal(b, e)
	b.SetBytes(int64(len(e.Bytes())))
	b.ReportAllocs()
	return e
}

func BenchmarkDecode(b *testing.B) {
	raw := benchEvent(b).Bytes()
	for b.Loop() {
		if _, err := ledger.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	e := benchEvent(b)
	for b.Loop() {
		if _, err := ledger.Seal(e); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSHA256 is the floor of both: no event is read or written without its hash.
func BenchmarkSHA256(b *testing.B) {
	raw := benchEvent(b).Bytes()
	for b.Loop() {
		sha256.Sum256(raw)
	}
}

func BenchmarkTreeAppend(b *testing.B) {
	var tree ledger.Tree
	b.ReportAllocs()
	for b.Loop() {
		tree.Append(ledger.Hash{1}, nil)
	}
}
