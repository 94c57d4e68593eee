package packspec_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// A rotationForgery changes the rotations in a pack.
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
		{"the last left out", without("keys/0002.json", "keys/0002.tlog-proof"), finding.LevelSignature},
		{"the first left out", without("keys/0001.json", "keys/0001.tlog-proof"), finding.LevelContainer},
		{"an event left out", without("keys/0002.json"), finding.LevelContainer},
		{"a proof left out", without("keys/0002.tlog-proof"), finding.LevelContainer},
		{"not listed by the evidence", replace("evidence.json", func(b []byte) []byte {
			return bytes.Replace(b, []byte(`"keys/0002.json",`), nil, 1)
		}), finding.LevelCanonical},
		{"to another key", replace("keys/0002.json", func(b []byte) []byte {
			return bytes.Replace(b, []byte(keys[2].VerifierKey().String()), []byte(stranger.VerifierKey().String()), 1)
		}), finding.LevelChain},
		{"by the new key alone", replace("keys/0001.tlog-proof", func(b []byte) []byte { return signedBy(t, b, keys[1]) }), finding.LevelChain},
		{"by the old key alone", replace("keys/0001.tlog-proof", func(b []byte) []byte { return signedBy(t, b, keys[0]) }), finding.LevelChain},
		{"another's proof", replace("keys/0001.tlog-proof", func([]byte) []byte { return file(honest, "keys/0002.tlog-proof").Data }), finding.LevelChain},
		{"the same twice", func(fs []packtest.File) []packtest.File {
			fs = packtest.Set(fs, "keys/0002.json", file(fs, "keys/0001.json").Data)
			return packtest.Set(fs, "keys/0002.tlog-proof", file(fs, "keys/0001.tlog-proof").Data)
		}, finding.LevelChain},
		{"an event of a job", replace("keys/0002.json", func([]byte) []byte {
			return bytes.SplitN(file(honest, "ledger_events.jsonl").Data, []byte("\n"), 2)[0]
		}), finding.LevelChain},
		{"no event", replace("keys/0002.json", func([]byte) []byte { return []byte("{}") }), finding.LevelCanonical},
		{"no proof", replace("keys/0001.tlog-proof", func([]byte) []byte { return []byte("c2sp.org/tlog-proof@v1\n") }), finding.LevelCanonical},
		{"the text for others", replace("VERIFY.md", func([]byte) []byte { return text(t, "VERIFY.md") }), finding.LevelCanonical},
		{"the first key's file", replace("ledger_key.vkey", func([]byte) []byte { return []byte(keys[0].VerifierKey().String() + "\n") }), finding.LevelSignature},
	}
}

// The holder of the key in force cannot forge rotations such that a verifier that trusts
// an older key follows them.
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

// Trust in a key extends neither to a key that is distrusted nor to those that took over
// from it, unless one of them is trusted itself.
func TestDistrustEndsTheFollowing(t *testing.T) {
	l, keys := rotated(t)
	pack := buildBy(t, l, keys[2])
	for name, tt := range map[string]struct {
		trusted  []int
		not      []int
		verified bool
	}{
		"the first":                                    {[]int{0}, nil, true},
		"the first, not the second":                    {[]int{0}, []int{1}, false},
		"the first, not the third":                     {[]int{0}, []int{2}, false},
		"the first and the second, not the third":      {[]int{0, 1}, []int{2}, false},
		"the third, not the second":                    {[]int{2}, []int{1}, true},
		"the first and the third, not the second":      {[]int{0, 2}, []int{1}, true},
		"the second, not the first":                    {[]int{1}, []int{0}, true},
		"the first, not a key that never was its own":  {[]int{0}, []int{-1}, true},
		"the first, not the second's bytes for any":    {[]int{0}, []int{1 + 100}, false},
		"the first and the second, not the second too": {[]int{0, 1}, []int{1}, true}, // who lists both decides; package home does not
	} {
		var trusted []ledger.PrivateKey
		for _, i := range tt.trusted {
			trusted = append(trusted, keys[i])
		}
		o := packspec.Options{Trusted: trusting(trusted...)}
		for i := range o.Trusted {
			for _, n := range tt.not {
				switch {
				case n < 0:
					o.Trusted[i].Not = append(o.Trusted[i].Not, ledgertest.Key("other.example").VerifierKey().PublicKey())
				case n >= 100:
					o.Trusted[i].Not = append(o.Trusted[i].Not, nameless(t, keys[n-100]))
				default:
					o.Trusted[i].Not = append(o.Trusted[i].Not, keys[n].VerifierKey().PublicKey())
				}
			}
		}
		r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o)
		if err != nil || r.Verified != tt.verified || !tt.verified && r.Failure.Code != finding.CodeUntrustedKey {
			t.Errorf("trusting %s: verified %t, %+v, %v, want %t", name, r.Verified, r.Failure, err, tt.verified)
		}
	}
}

// If an older key names another successor, the pack is not of the ledger whose keys were
// seen, although the older key is trusted.
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
		"its keys":             {[]packspec.Sighting{{Note: note, Keys: l.Keys().Keys()}}, finding.CodeConflict},
		"one by another key":   {[]packspec.Sighting{{OtherKey: true}}, finding.CodeOlder},
		"nothing, and no keys": {nil, ""},
	} {
		o := packspec.Options{Trusted: trusting(keys[0]), Profile: packspec.ProfileStrict, Seen: func(...ledger.VerifierKey) ([]packspec.Sighting, error) { return tt.seen, nil }}
		r, err := packspec.Verify(bytes.NewReader(forged), int64(len(forged)), o)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Level(finding.LevelFreshness); (got.Status == finding.Failed) != (tt.code != "") || tt.code != "" && r.Failure.Code != tt.code {
			t.Errorf("%s seen before: %+v, %+v", name, got, r.Failure)
		}
		if conflict := tt.code == finding.CodeConflict; conflict != (len(r.Evidence) == 2) {
			t.Errorf("%s seen before: evidence %q", name, r.Evidence)
		}
	}
}
