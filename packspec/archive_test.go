package packspec_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gait/packspec"
)

func FuzzArchive(f *testing.F) {
	pack, _ := small(f)
	f.Add(pack)
	for _, h := range zipHostiles(f) {
		if len(h.pack) < 64<<10 {
			f.Add(h.pack)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var again packspec.Buffer
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
	f.Add(file(readZip(f, worked(f).packOf(nil)), "evidence.json").Data)
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, err := packspec.ParseEvidence(b); err == nil && !bytes.Equal(again, b) {
			t.Errorf("evidence is read and written as another one:\n%q\n%q", b, again)
		}
	})
}

// FuzzVerify replaces one file of a pack, under a manifest that the ledger
// signed, so that its content is really read.
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
		o := packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.VerifierKey().PublicKey()}}}
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
