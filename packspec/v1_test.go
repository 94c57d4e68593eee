package packspec_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// v1Packs is the folder of packs that the PackSpec v1 tool wrote, unchanged.
const v1Packs = "../fixtures/packs/packspec-v1"

func v1Pack(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(v1Packs, name+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// v1Trust returns options that trust the key that signed some of them.
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

// nameless returns a public key without an origin, so that it is trusted for any origin.
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

// Packs that the PackSpec v1 tool wrote get the expected verdicts.
func TestV1Packs(t *testing.T) {
	for _, tt := range []struct {
		name, failure string
		events        int64
		status        string
	}{
		{"signed", "", 7, "running"},
		{"unsigned", finding.CodeSignatureMissing, 7, "running"},
		{"decision", finding.CodeSignatureMissing, 3, "decision_needed"},
		{"paused", finding.CodeUntrustedKey, 5, "paused"},
		{"blocked", finding.CodeSignatureMissing, 2, "blocked"},
		{"stopped", finding.CodeSignatureMissing, 3, "emergency_stopped"},
		{"completed", finding.CodeSignatureMissing, 2, "completed"},
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
			for level, want := range map[string]finding.Status{
				"container": "proved", "canonical": "proved", "chain": "absent", "inclusion": "absent",
				"cosignatures": "absent", "freshness": "absent",
				"state_machine": "proved", "views": "proved", "actors": "claimed", "completeness": "claimed",
			} {
				if got := r.Level(level); got.Status != want || got.Detail == "" {
					t.Errorf("level %s is %s (%s), want %s", level, got.Status, got.Detail, want)
				}
			}
			if r := verifyV1(t, pack, packspec.Options{}); r.Verified {
				t.Error("it verifies without a trusted key")
			}
			o := v1Trust(t)
			o.Profile = packspec.ProfileStrict
			if r := verifyV1(t, pack, o); r.Verified || r.Failure.Code != finding.CodeNoEvidence {
				t.Errorf("the strict profile takes it: %v", r.Failure)
			}
			seen, err := packspec.Inspect(bytes.NewReader(pack), int64(len(pack)))
			if err != nil || string(seen.State.Status) != tt.status || int64(len(seen.Events)) != tt.events || seen.Evidence != nil || seen.Verified {
				t.Errorf("Inspect = %+v, %v", seen, err)
			}
		})
	}
}

// A flipped bit is found, unless it is in a field without meaning: a time, a mode, the
// archive's maker, the effort of deflating.
func TestV1EveryBitFlipped(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of packs")
	}
	pack, o := v1Pack(t, "first"), v1Trust(t)
	honest := files(t, pack)
	idle := 0
	bits := ledgertest.Sample(t, 8*len(pack), enough)
	for _, i := range bits {
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
	t.Logf("%d of %d flips, %d of them in nothing that is said", len(bits), 8*len(pack), idle)
	if idle > len(bits)/5 {
		t.Errorf("%d of %d flips pass", idle, len(bits))
	}
	for _, n := range ledgertest.Sample(t, len(pack), enough) {
		if r, err := packspec.Verify(bytes.NewReader(pack[:n]), int64(n), o); err == nil && r.Verified {
			t.Errorf("the first %d bytes verify", n)
		}
	}
}

// Lies of a PackSpec v1 producer with a trusted key are found if they can be checked.
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
		{"status", "views", finding.CodeView, swap(state, `"status":"running"`, `"status":"completed"`)},
		{"revision", "views", finding.CodeView, swap(state, `"revision":7`, `"revision":8`)},
		{"count", "views", finding.CodeView, swap(payload, `"checkpoint_count":3`, `"checkpoint_count":2`)},
		{"payload status", "views", finding.CodeView, swap(payload, `"status":"running"`, `"status":"paused"`)},
		{"safety hash", "views", finding.CodeView, swap(state, `"safety_invariant_hash":"a`, `"safety_invariant_hash":"b`)},
		{"safety list", "views", finding.CodeView, swap(state, `"fail_closed=true",`, ``)},
		{"policy", "views", finding.CodeView, swap(state, `"policy_ref":"refunds@v3"`, `"policy_ref":"refunds@v4"`)},
		{"identity", "views", finding.CodeView, swap(state, `"identity":"agent_7"`, `"identity":"agent_8"`)},
		{"approver", "views", finding.CodeView, swap(state, `"actor":"reviewer_1"`, `"actor":"reviewer_2"`)},
		{"checkpoint type", "views", finding.CodeView, swap(state, `"type":"plan"`, `"type":"progress"`)},
		{"no approval", "views", finding.CodeView, func(fs []packspec.File) []packspec.File {
			f := packtest.Find(fs, state)
			_, rest, _ := bytes.Cut(f.Data, []byte(`],"checkpoints"`))
			f.Data = append([]byte(`{"checkpoints"`), rest...)
			return swap(payload, `"approval_count":1`, `"approval_count":0`)(fs)
		}},
		{"event dropped", "state_machine", finding.CodeTransition, dropLine(3)},
		{"first event dropped", "state_machine", finding.CodeTransition, dropLine(0)},
		{"last event dropped", "views", finding.CodeView, dropLine(6)},
		{"another job's event", "state_machine", finding.CodeTransition, swap(events, `"job_id":"job_1","payload":{"checkpoint_id"`, `"job_id":"job_2","payload":{"checkpoint_id"`)},
		{"unknown event", "state_machine", finding.CodeTransition, swap(events, `"type":"paused"`, `"type":"denied"`)},
		{"checkpoint id", "state_machine", finding.CodeTransition, swap(events, `cp_0002`, `cp_0007`)},
		{"resumed while running", "state_machine", finding.CodeTransition, swap(events, `"reason_code":"paused","revision":4,"schema_id":"gait.job.event","schema_version":"1.0.0","type":"paused"`,
			`"reason_code":"x","revision":4,"schema_id":"gait.job.event","schema_version":"1.0.0","type":"dispatch_blocked"`)},
		{"undecided resume", "state_machine", finding.CodeTransition, func(fs []packspec.File) []packspec.File {
			for _, kind := range []string{"plan", "progress"} {
				fs = swap(events, `"checkpoint_type":"`+kind+`","required_action":""},"reason_code":"checkpoint_`+kind+`"`,
					`"checkpoint_type":"decision-needed","required_action":"x"},"reason_code":"checkpoint_decision_needed"`)(fs)
			}
			return fs
		}},
		{"not canonical", "canonical", finding.CodeNotCanonical, swap(state, `"revision":7`, `"revision": 7`)},
		{"doubled key", "canonical", finding.CodeNotCanonical, swap(payload, `"job_id":"job_1"`, `"job_id":"job_1","job_id":"job_1"`)},
		{"other case", "canonical", finding.CodeNotCanonical, swap(events, `"revision":4`, `"Revision":4`)},
		{"unknown field", "canonical", finding.CodeNotCanonical, swap(state, `"revision":7`, `"revision":7,"rigged":true`)},
		{"time", "canonical", finding.CodeNotCanonical, swap(state, `"created_at":"2026-11-24T16:19:01.6`, `"created_at":"2026-11-24t16:19:01.6`)},
		{"records of other entries", "canonical", finding.CodeRecord, func(fs []packspec.File) []packspec.File { return fs }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fs := files(t, v1Pack(t, "signed"))
			if tt.code != finding.CodeRecord {
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
					if r := verify(t, pack, key); r.Verified || r.Failure.Code != finding.CodeUntrustedKey {
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
	}{{packtest.Archive(views), finding.CodeNoEvidence}, {deflated(t, views), finding.CodeArchive}} {
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
