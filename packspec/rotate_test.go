package packspec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// rotated returns a ledger of one job whose key was rotated twice, and its keys.
func rotated(t testing.TB) (*ledgertest.Ledger, []ledger.PrivateKey) {
	t.Helper()
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "before"))
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
	ledgertest.Rotate(t, l.Log, 2)
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_1", Payload: ledger.Paused{}})
	return l, []ledger.PrivateKey{l.Key, ledgertest.KeyAfter(ledgertest.Origin, 1), ledgertest.KeyAfter(ledgertest.Origin, 2)}
}

// moved returns a ledger of one job that was handed over to another place, whose key was
// rotated then, and its keys.
func moved(t testing.TB) (*ledgertest.Ledger, []ledger.PrivateKey) {
	t.Helper()
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "before"))
	ledgertest.Move(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
	ledgertest.Rotate(t, l.Log, 2)
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_1", Payload: ledger.Paused{Hold: true}})
	return l, []ledger.PrivateKey{l.Key, ledgertest.KeyAfter(ledgertest.Origin, 1), ledgertest.KeyAfter(ledgertest.Origin, 2)}
}

func buildBy(t testing.TB, l *ledgertest.Ledger, signer ledger.Signer) []byte {
	t.Helper()
	var b packspec.Buffer
	if _, err := packspec.BuildJob(t.Context(), &b, l.Log, "job_1", signer, packspec.JobOptions{}); err != nil {
		t.Fatalf("BuildJob = %v", err)
	}
	return b.Bytes()
}

// A verifier that trusts any of a ledger's keys follows it to the key in force.
func TestRotatedPack(t *testing.T) {
	l, keys := rotated(t)
	pack := buildBy(t, l, keys[2])
	if again := buildBy(t, l, keys[2]); !bytes.Equal(pack, again) {
		t.Error("two builds differ")
	}
	for i, key := range keys {
		r := verify(t, pack, key)
		if !r.Verified || r.Key != keys[2].VerifierKey().String() || len(r.Keys) != 3 || r.Keys[0] != keys[0].VerifierKey().String() {
			t.Errorf("under key %d: %+v", i, r)
		}
	}
	for name, key := range map[string]ledger.PrivateKey{finding.CodeKeyMismatch: ledgertest.KeyAfter(ledgertest.Origin, 3), finding.CodeUntrustedKey: testKey(t, 1)} {
		if r := verify(t, pack, key); r.Verified || r.Failure.Code != name {
			t.Errorf("under a key that is none of the ledger's: %+v, want %s", r.Failure, name)
		}
	}
	if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), l.Log, "job_1", keys[1], packspec.JobOptions{}); err == nil {
		t.Error("a pack was built with a key that is not in force any more")
	}
}

// A tree that ends with a rotation is signed by both keys.
func TestPackAtARotation(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	ledgertest.Rotate(t, l.Log, 1)
	next := ledgertest.KeyAfter(ledgertest.Origin, 1)
	honest := files(t, buildBy(t, l, next))
	if r := verify(t, resign(t, honest, next), l.Key); !r.Verified {
		t.Fatalf("a pack at a rotation: %+v", r.Failure)
	}
	for name, by := range map[string]ledger.PrivateKey{"the old key": l.Key, "the new key": next} {
		forged := slices.Clone(honest)
		for _, entry := range []string{"head.tlog-proof", "ledger_created.tlog-proof"} {
			forged = packtest.Set(forged, entry, signedBy(t, file(honest, entry).Data, by))
		}
		if r := verify(t, resign(t, forged, next), l.Key, next); r.Verified || r.Failure.Level != finding.LevelSignature {
			t.Errorf("signed by %s alone: %+v", name, r.Failure)
		}
	}
}

// signedBy returns a proof whose checkpoint is signed again, by one key only.
func signedBy(t testing.TB, text []byte, key ledger.PrivateKey) []byte {
	t.Helper()
	p, err := ledger.ParseProof(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ledger.PeekCheckpoint(p.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if p.Checkpoint, err = c.Sign(key); err != nil {
		t.Fatal(err)
	}
	return []byte(p.String())
}

func fileNames(fs []packtest.File) []string {
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = f.Name
	}
	return names
}

func text(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func trusting(keys ...ledger.PrivateKey) (all []packspec.TrustedKey) {
	for _, k := range keys {
		all = append(all, packspec.TrustedKey{Key: k.VerifierKey().PublicKey(), From: "test"})
	}
	return all
}

// A checkpoint that was seen must be signed by the keys that were in force then according
// to the pack: a history in which the key was rotated earlier is another one.
func TestSeenBeforeAnEarlierRotation(t *testing.T) {
	l, fork := ledgertest.New(t), ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Submit("job_2"), ledgertest.Submit("job_3"))
	_, note := l.Checkpoint()
	ledgertest.Append(t, fork.Log, ledgertest.Submit("job_1"))
	ledgertest.Rotate(t, fork.Log, 1)
	ledgertest.Append(t, fork.Log, ledgertest.Submit("job_2"), ledgertest.Submit("job_3"))
	pack := buildBy(t, fork, ledgertest.KeyAfter(ledgertest.Origin, 1))
	r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: trusting(l.Key), Seen: func(...ledger.VerifierKey) ([]packspec.Sighting, error) {
		return []packspec.Sighting{{Note: note}}, nil
	}})
	if err != nil || r.Verified || r.Failure.Code != finding.CodeConflict || len(r.Evidence) != 2 {
		t.Errorf("another history: %+v, %v, want a conflict with its evidence", r.Failure, err)
	}
}

// An older key cannot use a rotation beyond its tree to sign packs that are trusted
// through the newer key.
func TestExportBeyondItsTree(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	export := func() fstest.MapFS {
		dir := fstest.MapFS{}
		err := packspec.Export(t.Context(), l.Log, func(path string, content []byte) error {
			dir[path] = &fstest.MapFile{Data: bytes.Clone(content), Mode: 0o600}
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	old := export()
	ledgertest.Rotate(t, l.Log, 1)
	for path, f := range export() {
		if strings.HasPrefix(path, "keys/") {
			old[path] = f
		}
	}
	if _, err := packspec.OpenExport(old); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("OpenExport = %v, want ErrUnverified", err)
	}
}

// A range pack is refused if its tree has another rotation than keys/ proves, or none.
func TestRangeOfAnotherRotation(t *testing.T) {
	var packs [2][]packtest.File
	var keys [2]ledger.PrivateKey
	for i := range packs {
		l := ledgertest.New(t)
		ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
		ledgertest.Rotate(t, l.Log, uint64(i+1))
		ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
		keys[i] = ledgertest.KeyAfter(ledgertest.Origin, uint64(i+1))
		var b packspec.Buffer
		if _, err := packspec.BuildRange(t.Context(), &b, l.Log, 0, -1, keys[i], packspec.RangeOptions{}); err != nil {
			t.Fatal(err)
		}
		packs[i] = files(t, b.Bytes())
	}
	forged := packs[0]
	for _, name := range []string{"keys/0001.json", "keys/0001.tlog-proof", "ledger_key.vkey"} {
		forged = packtest.Set(forged, name, file(packs[1], name).Data)
	}
	created := signedBy(t, file(forged, "ledger_created.tlog-proof").Data, keys[1])
	p, err := ledger.ParseProof(created)
	if err != nil {
		t.Fatal(err)
	}
	forged = packtest.Set(packtest.Set(forged, "ledger_created.tlog-proof", created), "checkpoint", p.Checkpoint)
	if r := verify(t, resign(t, forged, keys[1]), ledgertest.Key(ledgertest.Origin)); r.Verified || r.Failure.Level != finding.LevelChain {
		t.Errorf("the other's rotation: verified %t, %+v", r.Verified, r.Failure)
	}
}

// A pack from before a rotation still verifies, and is reported as older.
func TestPackBeforeARotation(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	old := buildBy(t, l, l.Key)
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
	_, note := l.Checkpoint()
	seen := func(...ledger.VerifierKey) ([]packspec.Sighting, error) {
		return []packspec.Sighting{{Note: note, Keys: l.Keys().Keys()}}, nil
	}
	for profile, want := range map[packspec.Profile]finding.Status{packspec.ProfileStandard: finding.Claimed, packspec.ProfileStrict: finding.Failed} {
		r, err := packspec.Verify(bytes.NewReader(old), int64(len(old)), packspec.Options{Trusted: trusting(l.Key), Profile: profile, Seen: seen})
		if err != nil || r.Level(finding.LevelFreshness).Status != want || r.Verified != (want == finding.Claimed) {
			t.Errorf("%s: %+v, %v, want freshness %s", profile, r, err, want)
		}
	}
}

// A pack is not built on a cosigned checkpoint from before a rotation.
func TestCosignedBeforeARotation(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	w := ledgertest.NewWitness("witness.example/w1")
	_, note := l.Checkpoint()
	by, err := ledger.Cosignatures(append(bytes.Clone(note), w.Line(note, ledgertest.Start)...), []ledger.WitnessKey{w.Key})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Keep(t.Context(), note, by[0]); err != nil {
		t.Fatal(err)
	}
	ledgertest.Rotate(t, l.Log, 1)
	next := ledgertest.KeyAfter(ledgertest.Origin, 1)
	if r := verify(t, buildBy(t, l, next), l.Key); !r.Verified || r.Size != 3 {
		t.Errorf("a pack after a rotation: %+v", r)
	}
	if _, err := packspec.BuildRange(t.Context(), new(packspec.Buffer), l.Log, 0, -1, next, packspec.RangeOptions{}); err != nil {
		t.Errorf("a range pack after a rotation: %v", err)
	}
}

// Both Python programs follow the rotations too, and give the same verdict on each
// forgery.
func TestRotatedPackInPython(t *testing.T) {
	needPython(t)
	l, keys := rotated(t)
	pack := buildBy(t, l, keys[2])
	honest := files(t, pack)
	code := program(t, honest)
	for i, key := range keys {
		if out, err := check(t, code, honest, key.VerifierKey().String()); err != nil || out != "OK: job job_1, 3 events, of "+ledgertest.Origin+"; that these are all is not shown\n" {
			t.Errorf("VERIFY.md under key %d: %v\n%s", i, err, out)
		}
	}
	var all []judgement
	for _, tt := range rotationForgeries(t, honest, keys) {
		forged := tt.change(slices.Clone(honest))
		all = append(all, judge(t, tt.name, resign(t, forged, keys[2]), keys[0]))
		if tt.level == finding.LevelContainer || tt.level == finding.LevelCanonical {
			continue // it does not read the container, and reads each entry for itself
		}
		if out, err := check(t, code, forged, keys[0].VerifierKey().String()); err == nil && tt.name != "the first key's file" {
			t.Errorf("VERIFY.md, %s: %s", tt.name, out)
		}
	}
	random := rand.New(rand.NewPCG(11, 12))
	for range ledgertest.Sample(t, 60, 10) {
		fs := slices.Clone(honest)
		at := &fs[random.IntN(len(fs)-1)]
		bit := random.IntN(8 * len(at.Data))
		at.Data = flip(at.Data, bit)
		all = append(all, judge(t, fmt.Sprint("bit ", bit, " of ", at.Name), resign(t, fs, keys[2]), keys[0]))
	}
	agree(t, append(all, judge(t, "honest", pack, keys[0])), keys[0].VerifierKey().String())
	agree(t, []judgement{judge(t, "under the newest key", pack, keys[2])}, keys[2].VerifierKey().String())
}

// A ledger with the largest number of rotations can be exported.
func TestMostRotations(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	for n := range uint64(ledger.MaxRotations) {
		ledgertest.Rotate(t, l.Log, n+1)
	}
	last := ledgertest.KeyAfter(ledgertest.Origin, ledger.MaxRotations)
	pack := buildBy(t, l, last)
	if r := verify(t, pack, l.Key); !r.Verified || len(r.Keys) != ledger.MaxRotations+1 {
		t.Errorf("after %d rotations: %+v, %d keys", ledger.MaxRotations, r.Failure, len(r.Keys))
	}
	next := ledgertest.KeyAfter(ledgertest.Origin, ledger.MaxRotations+1)
	if _, err := l.Rotate(t.Context(), l.Head(), ledgertest.Rotation(t, l.Log, next), next); err == nil {
		t.Errorf("rotated more than %d times", ledger.MaxRotations)
	}
}
