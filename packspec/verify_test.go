package packspec_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/packspec"
)

func TestVerifyReport(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	r := verify(t, build(t, log, "job_1"), testKey(t, 3), key)
	if !r.Verified || r.Failure != nil {
		t.Fatalf("an honest pack: %v", r.Failure)
	}
	want := []packspec.Level{{Name: "container", Status: "proved"}, {Name: "canonical", Status: "proved"}, {Name: "chain", Status: "proved"},
		{Name: "inclusion", Status: "proved"}, {Name: "signature", Status: "proved"}, {Name: "cosignatures", Status: "absent"}, {Name: "state_machine", Status: "proved"},
		{Name: "views", Status: "proved"}, {Name: "freshness", Status: "claimed"},
		{Name: "actors", Status: "claimed"}, {Name: "completeness", Status: "proved"}}
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
		r.Key != key.VerifierKey().String() || r.Profile != "standard" || r.PackType != "job" || r.Root != log.tree.Root().String() {
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
		if r.Verified || r.Failure == nil || r.Failure.Code != packspec.CodeUntrustedKey || r.Failure.Found != key.VerifierKey().String() || r.TrustedBy != "" {
			t.Errorf("a pack by an unknown key: verified %t, %+v", r.Verified, r.Failure)
		}
		for _, l := range r.Levels {
			if (l.Status == packspec.Failed) != (l.Name == packspec.LevelSignature) {
				t.Errorf("a pack by an unknown key: %s is %s", l.Name, l.Status)
			}
		}
	}
	r := verify(t, pack, testKey(t, 2))
	if r.Verified || r.Failure.Code != packspec.CodeKeyMismatch || r.Failure.Expected != testKey(t, 2).VerifierKey().String() {
		t.Errorf("a pack by another key of the origin: verified %t, %+v", r.Verified, r.Failure)
	}
}

// A forgery changes a pack's files. sign says who signs the new manifest: the
// ledger's key, so that the one fact looked for is all that is wrong; another
// key; nobody; or, with keep, nobody makes a new one.
type forgery struct {
	name  string
	forge func(*forger)
	sign  string
	level string
	code  string
}

type forger struct {
	t     *testing.T
	log   *memoryLog
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

// chain links events to each other again, as far as the pack shows the links.
func (f *forger) chain(events []ledger.Event) []ledger.Event {
	prev := f.log.events[0]
	for i, e := range events {
		e.JobSeq, e.JobPrev = int64(i+1), ledger.Hash{}
		if i > 0 {
			e.JobPrev = prev.LeafHash()
		}
		if e.Seq == prev.Seq+1 {
			e.Prev = prev.LeafHash()
		}
		e = f.seal(e)
		events[i], prev = e, e
	}
	return events
}

func (f *forger) seal(e ledger.Event) ledger.Event {
	e, err := ledger.Seal(e)
	if err != nil {
		f.t.Fatal(err)
	}
	return e
}

// events writes events as they are.
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

// proofs writes proofs and evidence.json from another log.
func (f *forger) proofs(log *memoryLog, created, head ledger.Seq) {
	for name, seq := range map[string]ledger.Seq{"ledger_created.tlog-proof": created, "head.tlog-proof": head} {
		p, err := log.ProofIn(log.signed, seq)
		if err != nil {
			f.t.Fatal(err)
		}
		f.set(name, []byte(p.String()))
	}
	f.set("evidence.json", packspec.NewEvidence(log.checkpoint()))
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

func TestForgeries(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	honest := build(t, log, "job_1")
	for _, tt := range forgeries {
		t.Run(tt.name, func(t *testing.T) {
			f := &forger{t: t, log: log, files: files(t, honest), job: "job_1", at: ledger.FormatTime(log.jobs["job_1"].Time)}
			tt.forge(f)
			r := verify(t, f.pack(tt.sign), key)
			if r.Verified || r.Failure == nil {
				t.Fatal("it verifies")
			}
			if r.Failure.Level != tt.level || r.Failure.Code != tt.code {
				t.Errorf("it fails at %s with %s (%v), want %s with %s", r.Failure.Level, r.Failure.Code, r.Failure, tt.level, tt.code)
			}
			if status := r.Level(tt.level).Status; status != packspec.Failed && tt.code != packspec.CodeNoEvidence {
				t.Errorf("level %s is %s", tt.level, status)
			}
			t.Logf("%s: %v", r.Failure.Level, r.Failure)
		})
	}
}

// TestForgerHarness shows that the forger itself breaks nothing.
func TestForgerHarness(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	honest := build(t, log, "job_1")
	f := &forger{t: t, log: log, files: files(t, honest), job: "job_1", at: ledger.FormatTime(log.jobs["job_1"].Time)}
	f.events(log.job("job_1"))
	f.proofs(log, 0, 11)
	if pack := f.pack("ledger"); !bytes.Equal(pack, honest) {
		t.Error("forging nothing changes the pack")
	}
}

// An older checkpoint that holds the job's events as they then were is a true
// pack of an older day: complete for the tree it names, which has an event less.
func TestOlderPackVerifies(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	old := build(t, log, "job_1")
	newScript(t, log).ok("job_1", "operator", "enough", commands.Cancel{})
	r := verify(t, old, key)
	if !r.Verified || r.Level(packspec.LevelCompleteness).Status != packspec.Proved || r.Size != log.head.Size-1 {
		t.Errorf("an older pack: %v, completeness %s of %d events", r.Failure, r.Level(packspec.LevelCompleteness).Status, r.Size)
	}
}

// Completeness is proved where nothing of the job that changes it can follow in
// the tree, and demanded by the strict profile.
func TestCompleteness(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key) // ends with job_1, which is paused; job_2 is completed before
	check := func(job string, want packspec.Status) {
		t.Helper()
		pack := build(t, log, job)
		for _, profile := range []packspec.Profile{packspec.ProfileStandard, packspec.ProfileStrict} {
			r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.VerifierKey().PublicKey()}}, Profile: profile})
			if err != nil {
				t.Fatal(err)
			}
			status := r.Level(packspec.LevelCompleteness).Status
			if short := profile == packspec.ProfileStrict && want == packspec.Claimed; short {
				if r.Verified || status != packspec.Failed || r.Failure.Code != packspec.CodeIncomplete || r.Failure.Level != packspec.LevelCompleteness {
					t.Errorf("%s, strict: verified %t, completeness %s, %v", job, r.Verified, status, r.Failure)
				}
			} else if !r.Verified || status != want {
				t.Errorf("%s, %s: %v, completeness %s, want %s", job, profile, r.Failure, status, want)
			}
		}
	}
	check("job_1", packspec.Proved)
	check("job_2", packspec.Proved)
	newScript(t, log).refused("job_2", "operator", commands.Pause{})
	check("job_1", packspec.Claimed)
	check("job_2", packspec.Proved)
}

func TestNewerFormats(t *testing.T) {
	log := history(t, testKey(t, 1))
	for name, forge := range map[string]func(*forger){
		"evidence format 2": func(f *forger) { f.replace("evidence.json", `"format":1`, `"format":2`) },
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
			events[0].Command = []byte("x")
			f.events(f.chain(events))
		},
	} {
		f := &forger{t: t, log: log, files: files(t, build(t, log, "job_1")), job: "job_1", at: ledger.FormatTime(log.jobs["job_1"].Time)}
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

// brokenReader fails after some bytes.
type brokenReader struct {
	io.ReaderAt
	left int64
}

var errDisk = errors.New("disk on fire")

func (b *brokenReader) ReadAt(p []byte, at int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, errDisk
	}
	return b.ReaderAt.ReadAt(p, at)
}

// Trouble with reading is never a verdict on the pack.
func TestReadErrorIsNoVerdict(t *testing.T) {
	key := testKey(t, 1)
	pack := build(t, history(t, key), "job_1")
	o := packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.VerifierKey().PublicKey()}}}
	n := 0
	for left := int64(0); ; left += 97 {
		r, err := packspec.Verify(&brokenReader{bytes.NewReader(pack), left}, int64(len(pack)), o)
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
