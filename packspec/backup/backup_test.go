package backup_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/packspec"
	"gait/packspec/backup"
	"gait/packspec/container"
)

// progress appends a checkpoint of a job, as the rules of jobs allow it.
func progress(t *testing.T, log *store.Log, job string) {
	t.Helper()
	head, _, err := ledger.FindJob(t.Context(), log, job)
	must(t, err)
	d := ledgertest.Progress(job, "step")
	d.Payload = ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(head.JobSeq), CheckpointType: ledger.CheckpointProgress, Summary: "step"}
	ledgertest.Append(t, log, d)
}

func always() bool { return true }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write writes a whole backup of a log.
func write(t *testing.T, log backup.Source, o backup.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := backup.Begin(t.Context(), &b, log, o)
	must(t, err)
	if done, err := w.Continue(t.Context(), log, always); err != nil || !done {
		t.Fatalf("Continue = %t, %v", done, err)
	}
	if int64(b.Len()) != w.Bytes {
		t.Errorf("the backup has %d bytes, and says %d", b.Len(), w.Bytes)
	}
	return b.Bytes()
}

func open(t *testing.T, b []byte) *backup.Backup {
	t.Helper()
	got, err := backup.Open(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	return got
}

// small returns a ledger with two jobs, a rotation and a cosignature, and content.
func small(t *testing.T) (*ledgertest.Ledger, backup.Options) {
	t.Helper()
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
	progress(t, l.Log, "job_1")
	cosigned(t, l.Log)
	progress(t, l.Log, "job_1")
	o := backup.Options{Content: content.Open(filepath.Join(t.TempDir(), "content")), SealedKey: []byte("sealed\n")}
	for _, text := range []string{"one proof", "another"} {
		_, err := o.Content.Put([]byte(text))
		must(t, err)
	}
	return l, o
}

// cosigned has a witness cosign the newest checkpoint.
func cosigned(t *testing.T, log *store.Log) {
	t.Helper()
	w := ledgertest.NewWitness("witness.example")
	_, signed := log.Checkpoint()
	by, err := ledger.Cosignatures([]byte(string(signed)+w.Line(signed, ledgertest.Start)), []ledger.WitnessKey{w.Key})
	must(t, err)
	must(t, log.Keep(t.Context(), signed, by[0]))
}

func TestBackup(t *testing.T) {
	l, o := small(t)
	b := write(t, l.Log, o)
	if again := write(t, l.Log, o); !bytes.Equal(b, again) {
		t.Error("the same ledger gives another backup")
	}
	got := open(t, b)
	must(t, got.Verify(nil))
	c, signed := l.Checkpoint()
	if got.Checkpoint != c || !bytes.Equal(got.Log.Signed, signed) || got.Key != l.Keys().Current() || !got.AsOf.Equal(l.Head().Time) {
		t.Errorf("the backup is of %+v, want %+v", got.Summary, c)
	}
	if string(got.SealedKey) != "sealed\n" || !got.WithKey || got.Contents != 2 || len(got.Cosigned) != 1 || got.Bytes != int64(len(b)) {
		t.Errorf("the backup has %+v and the key %q", got.Summary, got.SealedKey)
	}
	var contents []string
	must(t, got.EachContent(func(e content.Entry, from io.ReadSeeker) error {
		text, err := io.ReadAll(from)
		contents = append(contents, string(text))
		return err
	}))
	slices.Sort(contents)
	if !slices.Equal(contents, []string{"another", "one proof"}) {
		t.Errorf("its contents are %q", contents)
	}
	n := int64(0)
	for e, err := range got.Log.Events() {
		must(t, err)
		was, err := l.Event(t.Context(), e.Seq())
		must(t, err)
		if was.LeafHash() != e.LeafHash() {
			t.Errorf("event %d is not the ledger's", e.Seq())
		}
		n++
	}
	if n != c.Size {
		t.Errorf("it has %d events, want %d", n, c.Size)
	}
	bare := open(t, write(t, l.Log, backup.Options{}))
	if bare.WithKey || bare.Contents != 0 {
		t.Errorf("without key and content it has %+v", bare.Summary)
	}
}

// Other programs read a backup: unzipped it has a log of C2SP tlog-tiles.
func TestBackupIsAZip(t *testing.T) {
	l, o := small(t)
	b := write(t, l.Log, o)
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	for _, f := range z.File {
		if f.Method != zip.Store || f.Mode() != 0o600 || f.Modified.Year() != 1980 && f.Modified.Year() != 1979 {
			t.Errorf("%s has method %d, mode %v, time %v", f.Name, f.Method, f.Mode(), f.Modified)
		}
	}
	if !slices.IsSortedFunc(z.File, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("its entries are not sorted")
	}
	unzip, err := exec.LookPath("unzip")
	if err != nil {
		t.Skip("there is no unzip")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "backup.zip")
	must(t, os.WriteFile(path, b, 0o600))
	if out, err := exec.Command(unzip, "-q", path, "-d", dir).CombinedOutput(); err != nil {
		t.Fatalf("unzip: %v\n%s", err, out)
	}
	log, err := packspec.OpenExport(os.DirFS(filepath.Join(dir, "ledger")))
	must(t, err)
	must(t, log.CheckFiles())
}

// A backup is written part by part while the ledger grows, and is of one size.
func TestBackupOfAGrowingLedger(t *testing.T) {
	l, o := small(t)
	for range 300 {
		progress(t, l.Log, "job_1")
	}
	want := write(t, l.Log, o)
	var b bytes.Buffer
	w, err := backup.Begin(t.Context(), &b, l.Log, o)
	must(t, err)
	steps := 0
	for done := false; !done; steps++ {
		left := 1
		done, err = w.Continue(t.Context(), l.Log, func() bool { left--; return left >= 0 })
		must(t, err)
		progress(t, l.Log, "job_2")
	}
	if !bytes.Equal(b.Bytes(), want) || steps < 10 {
		t.Errorf("in %d steps, with events in between, the backup is another one", steps)
	}
	must(t, open(t, b.Bytes()).Verify(nil))
}

// A ledger that took the place of the one that was begun with is found.
func TestBackupOfAnotherLedger(t *testing.T) {
	l, o := small(t)
	w, err := backup.Begin(t.Context(), io.Discard, l.Log, o)
	must(t, err)
	older, longer := ledgertest.New(t), ledgertest.New(t)
	for range 20 {
		ledgertest.Append(t, longer.Log, ledgertest.Submit("x"+string(rune('a'+longer.Head().Size))))
	}
	for name, log := range map[string]backup.Source{"an older state": older.Log, "another history": longer.Log} {
		if _, err := w.Continue(t.Context(), log, always); !isCorrupt(err) {
			t.Errorf("Continue with %s = %v, want a CorruptError", name, err)
		}
	}
}

func isCorrupt(err error) bool {
	_, ok := errors.AsType[*ledger.CorruptError](err)
	return ok
}

// holds opens and verifies a backup as restoring it does.
func holds(b []byte) error {
	got, err := backup.Open(bytes.NewReader(b), int64(len(b)))
	if err == nil {
		err = got.Verify(nil)
	}
	return err
}

// A backup has one spelling: no changed bit and no other length is taken for one. What
// a passphrase seals is checked when it is opened.
func TestEveryChangeOfABackup(t *testing.T) {
	l, o := small(t)
	o.SealedKey = nil
	b := write(t, l.Log, o)
	must(t, holds(b))
	for _, bit := range ledgertest.Sample(t, 8*len(b), 400) {
		other := bytes.Clone(b)
		other[bit/8] ^= 1 << (bit % 8)
		checkRefused(t, other, "bit", bit)
	}
	for _, n := range ledgertest.Sample(t, len(b), 100) {
		checkRefused(t, b[:n], "cut to", n)
	}
	checkRefused(t, append(bytes.Clone(b), 0), "longer by", 1)
	checkRefused(t, append([]byte{0}, b...), "shifted by", 1)
}

func checkRefused(t *testing.T, b []byte, what string, n int) {
	t.Helper()
	err := holds(b)
	f, known := ledger.FaultOf(err)
	if err == nil || !known || f.Category != ledger.CategoryInvalid && f.Category != ledger.CategoryVerification {
		t.Errorf("a backup, %s %d = %v (%v), want it refused", what, n, err, f)
	}
}

// An attacker who can write a zip can leave entries out, add some, and put those of another
// backup in.
func TestForgedBackups(t *testing.T) {
	l, o := small(t)
	b := write(t, l.Log, o)
	progress(t, l.Log, "job_1")
	later := write(t, l.Log, o)
	names := entryNames(t, b)
	for _, name := range names {
		if name != "private_key.pem" && !strings.HasPrefix(name, "content/") {
			checkForged(t, b, "without "+name, func(all map[string][]byte) { delete(all, name) })
		}
		if text := entries(t, later)[name]; text != nil && !bytes.Equal(text, entries(t, b)[name]) {
			checkForged(t, b, "with the later "+name, func(all map[string][]byte) { all[name] = text })
		}
	}
	for _, name := range []string{"a", "ledger/more", "ledger/keys/0002.json", "content/x", "z/y", "ledger", "ledger/content.sha256"} {
		checkForged(t, b, "with "+name, func(all map[string][]byte) { all[name] = []byte("x") })
	}
	checkForged(t, b, "with another content under a digest", func(all map[string][]byte) {
		all["content/"+strings.Repeat("0", 64)] = []byte("x")
	})
}

func checkForged(t *testing.T, b []byte, what string, change func(map[string][]byte)) {
	t.Helper()
	all := entries(t, b)
	change(all)
	if err := holds(backup.Archive(all)); err == nil {
		t.Errorf("a backup %s holds", what)
	}
}

func entries(t *testing.T, b []byte) map[string][]byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	all := map[string][]byte{}
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		all[f.Name], err = io.ReadAll(r)
		must(t, err)
	}
	return all
}

func entryNames(t *testing.T, b []byte) (names []string) {
	t.Helper()
	for name := range entries(t, b) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// The zip64 records are there if and only if numbers need them, and are read back.
func TestLargeArchives(t *testing.T) {
	for _, tt := range []struct{ count, size, at int64 }{
		{1, 66, 40}, {65534, 1 << 22, 1 << 31}, {65535, 1 << 22, 1 << 31}, {70000, 1 << 23, 1<<32 - 2}, {9, 600, 1<<32 - 1}, {9, 600, 1 << 40},
	} {
		end := container.End{Count: tt.count, Size: tt.size, At: tt.at}.Records()
		total := tt.at + tt.size + int64(len(end))
		count, size, at, err := backup.ReadEnd(&sparse{end: end, at: total - int64(len(end))}, total)
		if err != nil || count != tt.count || size != tt.size || at != tt.at {
			t.Errorf("the end of %+v is read as %d, %d, %d, %v", tt, count, size, at, err)
		}
		if is64, want := len(end) > 22, tt.count >= 65535 || tt.at >= 1<<32-1; is64 != want {
			t.Errorf("the end of %+v has %d bytes", tt, len(end))
		}
	}
}

// sparse is a large file of which only the end is there.
type sparse struct {
	end []byte
	at  int64
}

func (s *sparse) ReadAt(p []byte, at int64) (int, error) {
	if at < s.at {
		return 0, errors.New("read before its end")
	}
	return copy(p, s.end[at-s.at:]), nil
}

// A directory that claims more entries than a backup of that size has is not read.
func TestTooManyEntries(t *testing.T) {
	all := map[string][]byte{}
	for i := range 9000 {
		all["content/"+ledger.LeafHash([]byte{byte(i), byte(i >> 8)}).String()] = nil
	}
	var err error
	took := ledgertest.CPU(t, func() { err = holds(backup.Archive(all)) })
	if !errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), "9000 entries") {
		t.Errorf("Open = %v, want ErrMalformed for the number of entries", err)
	}
	if took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func FuzzOpen(f *testing.F) {
	l := ledgertest.New(f)
	var b bytes.Buffer
	w, err := backup.Begin(context.Background(), &b, l.Log, backup.Options{})
	if err == nil {
		_, err = w.Continue(context.Background(), l.Log, always)
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, in []byte) {
		if err := holds(in); err == nil && !bytes.Equal(in, b.Bytes()) {
			t.Error("another file is taken for the backup")
		}
	})
}

// The request ids that event 0 names are read from the contents.
func TestInherited(t *testing.T) {
	l, o := small(t)
	r, text := ledger.RequestsOf([]mpt.Key{ledger.RequestKey("r1"), ledger.RequestKey("r2")})
	_, err := o.Content.Put(text)
	must(t, err)
	got := open(t, write(t, l.Log, o))
	n := int64(0)
	for _, err := range got.Inherited(*r) {
		must(t, err)
		n++
	}
	if n != r.Count {
		t.Errorf("it yields %d keys, want %d", n, r.Count)
	}
	for _, err := range got.Inherited(ledger.Requests{Count: 1}) {
		if !errors.Is(err, ledger.ErrContentMissing) {
			t.Errorf("content that is not there = %v, want ErrContentMissing", err)
		}
	}
}
