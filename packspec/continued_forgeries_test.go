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
	"gait/projection"
)

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
	c := continuedWith(t, f.lie)
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
