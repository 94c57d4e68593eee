package packspec_test

import (
	"crypto/sha256"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/packspec"
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
	whole    bool // the proofs have all events of the jobs
	lie      func(testing.TB, *continuation, *ledger.Continued)
	ask      func(*projection.AskedAgain) // changes what job_1 asks for again; may be nil
}

// continued returns a ledger that continues job_1, which waits for a decision, and job_2,
// which is final, of another ledger, whose key was rotated if it says so. job_1 has one
// event more here.
func continued(t testing.TB, rotated bool) *continuation {
	t.Helper()
	return continuedOf(t, rotated, true, func(tree ledger.Checkpoint) int64 { return tree.Size }, nil)
}

// continuedWith is continued in which event 0 does not say how much of the ledger before was
// found, the proofs have the last events alone, and the first events of the jobs say what lie makes of them.
func continuedWith(t testing.TB, lie func(testing.TB, *continuation, *ledger.Continued)) *continuation {
	t.Helper()
	return continuedOf(t, false, false, func(ledger.Checkpoint) int64 { return 0 }, lie)
}

// continuedOf is continued in which event 0 says how much of the ledger before was found.
func continuedOf(t testing.TB, rotated, whole bool, found func(ledger.Checkpoint) int64, lie func(testing.TB, *continuation, *ledger.Continued)) *continuation {
	t.Helper()
	c := &continuation{old: ledgertest.Key(originBefore), content: map[ledger.Hash][]byte{}, whole: whole, lie: lie}
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
	tree, _ := c.before.Checkpoint()
	p.Predecessor = &ledger.Predecessor{Origin: originBefore, FoundSize: found(tree)}
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
	if job != "job_1" {
		c.takeWith(t, job, nil)
		return
	}
	c.takeWith(t, job, c.lie)
}

// takeWith continues a job with a first event that says what lie makes of it, if that is not nil.
func (c *continuation) takeWith(t testing.TB, job string, lie func(testing.TB, *continuation, *ledger.Continued)) {
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
	if lie != nil {
		lie(t, c, &p)
	}
	specs := []ledgertest.EventSpec{{Job: job, Actor: "operator", Payload: p}}
	for _, a := range again {
		if c.ask != nil {
			c.ask(&a)
		}
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
	p := projection.ContinuedProof{Event: e, Proof: proof}
	if c.whole {
		p.Earlier = c.events(t, e.JobID())[:e.JobSeq()-1]
	}
	return c.keep(t, p)
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
