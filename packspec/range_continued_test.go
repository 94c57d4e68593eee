package packspec_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// proofRange builds the pack of all events, with the proofs that they name.
func (c *continuation) proofRange(t testing.TB) []byte {
	t.Helper()
	var b packspec.Buffer
	o := packspec.RangeOptions{Content: func(digest ledger.Hash) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(c.content[digest])), nil
	}, Proof: c.options().Content}
	if _, err := packspec.BuildRange(t.Context(), &b, c.l.Log, 0, -1, c.l.Key, o); err != nil {
		t.Fatalf("BuildRange = %v", err)
	}
	return b.Bytes()
}

// inProfiles verifies a pack in both profiles.
func inProfiles(t testing.TB, pack []byte, keys ...ledger.PrivateKey) (standard, strict packspec.Report) {
	t.Helper()
	return inProfilesOf(t, pack, trusting(keys...))
}

func inProfilesOf(t testing.TB, pack []byte, trusted []packspec.TrustedKey) (standard, strict packspec.Report) {
	t.Helper()
	for profile, to := range map[packspec.Profile]*packspec.Report{packspec.ProfileStandard: &standard, packspec.ProfileStrict: &strict} {
		var err error
		if *to, err = packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: trusted, Profile: profile}); err != nil {
			t.Fatal(err)
		}
	}
	return standard, strict
}

// A range shows of each job that another ledger held before how it stood there. Without
// that, or without a key of that ledger, it is not strictly verified.
func TestContinuedRange(t *testing.T) {
	c := continued(t, false)
	pack := c.proofRange(t)
	if again := c.proofRange(t); !bytes.Equal(pack, again) {
		t.Error("two builds differ")
	}
	part := continuedOf(t, false, true, func(tree ledger.Checkpoint) int64 { return tree.Size - 1 }, nil)
	for name, tt := range map[string]struct {
		pack []byte
		keys []ledger.PrivateKey
		want finding.Status
		says string
	}{
		"both keys":     {pack, []ledger.PrivateKey{c.l.Key, c.old}, finding.Proved, "2 jobs were in another ledger before; in gait.test/before 2, of which 2 are proved"},
		"the new key":   {pack, []ledger.PrivateKey{c.l.Key}, finding.Claimed, "and for 2 no key that you trust for that ledger has signed the tree"},
		"no proofs":     {c.buildRange(t, 0, -1), []ledger.PrivateKey{c.l.Key, c.old}, finding.Claimed, "their last events there are not in the pack"},
		"of less":       {part.proofRange(t), []ledger.PrivateKey{c.l.Key, c.old}, finding.Claimed, "and of 2 events may be lost"},
		"by a stranger": {pack, []ledger.PrivateKey{c.old}, finding.Claimed, "no key that you trust has signed the pack"},
	} {
		r, strict := inProfiles(t, tt.pack, tt.keys...)
		got := r.Level(finding.LevelContinued)
		if got.Status != tt.want || !strings.Contains(got.Detail, tt.says) || r.Verified != (name != "by a stranger") {
			t.Errorf("%s: verified %t, %+v, %+v", name, r.Verified, r.Failure, got)
		}
		if want := tt.want == finding.Proved; strict.Verified != want || (strict.Level(finding.LevelContinued).Status == finding.Proved) != want {
			t.Errorf("%s, strictly: verified %t, %+v", name, strict.Verified, strict.Level(finding.LevelContinued))
		}
	}
	if fresh := long(t, 3); slices.ContainsFunc(verify(t, buildRange(t, fresh, 0, -1), fresh.Key).Levels, func(l finding.Level) bool { return l.Name == finding.LevelContinued }) {
		t.Error("a range without continued jobs has the level")
	}
}

// If one proof is not at hand, the pack has none; on one that does not hold it is not built.
func TestContinuedRangeUnread(t *testing.T) {
	c := continued(t, false)
	n := 0
	some := func(digest ledger.Hash, limit int64) ([]byte, error) {
		if n++; n == 2 {
			return nil, ledger.ErrContentMissing
		}
		return c.options().Content(digest, limit)
	}
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, c.l.Log, 0, -1, c.l.Key, packspec.RangeOptions{Proof: some}); err != nil || !bytes.Equal(b.Bytes(), buildRange(t, c.l, 0, -1)) {
		t.Errorf("with one of two proofs it is another pack than with none: %v", err)
	}
	other := func(ledger.Hash, int64) ([]byte, error) { return []byte("{}"), nil }
	if _, err := packspec.BuildRange(t.Context(), new(packspec.Buffer), c.l.Log, 0, -1, c.l.Key, packspec.RangeOptions{Proof: other}); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("with another proof: %v", err)
	}
}

const proofs = "continued.proofs"

// The holder of a ledger's key cannot have a range of it believed that says another thing of
// a job than its proof.
func TestForgedContinuedRange(t *testing.T) {
	of := func(change func([]byte) []byte) func(*continuation, []packtest.File) []packtest.File {
		return func(_ *continuation, fs []packtest.File) []packtest.File {
			return packtest.Set(fs, proofs, change(bytes.Clone(file(fs, proofs).Data)))
		}
	}
	for name, tt := range map[string]struct {
		change func(*continuation, []packtest.File) []packtest.File
		level  string
	}{
		"changed":     {of(func(b []byte) []byte { return bytes.Replace(b, []byte("may I?"), []byte("may we"), 1) }), finding.LevelContinued},
		"a byte more": {of(func(b []byte) []byte { return append(b, '\n') }), finding.LevelContinued},
		"a byte less": {of(func(b []byte) []byte { return b[:len(b)-1] }), finding.LevelContinued},
		"none":        {of(func([]byte) []byte { return nil }), finding.LevelContinued},
		"in another order": {of(func(b []byte) []byte {
			i := bytes.LastIndex(b, []byte(`{"earlier":`))
			return slices.Concat(b[i:], b[:i])
		}), finding.LevelContinued},
		"left out": {func(_ *continuation, fs []packtest.File) []packtest.File {
			return slices.DeleteFunc(fs, func(f packtest.File) bool { return f.Name == proofs })
		}, finding.LevelContainer},
		"not in the evidence": {func(_ *continuation, fs []packtest.File) []packtest.File {
			return inRange(`"continued.proofs",`, "")(t, fs)
		}, finding.LevelContainer},
		"in evidence of format 1": {func(_ *continuation, fs []packtest.File) []packtest.File {
			return inRange(`"format":2`, `"format":1`)(t, fs)
		}, finding.LevelCanonical},
	} {
		c := continued(t, false)
		fs := tt.change(c, files(t, c.proofRange(t)))
		r, _ := inProfiles(t, resign(t, fs, c.l.Key), c.l.Key, c.old)
		if r.Verified || r.Failure == nil || r.Failure.Level != tt.level {
			t.Errorf("%s: verified %t, %+v; want it to fail at %s", name, r.Verified, r.Failure, tt.level)
		}
	}
	for _, tt := range continuedForgeries {
		if tt.lie == nil {
			continue
		}
		c := continuedWith(t, tt.lie)
		honest := buildRange(t, c.l, 0, -1) // BuildRange makes none with these proofs
		fs := inRange(`"entries":["checkpoint",`, `"entries":["checkpoint","continued.proofs",`)(t, inRange(`"format":1`, `"format":2`)(t, files(t, honest)))
		var all []byte
		for e, err := range c.l.Events(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if p, ok := e.Payload().(ledger.Continued); ok {
				all = append(all, c.content[p.Proof.Digest]...)
			}
		}
		fs = packtest.Set(packtest.Set(fs, "VERIFY.md", text(t, "VERIFY_RANGE_MOVED.md")), proofs, all)
		r, strict := inProfiles(t, resign(t, fs, c.l.Key), c.l.Key, c.old)
		if failed := tt.level != ""; r.Verified == failed || failed && r.Failure.Level != tt.level || strict.Verified {
			t.Errorf("%s: verified %t, %+v, strictly %t", tt.name, r.Verified, r.Failure, strict.Verified)
		}
	}
}
