package packspec_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
)

// An indexForgery changes a proof about job_1 of committed, or makes one.
type indexForgery struct {
	name        string
	forge       func(f *indexForger)
	level, code string
}

// An indexForger changes an index proof.
type indexForger struct {
	t   testing.TB
	log *ledgertest.Ledger
	packspec.IndexProof
	tail string // behind the line feed
}

// tree sets the proofs of a tree over other events, which the key's holder signs.
func (f *indexForger) tree(events []ledger.Event, commitment ledger.Seq) {
	f.t.Helper()
	forged := ledgertest.Forge(f.t, f.log.Key, events...)
	_, signed := forged.Checkpoint()
	f.Commitment = string(events[commitment].Bytes())
	for seq, proof := range map[ledger.Seq]*string{0: &f.CreatedProof, commitment: &f.CommitmentProof} {
		p, err := forged.ProofIn(f.t.Context(), signed, seq)
		if err != nil {
			f.t.Fatal(err)
		}
		*proof = p.String()
	}
}

// about sets what a genuine proof says of another job.
func (f *indexForger) about(job string) packspec.IndexProof {
	f.t.Helper()
	return proveJob(f.t, f.log.Log, job).IndexProof
}

var indexProofForgeries = []indexForgery{
	{"a space behind it", func(f *indexForger) { f.tail = " " }, "canonical", finding.CodeNotCanonical},
	{"another schema", func(f *indexForger) { f.SchemaID = "gait.pack.manifest" }, "canonical", finding.CodeNotCanonical},
	{"another claim", func(f *indexForger) { f.Claim = "oldest" }, "canonical", finding.CodeNotCanonical},
	{"absent with an event", func(f *indexForger) { f.Claim = packspec.ClaimAbsent }, "canonical", finding.CodeNotCanonical},
	{"newest without an event", func(f *indexForger) { f.Event = "" }, "canonical", finding.CodeNotCanonical},
	{"a job id with a slash", func(f *indexForger) { f.JobID = "a/b" }, "canonical", finding.CodeNotCanonical},
	{"an event that is none", func(f *indexForger) { f.Event += " " }, "canonical", finding.CodeNotCanonical},
	{"a path with a byte more", func(f *indexForger) { f.Path = append(f.Path, 0) }, "canonical", finding.CodeNotCanonical},
	{"a proof with a space", func(f *indexForger) { f.CommitmentProof += " " }, "canonical", finding.CodeNotCanonical},

	{"another job's id", func(f *indexForger) { f.JobID = "job_2" }, "chain", finding.CodeChain},
	{"an event of another job", func(f *indexForger) { f.Event = f.about("job_2").Event }, "chain", finding.CodeChain},
	{"a job event as the commitment", func(f *indexForger) { f.Commitment = f.Event }, "chain", finding.CodeChain},
	{"a job event as event 0", func(f *indexForger) { f.Created = f.Event }, "chain", finding.CodeChain},
	{"an event of another ledger", func(f *indexForger) {
		e, err := ledger.Decode([]byte(f.Event))
		if err != nil {
			f.t.Fatal(err)
		}
		f.Event = string(changed(f.t, e, func(d *ledger.Draft) { d.Origin = "gait.example/other" }).Bytes())
	}, "chain", finding.CodeChain},
	{"an event behind the commitment", func(f *indexForger) {
		e, err := ledger.Decode([]byte(f.Event))
		if err != nil {
			f.t.Fatal(err)
		}
		f.Event = string(changed(f.t, e, func(d *ledger.Draft) { d.Seq = 303 }).Bytes())
	}, "chain", finding.CodeChain},

	{"a commitment that is not in the tree", func(f *indexForger) {
		events := eventsOf(f.t, f.log.Log)
		f.Commitment = string(changed(f.t, events[302], func(d *ledger.Draft) { d.Payload = ledger.IndexCommitted{Index: ledger.Hash{1}} }).Bytes())
	}, "inclusion", finding.CodeNotIncluded},
	{"a proof of another event", func(f *indexForger) { f.CommitmentProof = f.CreatedProof }, "inclusion", finding.CodeNotIncluded},
	{"proofs of two trees", func(f *indexForger) {
		p, err := f.log.RootAt(f.t.Context(), 303)
		if err != nil || p.IsZero() {
			f.t.Fatal(err)
		}
		created := f.CreatedProof
		f.tree(append(eventsOf(f.t, f.log.Log), eventsOf(f.t, f.log.Log)[302]), 302)
		f.CreatedProof = created
	}, "inclusion", finding.CodeCheckpoint},

	{"an older event of the job", func(f *indexForger) {
		for e := range f.log.JobEvents(f.t.Context(), "job_1", 3) {
			f.Event = string(e.Bytes())
			break
		}
	}, "index", finding.CodeIndex},
	{"an event that was never written", func(f *indexForger) {
		e, err := ledger.Decode([]byte(f.Event))
		if err != nil {
			f.t.Fatal(err)
		}
		f.Event = string(changed(f.t, e, func(d *ledger.Draft) { d.Actor = "somebody" }).Bytes())
	}, "index", finding.CodeIndex},
	{"the path of another job", func(f *indexForger) { f.Path = f.about("job_2").Path }, "index", finding.CodeIndex},
	{"no path", func(f *indexForger) { f.Path = []byte{} }, "index", finding.CodeIndex},
	{"absence of a job that is there", func(f *indexForger) { f.Claim, f.Event = packspec.ClaimAbsent, "" }, "index", finding.CodeIndex},

	{"signed by another key", func(f *indexForger) {
		other := ledgertest.KeyAfter(ledgertest.Origin, 3)
		events := eventsOf(f.t, f.log.Log)
		f.log = &ledgertest.Ledger{Log: f.log.Log, Key: other}
		f.tree(events, 302)
	}, "signature", finding.CodeSignatureInvalid},
	{"a ledger of another key", func(f *indexForger) {
		other := ledgertest.KeyAfter(ledgertest.Origin, 3)
		events := eventsOf(f.t, f.log.Log)
		events[0] = ledgertest.First(other.VerifierKey())
		events = ledgertest.Chain(f.t, events...)
		events = ledgertest.Chain(f.t, edited(events, 302, func(d *ledger.Draft) { d.Payload = ledger.IndexCommitted{Index: ledgertest.IndexRoot(events[:302])} })...)
		var fold ledger.IndexFold
		for _, e := range events[:302] {
			if err := fold.Add(e); err != nil {
				f.t.Fatal(err)
			}
		}
		f.log = &ledgertest.Ledger{Log: f.log.Log, Key: other}
		f.Created, f.Event, f.Path = string(events[0].Bytes()), string(events[300].Bytes()), fold.Prove(ledger.JobKey("job_1")).Encode()
		f.tree(events, 302)
	}, "signature", finding.CodeKeyMismatch},
	{"a rotation that never was", func(f *indexForger) {
		f.Rotations = []packspec.RotationProof{{Event: f.Commitment, Proof: f.CommitmentProof}}
	}, "chain", finding.CodeChain},
}

// Each forgery of an index proof is found.
func TestIndexProofForgeries(t *testing.T) {
	l := committed(t)
	honest := proveJob(t, l.Log, "job_1").IndexProof
	for _, tt := range indexProofForgeries {
		t.Run(tt.name, func(t *testing.T) {
			f := &indexForger{t: t, log: l, IndexProof: honest}
			f.Path = bytes.Clone(f.Path)
			tt.forge(f)
			b, err := f.Encode()
			if err != nil {
				t.Fatal(err)
			}
			r := verifyIndex(t, append(b, f.tail...), l.Key)
			if r.Verified || r.Failure.Level != tt.level || r.Failure.Code != tt.code {
				t.Errorf("verified: %t, %+v, want %s with %s", r.Verified, r.Failure, tt.level, tt.code)
			}
			t.Log(r.Failure)
		})
	}
	later := strings.Replace(string(encode(t, packspec.JobProof{IndexProof: honest})), `"schema_version":"1.0.0"`, `"schema_version":"1.1.0"`, 1)
	if _, err := packspec.VerifyIndexProof([]byte(later), packspec.Options{}); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("a later version: %v", err)
	}
}
