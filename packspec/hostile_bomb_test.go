package packspec_test

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// A bomb is a hostile file too large to store: an honest pack in which a run of zeros
// follows or replaces one entry. On disk the zeros are a hole.
type bomb struct {
	hostile
	entry string // the one that is all zeros; "": the run follows the pack
	zeros int64
	sound bool // CRC and digest are made for it, and the manifest is signed again
}

func bombs(t testing.TB) []bomb {
	return []bomb{
		{hostile{name: "bomb_5_gib", level: finding.LevelContainer, code: finding.CodeArchive, reason: "is no pack"}, "", 5 << 30, false},
		{hostile{name: "bomb_trailing_3_gib", level: finding.LevelContainer, code: finding.CodeArchive, reason: noEnd}, "", 3 << 30, false},
		{hostile{name: "bomb_proof_3_gib", level: finding.LevelContainer, code: finding.CodeEntries, reason: "at most"}, "head.tlog-proof", 3 << 30, false},
		{hostile{name: "bomb_manifest_3_gib", level: finding.LevelContainer, code: finding.CodeEntries, reason: "at most"}, "pack_manifest.json", 3 << 30, false},
		{hostile{name: "bomb_events_false_crc", level: finding.LevelContainer, code: finding.CodeArchive, reason: "the CRC-32"}, "ledger_events.jsonl", 256 << 20, false},
		{hostile{name: "bomb_events_one_line", level: finding.LevelCanonical, code: finding.CodeNotCanonical, entry: "ledger_events.jsonl"}, "ledger_events.jsonl", 256 << 20, true},
		{hostile{name: "bomb_state", level: finding.LevelViews, code: finding.CodeView, entry: "job_state.json"}, "job_state.json", 256 << 20, true},
		{hostile{name: "bomb_job_events", level: finding.LevelViews, code: finding.CodeView, entry: "job_events.jsonl"}, "job_events.jsonl", 256 << 20, true},
	}
}

// crowds are small or medium files that decode to far more memory than their size.
func crowds(t testing.TB) (all []hostile) {
	pack, _ := small(t)
	empty := strings.Repeat("{},", 1<<20)
	for name, old := range map[string]string{"contents": `"contents":[`, "signatures": `"signatures":[`} {
		fs := files(t, pack)
		m := file(fs, packtest.ManifestName)
		m.Data = []byte(strings.Replace(string(m.Data), old, old+empty, 1))
		all = append(all, hostile{name: "crowd_" + name, pack: packtest.Archive(fs), level: finding.LevelContainer, code: finding.CodeManifest, reason: "more values"})
	}
	for name, old := range map[string]string{"checkpoints": `"checkpoints":[`, "approvals": `"approvals":[`, "safety": `"safety_invariants":[`} {
		fs := slices.DeleteFunc(files(t, v1Pack(t, "signed")), func(f packspec.File) bool { return f.Name == "proof_records.jsonl" })
		state := file(fs, "job_state.json")
		state.Data = []byte(strings.Replace(string(state.Data), old, old+empty, 1))
		sign(t, fs, testKey(t, 9))
		all = append(all, hostile{name: "crowd_v1_" + name, pack: packtest.Archive(fs), level: finding.LevelCanonical, code: finding.CodeNotCanonical, reason: "more values"})
	}
	return all
}

// write writes the bomb: headers and contents in order, and holes for zeros.
func (b bomb) write(t testing.TB, path string) {
	t.Helper()
	pack, key := small(t)
	fs := files(t, pack)
	crc, sum := uint32(0), ""
	if b.sound {
		crc, sum = zeroSums(t, b.zeros)
		honest := sha256.Sum256(file(fs, b.entry).Data)
		file(fs, packtest.ManifestName).Data = []byte(strings.Replace(string(file(fs, packtest.ManifestName).Data), hex.EncodeToString(honest[:]), sum, 1))
		if err := packtest.Resign(fs, key); err != nil {
			t.Fatal(err)
		}
	}
	z := packtest.New(fs)
	hole, shift := int64(len(pack)), false
	for i := range z.Entries {
		e := &z.Entries[i]
		if shift {
			e.At += uint32(b.zeros)
		}
		if e.Dir.Name == b.entry {
			e.Data = nil
			e.Local.Size, e.Local.Packed, e.Local.CRC = uint32(b.zeros), uint32(b.zeros), crc
			e.Dir = e.Local
			z.Settle()
			hole, shift = int64(e.At)+30+int64(len(b.entry)), true
		}
	}
	if b.entry != "" {
		z.End.At += uint32(b.zeros)
	}
	whole := z.Bytes()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(whole[:min(hole, int64(len(whole)))]); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(hole + b.zeros); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(whole[min(hole, int64(len(whole))):], hole+b.zeros); err != nil {
		t.Fatal(err)
	}
}

// zeroSums returns the CRC-32 and the SHA-256 of n zeros.
func zeroSums(t testing.TB, n int64) (uint32, string) {
	t.Helper()
	crc, sum := crc32.NewIEEE(), sha256.New()
	chunk := make([]byte, 1<<20)
	for ; n > 0; n -= int64(len(chunk)) {
		if _, err := io.MultiWriter(crc, sum).Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	return crc.Sum32(), hex.EncodeToString(sum.Sum(nil))
}
