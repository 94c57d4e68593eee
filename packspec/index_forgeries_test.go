package packspec_test

import (
	"bytes"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/packspec"
	"gait/packspec/finding"
)

// commitment sets the entries of a commitment: event seq of a log, and the path of a job
// in the index that the log had at a size.
func (f *forger) commitment(log *testLog, seq ledger.Seq, job string, size int64) {
	f.t.Helper()
	proof, err := log.ProofIn(f.t.Context(), log.signed(), seq)
	if err != nil {
		f.t.Fatal(err)
	}
	_, paths, err := log.IndexAt(f.t.Context(), size, ledger.JobKey(job))
	if err != nil {
		f.t.Fatal(err)
	}
	f.set("index_committed.json", log.event(seq).Bytes())
	f.set("index_committed.tlog-proof", []byte(proof.String()))
	f.set("index.mpt-proof", paths[0].Encode())
}

// seal sets index_committed.json to another event in the place of the commitment.
func (f *forger) seal(change func(*ledger.Draft)) {
	f.t.Helper()
	f.set("index_committed.json", changed(f.t, f.log.event(12), change).Bytes())
}

// indexForgeries change a pack of indexed, in which event 12 commits to the index.
var indexForgeries = []forgery{
	{"the commitment left out", func(f *forger) { f.remove("index_committed.json") }, "ledger", "container", finding.CodeEntries},
	{"its proof left out", func(f *forger) { f.remove("index_committed.tlog-proof") }, "ledger", "container", finding.CodeEntries},
	{"the path left out", func(f *forger) { f.remove("index.mpt-proof") }, "ledger", "container", finding.CodeEntries},
	{"in the first format", func(f *forger) { f.replace("evidence.json", `"format":2`, `"format":1`) }, "ledger", "canonical", finding.CodeNotCanonical},
	{"not listed by the evidence", func(f *forger) {
		f.set("evidence.json", packspec.NewEvidence(f.log.checkpoint(), packspec.IndexedFormat, 0, false))
	}, "ledger", "canonical", finding.CodeNotCanonical},
	{"the text of the first format", func(f *forger) { f.set("VERIFY.md", packspec.VerifyText(packspec.FirstFormat, 0)) }, "ledger", "canonical", finding.CodeNotCanonical},
	{"a byte after the path", func(f *forger) {
		f.set("index.mpt-proof", append(slices.Clone(file(f.files, "index.mpt-proof").Data), 0))
	}, "ledger", "canonical", finding.CodeNotCanonical},
	{"a path of nothing", func(f *forger) { f.set("index.mpt-proof", nil) }, "ledger", "completeness", finding.CodeIndex},
	{"the commitment not canonical", func(f *forger) { f.replace("index_committed.json", `{"actor":`, `{ "actor":`) }, "ledger", "canonical", finding.CodeNotCanonical},
	{"its proof not canonical", func(f *forger) { f.replace("index_committed.tlog-proof", "index 12", "index 012") }, "ledger", "canonical", finding.CodeNotCanonical},

	{"an event of a job for the commitment", func(f *forger) { f.set("index_committed.json", f.log.event(11).Bytes()) }, "ledger", "chain", finding.CodeChain},
	{"a commitment of another ledger", func(f *forger) { f.seal(func(d *ledger.Draft) { d.Origin = "gait.example/other" }) }, "ledger", "chain", finding.CodeChain},
	{"a commitment before the last event", func(f *forger) { f.seal(func(d *ledger.Draft) { d.Seq = 11 }) }, "ledger", "chain", finding.CodeChain},
	{"a commitment before its time", func(f *forger) { f.seal(func(d *ledger.Draft) { d.Time = clock(-1)() }) }, "ledger", "chain", finding.CodeChain},
	{"a commitment that names another event before it", func(f *forger) { f.seal(func(d *ledger.Draft) { d.Prev = ledger.Hash{1} }) }, "ledger", "chain", finding.CodeChain},

	{"another commitment than that of the tree", func(f *forger) {
		f.seal(func(d *ledger.Draft) { d.Payload = ledger.IndexCommitted{Index: ledger.Hash{1}} })
	}, "ledger", "inclusion", finding.CodeNotIncluded},
	{"the proof of another event", func(f *forger) {
		f.set("index_committed.tlog-proof", file(f.files, "head.tlog-proof").Data)
	}, "ledger", "inclusion", finding.CodeNotIncluded},
	{"the commitment in another tree", func(f *forger) {
		log := indexed(f.t, f.log.key)
		log.commit()
		f.commitment(log, 12, "job_1", 12)
	}, "ledger", "inclusion", finding.CodeCheckpoint},
	{"the commitment in another note", func(f *forger) {
		cosigned := indexed(f.t, f.log.key)
		cosigned.cosign("witness.example/w1")
		note, err := ledger.NewestCosigned(f.t.Context(), cosigned)
		if err != nil {
			f.t.Fatal(err)
		}
		f.set("index_committed.tlog-proof", bytes.Replace(file(f.files, "index_committed.tlog-proof").Data, f.log.signed(), note, 1))
	}, "ledger", "inclusion", finding.CodeCheckpoint},

	{"the last event dropped", func(f *forger) {
		events := f.log.job("job_1")
		f.events(events[:len(events)-1])
		last := events[len(events)-2]
		f.proofs(f.log, 0, last.Seq())
		f.at = ledger.FormatTime(last.Time())
	}, "ledger", "completeness", finding.CodeIncomplete},
	{"the path of another job", func(f *forger) { f.commitment(f.log, 12, "job_2", 12) }, "ledger", "completeness", finding.CodeIndex},
	{"the path of a job that is not there", func(f *forger) { f.commitment(f.log, 12, "job_3", 12) }, "ledger", "completeness", finding.CodeIndex},
	{"the path in an older index", func(f *forger) { f.commitment(f.log, 12, "job_1", 11) }, "ledger", "completeness", finding.CodeIndex},
	{"an index without the job", func(f *forger) {
		log := history(f.t, f.log.key)
		seq := log.commitTo(ledger.Hash(mpt.EmptyRoot))
		f.commitment(log, seq, "job_1", 0)
		f.proofs(log, 0, 11)
	}, "ledger", "completeness", finding.CodeIncomplete},
}

// Each forgery of the commitment is found.
func TestIndexForgeries(t *testing.T) {
	key := testKey(t, 1)
	log := indexed(t, key)
	honest := build(t, log, "job_1")
	for _, tt := range indexForgeries {
		t.Run(tt.name, func(t *testing.T) {
			f := &forger{t: t, log: log, files: files(t, honest), job: "job_1", at: log.at("job_1")}
			tt.forge(f)
			tt.isFound(t, f.pack(tt.sign), key)
		})
	}
}
