package packspec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/packtest"
)

const vectorsDir = "../fixtures/vectors"

// A vector is a pack with the verdict on it under these keys. Other implementations must
// give the same verdict. SPEC.md names the index.
type vector struct {
	File     string            `json:"file"`
	Keys     []string          `json:"keys"` // that the verifier trusts
	Verified bool              `json:"verified"`
	Levels   map[string]string `json:"levels"`
	Failure  *vectorFailure    `json:"failure,omitempty"`
	pack     []byte
}

type vectorFailure struct {
	Level string `json:"level"`
	Code  string `json:"code"`
}

func newVector(t testing.TB, name string, pack []byte, keys ...ledger.PrivateKey) vector {
	t.Helper()
	v := vector{File: strings.NewReplacer(" ", "_", ",", "", "'", "", "/", "-").Replace(name) + ".zip", pack: pack, Levels: map[string]string{}}
	for _, k := range keys {
		v.Keys = append(v.Keys, k.VerifierKey().String())
	}
	v.judge(t)
	return v
}

// judge sets the verdict of this implementation.
func (v *vector) judge(t testing.TB) {
	t.Helper()
	var trusted []packspec.TrustedKey
	for _, text := range v.Keys {
		key, err := ledger.ParseVerifierKey(text)
		if err != nil {
			t.Fatal(err)
		}
		trusted = append(trusted, packspec.TrustedKey{Key: key.PublicKey(), From: "vector"})
	}
	r, err := packspec.Verify(bytes.NewReader(v.pack), int64(len(v.pack)), packspec.Options{Trusted: trusted})
	if errors.Is(err, ledger.ErrUnsupportedVersion) {
		v.Failure = &vectorFailure{Code: "unsupported_version"}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	v.Verified, v.Failure = r.Verified, nil
	if r.Failure != nil {
		v.Failure = &vectorFailure{Level: r.Failure.Level, Code: r.Failure.Code}
	}
	for _, l := range r.Levels {
		v.Levels[l.Name] = string(l.Status)
	}
}

// vectors builds all vectors. They are the same each time.
func vectors(t *testing.T) []vector {
	return slices.Concat(firstVectors(t), indexVectors(t), rotationVectors(t), movedVectors(t), continuedVectors(t), rangeVectors(t), actorVectors(t), gateVectors(t), workVectors(t))
}

// firstVectors are job packs of evidence format 1.
func firstVectors(t *testing.T) []vector {
	key := testKey(t, 1)
	log := history(t, key)
	honest := buildFirst(t, log, "job_1")
	all := []vector{
		newVector(t, "job", honest, key), newVector(t, "job of a final status", buildFirst(t, log, "job_2"), key),
		newVector(t, "job under another key", honest, testKey(t, 2)), newVector(t, "job of 300 events", buildFirst(t, longLog(t, 300), "long"), key),
		newVector(t, "job resumed elsewhere under another policy", buildFirst(t, resumedElsewhere(t, key), "job_1"), key),
	}
	imported := ledgertest.New(t)
	ledgertest.Append(t, imported.Log, ledgertest.EventSpec{Job: "job_1", Payload: anImport()}, ledgertest.EventSpec{
		Job: "job_1", Actor: "reviewer_1",
		Payload: ledger.CheckpointAdded{CheckpointID: "cp_0003", CheckpointType: ledger.CheckpointFailed, Summary: "gave up"},
	})
	all = append(all, newVector(t, "job imported", firstFormat(t, buildBy(t, imported, imported.Key), imported.Key), imported.Key))
	cosigned := history(t, key)
	cosigned.cosign("witness.example/w1", "witness.example/w2")
	all = append(all, newVector(t, "job cosigned", buildFirst(t, cosigned, "job_1"), key))
	for _, tt := range forgeries {
		f := &forger{t: t, log: log, first: true, files: files(t, honest), job: "job_1", at: log.at("job_1")}
		tt.forge(f)
		if pack := f.pack(tt.sign); len(pack) < 200<<10 {
			all = append(all, newVector(t, "forged "+tt.name, pack, key))
		}
	}
	return all
}

// indexVectors are job packs of evidence format 2.
func indexVectors(t *testing.T) []vector {
	key := testKey(t, 1)
	log := indexed(t, key)
	honest := build(t, log, "job_1")
	all := []vector{
		newVector(t, "indexed", honest, key), newVector(t, "indexed a final job", build(t, log, "job_2"), key),
		newVector(t, "indexed without a commitment", build(t, history(t, key), "job_1"), key),
	}
	for _, tt := range indexForgeries {
		f := &forger{t: t, log: indexed(t, key), files: files(t, honest), job: "job_1", at: log.at("job_1")}
		tt.forge(f)
		all = append(all, newVector(t, "indexed forged "+tt.name, f.pack(tt.sign), key))
	}
	turned, keys := rotated(t)
	ledgertest.Append(t, turned.Log, ledgertest.EventSpec{Payload: ledger.IndexCommitted{Index: ledgertest.IndexRoot(eventsOf(t, turned.Log))}})
	return append(all, newVector(t, "indexed and rotated", buildBy(t, turned, keys[2]), keys[0]))
}

// rotationVectors are job packs of a ledger whose key was rotated, of evidence format 1.
func rotationVectors(t *testing.T) []vector {
	turned, keys := rotated(t)
	pack := firstFormat(t, buildBy(t, turned, keys[2]), keys[2])
	all := []vector{newVector(t, "rotated", pack, keys[0]), newVector(t, "rotated under the newest key", pack, keys[2]), newVector(t, "rotated under none", pack, testKey(t, 1))}
	for _, tt := range rotationForgeries(t, files(t, pack), keys) {
		all = append(all, newVector(t, "rotated "+tt.name, resign(t, tt.change(files(t, pack)), keys[2]), keys...))
	}
	return all
}

// movedVectors are packs of a ledger that was handed over to another place.
func movedVectors(t *testing.T) []vector {
	l, keys := moved(t)
	pack := buildBy(t, l, keys[2])
	all := []vector{newVector(t, "moved", pack, keys[0]), newVector(t, "moved under the newest key", pack, keys[2]), newVector(t, "moved under none", pack, testKey(t, 1))}
	for _, tt := range rotationForgeries(t, files(t, pack), keys) {
		all = append(all, newVector(t, "moved "+tt.name, resign(t, tt.change(files(t, pack)), keys[2]), keys[0]))
	}
	var whole packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &whole, l.Log, 0, -1, keys[2], packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Payload: ledger.IndexCommitted{Index: ledgertest.IndexRoot(eventsOf(t, l.Log))}})
	return append(all, newVector(t, "range moved", whole.Bytes(), keys[0]), newVector(t, "indexed and moved", buildBy(t, l, keys[2]), keys[0]))
}

// continuedVectors are packs of a ledger that continues another one.
func continuedVectors(t *testing.T) []vector {
	whole, c := continued(t, false), continuedWith(t, nil)
	found := continuedOf(t, false, false, func(tree ledger.Checkpoint) int64 { return tree.Size }, nil)
	pack := c.build(t, "job_1")
	all := []vector{
		newVector(t, "continued of all that was signed", found.build(t, "job_1"), found.l.Key, found.old),
		newVector(t, "continued of all events of the job", whole.build(t, "job_1"), whole.l.Key, whole.old),
		newVector(t, "continued", pack, c.l.Key), newVector(t, "continued under both keys", pack, c.l.Key, c.old),
		newVector(t, "continued without a proof", buildWith(t, c.l, "job_1", packspec.JobOptions{}), c.l.Key, c.old),
		newVector(t, "range continued", c.buildRange(t, 0, -1), c.l.Key), newVector(t, "range continued without the request ids", buildRange(t, c.l, 0, -1), c.l.Key),
	}
	for _, tt := range continuedForgeries {
		fs, c := tt.make(t)
		all = append(all, newVector(t, "continued forged "+tt.name, resign(t, fs, c.l.Key), c.l.Key, c.old))
	}
	for _, tt := range inheritedForgeries {
		fs, c := tt.make(t)
		all = append(all, newVector(t, "range continued forged "+tt.name, resign(t, fs, c.l.Key), c.l.Key))
	}
	return all
}

// actorVectors are packs of ledgers with authority.
func actorVectors(t *testing.T) []vector {
	p, q := whole(t), newPlay(t)
	q.approve(q.ask())
	var ranged packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &ranged, p.log(), 0, -1, p.key, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	all := []vector{
		newVector(t, "actors", build(t, p.log(), "job_1"), p.key), newVector(t, "actors without a commitment", build(t, q.log(), "job_1"), p.key),
		newVector(t, "actors under another key", build(t, p.log(), "job_1"), testKey(t, 2)), newVector(t, "range actors", ranged.Bytes(), p.key),
	}
	all = append(all, newVector(t, "actors revoked without a key left", build(t, keyless(t).log(), "job_1"), p.key),
		newVector(t, "actors asked again while paused", build(t, askedAgain(t).log(), "job_1"), p.key))
	for _, tt := range actorForgeries {
		p := newPlay(t)
		all = append(all, newVector(t, "actors forged "+tt.name, packtest.Archive(p.forged(tt.make(p))), p.key))
	}
	c, k, one := withContent(t)
	all = append(all, newVector(t, "content", c.packOf(k), c.key), newVector(t, "content in part", c.packOf(kept{one.Digest: k[one.Digest]}), c.key), newVector(t, "content left out", c.packOf(nil), c.key))
	forged := contentForgeries(t)
	for _, name := range sortedKeys(forged) {
		all = append(all, newVector(t, "content forged "+name, forged[name], c.key))
	}
	twice, key := secretTwice(t)
	all = append(all, newVector(t, "content forged the secret named twice", twice, key))
	none, key := emptied(t)
	all = append(all, newVector(t, "content forged in format 5 without any", none, key))
	return all
}

func rangeVectors(t *testing.T) []vector {
	l := long(t, 300)
	return []vector{
		newVector(t, "range", buildRange(t, l, 0, -1), l.Key), newVector(t, "range of the last bundle", buildRange(t, l, 256, -1), l.Key),
		newVector(t, "range of the first bundle", buildRange(t, l, 0, 3), l.Key),
	}
}

func resumedElsewhere(t testing.TB, key ledger.PrivateKey) *testLog {
	l := newLog(t, key)
	s := newScript(t, l)
	s.ok("job_1", "worker_1", "", commands.Submit{EnvironmentFingerprint: "envfp:x", PolicyDigest: ledger.Hash{1}, ProducerVersion: "1"})
	s.ok("job_1", "operator", "", commands.Pause{})
	s.ok("job_1", "worker_1", "moved", commands.Resume{EnvironmentFingerprint: "envfp:y", AllowEnvMismatch: true, PolicyDigest: ledger.Hash{2}, PolicyRef: "v2"})
	return l
}

func anImport() ledger.Imported {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return ledger.Imported{
		CreatedAt: at, UpdatedAt: at.Add(time.Hour), StoppedAt: at.Add(time.Hour), StoppedBy: "operator", Status: "paused", StopReason: "paused_by_user", StatusReasonCode: "paused",
		EnvironmentFingerprint: "envfp:x", PackID: ledger.Hash{1}, PackSHA256: ledger.Hash{2}, ProducerVersion: "old 1.0", Revision: 4,
		Checkpoints: []ledger.ImportedCheckpoint{
			{CheckpointType: ledger.CheckpointProgress, CreatedAt: at, Summary: "one", Actor: "worker_1"},
			{CheckpointType: ledger.CheckpointDecisionNeeded, CreatedAt: at, Summary: "may I?", RequiredAction: "say yes", Open: true},
		},
	}
}

// The stored vectors are those built here, with the verdicts of this code.
func TestVectors(t *testing.T) {
	all := vectors(t)
	slices.SortFunc(all, func(a, b vector) int { return strings.Compare(a.File, b.File) })
	index, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := errors.Join(os.RemoveAll(vectorsDir), os.MkdirAll(vectorsDir, 0o755), os.WriteFile(filepath.Join(vectorsDir, "index.json"), append(index, '\n'), 0o644)); err != nil {
			t.Fatal(err)
		}
		for _, v := range all {
			if err := os.WriteFile(filepath.Join(vectorsDir, v.File), v.pack, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(vectorsDir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var kept []vector
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(text), string(index)+"\n"); diff != "" {
		t.Errorf("index.json (-kept +made):\n%s", diff)
	}
	for i, v := range kept {
		if pack, err := os.ReadFile(filepath.Join(vectorsDir, v.File)); err != nil || i >= len(all) || !bytes.Equal(pack, all[i].pack) {
			t.Errorf("%s is not what is made here (%v); run with -update", v.File, err)
		}
	}
	t.Logf("%d vectors", len(kept))
}

// The Python verifier gives the same verdict on each job pack.
func TestVectorsInPython(t *testing.T) {
	needPython(t)
	byKey := map[string][]judgement{}
	for _, v := range vectors(t) {
		if len(v.Keys) > 1 || strings.HasPrefix(v.File, "range") || strings.HasPrefix(v.File, "forged_a_pack_of") {
			continue
		}
		key, err := ledger.ParseVerifierKey(v.Keys[0])
		if err != nil {
			t.Fatal(err)
		}
		byKey[v.Keys[0]] = append(byKey[v.Keys[0]], judgeBy(t, v.File, v.pack, key.PublicKey()))
	}
	for _, key := range sortedKeys(byKey) {
		agree(t, byKey[key], key)
	}
}
