package packspec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
)

const proofVectorsDir = "../fixtures/index_proofs"

// newProofVector is newVector for an index proof.
func newProofVector(t testing.TB, name string, proof []byte, key ledger.PrivateKey) vector {
	t.Helper()
	v := vector{File: strings.ReplaceAll(name, " ", "_") + ".json", Keys: []string{key.VerifierKey().String()}, Levels: map[string]string{}, pack: proof}
	r, err := packspec.VerifyIndexProof(proof, packspec.Options{Trusted: trusting(key)})
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

// proofVectors builds all vectors of index proofs. They are the same each time.
func proofVectors(t *testing.T) (all []vector) {
	absent := func(log ledger.Reader, job string) []byte {
		p, err := packspec.ProveAbsent(t.Context(), log, job, packspec.IndexOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return encode(t, p)
	}
	empty := ledgertest.New(t)
	commitIndex(t, empty)
	l := committed(t)
	honest := proveJob(t, l.Log, "job_1")
	all = []vector{
		newProofVector(t, "newest", encode(t, honest), l.Key), newProofVector(t, "newest under another key", encode(t, honest), testKey(t, 2)),
		newProofVector(t, "absent", absent(l.Log, "job_9"), l.Key), newProofVector(t, "absent in the empty index", absent(empty.Log, "job_9"), empty.Key),
	}
	for _, tt := range indexProofForgeries {
		f := &indexForger{t: t, log: l, IndexProof: honest.IndexProof}
		f.Path = bytes.Clone(f.Path)
		tt.forge(f)
		b, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if b = append(b, f.tail...); len(b) < 200<<10 {
			all = append(all, newProofVector(t, "forged "+tt.name, b, l.Key))
		}
	}
	key := testKey(t, 1)
	for _, tt := range malformedInTree {
		p := handmade(t, key, func(event, commitment string) (string, string) { return tt.event(event), tt.commitment(commitment) })
		all = append(all, newProofVector(t, "made "+tt.name, encode(t, packspec.JobProof{IndexProof: p}), key))
	}
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_8"))
	ledgertest.Rotate(t, l.Log, 1)
	commitIndex(t, l)
	return append(all, newProofVector(t, "newest of a rotated ledger", encode(t, proveJob(t, l.Log, "job_8")), l.Key), newProofVector(t, "absent in a rotated ledger", absent(l.Log, "job_9"), l.Key))
}

// The stored index proofs are those built here, with the verdicts of this code, and the
// Python verifier gives the same ones.
func TestIndexProofVectors(t *testing.T) {
	all := proofVectors(t)
	index, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	index = append(index, '\n')
	if *update {
		if err := errors.Join(os.RemoveAll(proofVectorsDir), os.MkdirAll(proofVectorsDir, 0o755), os.WriteFile(filepath.Join(proofVectorsDir, "index.json"), index, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(filepath.Join(proofVectorsDir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), string(index)); diff != "" {
		t.Errorf("index.json (-kept +made):\n%s", diff)
	}
	byKey := map[string][]judgement{}
	for _, v := range all {
		path := filepath.Join(proofVectorsDir, v.File)
		if *update {
			if err := os.WriteFile(path, v.pack, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, v.pack) {
			t.Errorf("%s is not what is made here (%v); run with -update", v.File, err)
		}
		exit := 2
		switch {
		case v.Verified:
			exit = 0
		case v.Failure.Code == "unsupported_version":
			exit = 6
		}
		byKey[v.Keys[0]] = append(byKey[v.Keys[0]], judgement{name: v.File, pack: v.pack, exit: exit})
	}
	t.Logf("%d index proofs", len(all))
	needPython(t)
	for _, key := range sortedKeys(byKey) {
		agree(t, byKey[key], key)
	}
}
