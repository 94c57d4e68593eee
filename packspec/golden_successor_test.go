package packspec_test

import (
	"bytes"
	"io"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
	"gait/projection"
)

// successorDir holds a golden ledger that continues another one, which continues a third.
// It stays as it is: what this version makes of the same jobs may differ from it.
const successorDir = "../fixtures/ledgers/1.3.0-successor"

// The origins of the golden successor, and of the ledgers before it.
const (
	goldenOldest = "gait.test/oldest"
	goldenOlder  = "gait.test/older"
	goldenNow    = "gait.test/successor"
)

// A golden is the golden successor as it is stored.
type golden struct {
	events []ledger.Event
	signed []byte
	key    ledger.PrivateKey
}

func readSuccessor(t *testing.T) golden {
	t.Helper()
	g := golden{key: ledgertest.Key(goldenNow)}
	var err error
	if g.signed, err = os.ReadFile(filepath.Join(successorDir, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(successorDir, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		e, err := ledger.Decode(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		g.events = append(g.events, e)
	}
	return g
}

func (golden) Read(digest ledger.Hash, _ int64) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(successorDir, "content", digest.String()))
	if os.IsNotExist(err) {
		err = ledger.ErrContentMissing
	}
	return b, err
}

func (g golden) open(digest ledger.Hash) (io.ReadCloser, error) {
	b, err := g.Read(digest, 0)
	return io.NopCloser(bytes.NewReader(b)), err
}

// created makes a ledger that begins with the golden one's events, as a successor is made.
func (g golden) created(t *testing.T) *store.Log {
	t.Helper()
	requests, err := g.Read(ledger.InheritedRequests(g.events[0]).Digest, 0)
	if err != nil {
		t.Fatal(err)
	}
	return createdFrom(t, &packtest.Successor{Key: g.key, Events: g.events}, requests)
}

// createdFrom makes the ledger of a successor.
func createdFrom(t *testing.T, s *packtest.Successor, requests []byte) *store.Log {
	t.Helper()
	rest := func(yield func(ledger.Entry, error) bool) {
		for e, err := range projection.Entries(s.All()) {
			if err == nil && e.Event.Seq() == 0 {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
	log, err := ledgertest.CreateFrom(ledgertest.Dir, s.Events[0], rest, ledgertest.Options{FS: ledgertest.NewFS(t), Signer: s.Key, Inherited: requests})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// The golden successor is made again from its events: index, tree and jobs are those that
// it was signed with. All its proofs hold under the key of the ledger before, and packs
// of its jobs verify, also by verify.py.
func TestGoldenSuccessor(t *testing.T) {
	g := readSuccessor(t)
	log := g.created(t)
	if err := log.Verify(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	_, signed := log.Checkpoint()
	if !bytes.Equal(signed, g.signed) {
		t.Errorf("its checkpoint is %q, want %q", signed, g.signed)
	}
	trusted := trusting(g.key, ledgertest.Key(goldenOlder))
	jobs := packspec.ContinuedJobs{Options: packspec.Options{Trusted: trusted}, Content: g.Read}
	twice := 0
	for _, e := range g.events {
		if err := jobs.Add(e); err != nil {
			t.Error(err)
		}
		if c, ok := e.Payload().(ledger.Continued); ok && g.before(t, c).Type() == ledger.TypeContinued {
			twice++
		}
	}
	if len(jobs.Ledgers) != 1 || jobs.Ledgers[0].Proved+int64(len(jobs.Ledgers[0].Partly)) != jobs.Ledgers[0].Jobs || jobs.Ledgers[0].Jobs < 8 || twice == 0 {
		t.Errorf("its jobs are proved as %+v, and %d were continued twice at once", jobs.Ledgers[0], twice)
	}
	var all []judgement
	for entry, err := range log.Jobs(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		pack := g.pack(t, log, entry.ID)
		r, strict := inProfilesOf(t, pack, trusted)
		partly := r.Continued != nil && r.Continued.JobSeq > 1 // these proofs have the last event alone
		if !r.Verified || strict.Verified == partly || partly && r.Level(finding.LevelContinued).Status != finding.Claimed {
			t.Errorf("the pack of %s: %+v, strictly %+v", entry.ID, r.Failure, strict.Failure)
		}
		all = append(all, judge(t, entry.ID, pack, g.key))
	}
	if !testing.Short() {
		needPython(t)
		agree(t, all, g.key.VerifierKey().String())
	}
}

// before returns the last event of a continued job in the ledger before.
func (g golden) before(t *testing.T, c ledger.Continued) ledger.Event {
	t.Helper()
	b, err := g.Read(c.Proof.Digest, 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := projection.ParseContinuedProof(b)
	if err != nil {
		t.Fatal(err)
	}
	return p.Event
}

func (g golden) pack(t *testing.T, log *store.Log, job string) []byte {
	t.Helper()
	var b packspec.Buffer
	if _, err := packspec.BuildJob(t.Context(), &b, log, job, g.key, packspec.JobOptions{Content: g.Read}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A range of the golden successor from event 0 carries the request ids, so its index is
// checked, and a request id of a ledger before cannot be used in it again.
func TestGoldenSuccessorRange(t *testing.T) {
	g := readSuccessor(t)
	log := g.created(t)
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, log, 0, -1, g.key, packspec.RangeOptions{Content: g.open}); err != nil {
		t.Fatal(err)
	}
	r := verify(t, b.Bytes(), g.key)
	if chain := r.Level(finding.LevelChain); !r.Verified || bytes.Contains([]byte(chain.Detail), []byte("unchecked")) {
		t.Errorf("verified %t, %+v, %+v", r.Verified, r.Failure, chain)
	}
	again := ledgertest.Submit("job_again")
	again.RequestID = "oldest-1"
	fold := ledger.IndexFold{Inherited: func(r ledger.Requests) iter.Seq2[mpt.Key, error] {
		content, _ := g.Read(r.Digest, 0)
		return ledger.ReadRequests(bytes.NewReader(content), r)
	}}
	for _, e := range append(g.events, ledgertest.Seal(t, log, again)[0].Event) {
		if err := fold.Add(e); (err != nil) != (e.RequestID() == again.RequestID) {
			t.Errorf("event %d with request id %q: %v", e.Seq(), e.RequestID(), err)
		}
	}
}
