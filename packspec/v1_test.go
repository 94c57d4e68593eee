package packspec_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/packtest"
)

// v1Packs are packs that the PackSpec v1 tool wrote, to the byte.
const v1Packs = "../fixtures/packs/packspec-v1"

func v1Pack(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(v1Packs, name+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// v1Trust is the key that signed some of them.
func v1Trust(t testing.TB) packspec.Options {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(v1Packs, "auditor.pub"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ledger.ParsePublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return packspec.Options{Trusted: []packspec.TrustedKey{{Key: key, From: "auditor.pub"}}}
}

// nameless is a key as somebody trusts it for whatever it signs.
func nameless(t testing.TB, key ledger.PrivateKey) ledger.PublicKey {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(ed25519.PublicKey(publicBytes(t, key)))
	if err != nil {
		t.Fatal(err)
	}
	public, err := ledger.ParsePublicKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func publicBytes(t testing.TB, key ledger.PrivateKey) []byte {
	t.Helper()
	_, encoded, _ := strings.Cut(key.VerifierKey().String()[strings.Index(key.VerifierKey().String(), "+")+1:], "+")
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return b[1:]
}

func verifyV1(t testing.TB, pack []byte, o packspec.Options) packspec.Report {
	t.Helper()
	r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o)
	if err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return r
}

// What is true of the packs that people have.
func TestV1Packs(t *testing.T) {
	for _, tt := range []struct {
		name, failure string
		events        int64
		status        string
	}{
		{"signed", "", 7, "running"},
		{"unsigned", packspec.CodeSignatureMissing, 7, "running"},
		{"decision", packspec.CodeSignatureMissing, 3, "decision_needed"},
		{"paused", packspec.CodeUntrustedKey, 5, "paused"},
		{"blocked", packspec.CodeSignatureMissing, 2, "blocked"},
		{"stopped", packspec.CodeSignatureMissing, 3, "emergency_stopped"},
		{"completed", packspec.CodeSignatureMissing, 2, "completed"},
		{"first", "", 5, "running"}, // by the first release that had job packs
	} {
		t.Run(tt.name, func(t *testing.T) {
			pack := v1Pack(t, tt.name)
			r := verifyV1(t, pack, v1Trust(t))
			failure := ""
			if r.Failure != nil {
				failure = r.Failure.Code
			}
			if failure != tt.failure || r.Verified != (tt.failure == "") || r.Format != packspec.FormatV1 || r.Notice == "" || r.EventCount != tt.events {
				t.Errorf("Verify = %+v", r)
			}
			for level, want := range map[string]packspec.Status{"container": "proved", "canonical": "proved", "chain": "absent", "inclusion": "absent",
				"cosignatures": "absent", "freshness": "absent",
				"state_machine": "proved", "views": "proved", "actors": "claimed", "completeness": "claimed"} {
				if got := r.Level(level); got.Status != want || got.Detail == "" {
					t.Errorf("level %s is %s (%s), want %s", level, got.Status, got.Detail, want)
				}
			}
			if r := verifyV1(t, pack, packspec.Options{}); r.Verified {
				t.Error("it verifies without a trusted key")
			}
			o := v1Trust(t)
			o.Profile = packspec.ProfileStrict
			if r := verifyV1(t, pack, o); r.Verified || r.Failure.Code != packspec.CodeNoEvidence {
				t.Errorf("the strict profile takes it: %v", r.Failure)
			}
			seen, err := packspec.Inspect(bytes.NewReader(pack), int64(len(pack)))
			if err != nil || string(seen.State.Status) != tt.status || int64(len(seen.Events)) != tt.events || seen.Evidence != nil || seen.Verified {
				t.Errorf("Inspect = %+v, %v", seen, err)
			}
		})
	}
}

// A flipped bit is found, or lies in what says nothing: a time, a mode, who
// made the archive, how well it is deflated.
func TestV1EveryBitFlipped(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of packs")
	}
	pack, o := v1Pack(t, "first"), v1Trust(t)
	honest := files(t, pack)
	idle := 0
	for i := range 8 * len(pack) {
		flipped := flip(pack, i)
		r, err := packspec.Verify(bytes.NewReader(flipped), int64(len(flipped)), o)
		if err != nil || !r.Verified {
			continue
		}
		idle++
		if diff := cmp.Diff(honest, files(t, flipped)); diff != "" {
			t.Errorf("bit %d of byte %d: it verifies and says something else:\n%s", i%8, i/8, diff)
		}
	}
	t.Logf("%d flips, %d of them in nothing that is said", 8*len(pack), idle)
	if idle > len(pack) {
		t.Errorf("%d flips pass", idle)
	}
	for n := range pack {
		if r, err := packspec.Verify(bytes.NewReader(pack[:n]), int64(n), o); err == nil && r.Verified {
			t.Errorf("the first %d bytes verify", n)
		}
	}
}

// A producer of PackSpec v1 who lies, with a key that is trusted: what can be
// checked is checked all the same.
func TestV1Lies(t *testing.T) {
	const state, payload, events = "job_state.json", "job_payload.json", "job_events.jsonl"
	key := testKey(t, 9)
	o := packspec.Options{Trusted: []packspec.TrustedKey{{Key: nameless(t, key), From: "test"}}}
	swap := func(name, old, fresh string) func(fs []packspec.File) []packspec.File {
		return func(fs []packspec.File) []packspec.File {
			f := packtest.Find(fs, name)
			if !bytes.Contains(f.Data, []byte(old)) {
				t.Fatalf("%s does not hold %s", name, old)
			}
			f.Data = bytes.Replace(f.Data, []byte(old), []byte(fresh), 1)
			return fs
		}
	}
	dropLine := func(n int) func(fs []packspec.File) []packspec.File {
		return func(fs []packspec.File) []packspec.File {
			f := packtest.Find(fs, events)
			f.Data = bytes.Join(slices.Delete(bytes.SplitAfter(f.Data, []byte("\n")), n, n+1), nil)
			return fs
		}
	}
	for _, tt := range []struct {
		name, level, code string
		lie               func(fs []packspec.File) []packspec.File
	}{
		{"nothing", "", "", swap(events, "", "")},
		{"status", "views", packspec.CodeView, swap(state, `"status":"running"`, `"status":"completed"`)},
		{"revision", "views", packspec.CodeView, swap(state, `"revision":7`, `"revision":8`)},
		{"count", "views", packspec.CodeView, swap(payload, `"checkpoint_count":3`, `"checkpoint_count":2`)},
		{"payload status", "views", packspec.CodeView, swap(payload, `"status":"running"`, `"status":"paused"`)},
		{"safety hash", "views", packspec.CodeView, swap(state, `"safety_invariant_hash":"a`, `"safety_invariant_hash":"b`)},
		{"safety list", "views", packspec.CodeView, swap(state, `"fail_closed=true",`, ``)},
		{"policy", "views", packspec.CodeView, swap(state, `"policy_ref":"refunds@v3"`, `"policy_ref":"refunds@v4"`)},
		{"identity", "views", packspec.CodeView, swap(state, `"identity":"agent_7"`, `"identity":"agent_8"`)},
		{"approver", "views", packspec.CodeView, swap(state, `"actor":"reviewer_1"`, `"actor":"reviewer_2"`)},
		{"checkpoint type", "views", packspec.CodeView, swap(state, `"type":"plan"`, `"type":"progress"`)},
		{"no approval", "views", packspec.CodeView, func(fs []packspec.File) []packspec.File {
			f := packtest.Find(fs, state)
			_, rest, _ := bytes.Cut(f.Data, []byte(`],"checkpoints"`))
			f.Data = append([]byte(`{"checkpoints"`), rest...)
			return swap(payload, `"approval_count":1`, `"approval_count":0`)(fs)
		}},
		{"event dropped", "state_machine", packspec.CodeTransition, dropLine(3)},
		{"first event dropped", "state_machine", packspec.CodeTransition, dropLine(0)},
		{"last event dropped", "views", packspec.CodeView, dropLine(6)},
		{"another job's event", "state_machine", packspec.CodeTransition, swap(events, `"job_id":"job_1","payload":{"checkpoint_id"`, `"job_id":"job_2","payload":{"checkpoint_id"`)},
		{"unknown event", "state_machine", packspec.CodeTransition, swap(events, `"type":"paused"`, `"type":"denied"`)},
		{"checkpoint id", "state_machine", packspec.CodeTransition, swap(events, `cp_0002`, `cp_0007`)},
		{"resumed while running", "state_machine", packspec.CodeTransition, swap(events, `"reason_code":"paused","revision":4,"schema_id":"gait.job.event","schema_version":"1.0.0","type":"paused"`,
			`"reason_code":"x","revision":4,"schema_id":"gait.job.event","schema_version":"1.0.0","type":"dispatch_blocked"`)},
		{"undecided resume", "state_machine", packspec.CodeTransition, func(fs []packspec.File) []packspec.File {
			for _, kind := range []string{"plan", "progress"} {
				fs = swap(events, `"checkpoint_type":"`+kind+`","required_action":""},"reason_code":"checkpoint_`+kind+`"`,
					`"checkpoint_type":"decision-needed","required_action":"x"},"reason_code":"checkpoint_decision_needed"`)(fs)
			}
			return fs
		}},
		{"not canonical", "canonical", packspec.CodeNotCanonical, swap(state, `"revision":7`, `"revision": 7`)},
		{"doubled key", "canonical", packspec.CodeNotCanonical, swap(payload, `"job_id":"job_1"`, `"job_id":"job_1","job_id":"job_1"`)},
		{"other case", "canonical", packspec.CodeNotCanonical, swap(events, `"revision":4`, `"Revision":4`)},
		{"unknown field", "canonical", packspec.CodeNotCanonical, swap(state, `"revision":7`, `"revision":7,"rigged":true`)},
		{"time", "canonical", packspec.CodeNotCanonical, swap(state, `"created_at":"2026-11-24T16:19:01.6`, `"created_at":"2026-11-24t16:19:01.6`)},
		{"records of other entries", "canonical", packspec.CodeRecord, func(fs []packspec.File) []packspec.File { return fs }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fs := files(t, v1Pack(t, "signed"))
			if tt.code != packspec.CodeRecord {
				fs = slices.DeleteFunc(fs, func(f packspec.File) bool { return f.Name == "proof_records.jsonl" })
			} else {
				fs = swap("proof_records.jsonl", `"entry_size_bytes":2545`, `"entry_size_bytes":2546`)(fs)
			}
			fs = tt.lie(fs)
			if err := packtest.Sign(fs, key); err != nil {
				t.Fatal(err)
			}
			for _, pack := range [][]byte{packtest.Archive(fs), deflated(t, fs)} {
				r := verifyV1(t, pack, o)
				if tt.level == "" {
					if !r.Verified {
						t.Errorf("an honest pack: %v", r.Failure)
					}
					if r := verify(t, pack, key); r.Verified || r.Failure.Code != packspec.CodeUntrustedKey {
						t.Errorf("under a key that is trusted for one ledger: %v", r.Failure)
					}
					continue
				}
				if r.Verified || r.Failure == nil || r.Failure.Level != tt.level || r.Failure.Code != tt.code {
					t.Errorf("failure = %+v, want %s at %s", r.Failure, tt.code, tt.level)
				}
				if _, err := packspec.Inspect(bytes.NewReader(pack), int64(len(pack))); err == nil {
					t.Error("it can be inspected")
				}
			}
		})
	}
}

// deflated writes files as other tools do.
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

// The container is read leniently in nothing by which a file could be two.
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
		{"trailing byte", packspec.CodeArchive, append(slices.Clone(honest), 0)},
		{"leading byte", packspec.CodeArchive, append([]byte{0}, honest...)},
		{"two archives", packspec.CodeArchive, append(slices.Clone(honest), honest...)},
		{"unlisted entry", packspec.CodeEntries, with("notes.txt", []byte("hello"))},
		{"path", packspec.CodeArchive, with("../notes.txt", []byte("hello"))},
		{"entry missing", packspec.CodeEntries, deflated(t, files(t, honest)[1:])},
		{"entry twice", packspec.CodeArchive, deflated(t, append(files(t, honest)[:1], files(t, honest)...))},
		{"other order", packspec.CodeArchive, deflated(t, append(files(t, honest)[1:], files(t, honest)[0]))},
		{"ratio", packspec.CodeArchive, bomb()},
		{"bytes after deflated content", packspec.CodeArchive, padded(t, files(t, honest))},
		{"too large a payload", packspec.CodeArchive, with("job_payload.json", bytes.Repeat([]byte("{}"), 16<<10))},
	} {
		r := verifyV1(t, tt.pack, o)
		if r.Verified || r.Failure.Level != packspec.LevelContainer || r.Failure.Code != tt.code {
			t.Errorf("%s: %+v, want %s", tt.name, r.Failure, tt.code)
		}
	}
}

// padded hides bytes behind the end of deflated content.
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

// A pack of gait that lost its evidence does not become one of PackSpec v1.
func TestV1StrippedOfEvidence(t *testing.T) {
	pack, key := small(t)
	views := slices.DeleteFunc(files(t, pack), func(f packspec.File) bool {
		return !slices.Contains([]string{"job_events.jsonl", "job_payload.json", "job_state.json", "pack_manifest.json"}, f.Name)
	})
	if err := packtest.Strip(views); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		pack []byte
		code string
	}{{packtest.Archive(views), packspec.CodeNoEvidence}, {deflated(t, views), packspec.CodeArchive}} {
		if r := verify(t, tt.pack, key); r.Verified || r.Format != "" || r.Failure.Code != tt.code {
			t.Errorf("report = %+v, failure %v; want %s", r, r.Failure, tt.code)
		}
	}
	manifest := packtest.Find(views, "pack_manifest.json")
	manifest.Data = bytes.Replace(manifest.Data, []byte(`"gait-pack/1"`), []byte(`"0.0.0-dev"`), 1)
	if err := packtest.Strip(views); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, packtest.Archive(views), key); r.Verified || r.Format != packspec.FormatV1 {
		t.Errorf("under another producer's name: %+v", r)
	}
}

// FuzzV1 puts any text into the entries of a signed pack of PackSpec v1.
func FuzzV1(f *testing.F) {
	key := testKey(f, 9)
	o := packspec.Options{Trusted: []packspec.TrustedKey{{Key: nameless(f, key)}}}
	for _, name := range []string{"signed", "paused", "first"} {
		fs := files(f, v1Pack(f, name))
		records := []byte{}
		if r := packtest.Find(fs, "proof_records.jsonl"); r != nil {
			records = r.Data
		}
		f.Add(packtest.Find(fs, "job_events.jsonl").Data, packtest.Find(fs, "job_payload.json").Data, packtest.Find(fs, "job_state.json").Data, records)
	}
	base := files(f, v1Pack(f, "signed"))
	f.Fuzz(func(t *testing.T, events, payload, state, records []byte) {
		fs := slices.Clone(base)
		for i, data := range [][]byte{events, payload, state, nil, records} {
			if i != 3 {
				fs[i].Data = data
			}
		}
		if len(records) == 0 {
			fs = fs[:4]
		}
		if err := packtest.Sign(fs, key); err != nil {
			t.Fatal(err)
		}
		pack := packtest.Archive(fs)
		r := verifyV1(t, pack, o)
		seen, err := packspec.Inspect(bytes.NewReader(pack), int64(len(pack)))
		if r.Verified && (err != nil || int64(len(seen.Events)) != r.EventCount) {
			t.Errorf("it verifies and cannot be inspected: %v", err)
		}
	})
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
