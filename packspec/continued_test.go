package packspec_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/seen"
	"gait/ledger/store"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
	"gait/projection"
)

const originBefore = "gait.test/before"

// A continuation is a ledger that continues the jobs of another one.
type continuation struct {
	before   *store.Log // the ledger before
	old      ledger.PrivateKey
	l        *ledgertest.Ledger
	content  map[ledger.Hash][]byte // proofs, and the used request ids
	requests ledger.Hash
	lie      func(testing.TB, *continuation, *ledger.Continued)
}

// continued returns a ledger that continues job_1, which waits for a decision, and job_2,
// which is final, of another ledger, whose key was rotated if it says so. job_1 has one
// event more here.
func continued(t testing.TB, rotated bool) *continuation {
	t.Helper()
	return continuedWith(t, rotated, nil)
}

// continuedWith is continued in which the first events say what lie makes of them.
func continuedWith(t testing.TB, rotated bool, lie func(testing.TB, *continuation, *ledger.Continued)) *continuation {
	t.Helper()
	c := &continuation{old: ledgertest.Key(originBefore), content: map[ledger.Hash][]byte{}, lie: lie}
	fs := ledgertest.NewFS(t)
	c.before = ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs, Signer: c.old})
	ask := ledger.CheckpointAdded{CheckpointID: "cp_0002", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "may I?", RequiredAction: "say yes"}
	ledgertest.Append(t, c.before, ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "before"), ledgertest.Submit("job_2"),
		ledgertest.EventSpec{Job: "job_2", Actor: "boss", Payload: ledger.Cancelled{}}, ledgertest.EventSpec{Job: "job_1", Actor: "worker_1", Payload: ask, RequestID: "ask-1"})
	if rotated {
		ledgertest.Rotate(t, c.before, 1)
		ledgertest.Append(t, c.before, ledgertest.Submit("job_3"))
	}
	key := ledgertest.Key(ledgertest.Origin)
	first := ledgertest.First(key.VerifierKey()).Draft()
	p := first.Payload.(ledger.LedgerCreated)
	p.Predecessor = &ledger.Predecessor{Origin: originBefore}
	requests, keys := ledger.RequestsOf([]mpt.Key{ledger.RequestKey("ask-1")})
	p.Predecessor.Requests, c.requests, c.content[requests.Digest] = requests, requests.Digest, keys
	first.Payload = p
	event0, err := ledger.Seal(first)
	if err != nil {
		t.Fatal(err)
	}
	c.l = &ledgertest.Ledger{FS: ledgertest.NewFS(t), Dir: ledgertest.Dir, Key: key}
	log, err := ledgertest.CreateWith(c.l.Dir, event0, ledgertest.Options{FS: c.l.FS, Signer: key, Inherited: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	c.l.Log = log
	for _, job := range []string{"job_1", "job_2"} {
		c.take(t, job)
	}
	ledgertest.Append(t, c.l.Log, ledgertest.EventSpec{Job: "job_1", Actor: "boss", Payload: ledger.Paused{}})
	return c
}

// take continues a job.
func (c *continuation) take(t testing.TB, job string) {
	t.Helper()
	events := c.events(t, job)
	var fold projection.Folder
	for _, e := range events {
		if err := fold.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	last := events[len(events)-1]
	tree, _ := c.before.Checkpoint()
	p, again, err := projection.Continue(fold.Job, events[0], last, tree, c.prove(t, last))
	if err != nil {
		t.Fatal(err)
	}
	if c.lie != nil && job == "job_1" {
		c.lie(t, c, &p)
	}
	specs := []ledgertest.EventSpec{{Job: job, Actor: "operator", Payload: p}}
	for _, a := range again {
		specs = append(specs, ledgertest.EventSpec{Job: job, Actor: a.Actor, Payload: a.Payload})
	}
	ledgertest.Append(t, c.l.Log, specs...)
}

// events returns the events of a job in the ledger before.
func (c *continuation) events(t testing.TB, job string) (events []ledger.Event) {
	t.Helper()
	for e, err := range c.before.JobEvents(t.Context(), job, 1) {
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// prove makes the proof of an event of the ledger before, and names it.
func (c *continuation) prove(t testing.TB, e ledger.Event) ledger.Content {
	t.Helper()
	_, signed := c.before.Checkpoint()
	proof, err := c.before.ProofIn(t.Context(), signed, e.Seq())
	if err != nil {
		t.Fatal(err)
	}
	return c.keep(t, projection.ContinuedProof{Event: e, Proof: proof})
}

func (c *continuation) keep(t testing.TB, p projection.ContinuedProof) ledger.Content {
	t.Helper()
	text, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	digest := ledger.Hash(sha256.Sum256(text))
	c.content[digest] = text
	return ledger.Content{Digest: digest, Size: int64(len(text))}
}

func (c *continuation) options() packspec.JobOptions {
	return packspec.JobOptions{Content: func(digest ledger.Hash, _ int64) ([]byte, error) {
		if b, ok := c.content[digest]; ok {
			return b, nil
		}
		return nil, ledger.ErrContentMissing
	}}
}

// build builds the pack of a job, with the proof that the ledger before had it.
func (c *continuation) build(t testing.TB, job string) []byte {
	t.Helper()
	return buildWith(t, c.l, job, c.options())
}

func buildWith(t testing.TB, l *ledgertest.Ledger, job string, o packspec.JobOptions) []byte {
	t.Helper()
	var b packspec.Buffer
	if _, err := packspec.BuildJob(t.Context(), &b, l.Log, job, l.Key, o); err != nil {
		t.Fatalf("BuildJob = %v", err)
	}
	return b.Bytes()
}

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

// A continuedForgery makes the pack of a continued job that lies.
type continuedForgery struct {
	name    string
	lie     func(testing.TB, *continuation, *ledger.Continued)               // about the first event
	change  func(testing.TB, *continuation, []packtest.File) []packtest.File // of the honest pack
	level   string                                                           // that fails; "" if none does
	partial bool                                                             // verify.py does not find it
}

// make returns the pack, and who made it.
func (f continuedForgery) make(t testing.TB) ([]packtest.File, *continuation) {
	t.Helper()
	c := continuedWith(t, false, f.lie)
	fs := files(t, buildWith(t, c.l, "job_1", packspec.JobOptions{}))
	var first ledger.Continued
	for e, err := range c.l.JobEvents(t.Context(), "job_1", 1) {
		if err != nil {
			t.Fatal(err)
		}
		first, _ = e.Payload().(ledger.Continued)
		break
	}
	fs = packtest.Set(fs, "continued.json", c.content[first.Proof.Digest])
	fs = packtest.Set(fs, "evidence.json", bytes.Replace(file(fs, "evidence.json").Data, []byte(`"entries":[`), []byte(`"entries":["continued.json",`), 1))
	if f.change != nil {
		fs = f.change(t, c, fs)
	}
	return readZip(t, resign(t, fs, c.l.Key)), c
}

// inSecondFormat says that the evidence is of format 2.
func inSecondFormat(fs []packtest.File) []packtest.File {
	evidence := bytes.Replace(file(fs, "evidence.json").Data, []byte(`"format":3`), []byte(`"format":2`), 1)
	return packtest.Set(packtest.Set(fs, "evidence.json", evidence), "VERIFY.md", packspec.VerifyText(packspec.IndexedFormat, 0))
}

// unlisted returns the evidence without continued.json.
func unlisted(fs []packtest.File) []packtest.File {
	return packtest.Set(fs, "evidence.json", bytes.Replace(file(fs, "evidence.json").Data, []byte(`"continued.json",`), nil, 1))
}

var continuedForgeries = []continuedForgery{
	{name: "not at all"},
	{name: "the proof changed", level: finding.LevelContinued, change: func(_ testing.TB, _ *continuation, fs []packtest.File) []packtest.File {
		return packtest.Set(fs, "continued.json", bytes.Replace(file(fs, "continued.json").Data, []byte("may I?"), []byte("may we?"), 1))
	}},
	{name: "the proof of another job", level: finding.LevelContinued, change: func(t testing.TB, c *continuation, fs []packtest.File) []packtest.File {
		return packtest.Set(fs, "continued.json", file(files(t, c.build(t, "job_2")), "continued.json").Data)
	}},
	{name: "the proof of an earlier event", level: finding.LevelContinued, lie: func(t testing.TB, c *continuation, p *ledger.Continued) {
		p.Proof = c.prove(t, c.events(t, "job_1")[1])
	}},
	{name: "another job as this one", level: finding.LevelContinued, lie: func(t testing.TB, c *continuation, p *ledger.Continued) {
		last := c.events(t, "job_2")[1]
		p.Proof, p.Leaf, p.JobSeq, p.Revision = c.prove(t, last), last.LeafHash(), last.JobSeq(), last.Revision()
	}},
	{name: "another tree", level: finding.LevelContinued, lie: func(_ testing.TB, _ *continuation, p *ledger.Continued) { p.Root = ledger.Hash{1} }},
	{name: "another event", level: finding.LevelContinued, lie: func(_ testing.TB, _ *continuation, p *ledger.Continued) { p.Leaf = ledger.Hash{1} }},
	{name: "another size of the proof", level: finding.LevelContinued, lie: func(_ testing.TB, _ *continuation, p *ledger.Continued) { p.Proof.Size++ }},
	{name: "another revision", level: finding.LevelContinued, lie: func(_ testing.TB, _ *continuation, p *ledger.Continued) { p.Revision = 2 }},
	{name: "another status", level: finding.LevelContinued, partial: true, lie: func(_ testing.TB, _ *continuation, p *ledger.Continued) {
		p.Status, p.StopReason, p.StatusReasonCode = "blocked", "blocked", "blocked"
	}},
	{name: "a tree that another key has signed", lie: func(t testing.TB, c *continuation, p *ledger.Continued) {
		proof, err := projection.ParseContinuedProof(c.content[p.Proof.Digest])
		if err != nil {
			t.Fatal(err)
		}
		tree, _ := c.before.Checkpoint()
		if proof.Proof.Checkpoint, err = tree.Sign(ledgertest.KeyAfter(originBefore, 7)); err != nil {
			t.Fatal(err)
		}
		p.Proof = c.keep(t, proof)
	}},
	{name: "in evidence of format 2", level: finding.LevelCanonical, change: func(_ testing.TB, _ *continuation, fs []packtest.File) []packtest.File {
		return inSecondFormat(fs)
	}},
	{name: "without the proof, in evidence of format 2", level: finding.LevelCanonical, change: func(_ testing.TB, _ *continuation, fs []packtest.File) []packtest.File {
		return inSecondFormat(unlisted(slices.DeleteFunc(fs, func(f packtest.File) bool { return f.Name == "continued.json" })))
	}},
	{name: "in evidence that does not list the proof", level: finding.LevelCanonical, change: func(_ testing.TB, _ *continuation, fs []packtest.File) []packtest.File {
		return unlisted(fs)
	}},
	{name: "by a job that began here", level: finding.LevelCanonical, change: func(t testing.TB, c *continuation, fs []packtest.File) []packtest.File {
		ledgertest.Append(t, c.l.Log, ledgertest.Submit("job_3"))
		began := files(t, c.build(t, "job_3"))
		evidence := strings.NewReplacer(`"format":2`, `"format":3`, `"entries":[`, `"entries":["continued.json",`).Replace(string(file(began, "evidence.json").Data))
		began = packtest.Set(packtest.Set(began, "evidence.json", []byte(evidence)), "VERIFY.md", file(fs, "VERIFY.md").Data)
		return packtest.Set(began, "continued.json", file(fs, "continued.json").Data)
	}},
}

// The holder of a ledger's key cannot say of a job what its last event in another ledger
// contradicts, such that a verifier with the proof believes it.
func TestForgedContinued(t *testing.T) {
	for _, tt := range continuedForgeries {
		fs, c := tt.make(t)
		pack := resign(t, fs, c.l.Key)
		r := verify(t, pack, c.l.Key, c.old)
		failed := ""
		if r.Failure != nil {
			failed = r.Failure.Level
		}
		if failed != tt.level || r.Verified != (tt.level == "") {
			t.Errorf("%s: verified %t, %+v; want it to fail at %q", tt.name, r.Verified, r.Failure, tt.level)
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
