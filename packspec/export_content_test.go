package packspec_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gait/ledger"
	"gait/packspec"
	"gait/projection"
)

// exportedContinuation returns the export of a ledger that continues another one, with
// the contents that its events name.
func exportedContinuation(t *testing.T) (fstest.MapFS, *continuation) {
	t.Helper()
	c := continued(t, false)
	c.commits(t)
	dir := fstest.MapFS{}
	put := func(path string, content []byte) error {
		dir[path] = &fstest.MapFile{Data: content, Mode: 0o600}
		return nil
	}
	if err := packspec.Export(t.Context(), c.l.Log, put, nil); err != nil {
		t.Fatal(err)
	}
	digests := slices.SortedFunc(maps.Keys(c.content), func(a, b ledger.Hash) int { return bytes.Compare(a[:], b[:]) })
	for _, digest := range digests {
		dir[packspec.ContentPath(digest)] = &fstest.MapFile{Data: c.content[digest], Mode: 0o600}
	}
	dir[packspec.ContentList] = &fstest.MapFile{Data: packspec.ListContents(digests), Mode: 0o600}
	return dir, c
}

// readContents reads the whole export as import does: with the proofs of continued jobs.
func readContents(dir fstest.MapFS) (*packspec.ContinuedJobs, error) {
	log, err := packspec.OpenExport(dir)
	if err != nil {
		return nil, err
	}
	if err := log.CheckFiles(); err != nil {
		return nil, err
	}
	jobs := &packspec.ContinuedJobs{Content: log.Content.Read}
	for entry, err := range projection.Entries(log.Events()) {
		if err == nil {
			err = jobs.Add(entry.Event)
		}
		if err != nil {
			return nil, err
		}
	}
	return jobs, log.Content.Each(func(digest ledger.Hash, from io.ReadSeeker) error {
		b, err := io.ReadAll(from)
		if err == nil && ledger.Hash(sha256.Sum256(b)) != digest {
			err = ledger.ErrUnverified
		}
		return err
	})
}

// An export brings what its events name, and an older one, without it, is read too.
func TestExportedContent(t *testing.T) {
	dir, _ := exportedContinuation(t)
	jobs, err := readContents(dir)
	if err != nil || len(jobs.Ledgers) != 1 || jobs.Ledgers[0].Jobs != 2 || len(jobs.Ledgers[0].Missing) > 0 {
		t.Fatalf("reading the export = %+v, %v", jobs, err)
	}
	maps.DeleteFunc(dir, func(path string, _ *fstest.MapFile) bool { return strings.HasPrefix(path, "content") })
	jobs, err = readContents(dir)
	if err != nil || len(jobs.Ledgers[0].Missing) != 2 {
		t.Errorf("without content: %+v, %v, want two jobs without proof", jobs, err)
	}
}

// No change to the contents of an export, or to the list of them, stays unseen.
func TestEveryChangeOfExportedContent(t *testing.T) {
	honest, _ := exportedContinuation(t)
	for path, file := range honest {
		if !strings.HasPrefix(path, "content") {
			continue
		}
		dir := maps.Clone(honest)
		changed := func(what string, b []byte) {
			dir[path] = &fstest.MapFile{Data: b, Mode: 0o600}
			if _, err := readContents(dir); !isRefusal(err) {
				t.Errorf("%s of %s: %v, want that it is malformed or not verified", what, path, err)
			}
		}
		for i := range file.Data {
			flipped := bytes.Clone(file.Data)
			flipped[i] ^= 1 << (i % 8)
			changed("a flipped bit", flipped)
		}
		changed("nothing left", nil)
		changed("the first half", file.Data[:len(file.Data)/2])
		changed("one byte more", append(bytes.Clone(file.Data), 'x'))
		changed("twice the same", append(bytes.Clone(file.Data), file.Data...))
		delete(dir, path)
		if _, err := readContents(dir); !isRefusal(err) {
			t.Errorf("without %s: %v", path, err)
		}
	}
	dir := maps.Clone(honest)
	other := ledger.Hash(sha256.Sum256([]byte("other")))
	dir[packspec.ContentPath(other)] = &fstest.MapFile{Data: []byte("other"), Mode: 0o600}
	if _, err := readContents(dir); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("with content that is not listed: %v", err)
	}
}

func isRefusal(err error) bool {
	_, continued := errors.AsType[*packspec.ContinuedError](err)
	return continued || errors.Is(err, ledger.ErrMalformed) || errors.Is(err, ledger.ErrUnverified)
}

// A list is refused for what is wrong with it, before any file that it names is opened.
func TestContentLists(t *testing.T) {
	dir, c := exportedContinuation(t)
	line := string(dir[packspec.ContentList].Data[:139])
	other := strings.Repeat("f", 64)
	for name, list := range map[string]string{
		"ends within line 1": "", "is not that of a content": strings.Replace(line, "content/", "../../x/", 1), "is not in order": line + line,
		"line 1 of content.sha256 is not that": other + line[64:], "ends within line 2": line + "x",
		"lists more than": strings.Join(manyLines(int(c.l.Log.Head().Size)*(ledger.MaxAttachments+1)+1), ""),
	} {
		dir[packspec.ContentList] = &fstest.MapFile{Data: []byte(list), Mode: 0o600}
		if _, err := readContents(dir); !errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func manyLines(n int) (lines []string) {
	for i := range n {
		lines = append(lines, string(packspec.ListContents([]ledger.Hash{{byte(i >> 8), byte(i)}})))
	}
	return lines
}

// A list has one form: what is read is written again, byte for byte.
func FuzzContentList(f *testing.F) {
	f.Add(packspec.ListContents([]ledger.Hash{{1}, {2}}))
	f.Add([]byte(strings.Repeat("0", 139)))
	f.Fuzz(func(t *testing.T, b []byte) {
		all, err := packspec.ParseContents(b)
		if err == nil && !bytes.Equal(packspec.ListContents(all), b) {
			t.Errorf("it reads %q and writes %q", b, packspec.ListContents(all))
		}
		if err != nil && !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%q: %v", b, err)
		}
	})
}
