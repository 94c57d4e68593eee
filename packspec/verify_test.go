package packspec_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
)

func TestVerifyReport(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	r := verify(t, build(t, log, "job_1"), testKey(t, 3), key)
	if !r.Verified || r.Failure != nil {
		t.Fatalf("an honest pack: %v", r.Failure)
	}
	want := []finding.Level{
		{Name: "container", Status: "proved"},
		{Name: "canonical", Status: "proved"},
		{Name: "chain", Status: "proved"},
		{Name: "inclusion", Status: "proved"},
		{Name: "signature", Status: "proved"},
		{Name: "cosignatures", Status: "absent"},
		{Name: "state_machine", Status: "proved"},
		{Name: "views", Status: "proved"},
		{Name: "freshness", Status: "claimed"},
		{Name: "actors", Status: "claimed"},
		{Name: "completeness", Status: "claimed"},
	}
	got := slices.Clone(r.Levels)
	for i := range got {
		if got[i].Detail == "" {
			t.Errorf("level %s says nothing", got[i].Name)
		}
		got[i].Detail = ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("levels (-want +got):\n%s", diff)
	}
	if r.JobID != "job_1" || r.Origin != origin || r.Size != 12 || r.EventCount != 9 || r.HeadSeq != 11 || r.TrustedBy != "trusted_keys:1" ||
		r.Key != key.VerifierKey().String() || r.Profile != "standard" || r.PackType != "job" || r.Root != log.checkpoint().Root.String() {
		t.Errorf("report = %+v", r)
	}
}

func TestUntrustedKey(t *testing.T) {
	key := testKey(t, 1)
	pack := build(t, history(t, key), "job_1")
	stranger, err := ledger.GenerateKey(bytes.NewReader(make([]byte, 32)), "gait.example/other")
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range [][]ledger.PrivateKey{nil, {stranger}, {{}}} {
		r := verify(t, pack, keys...)
		if r.Verified || r.Failure == nil || r.Failure.Code != finding.CodeUntrustedKey || r.Failure.Found != key.VerifierKey().String() || r.TrustedBy != "" {
			t.Errorf("a pack by an unknown key: verified %t, %+v", r.Verified, r.Failure)
		}
		for _, l := range r.Levels {
			if (l.Status == finding.Failed) != (l.Name == finding.LevelSignature) {
				t.Errorf("a pack by an unknown key: %s is %s", l.Name, l.Status)
			}
		}
	}
	r := verify(t, pack, testKey(t, 2))
	if r.Verified || r.Failure.Code != finding.CodeKeyMismatch || r.Failure.Expected != testKey(t, 2).VerifierKey().String() {
		t.Errorf("a pack by another key of the origin: verified %t, %+v", r.Verified, r.Failure)
	}
}

// A forgery changes a pack's files. sign names the key that signs the new manifest: the
// ledger's, so that only the one fact is wrong, another, or none. With keep, the old
// manifest stays.
type forgery struct {
	name  string
	forge func(*forger)
	sign  string
	level string
	code  string
}

type forger struct {
	t     *testing.T
	log   *testLog
	first bool // the pack is of evidence format 1
	files []packspec.File
	job   string
	at    string // created_at of the manifest
}

func (f *forger) set(name string, data []byte) {
	if have := file(f.files, name); have != nil {
		have.Data = data
		return
	}
	f.files = append(f.files, packspec.File{Name: name, Data: data})
	slices.SortFunc(f.files, func(a, b packspec.File) int { return strings.Compare(a.Name, b.Name) })
}

func (f *forger) replace(name, old, with string) {
	data := file(f.files, name).Data
	if !bytes.Contains(data, []byte(old)) {
		f.t.Fatalf("%s does not hold %q: %s", name, old, data)
	}
	f.set(name, bytes.Replace(data, []byte(old), []byte(with), 1))
}

func (f *forger) remove(name string) {
	f.files = slices.DeleteFunc(f.files, func(f packspec.File) bool { return f.Name == name })
}

// chain corrects the links between events, as far as the pack has them.
func (f *forger) chain(events []ledger.Event) []ledger.Event {
	prev := f.log.event(0)
	for i, e := range events {
		e = changed(f.t, e, func(d *ledger.Draft) {
			d.JobSeq, d.JobPrev = int64(i+1), ledger.Hash{}
			if i > 0 {
				d.JobPrev = prev.LeafHash()
			}
			if d.Seq == prev.Seq()+1 {
				d.Prev = prev.LeafHash()
			}
		})
		events[i], prev = e, e
	}
	return events
}

// changed seals an event again with a change.
func changed(t testing.TB, e ledger.Event, change func(*ledger.Draft)) ledger.Event {
	t.Helper()
	d := e.Draft()
	change(&d)
	again, err := ledger.Seal(d)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// edited returns events, of which event i is sealed again with a change.
func edited(events []ledger.Event, i int, change func(*ledger.Draft)) []ledger.Event {
	d := events[i].Draft()
	change(&d)
	e, err := ledger.Seal(d)
	if err != nil {
		panic(err)
	}
	events[i] = e
	return events
}

// events writes events unchanged.
func (f *forger) events(events []ledger.Event) {
	var b bytes.Buffer
	for _, e := range events {
		b.Write(append(slices.Clone(e.Bytes()), '\n'))
	}
	f.set("ledger_events.jsonl", b.Bytes())
	if payload, state, list, err := packspec.Views(events); err == nil {
		f.set("job_payload.json", payload)
		f.set("job_state.json", state)
		f.set("job_events.jsonl", list)
	}
}

// A prover is a log, or what the holder of a key makes of events that no log takes.
type prover interface {
	Checkpoint() (ledger.Checkpoint, []byte)
	ProofIn(ctx context.Context, signed []byte, seq ledger.Seq) (ledger.Proof, error)
}

// proofs writes proofs and evidence.json from another log.
func (f *forger) proofs(log prover, created, head ledger.Seq) {
	c, signed := log.Checkpoint()
	for name, seq := range map[string]ledger.Seq{"ledger_created.tlog-proof": created, "head.tlog-proof": head} {
		p, err := log.ProofIn(f.t.Context(), signed, seq)
		if err != nil {
			f.t.Fatal(err)
		}
		f.set(name, []byte(p.String()))
	}
	format := int64(packspec.IndexedFormat)
	if f.first {
		format = packspec.FirstFormat
	}
	f.set("evidence.json", packspec.NewEvidence(c, format, 0, file(f.files, "index_committed.json") != nil))
}

// build builds another pack in the same format.
func (f *forger) build(l *testLog, job string) []byte {
	if f.first {
		return buildFirst(f.t, l, job)
	}
	return build(f.t, l, job)
}

func (f *forger) pack(sign string) []byte {
	if sign != "keep" {
		f.remove("pack_manifest.json")
		var s ledger.Signer
		switch sign {
		case "ledger":
			s = f.log.key
		case "other":
			s = testKey(f.t, 2)
		}
		m := packspec.NewManifest(f.job, f.at, f.files, s)
		f.set("pack_manifest.json", canonical(f.t, m))
	}
	return packspec.Archive(f.files)
}

// Each forgery is found in a pack of each format.
func TestForgeries(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	for format, honest := range map[string][]byte{"first": buildFirst(t, log, "job_1"), "indexed": build(t, log, "job_1")} {
		for _, tt := range forgeries {
			t.Run(tt.name+" in the format "+format, func(t *testing.T) {
				f := &forger{t: t, log: log, first: format == "first", files: files(t, honest), job: "job_1", at: log.at("job_1")}
				tt.forge(f)
				tt.isFound(t, f.pack(tt.sign), key)
			})
		}
	}
}

// isFound requires that a forged pack fails where it must.
func (tt forgery) isFound(t *testing.T, pack []byte, key ledger.PrivateKey) {
	t.Helper()
	r := verify(t, pack, key)
	if r.Verified || r.Failure == nil {
		t.Fatal("it verifies")
	}
	if r.Failure.Level != tt.level || r.Failure.Code != tt.code {
		t.Errorf("it fails at %s with %s (%v), want %s with %s", r.Failure.Level, r.Failure.Code, r.Failure, tt.level, tt.code)
	}
	if status := r.Level(tt.level).Status; status != finding.Failed && tt.code != finding.CodeNoEvidence {
		t.Errorf("level %s is %s", tt.level, status)
	}
	t.Logf("%s: %v", r.Failure.Level, r.Failure)
}

// The forger by itself does not invalidate a pack.
func TestForgerHarness(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	for _, first := range []bool{true, false} {
		f := &forger{t: t, log: log, first: first, job: "job_1", at: log.at("job_1")}
		honest := f.build(log, "job_1")
		f.files = files(t, honest)
		f.events(log.job("job_1"))
		f.proofs(log, 0, 11)
		if pack := f.pack("ledger"); !bytes.Equal(pack, honest) {
			t.Error("forging nothing changes the pack")
		}
	}
}

// A pack on an older checkpoint, with the job's events at that time, is valid.
func TestOlderPackVerifies(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	old := build(t, log, "job_1")
	newScript(t, log).ok("job_1", "operator", "enough", commands.Cancel{})
	if r := verify(t, old, key); !r.Verified || r.Size != log.Head().Size-1 {
		t.Errorf("an older pack of %d events: %v", r.Size, r.Failure)
	}
}

func TestNewerFormats(t *testing.T) {
	log := history(t, testKey(t, 1))
	for name, forge := range map[string]func(*forger){
		"evidence format 8": func(f *forger) { f.replace("evidence.json", `"format":2`, `"format":8`) },
		"evidence format 8 with an entry of its own": func(f *forger) {
			f.replace("evidence.json", `"format":2`, `"format":8`)
			f.set("evidence_of_the_future.json", []byte("{}"))
		},
		"an event of version 2": func(f *forger) {
			f.replace("ledger_events.jsonl", `"schema_version":"1.0.0"`, `"schema_version":"2.0.0"`)
		},
		"a manifest of 1.1.0": func(f *forger) {
			f.replace("pack_manifest.json", `"schema_version":"1.0.0"`, `"schema_version":"1.1.0"`)
		},
		"a pack of a new type": func(f *forger) { f.replace("pack_manifest.json", `"pack_type":"job"`, `"pack_type":"heap"`) },
		"a ledger of format 2": func(f *forger) { f.replace("ledger_created.json", `"format":1`, `"format":2`) },
		"a command that is signed": func(f *forger) {
			events := f.log.job("job_1")
			f.events(f.chain(edited(events, 0, func(d *ledger.Draft) { d.Command = []byte("x") })))
		},
	} {
		f := &forger{t: t, log: log, files: files(t, build(t, log, "job_1")), job: "job_1", at: log.at("job_1")}
		forge(f)
		sign := "ledger"
		if strings.Contains(name, "manifest") || strings.Contains(name, "type") {
			sign = "keep"
		}
		pack := f.pack(sign)
		if _, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{}); !errors.Is(err, ledger.ErrUnsupportedVersion) {
			t.Errorf("%s: %v, want ErrUnsupportedVersion", name, err)
		}
	}
}

// A brokenReader fails after some bytes.
type brokenReader struct {
	io.ReaderAt
	left atomic.Int64
}

var errDisk = errors.New("disk on fire")

// breakAfter returns a brokenReader over r. Like every io.ReaderAt it may be read by
// several goroutines at a time.
func breakAfter(r io.ReaderAt, left int64) *brokenReader {
	b := &brokenReader{ReaderAt: r}
	b.left.Store(left)
	return b
}

func (b *brokenReader) ReadAt(p []byte, at int64) (int, error) {
	if b.left.Add(-int64(len(p))) < 0 {
		return 0, errDisk
	}
	return b.ReaderAt.ReadAt(p, at)
}

// A reader's error is never reported as a verdict on the pack.
func TestReadErrorIsNoVerdict(t *testing.T) {
	key := testKey(t, 1)
	pack := build(t, history(t, key), "job_1")
	o := packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.VerifierKey().PublicKey()}}}
	n := 0
	for left := int64(0); ; left += 97 {
		r, err := packspec.Verify(breakAfter(bytes.NewReader(pack), left), int64(len(pack)), o)
		if err == nil && r.Verified {
			break
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("after %d bytes: %v, %v", left, err, r.Failure)
		}
		n++
	}
	t.Logf("%d places", n)
}

func TestUnknownProfile(t *testing.T) {
	if _, err := packspec.Verify(bytes.NewReader(nil), 0, packspec.Options{Profile: "lax"}); err == nil {
		t.Error("a profile that does not exist was accepted")
	}
	if r, err := packspec.Verify(bytes.NewReader(nil), 0, packspec.Options{Profile: packspec.ProfileStrict}); err != nil || r.Verified || len(r.Levels) != 11 {
		t.Errorf("an empty file: %v, %+v", err, r)
	}
}
