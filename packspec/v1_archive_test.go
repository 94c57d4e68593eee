package packspec_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"io"
	"slices"
	"testing"

	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// The lenient reader accepts nothing that would make a file readable in two ways.
func TestV1Archives(t *testing.T) {
	o := v1Trust(t)
	honest := v1Pack(t, "signed")
	bomb := func() []byte {
		fs := files(t, honest)
		packtest.Find(fs, "job_events.jsonl").Data = bytes.Repeat([]byte{' '}, 8<<20)
		return deflated(t, fs)
	}
	with := func(name string, data []byte) []byte {
		return deflated(t, packtest.Set(files(t, honest), name, data))
	}
	for _, tt := range []struct {
		name, code string
		pack       []byte
	}{
		{"trailing byte", finding.CodeArchive, append(slices.Clone(honest), 0)},
		{"leading byte", finding.CodeArchive, append([]byte{0}, honest...)},
		{"two archives", finding.CodeArchive, append(slices.Clone(honest), honest...)},
		{"unlisted entry", finding.CodeEntries, with("notes.txt", []byte("hello"))},
		{"path", finding.CodeArchive, with("../notes.txt", []byte("hello"))},
		{"entry missing", finding.CodeEntries, deflated(t, files(t, honest)[1:])},
		{"entry twice", finding.CodeArchive, deflated(t, append(files(t, honest)[:1], files(t, honest)...))},
		{"other order", finding.CodeArchive, deflated(t, append(files(t, honest)[1:], files(t, honest)[0]))},
		{"ratio", finding.CodeArchive, bomb()},
		{"bytes after deflated content", finding.CodeArchive, padded(t, files(t, honest))},
		{"too large a payload", finding.CodeArchive, with("job_payload.json", bytes.Repeat([]byte("{}"), 16<<10))},
	} {
		r := verifyV1(t, tt.pack, o)
		if r.Verified || r.Failure.Level != finding.LevelContainer || r.Failure.Code != tt.code {
			t.Errorf("%s: %+v, want %s", tt.name, r.Failure, tt.code)
		}
	}
}

// deflated returns an archive in the form that other tools write.
func deflated(t testing.TB, fs []packspec.File) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range fs {
		w, err := z.Create(f.Name)
		if err == nil {
			_, err = w.Write(f.Data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// padded returns an archive with hidden bytes behind the end of deflated content.
func padded(t testing.TB, fs []packspec.File) []byte {
	z := packtest.New(fs)
	for i := range z.Entries {
		e := &z.Entries[i]
		var b bytes.Buffer
		w, err := flate.NewWriter(&b, flate.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, bytes.NewReader(e.Data)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		e.Data = append(b.Bytes(), "hidden"...)
		e.Local.Method, e.Dir.Method = 8, 8
		e.Local.Packed, e.Dir.Packed = uint32(len(e.Data)), uint32(len(e.Data))
	}
	z.Settle()
	return z.Bytes()
}

// FuzzV1Archive reads any file as an archive of another tool.
func FuzzV1Archive(f *testing.F) {
	for _, name := range []string{"signed", "first"} {
		f.Add(v1Pack(f, name))
	}
	f.Add(padded(f, files(f, v1Pack(f, "first"))))
	o := v1Trust(f)
	f.Fuzz(func(t *testing.T, pack []byte) {
		r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o)
		if err == nil && r.Verified && r.Format != packspec.FormatV1 {
			t.Errorf("a pack of gait verifies under a key of another: %+v", r)
		}
	})
}
