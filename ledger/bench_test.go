package ledger_test

import (
	"crypto/sha256"
	"testing"

	"gait/ledger"
)

// benchEvent is an ordinary checkpoint of about 450 bytes.
func benchEvent(b *testing.B) ledger.Event {
	e := seal(b, eventOf(ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "step 1 complete"}))
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
	d := benchEvent(b).Draft()
	for b.Loop() {
		if _, err := ledger.Seal(d); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSHA256 is the lower bound of both: reading or writing an event includes its hash.
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

// Decode allocates what the event keeps and nothing else: the event and its payload.
// The texts are parts of the bytes that it was given.
func TestDecodeAllocatesOnlyWhatIsKept(t *testing.T) {
	for _, d := range []ledger.Draft{
		eventOf(ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "step 1 complete"}),
		eventOf(ledger.Approved{CheckpointID: "cp_0001", Reason: "✓ looks good", Target: hashOf("target")}),
	} {
		raw := seal(t, d).Bytes()
		n := testing.AllocsPerRun(100, func() {
			if _, err := ledger.Decode(raw); err != nil {
				t.Fatal(err)
			}
		})
		if n > 2 {
			t.Errorf("decoding %s allocates %v times, want 2", raw, n)
		}
	}
}
