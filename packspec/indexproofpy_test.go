package packspec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
)

// judgeIndex returns this verifier's verdict on an index proof.
func judgeIndex(t *testing.T, name string, b []byte, key ledger.PrivateKey) judgement {
	t.Helper()
	r, err := packspec.VerifyIndexProof(b, packspec.Options{Trusted: trusting(key)})
	switch {
	case errors.Is(err, ledger.ErrUnsupportedVersion):
		return judgement{name: name, pack: b, exit: 6}
	case err != nil:
		t.Fatal(err)
	case r.Verified:
		return judgement{name: name, pack: b}
	}
	return judgement{name: name, pack: b, exit: 2}
}

// The Python verifier gives the same verdict on index proofs: of few and of many jobs,
// of a ledger that was handed on, forged, and with changed bits.
func TestIndexProofsInPython(t *testing.T) {
	needPython(t)
	l := committed(t)
	var all []judgement
	add := func(name string, b []byte) {
		all = append(all, judgeIndex(t, name, b, l.Key))
	}
	absent := func(job string) []byte {
		p, err := packspec.ProveAbsent(t.Context(), l.Log, job, packspec.IndexOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return encode(t, p)
	}
	honest := proveJob(t, l.Log, "job_1")
	add("newest", encode(t, honest))
	add("absent", absent("job_9"))
	for _, tt := range indexProofForgeries {
		f := &indexForger{t: t, log: l, IndexProof: honest.IndexProof}
		f.Path = bytes.Clone(f.Path)
		tt.forge(f)
		b, err := f.Encode()
		if err != nil {
			t.Fatal(err)
		}
		add(tt.name, append(b, f.tail...))
	}
	add("a later version", bytes.Replace(encode(t, honest), []byte(`"schema_version":"1.0.0"}`), []byte(`"schema_version":"1.1.0"}`), 1))
	var many []ledgertest.EventSpec
	for i := range 300 {
		many = append(many, ledgertest.Submit(fmt.Sprint("many_", i)))
	}
	ledgertest.Append(t, l.Log, many...)
	ledgertest.Rotate(t, l.Log, 1)
	commitIndex(t, l)
	for i := range 20 {
		add("one of many", encode(t, proveJob(t, l.Log, fmt.Sprint("many_", i))))
		add("none of many", absent(fmt.Sprint("no_", i)))
	}
	rotated, random := encode(t, proveJob(t, l.Log, "many_7")), rand.New(rand.NewPCG(11, 12))
	for range ledgertest.Sample(t, 300, 60) {
		bit := random.IntN(8 * len(rotated))
		add(fmt.Sprint("bit ", bit), flip(rotated, bit))
	}
	for i, j := range all {
		if honest := i < 2 || j.name == "one of many" || j.name == "none of many"; honest != (j.exit == 0) {
			t.Errorf("%s exits %d", j.name, j.exit)
		}
	}
	agree(t, all, l.Key.VerifierKey().String())
}

// In a ledger of 100,000 jobs, a pack proves that nothing of a running job in the middle
// was left out, and index proofs where it ends and that an id was never used. Python
// checks them, from the files alone.
func TestOneOfManyInPython(t *testing.T) {
	if testing.Short() {
		t.Skip("a ledger of 100,000 jobs")
	}
	needPython(t)
	const jobs, batch = 100_000, 2000
	l := ledgertest.New(t)
	for from := 0; from < jobs; from += batch {
		var specs []ledgertest.EventSpec
		for i := from; i < from+batch; i++ {
			specs = append(specs, ledgertest.Submit(fmt.Sprint("job_", i)))
		}
		ledgertest.Append(t, l.Log, specs...)
	}
	commitIndex(t, l)
	running, unknown := fmt.Sprint("job_", jobs/2), "never_used"
	absent, err := packspec.ProveAbsent(t.Context(), l.Log, unknown, packspec.IndexOptions{})
	if err != nil {
		t.Fatal(err)
	}
	newest := proveJob(t, l.Log, running)
	var pack packspec.Buffer
	if _, err := packspec.BuildJob(t.Context(), &pack, l.Log, running, l.Key, packspec.JobOptions{}); err != nil {
		t.Fatal(err)
	}
	r, err := packspec.Verify(bytes.NewReader(pack.Bytes()), int64(len(pack.Bytes())), packspec.Options{Trusted: trusting(l.Key)})
	if err != nil || !r.Verified || r.Level(finding.LevelCompleteness).Status != finding.Proved {
		t.Errorf("the pack: %v, %+v", err, r.Failure)
	}
	for _, p := range []packspec.JobProof{newest, absent} {
		if len(p.Path) > 1000 {
			t.Errorf("the path of %s has %d bytes", p.JobID, len(p.Path))
		}
	}
	all := []judgement{
		judge(t, "pack", pack.Bytes(), l.Key), judgeIndex(t, "newest", encode(t, newest), l.Key), judgeIndex(t, "absent", encode(t, absent), l.Key),
	}
	for _, j := range all {
		if j.exit != 0 {
			t.Errorf("%s exits %d", j.name, j.exit)
		}
	}
	agree(t, all, l.Key.VerifierKey().String())
	t.Logf("paths of %d and %d bytes in files of %d and %d, a pack of %d", len(newest.Path), len(absent.Path), len(all[1].pack), len(all[2].pack), len(pack.Bytes()))
}
