package packspec_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gait/packspec"
)

// refusals are archives that are not packs, each made from an honest one.
func hostileArchives(t testing.TB, pack []byte) map[string][]byte {
	fs := readZip(t, pack)
	named := func(name string) []byte { return packspec.Archive([]packspec.File{{Name: name, Data: []byte("x")}}) }
	end := len(pack) - 22
	dir := int(binary.LittleEndian.Uint32(pack[end+16:]))
	patch := func(at int, with ...byte) []byte {
		b := slices.Clone(pack)
		copy(b[at:], with)
		return b
	}
	many := func(n int) (all []packspec.File) {
		for i := range n {
			all = append(all, packspec.File{Name: "f" + strings.Repeat("x", i)})
		}
		return all
	}
	hostile := map[string][]byte{
		"nothing":                        nil,
		"an end record alone":            pack[end:],
		"no entries":                     packspec.Archive(nil),
		"a byte before":                  append([]byte{0}, pack...),
		"a byte after":                   append(slices.Clone(pack), 0),
		"a comment":                      append(patch(len(pack)-2, 1, 0), 'x'),
		"two archives":                   append(slices.Clone(pack), pack...),
		"something before":               append([]byte("#!/bin/sh\n"), pack...),
		"more entries than the end says": patch(end+8, 1, 0, 1, 0),
		"another disk":                   patch(end+4, 1, 0),
		"entries on this disk":           patch(end+8, 1, 0),
		"zip64 count":                    patch(end+8, 0xff, 0xff, 0xff, 0xff),
		"zip64 offset":                   patch(end+16, 0xff, 0xff, 0xff, 0xff),
		"directory size":                 patch(end+12, 0xff, 0xff, 0xff, 0x7f),
		"local version":                  patch(4, 20),
		"local flags":                    patch(6, 8),
		"local method":                   patch(8, 8),
		"local time":                     patch(10, 1),
		"local CRC":                      patch(14, pack[14]^1),
		"local size":                     patch(18, pack[18]^1),
		"local name length":              patch(26, pack[26]^1),
		"local extra field":              patch(28, 1),
		"local name":                     patch(30, 'W'),
		"directory made by":              patch(dir+4, 0),
		"directory method":               patch(dir+10, 8),
		"directory size of entry":        patch(dir+20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"directory sizes that differ":    patch(dir+24, pack[dir+24]^1),
		"directory name length":          patch(dir+28, 0xff, 0xff),
		"directory extra field":          patch(dir+30, 4, 0),
		"directory comment":              patch(dir+32, 1, 0),
		"directory disk":                 patch(dir+34, 1),
		"directory attributes":           patch(dir+38, 0, 0, 0xff, 0xa1), // a symbolic link
		"directory offset":               patch(dir+42, 1),
		"a gap between entries":          slices.Insert(slices.Clone(pack), dir, 0),
		"sixty-five entries":             packspec.Archive(many(65)),
		"doubled entry":                  packspec.Archive(slices.Insert(slices.Clone(fs), 1, fs[0])),
		"entries out of order":           packspec.Archive([]packspec.File{fs[1], fs[0]}),
		"a deflated archive":             deflated(t, fs),
		"an archive of the library":      stored(t, fs),
	}
	for _, name := range []string{"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "./a", ".hidden", "C:\\x", "a\\b", "a\x00b", "a\nb", "é", "a b",
		"-rf", strings.Repeat("n", 129), "a/.", "a/..", "\u202egpj.exe", "CON:"} {
		hostile["name "+name] = named(name)
	}
	return hostile
}

func deflated(t testing.TB, fs []packspec.File) []byte {
	return zipped(t, fs, zip.Deflate)
}

func stored(t testing.TB, fs []packspec.File) []byte {
	return zipped(t, fs, zip.Store)
}

func zipped(t testing.TB, fs []packspec.File, method uint16) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range fs {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.Data); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostileArchives(t *testing.T) {
	pack, key := small(t)
	hostile := hostileArchives(t, pack)
	for name, b := range hostile {
		if _, err := packspec.Open(bytes.NewReader(b), int64(len(b))); !isFormat(err) {
			t.Errorf("%q: Open = %v, want a FormatError", name, err)
		}
		if r := verify(t, b, key); r.Verified || r.Failure.Level != packspec.LevelContainer || len(r.Levels) != 9 {
			t.Errorf("%q: %+v", name, r)
		}
	}
	t.Logf("%d hostile archives", len(hostile))
}

// What is said to be in a pack is bounded before it is believed.
func TestHostileArchiveCostsLittle(t *testing.T) {
	pack, _ := small(t)
	for name, b := range hostileArchives(t, pack) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = packspec.Open(bytes.NewReader(b), int64(len(b)))
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%q: %d bytes allocated", name, got)
		}
	}
}

func FuzzArchive(f *testing.F) {
	pack, _ := small(f)
	f.Add(pack)
	for _, b := range hostileArchives(f, pack) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var again bytes.Buffer
		if packspec.Rebuild(bytes.NewReader(b), int64(len(b)), &again) == nil && !bytes.Equal(again.Bytes(), b) {
			t.Errorf("an archive of %d bytes opens, and is rebuilt as another one", len(b))
		}
	})
}

func FuzzManifest(f *testing.F) {
	pack, _ := small(f)
	f.Add(file(readZip(f, pack), "pack_manifest.json").Data)
	f.Add([]byte(`{"schema_id":"gait.pack.manifest","schema_version":"2.0.0"}`))
	f.Add([]byte(strings.Repeat("[", 20000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, err := packspec.ParseManifest(b); err == nil && !bytes.Equal(again, b) {
			t.Errorf("a manifest is read and written as another one:\n%q\n%q", b, again)
		}
	})
}

func FuzzEvidence(f *testing.F) {
	pack, _ := small(f)
	f.Add(file(readZip(f, pack), "evidence.json").Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, err := packspec.ParseEvidence(b); err == nil && !bytes.Equal(again, b) {
			t.Errorf("evidence is read and written as another one:\n%q\n%q", b, again)
		}
	})
}

// FuzzVerify replaces one file of a pack, under a manifest that the ledger
// signed, so that what it holds is really looked at.
func FuzzVerify(f *testing.F) {
	pack, key := small(f)
	fs := readZip(f, pack)
	for i, file := range fs {
		f.Add(i, file.Data)
	}
	honest := verify(f, pack, key)
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		if i < 0 || i >= len(fs) || bytes.Equal(fs[i].Data, data) {
			return
		}
		forged, last := slices.Clone(fs), len(fs)-1
		forged[i].Data = data
		if i != last {
			forged[last].Data = canonical(t, packspec.NewManifest("j", "2026-11-22T20:03:00.123Z", forged[:last], key))
		}
		b := packspec.Archive(forged)
		o := packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.VerifierKey()}}}
		r, err := packspec.Verify(bytes.NewReader(b), int64(len(b)), o)
		if err == nil && r.Verified {
			t.Errorf("%s was replaced, and the pack verifies", fs[i].Name)
		}
		if err == nil && len(r.Levels) != len(honest.Levels) {
			t.Errorf("%d levels", len(r.Levels))
		}
		_, _ = packspec.Inspect(bytes.NewReader(b), int64(len(b)))
	})
}
