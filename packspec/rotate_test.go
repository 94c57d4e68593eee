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
	"gait/packspec/packtest"
)

// rotated is a ledger of one job whose key was rotated twice, and its keys.
func rotated(t testing.TB) (*ledgertest.Ledger, []ledger.PrivateKey) {
	t.Helper()
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "before"))
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
	ledgertest.Rotate(t, l.Log, 2)
	ledgertest.Append(t, l.Log, ledgertest.Draft{Job: "job_1", Payload: ledger.Paused{}})
	return l, []ledger.PrivateKey{l.Key, ledgertest.KeyAfter(ledgertest.Origin, 1), ledgertest.KeyAfter(ledgertest.Origin, 2)}
}

func buildBy(t testing.TB, l *ledgertest.Ledger, signer ledger.Signer) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := packspec.BuildJob(&b, l.Log, "job_1", signer); err != nil {
		t.Fatalf("BuildJob = %v", err)
	}
	return b.Bytes()
}

// Whoever trusts any of a ledger's keys follows it to the one in force.
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
	for name, key := range map[string]ledger.PrivateKey{packspec.CodeKeyMismatch: ledgertest.KeyAfter(ledgertest.Origin, 3), packspec.CodeUntrustedKey: testKey(t, 1)} {
		if r := verify(t, pack, key); r.Verified || r.Failure.Code != name {
			t.Errorf("under a key that is none of the ledger's: %+v, want %s", r.Failure, name)
		}
	}
	if _, err := packspec.BuildJob(&bytes.Buffer{}, l.Log, "job_1", keys[1]); err == nil {
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
		if r := verify(t, resign(t, forged, next), l.Key, next); r.Verified || r.Failure.Level != packspec.LevelSignature {
			t.Errorf("signed by %s alone: %+v", name, r.Failure)
		}
	}
}

// signedBy returns a proof with its checkpoint signed again, by one key alone.
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

// A rotationForgery changes what a pack shows of the rotations.
type rotationForgery struct {
	name   string
	change func([]packtest.File) []packtest.File
	level  string // that fails
}

func rotationForgeries(t testing.TB, honest []packtest.File, keys []ledger.PrivateKey) []rotationForgery {
	stranger := ledgertest.KeyAfter(ledgertest.Origin, 9)
	replace := func(name string, change func([]byte) []byte) func([]packtest.File) []packtest.File {
		return func(fs []packtest.File) []packtest.File {
			return packtest.Set(fs, name, change(bytes.Clone(file(fs, name).Data)))
		}
	}
	without := func(names ...string) func([]packtest.File) []packtest.File {
		return func(fs []packtest.File) []packtest.File {
			fs = slices.DeleteFunc(fs, func(f packtest.File) bool { return slices.Contains(names, f.Name) })
			kept := strings.Count(strings.Join(fileNames(fs), " "), ".tlog-proof") - 2
			list := `"keys/0001.json","keys/0001.tlog-proof","keys/0002.json","keys/0002.tlog-proof",`
			evidence := strings.Replace(string(file(fs, "evidence.json").Data), list, list[:kept*len(list)/2], 1)
			return packtest.Set(fs, "evidence.json", []byte(evidence))
		}
	}
	return []rotationForgery{
		{"the last left out", without("keys/0002.json", "keys/0002.tlog-proof"), packspec.LevelSignature},
		{"the first left out", without("keys/0001.json", "keys/0001.tlog-proof"), packspec.LevelContainer},
		{"an event left out", without("keys/0002.json"), packspec.LevelContainer},
		{"a proof left out", without("keys/0002.tlog-proof"), packspec.LevelContainer},
		{"not listed by the evidence", replace("evidence.json", func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"keys/0002.json",`), nil, 1)
		}), packspec.LevelCanonical},
		{"to another key", replace("keys/0002.json", func(b []byte) []byte {
			return bytes.Replace(b, []byte(keys[2].VerifierKey().String()), []byte(stranger.VerifierKey().String()), 1)
		}), packspec.LevelChain},
		{"by the new key alone", replace("keys/0001.tlog-proof", func(b []byte) []byte { return signedBy(t, b, keys[1]) }), packspec.LevelChain},
		{"by the old key alone", replace("keys/0001.tlog-proof", func(b []byte) []byte { return signedBy(t, b, keys[0]) }), packspec.LevelChain},
		{"another's proof", replace("keys/0001.tlog-proof", func([]byte) []byte { return file(honest, "keys/0002.tlog-proof").Data }), packspec.LevelChain},
		{"the same twice", func(fs []packtest.File) []packtest.File {
			fs = packtest.Set(fs, "keys/0002.json", file(fs, "keys/0001.json").Data)
			return packtest.Set(fs, "keys/0002.tlog-proof", file(fs, "keys/0001.tlog-proof").Data)
		}, packspec.LevelChain},
		{"an event of a job", replace("keys/0002.json", func([]byte) []byte {
			return bytes.SplitN(file(honest, "ledger_events.jsonl").Data, []byte("\n"), 2)[0]
		}), packspec.LevelChain},
		{"no event", replace("keys/0002.json", func([]byte) []byte { return []byte("{}") }), packspec.LevelCanonical},
		{"no proof", replace("keys/0001.tlog-proof", func([]byte) []byte { return []byte("c2sp.org/tlog-proof@v1\n") }), packspec.LevelCanonical},
		{"the text for others", replace("VERIFY.md", func([]byte) []byte { return text(t, "VERIFY.md") }), packspec.LevelCanonical},
		{"the first key's file", replace("ledger_key.vkey", func([]byte) []byte { return []byte(keys[0].VerifierKey().String() + "\n") }), packspec.LevelSignature},
	}
}

// What who holds the key in force can make of the rotations that a pack shows:
// nothing that somebody who trusts an older key would follow.
func TestForgedRotations(t *testing.T) {
	l, keys := rotated(t)
	honest := files(t, buildBy(t, l, keys[2]))
	for _, tt := range rotationForgeries(t, honest, keys) {
		forged := resign(t, tt.change(slices.Clone(honest)), keys[2])
		r, err := packspec.Verify(bytes.NewReader(forged), int64(len(forged)), packspec.Options{Trusted: trusting(keys...)})
		if err != nil || r.Verified || r.Failure.Level != tt.level {
			t.Errorf("%s: verified %t, %+v, %v; want it to fail at %s", tt.name, r.Verified, r.Failure, err, tt.level)
		}
	}
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

// An older key names another successor: that is no pack of the ledger whose keys
// were seen, although the older key is trusted.
func TestHandedOnTwice(t *testing.T) {
	l, keys := rotated(t)
	fork := ledgertest.New(t) // the same first key
	ledgertest.Append(t, fork.Log, ledgertest.Submit("job_1"))
	ledgertest.Rotate(t, fork.Log, 9)
	forged := buildBy(t, fork, ledgertest.KeyAfter(ledgertest.Origin, 9))
	if r := verify(t, forged, keys[0]); !r.Verified {
		t.Fatalf("a stranger who saw nothing: %+v", r.Failure)
	}
	_, note := l.Checkpoint()
	for name, tt := range map[string]struct {
		seen []packspec.Sighting
		code string
	}{
		"its keys":             {[]packspec.Sighting{{Note: note, Keys: l.Keys().Keys()}}, packspec.CodeConflict},
		"one by another key":   {[]packspec.Sighting{{OtherKey: true}}, packspec.CodeOlder},
		"nothing, and no keys": {nil, ""},
	} {
		o := packspec.Options{Trusted: trusting(keys[0]), Profile: packspec.ProfileStrict, Seen: func(...ledger.VerifierKey) ([]packspec.Sighting, error) { return tt.seen, nil }}
		r, err := packspec.Verify(bytes.NewReader(forged), int64(len(forged)), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Level(packspec.LevelFreshness); (got.Status == packspec.Failed) != (tt.code != "") || tt.code != "" && r.Failure.Code != tt.code {
			t.Errorf("%s seen before: %+v, %+v", name, got, r.Failure)
		}
		if conflict := tt.code == packspec.CodeConflict; conflict != (len(r.Evidence) == 2) {
			t.Errorf("%s seen before: evidence %q", name, r.Evidence)
		}
	}
}

// What was seen must be signed by the keys that the pack says were in force then:
// a history in which the key was rotated earlier is another.
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
	if err != nil || r.Verified || r.Failure.Code != packspec.CodeConflict || len(r.Evidence) != 2 {
		t.Errorf("another history: %+v, %v, want a conflict with its evidence", r.Failure, err)
	}
}

// An older key with the files of a rotation that its tree does not reach vouches
// for nothing that the newer key would be trusted for.
func TestExportBeyondItsTree(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	export := func() fstest.MapFS {
		dir := fstest.MapFS{}
		err := packspec.Export(l.Log, func(path string, content []byte) error {
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

// A range pack whose tree holds another rotation than keys/ proves, or none.
func TestRangeOfAnotherRotation(t *testing.T) {
	var packs [2][]packtest.File
	var keys [2]ledger.PrivateKey
	for i := range packs {
		l := ledgertest.New(t)
		ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
		ledgertest.Rotate(t, l.Log, uint64(i+1))
		ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
		keys[i] = ledgertest.KeyAfter(ledgertest.Origin, uint64(i+1))
		var b bytes.Buffer
		if _, err := packspec.BuildRange(&b, l.Log, 0, -1, keys[i]); err != nil {
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
	if r := verify(t, resign(t, forged, keys[1]), ledgertest.Key(ledgertest.Origin)); r.Verified || r.Failure.Level != packspec.LevelChain {
		t.Errorf("the other's rotation: verified %t, %+v", r.Verified, r.Failure)
	}
}

// A pack from before a rotation stays true, and is known to be older.
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
	for profile, want := range map[packspec.Profile]packspec.Status{packspec.ProfileStandard: packspec.Claimed, packspec.ProfileStrict: packspec.Failed} {
		r, err := packspec.Verify(bytes.NewReader(old), int64(len(old)), packspec.Options{Trusted: trusting(l.Key), Profile: profile, Seen: seen})
		if err != nil || r.Level(packspec.LevelFreshness).Status != want || r.Verified != (want == packspec.Claimed) {
			t.Errorf("%s: %+v, %v, want freshness %s", profile, r, err, want)
		}
	}
}

// A cosigned checkpoint from before a rotation is not what a pack is built on.
func TestCosignedBeforeARotation(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	w := ledgertest.NewWitness("witness.example/w1")
	_, note := l.Checkpoint()
	by, err := ledger.Cosignatures(append(bytes.Clone(note), w.Line(note, ledgertest.Start)...), []ledger.WitnessKey{w.Key})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Keep(note, by[0]); err != nil {
		t.Fatal(err)
	}
	ledgertest.Rotate(t, l.Log, 1)
	next := ledgertest.KeyAfter(ledgertest.Origin, 1)
	if r := verify(t, buildBy(t, l, next), l.Key); !r.Verified || r.Size != 3 {
		t.Errorf("a pack after a rotation: %+v", r)
	}
	if _, err := packspec.BuildRange(&bytes.Buffer{}, l.Log, 0, -1, next); err != nil {
		t.Errorf("a range pack after a rotation: %v", err)
	}
}

// Both programs in Python follow the rotations too, and say of each forgery what
// this verifier says.
func TestRotatedPackInPython(t *testing.T) {
	needPython(t)
	l, keys := rotated(t)
	pack := buildBy(t, l, keys[2])
	honest := files(t, pack)
	code := program(t, honest)
	for i, key := range keys {
		if out, err := check(t, code, honest, key.VerifierKey().String()); err != nil || out != "OK: job job_1, 3 events, of "+ledgertest.Origin+"\n" {
			t.Errorf("VERIFY.md under key %d: %v\n%s", i, err, out)
		}
	}
	var all []judgement
	for _, tt := range rotationForgeries(t, honest, keys) {
		forged := tt.change(slices.Clone(honest))
		all = append(all, judge(t, tt.name, resign(t, forged, keys[2]), keys[0]))
		if tt.level == packspec.LevelContainer || tt.level == packspec.LevelCanonical {
			continue // it does not read the container, and reads each entry for itself
		}
		if out, err := check(t, code, forged, keys[0].VerifierKey().String()); err == nil && tt.name != "the first key's file" {
			t.Errorf("VERIFY.md, %s: %s", tt.name, out)
		}
	}
	random := rand.New(rand.NewPCG(11, 12))
	for range 60 {
		fs := slices.Clone(honest)
		at := &fs[random.IntN(len(fs)-1)]
		bit := random.IntN(8 * len(at.Data))
		at.Data = flip(at.Data, bit)
		all = append(all, judge(t, fmt.Sprint("bit ", bit, " of ", at.Name), resign(t, fs, keys[2]), keys[0]))
	}
	agree(t, append(all, judge(t, "honest", pack, keys[0])), keys[0].VerifierKey().String())
	agree(t, []judgement{judge(t, "under the newest key", pack, keys[2])}, keys[2].VerifierKey().String())
}

// A ledger rotated as often as it can be still exports.
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
