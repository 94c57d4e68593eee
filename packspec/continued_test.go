package packspec_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/seen"
	"gait/packspec"
	"gait/packspec/finding"
)

// A job that another ledger held before is followed by proof, as far as the verifier
// trusts that ledger.
func TestContinuedPack(t *testing.T) {
	c := continued(t, false)
	for _, job := range []string{"job_1", "job_2"} {
		pack := c.build(t, job)
		if again := c.build(t, job); !bytes.Equal(pack, again) {
			t.Errorf("%s: two builds differ", job)
		}
		for name, tt := range map[string]struct {
			keys    []ledger.PrivateKey
			pack    []byte
			want    finding.Status
			says    string
			trusted string
		}{
			"both keys":     {[]ledger.PrivateKey{c.l.Key, c.old}, pack, finding.Proved, "signed, trusted by trusted_keys:1", c.old.VerifierKey().String()},
			"the new key":   {[]ledger.PrivateKey{c.l.Key}, pack, finding.Claimed, "no key that you trust for that ledger has signed the tree", ""},
			"another's key": {[]ledger.PrivateKey{c.l.Key, ledgertest.KeyAfter(originBefore, 7)}, pack, finding.Claimed, "no key that you trust", ""},
			"no proof": {
				[]ledger.PrivateKey{c.l.Key, c.old}, buildWith(t, c.l, job, packspec.JobOptions{}), finding.Claimed, "is not in the pack", "",
			},
		} {
			r := verify(t, tt.pack, tt.keys...)
			got := r.Level(finding.LevelContinued)
			if !r.Verified || got.Status != tt.want || !strings.Contains(got.Detail, tt.says) || r.Continued == nil || r.Continued.Key != tt.trusted || r.Continued.Origin != originBefore {
				t.Errorf("%s under %s: verified %t, %+v, %+v, %+v; want %s", job, name, r.Verified, r.Failure, got, r.Continued, tt.want)
			}
			strict, err := packspec.Verify(bytes.NewReader(tt.pack), int64(len(tt.pack)), packspec.Options{Trusted: trusting(tt.keys...), Profile: packspec.ProfileStrict})
			if want := tt.want == finding.Proved; err != nil || (strict.Level(finding.LevelContinued).Status == finding.Proved) != want || !want && strict.Verified {
				t.Errorf("%s under %s, strictly: %+v, %v", job, name, strict.Level(finding.LevelContinued), err)
			}
		}
	}
}

// A job is only claimed to stand as it stood if the ledger before was not found whole, or
// event 0 names another one.
func TestContinuedOfAPart(t *testing.T) {
	for name, tt := range map[string]struct {
		found func(ledger.Checkpoint) int64
		lie   func(testing.TB, *continuation, *ledger.Continued)
		want  finding.Status
	}{
		"all":      {func(tree ledger.Checkpoint) int64 { return tree.Size }, nil, finding.Proved},
		"one less": {func(tree ledger.Checkpoint) int64 { return tree.Size - 1 }, nil, finding.Claimed},
		"unsaid":   {func(ledger.Checkpoint) int64 { return 0 }, nil, finding.Claimed},
	} {
		c := continuedOf(t, false, true, tt.found, tt.lie)
		pack := c.build(t, "job_1")
		r := verify(t, pack, c.l.Key, c.old)
		if got := r.Level(finding.LevelContinued); !r.Verified || got.Status != tt.want || (tt.want == finding.Claimed) != strings.Contains(got.Detail, "events of the job may be lost") {
			t.Errorf("%s: %t, %+v", name, r.Verified, got)
		}
		strict, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: trusting(c.l.Key, c.old), Profile: packspec.ProfileStrict})
		if err != nil || strict.Level(finding.LevelContinued).Status == finding.Proved != (tt.want == finding.Proved) || strict.Verified && tt.want != finding.Proved {
			t.Errorf("%s, strictly: %t, %+v, %v", name, strict.Verified, strict.Level(finding.LevelContinued), err)
		}
		jobs := packspec.ContinuedJobs{Options: packspec.Options{Trusted: trusting(c.l.Key, c.old)}, Content: c.options().Content}
		for e, err := range c.l.Events(t.Context(), 0) {
			if err != nil || jobs.Add(e) != nil {
				t.Fatal(err)
			}
		}
		if got := jobs.Ledgers[0]; got.Jobs != 2 || (got.Proved == 2) != (tt.want == finding.Proved) || int64(len(got.Incomplete)) != 2-got.Proved {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A pack of a job that began here has no such level, also in a ledger that continues
// another one.
func TestNotContinued(t *testing.T) {
	c := continued(t, false)
	ledgertest.Append(t, c.l.Log, ledgertest.Submit("job_3"))
	r := verify(t, c.build(t, "job_3"), c.l.Key, c.old)
	if !r.Verified || r.Continued != nil || slices.ContainsFunc(r.Levels, func(l finding.Level) bool { return l.Name == finding.LevelContinued }) {
		t.Errorf("verified %t, %+v, %+v", r.Verified, r.Failure, r.Levels)
	}
}

// A verifier that trusts an older key of the ledger before, and has seen the rotation,
// trusts the newer one too.
func TestContinuedAfterARotation(t *testing.T) {
	c := continued(t, true)
	pack := c.build(t, "job_1")
	next := ledgertest.KeyAfter(originBefore, 1)
	sighting := packspec.Sighting{Keys: []ledger.VerifierKey{c.old.VerifierKey(), next.VerifierKey()}}
	other := sighting
	other.OtherKey = true
	trusted := trusting(c.l.Key, c.old)
	not := slices.Clone(trusted)
	not[1].Not = []ledger.PublicKey{next.VerifierKey().PublicKey()}
	for name, tt := range map[string]struct {
		trusted []packspec.TrustedKey
		seen    []packspec.Sighting
		want    finding.Status
	}{
		"unseen": {trusted, nil, finding.Claimed}, "seen": {trusted, []packspec.Sighting{sighting}, finding.Proved},
		"seen by unrelated keys": {trusted, []packspec.Sighting{other}, finding.Claimed}, "not the newer one": {not, []packspec.Sighting{sighting}, finding.Claimed},
		"under the newer one": {trusting(c.l.Key, next), nil, finding.Proved},
	} {
		o := packspec.Options{Trusted: tt.trusted, Seen: func(of ...ledger.VerifierKey) ([]packspec.Sighting, error) {
			if of[0].Name() != originBefore {
				return nil, nil
			}
			return tt.seen, nil
		}}
		r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o)
		if err != nil || !r.Verified || r.Level(finding.LevelContinued).Status != tt.want {
			t.Errorf("%s: %+v, %+v, %v; want %s", name, r.Failure, r.Level(finding.LevelContinued), err, tt.want)
		}
	}
}

// What the verifier has seen of the job in the ledger before is compared with its last
// event there.
func TestContinuedAgainstMemory(t *testing.T) {
	c := continued(t, false)
	pack := c.build(t, "job_1")
	events := c.events(t, "job_1")
	fact := func(e ledger.Event, number int64, at ledger.Seq) seen.Record {
		return seen.Record{{Number: number, Seq: at, Leaf: e.LeafHash()}}
	}
	last := events[len(events)-1]
	broken := errors.New("cannot be read")
	for name, tt := range map[string]struct {
		jobs map[string]seen.Record
		fail error
		want finding.Status
	}{
		"nothing":              {nil, nil, finding.Proved},
		"the same":             {map[string]seen.Record{"job_1": fact(last, last.JobSeq(), last.Seq())}, nil, finding.Proved},
		"an earlier one":       {map[string]seen.Record{"job_1": fact(events[0], 1, events[0].Seq())}, nil, finding.Proved},
		"one behind it":        {map[string]seen.Record{"job_1": fact(events[0], last.JobSeq()+1, last.Seq()+1)}, nil, finding.Claimed},
		"another in its place": {map[string]seen.Record{"job_1": fact(events[0], last.JobSeq(), last.Seq())}, nil, finding.Failed},
		"unreadable":           {nil, broken, ""},
	} {
		o := packspec.Options{Trusted: trusting(c.l.Key, c.old), Before: func(keys []ledger.VerifierKey) (packspec.JobMemory, error) {
			if len(keys) != 1 || keys[0] != c.old.VerifierKey() {
				t.Errorf("asked for the memory of %v", keys)
			}
			return &remembered{jobs: tt.jobs}, tt.fail
		}}
		r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o)
		if !errors.Is(err, tt.fail) || tt.fail == nil && (r.Level(finding.LevelContinued).Status != tt.want || r.Verified == (tt.want == finding.Failed)) {
			t.Errorf("%s: verified %t, %+v, %v; want %s", name, r.Verified, r.Level(finding.LevelContinued), err, tt.want)
		}
	}
}

// No pack is built on a proof that does not hold.
func TestContinuedProofUnread(t *testing.T) {
	c := continued(t, false)
	broken := errors.New("cannot be read")
	for name, tt := range map[string]struct {
		content func(ledger.Hash, int64) ([]byte, error)
		want    error
	}{
		"unreadable": {func(ledger.Hash, int64) ([]byte, error) { return nil, broken }, broken},
		"another":    {func(ledger.Hash, int64) ([]byte, error) { return []byte("{}"), nil }, ledger.ErrUnverified},
	} {
		if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), c.l.Log, "job_1", c.l.Key, packspec.JobOptions{Content: tt.content}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// Both Python programs check the proof too.
func TestContinuedInPython(t *testing.T) {
	needPython(t)
	c := continued(t, false)
	honest := files(t, c.build(t, "job_1"))
	code, key, old := program(t, honest), c.l.Key.VerifierKey().String(), c.old.VerifierKey().String()
	const says = "OK: job job_1, 3 events, of " + ledgertest.Origin + "; that these are all is not shown; continued from " + originBefore +
		", where event 3 of the job is proved in a tree of 6, signed by "
	for name, tt := range map[string]struct {
		keys []string
		says string
	}{
		"one key": {[]string{key}, "a key you have not given"}, "both": {[]string{key, old}, "the key you gave"}, "the wrong one": {[]string{key, key}, ""},
	} {
		out, err := check(t, code, honest, tt.keys...)
		if (err == nil) != (tt.says != "") || err == nil && out != says+tt.says+"\n" {
			t.Errorf("VERIFY.md under %s: %v\n%s", name, err, out)
		}
	}
	var all []judgement
	for _, tt := range continuedForgeries {
		fs, c := tt.make(t)
		j := judge(t, tt.name, resign(t, fs, c.l.Key), c.l.Key)
		j.partial = tt.partial
		all = append(all, j)
		if tt.level != finding.LevelContinued || tt.partial {
			continue
		}
		if out, err := check(t, code, fs, key, old); err == nil {
			t.Errorf("VERIFY.md, %s: %s", tt.name, out)
		}
	}
	agree(t, all, key)
}

// A ledger that names no used request ids does not continue a job that used one.
func TestForgottenRequests(t *testing.T) {
	c := continued(t, false)
	created := ledgertest.First(c.l.Key.VerifierKey())
	jobs := packspec.ContinuedJobs{Options: packspec.Options{Trusted: trusting(c.l.Key, c.old)}, Content: c.options().Content}
	if err := jobs.Add(created); err != nil {
		t.Fatal(err)
	}
	for e, err := range c.l.JobEvents(t.Context(), "job_1", 1) {
		if err != nil {
			t.Fatal(err)
		}
		err = jobs.Add(e)
		if lie, ok := errors.AsType[*packspec.ContinuedError](err); !ok || !strings.Contains(lie.Error(), "used a request id, and event 0 names none") {
			t.Errorf("a job that used a request id: %v", err)
		}
		break
	}
}
