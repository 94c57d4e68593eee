package packspec_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// long returns a ledger of two jobs with this number of events.
func long(t testing.TB, events int) *ledgertest.Ledger {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Submit("job_2"))
	var batch []ledgertest.EventSpec
	for n := 3; n < events; n++ {
		step := ledgertest.Progress(fmt.Sprintf("job_%d", n%2+1), "step")
		step.Payload = ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(int64(n-1) / 2), CheckpointType: ledger.CheckpointProgress, Summary: "step"}
		batch = append(batch, step)
	}
	if len(batch) > 0 {
		ledgertest.Append(t, l.Log, batch...)
	}
	return l
}

func buildRange(t testing.TB, l *ledgertest.Ledger, from, to ledger.Seq) []byte {
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, l.Log, from, to, l.Key, packspec.RangeOptions{}); err != nil {
		t.Fatalf("BuildRange(%d, %d) = %v", from, to, err)
	}
	return b.Bytes()
}

func TestRange(t *testing.T) {
	l := long(t, 700)
	for _, tt := range []struct {
		from, to, covers, upTo ledger.Seq
		state                  finding.Status
		complete               string
	}{
		{0, -1, 0, 699, finding.Proved, "every event of the tree, 0 to 699, is here"},
		{0, 0, 0, 255, finding.Proved, "every event from 0 to 255 is here; the tree has 700"},
		{300, 400, 256, 511, finding.Claimed, "every event from 256 to 511 is here; the tree has 700"},
		{600, 699, 512, 699, finding.Claimed, "every event from 512 to 699 is here; the tree has 700"},
	} {
		pack := buildRange(t, l, tt.from, tt.to)
		if again := buildRange(t, l, tt.from, tt.to); !bytes.Equal(pack, again) {
			t.Errorf("%d to %d: two builds differ", tt.from, tt.to)
		}
		r := verify(t, pack, l.Key)
		if !r.Verified || *r.From != tt.covers || *r.To != tt.upTo || r.PackType != "range" || r.EventCount != int64(tt.upTo-tt.covers+1) {
			t.Errorf("%d to %d: %+v", tt.from, tt.to, r)
			continue
		}
		for level, want := range map[string]finding.Status{
			finding.LevelContainer: finding.Proved, finding.LevelCanonical: finding.Proved,
			finding.LevelChain: finding.Proved, finding.LevelInclusion: finding.Proved, finding.LevelSignature: finding.Proved,
			finding.LevelStateMachine: tt.state, finding.LevelViews: finding.Absent, finding.LevelCompleteness: finding.Proved,
		} {
			if got := r.Level(level); got.Status != want {
				t.Errorf("%d to %d: %s is %s (%s), want %s", tt.from, tt.to, level, got.Status, got.Detail, want)
			}
		}
		if got := r.Level(finding.LevelCompleteness).Detail; got != tt.complete {
			t.Errorf("%d to %d: %q, want %q", tt.from, tt.to, got, tt.complete)
		}
		if r := verify(t, pack); r.Verified || r.Failure.Code != finding.CodeUntrustedKey {
			t.Errorf("%d to %d without a key: %+v", tt.from, tt.to, r.Failure)
		}
	}
	for _, r := range [][2]ledger.Seq{{-1, 3}, {5, 4}, {0, 700}, {700, -1}} {
		if _, err := packspec.BuildRange(t.Context(), new(packspec.Buffer), l.Log, r[0], r[1], l.Key, packspec.RangeOptions{}); !errors.Is(err, packspec.ErrRange) {
			t.Errorf("BuildRange(%d, %d) = %v, want ErrRange", r[0], r[1], err)
		}
	}
}

// Unzipped, a range pack of the whole ledger is the exported log.
func TestRangeIsAnExport(t *testing.T) {
	l := long(t, 300)
	dir := fstest.MapFS{}
	for _, f := range files(t, buildRange(t, l, 0, -1)) {
		dir[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o600}
	}
	err := packspec.Export(t.Context(), l.Log, func(path string, content []byte) error {
		if got := dir[path]; got == nil || !bytes.Equal(got.Data, content) {
			t.Errorf("the pack's %s is not the export's", path)
		}
		return nil
	}, nil)
	if err != nil {
		t.Error(err)
	}
}

// If a ledger's key was rotated, trusting any of its keys is enough to verify it.
func TestRangeRotated(t *testing.T) {
	l := long(t, 4)
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "after"))
	next := ledgertest.KeyAfter(ledgertest.Origin, 1)
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, l.Log, 0, -1, next, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, key := range []ledger.PrivateKey{l.Key, next} {
		if r := verify(t, b.Bytes(), key); !r.Verified {
			t.Errorf("key %d: %v", i, r.Failure)
		}
	}
	if r := verify(t, b.Bytes(), ledgertest.KeyAfter(ledgertest.Origin, 2)); r.Verified {
		t.Error("verified under a key that never signed")
	}
	stripped := slices.DeleteFunc(files(t, b.Bytes()), func(f packtest.File) bool { return f.Name[:4] == "keys" })
	if r := verify(t, resign(t, stripped, next), l.Key, next); r.Verified || r.Failure.Level != finding.LevelChain {
		t.Errorf("without the rotation: %+v", r.Failure)
	}
}

// No flipped bit and no shortened file of a small range pack verifies.
func TestEveryBitOfARange(t *testing.T) {
	l := long(t, 3)
	pack := buildRange(t, l, 0, -1)
	if !verify(t, pack, l.Key).Verified {
		t.Fatal("the pack does not verify")
	}
	bits, lengths := ledgertest.Sample(t, 8*len(pack), enough), ledgertest.Sample(t, len(pack), enough)
	for _, bit := range bits {
		pack[bit/8] ^= 1 << (bit % 8)
		if verdict(pack, l.Key.VerifierKey()) {
			t.Errorf("bit %d changes unseen", bit)
		}
		pack[bit/8] ^= 1 << (bit % 8)
	}
	for _, n := range lengths {
		if verdict(pack[:n], l.Key.VerifierKey()) {
			t.Errorf("%d bytes of %d verify", n, len(pack))
		}
	}
	t.Logf("%d of %d bits, %d of %d lengths", len(bits), 8*len(pack), len(lengths), len(pack))
}

// resign updates the manifest of files, signs it with key and returns the archive.
func resign(t testing.TB, fs []packtest.File, key ledger.PrivateKey) []byte {
	if err := packtest.Sign(fs, key); err != nil {
		t.Fatal(err)
	}
	return packtest.Archive(fs)
}

func verdict(pack []byte, key ledger.VerifierKey) bool {
	r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.PublicKey()}}})
	return err == nil && r.Verified
}

// Forgeries that a holder of the producer's code can make: each entry of the evidence is
// replaced and listed again, and even signed again with the ledger's own key.
func TestForgedRange(t *testing.T) {
	l := long(t, 600)
	honest := files(t, buildRange(t, l, 0, -1))
	for _, tt := range []struct {
		name, entry string
		change      func([]byte) []byte
		level       string
	}{
		{"an event changed", "tile/entries/001", func(b []byte) []byte { return bytes.Replace(b, []byte("step"), []byte("leap"), 1) }, finding.LevelInclusion},
		{"an event left out", "tile/entries/001", func(b []byte) []byte { return b[2+int(b[0])<<8+int(b[1]):] }, finding.LevelCanonical},
		{"a bundle cut off", "tile/entries/001", func(b []byte) []byte { return b[:len(b)-1] }, finding.LevelCanonical},
		{"a tile changed", "tile/0/001", func(b []byte) []byte { b[0] ^= 1; return b }, finding.LevelInclusion},
		{"the last tile changed", "tile/0/002.p/88", func(b []byte) []byte { b[0] ^= 1; return b }, finding.LevelInclusion},
		{"the upper tile changed", "tile/1/000.p/2", func(b []byte) []byte { b[0] ^= 1; return b }, finding.LevelInclusion},
		{"another checkpoint", "checkpoint", func(b []byte) []byte { return bytes.Replace(b, []byte("\n600\n"), []byte("\n601\n"), 1) }, finding.LevelCanonical},
		{"fewer events claimed", "evidence.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`"to":599`), []byte(`"to":511`), 1) }, finding.LevelContainer},
		{"another text", "VERIFY.md", func(b []byte) []byte { return append(b, '!') }, finding.LevelCanonical},
	} {
		forged := slices.Clone(honest)
		i := slices.IndexFunc(forged, func(f packtest.File) bool { return f.Name == tt.entry })
		if i < 0 {
			t.Fatalf("%s: no %s", tt.name, tt.entry)
		}
		forged[i].Data = tt.change(bytes.Clone(forged[i].Data))
		r := verify(t, resign(t, forged, l.Key), l.Key)
		if r.Verified || r.Failure.Level != tt.level {
			t.Errorf("%s: verified %t, %+v, want it to fail at %s", tt.name, r.Verified, r.Failure, tt.level)
		}
	}
	for _, drop := range honest {
		fewer := slices.DeleteFunc(slices.Clone(honest), func(f packtest.File) bool { return f.Name == drop.Name })
		if drop.Name != "pack_manifest.json" {
			if r := verify(t, resign(t, fewer, l.Key), l.Key); r.Verified {
				t.Errorf("without %s it verifies", drop.Name)
			}
		}
	}
}

func TestTooManyEntries(t *testing.T) {
	var many []packtest.File
	for n := range 1<<14 + 1 {
		many = append(many, packtest.File{Name: fmt.Sprintf("e%05d", n)})
	}
	pack := packtest.Archive(many)
	_, err := packspec.Open(bytes.NewReader(pack), int64(len(pack)))
	if err == nil || !strings.Contains(err.Error(), "16385 entries, not 1 to 16384") {
		t.Errorf("a pack of 16385 entries: %v", err)
	}
}
