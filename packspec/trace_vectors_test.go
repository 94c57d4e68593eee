package packspec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
)

const tracesDir = "../fixtures/traces"

// newTraceVector is newVector for a trace.
func newTraceVector(t testing.TB, name string, file []byte, key ledger.PrivateKey) vector {
	t.Helper()
	v := vector{File: strings.ReplaceAll(name, " ", "_") + ".json", Keys: []string{key.VerifierKey().String()}, Levels: map[string]string{}, pack: file}
	r, err := packspec.VerifyTrace(file, packspec.Options{Trusted: trusting(key)}, nil, "")
	if errors.Is(err, ledger.ErrUnsupportedVersion) {
		v.Failure = &vectorFailure{Code: "unsupported_version"}
		return v
	}
	if err != nil {
		t.Fatal(err)
	}
	if v.Verified = r.Verified; r.Failure != nil {
		v.Failure = &vectorFailure{Level: r.Failure.Level, Code: r.Failure.Code}
	}
	for _, l := range r.Levels {
		v.Levels[l.Name] = string(l.Status)
	}
	return v
}

// signedPlay is a play in which ann asked the gate and settled the grant, both signed.
func signedPlay(t testing.TB) *play {
	p := newPlay(t)
	p.Sign("ann", "job_1", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"}, p.ann)
	first := allowed(grantSettled)
	first.ContentKey = ledger.Hash{1}
	p.Sign("ann", "job_1", first, p.ann)
	p.Sign("ann", "job_1", ledger.EffectSettled{Grant: grantSettled, Outcome: ledger.EffectDone}, p.ann)
	return p
}

// signedTraces are traces of a decision that ann signed: as they are, and as the holder of the
// ledger's key forges them.
func signedTraces(t testing.TB) (all []vector) {
	for _, tt := range []struct {
		name   string
		change func(*ledger.Draft)
	}{
		{"signed", func(*ledger.Draft) {}},
		{"forged a tool that was not signed for", func(d *ledger.Draft) {
			p := allowed(grantSettled)
			p.ContentKey, p.Tool = ledger.Hash{1}, "wipe"
			d.Payload = p
		}},
		{"forged an intent that was not signed for", func(d *ledger.Draft) {
			p := allowed(grantSettled)
			p.ContentKey, p.Intent.Digest = ledger.Hash{1}, ledger.Hash{9}
			d.Payload = p
		}},
		{"forged a signature of the actor", func(d *ledger.Draft) {
			sig := bytes.Clone(d.CommandSigs[0].Sig)
			sig[len(sig)-3] ^= 1
			d.CommandSigs = []ledger.CommandSig{{Sig: sig}}
		}},
		{"forged another actor of a signed decision", func(d *ledger.Draft) { d.Actor = "bob" }},
	} {
		p := signedPlay(t)
		events := append([]ledger.Event{}, p.Events...)
		events[5] = changed(t, events[5], tt.change)
		events = ledgertest.Chain(t, events...)
		f := ledgertest.Forge(t, p.key, events...)
		_, signed := f.Checkpoint()
		tr := packspec.Trace{
			SchemaID: packspec.TraceSchemaID, SchemaVersion: packspec.TraceSchemaVersion, Origin: events[0].Origin(), LedgerKey: p.key.VerifierKey().String(),
			Authority: events[5].Authority().String(), PolicyDigest: allowed("").PolicyDigest.String(),
		}
		for seq, part := range map[ledger.Seq][2]*string{0: {&tr.Created, &tr.CreatedProof}, 5: {&tr.Event, &tr.Proof}, 6: {&tr.Settlement, &tr.SettlementProof}} {
			proof, err := f.ProofIn(t.Context(), signed, seq)
			if err != nil {
				t.Fatal(err)
			}
			*part[0], *part[1] = string(events[seq].Bytes()), proof.String()
		}
		all = append(all, newTraceVector(t, tt.name, traceFile(t, tr), p.key))
	}
	return all
}

// What actors signed is checked in a trace, although it does not show whose keys these are.
func TestSignedTraces(t *testing.T) {
	all := signedTraces(t)
	for i, code := range []string{"", finding.CodeActor, finding.CodeActor, finding.CodeCommandSignature, finding.CodeActor} {
		if v := all[i]; v.Verified != (code == "") || v.Levels[finding.LevelActors] == string(finding.Proved) || code != "" && (v.Failure.Level != finding.LevelActors || v.Failure.Code != code) {
			t.Errorf("%s: verified: %t, %+v, %+v, want %q", v.File, v.Verified, v.Levels, v.Failure, code)
		}
	}
}

// traceVectors builds all vectors of traces. They are the same each time.
func traceVectors(t *testing.T) (all []vector) {
	l := decisions(t)
	trace := func(job string, at packspec.DecisionAt) []byte {
		return traceFile(t, makeTrace(t, l.Log, job, at).Trace)
	}
	settled := trace("job_1", packspec.DecisionAt{Seq: 2})
	all = []vector{
		newTraceVector(t, "settled", settled, l.Key), newTraceVector(t, "settled under another key", settled, testKey(t, 2)),
		newTraceVector(t, "open", trace("job_1", packspec.DecisionAt{Grant: grantOpen}), l.Key),
		newTraceVector(t, "blocked", trace("job_1", packspec.DecisionAt{Seq: 6}), l.Key),
		newTraceVector(t, "blocked after a stop", trace("job_1", packspec.DecisionAt{Seq: 8}), l.Key),
		newTraceVector(t, "of a later version", bytes.Replace(settled, []byte(`"schema_version":"1.0.0","settlement"`), []byte(`"schema_version":"1.1.0","settlement"`), 1), l.Key),
	}
	for _, tt := range traceForgeries {
		if b := forgedTrace(t, l, tt); len(b) < 200<<10 {
			all = append(all, newTraceVector(t, "forged "+tt.name, b, l.Key))
		}
	}
	all = append(all, signedTraces(t)...)
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_2", Payload: ledger.EffectSettled{Grant: grantOther, Outcome: ledger.EffectDone, Reason: "seen"}})
	return append(all, newTraceVector(t, "in a rotated ledger", trace("job_2", packspec.DecisionAt{Grant: grantOther}), l.Key))
}

// exitOf returns the exit code that a verifier has for a vector.
func (v vector) exitOf() int {
	switch {
	case v.Verified:
		return 0
	case v.Failure.Code == "unsupported_version":
		return 6
	}
	return 2
}

// The stored traces are those built here, with the verdicts of this code.
func TestTraceVectors(t *testing.T) {
	all := traceVectors(t)
	index, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	index = append(index, '\n')
	if *update {
		if err := errors.Join(os.RemoveAll(tracesDir), os.MkdirAll(tracesDir, 0o755), os.WriteFile(filepath.Join(tracesDir, "index.json"), index, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(filepath.Join(tracesDir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), string(index)); diff != "" {
		t.Errorf("index.json (-kept +made):\n%s", diff)
	}
	for _, v := range all {
		path := filepath.Join(tracesDir, v.File)
		if *update {
			if err := os.WriteFile(path, v.pack, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, v.pack) {
			t.Errorf("%s is not what is made here (%v); run with -update", v.File, err)
		}
	}
	t.Logf("%d traces", len(all))
}

// The Python verifier gives the same verdict on each trace, and on traces with changed bits.
func TestTracesInPython(t *testing.T) {
	needPython(t)
	needKeygen(t)
	all := traceVectors(t)
	key, random := decisions(t).Key, rand.New(rand.NewPCG(13, 14))
	for _, v := range all[:1:1] {
		for range ledgertest.Sample(t, 300, 60) {
			bit := random.IntN(8 * len(v.pack))
			all = append(all, newTraceVector(t, fmt.Sprint("bit ", bit), flip(v.pack, bit), key))
		}
	}
	dir := t.TempDir()
	var lines bytes.Buffer
	for i, v := range all {
		path, keyFile := filepath.Join(dir, fmt.Sprint(i, ".json")), filepath.Join(dir, fmt.Sprint(i, ".vkey"))
		if err := errors.Join(os.WriteFile(path, v.pack, 0o600), os.WriteFile(keyFile, []byte(v.Keys[0]+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&lines, path, keyFile)
	}
	run := exec.Command("python3", "-W", "ignore", "-B", "-c", "import sys, trace\nfor line in sys.stdin:\n  code, says = trace.judge(*line.split())\n  print(code, says.split('\\n')[0])")
	run.Dir, run.Stdin, run.Stderr = filepath.Dir(verifyPy), &lines, os.Stderr
	run.Env = append(os.Environ(), "PYTHONPATH=.")
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	says := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(says) != len(all) {
		t.Fatalf("trace.py says %d lines, want %d", len(says), len(all))
	}
	for i, v := range all {
		if code, _, _ := strings.Cut(says[i], " "); code != fmt.Sprint(v.exitOf()) {
			t.Errorf("%s: trace.py says %s, gait exits %d (%+v)", v.File, says[i], v.exitOf(), v.Failure)
		}
	}
}
