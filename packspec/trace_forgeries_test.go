package packspec_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
)

func sha256Of(text string) ledger.Hash { return sha256.Sum256([]byte(text)) }

// A traceForgery changes the trace of event 2 of decisions, which event 4 settles.
type traceForgery struct {
	name        string
	forge       func(f *traceForger)
	level, code string
}

// A traceForger changes a trace.
type traceForger struct {
	t   testing.TB
	log *ledgertest.Ledger
	packspec.Trace
	tail string // behind the line feed
}

// event replaces the decision with a changed one.
func (f *traceForger) event(change func(*ledger.Draft)) { f.Event = f.changed(f.Event, change) }

func (f *traceForger) changed(text string, change func(*ledger.Draft)) string {
	f.t.Helper()
	e, err := ledger.Decode([]byte(text))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(changed(f.t, e, change).Bytes())
}

// other returns the trace of another decision.
func (f *traceForger) other(job string, at packspec.DecisionAt) packspec.Trace {
	return makeTrace(f.t, f.log.Log, job, at).Trace
}

// tree sets the proofs of a tree over other events, which a key signs.
func (f *traceForger) tree(key ledger.PrivateKey, events []ledger.Event) {
	f.t.Helper()
	forged := ledgertest.Forge(f.t, key, events...)
	_, signed := forged.Checkpoint()
	f.Created, f.Event, f.Settlement = string(events[0].Bytes()), string(events[2].Bytes()), string(events[4].Bytes())
	for seq, proof := range map[ledger.Seq]*string{0: &f.CreatedProof, 2: &f.Proof, 4: &f.SettlementProof} {
		p, err := forged.ProofIn(f.t.Context(), signed, seq)
		if err != nil {
			f.t.Fatal(err)
		}
		*proof = p.String()
	}
}

// settled sets the proofs of a tree in which event 4 is another one. The key's holder signs it.
func (f *traceForger) settled(change func(*ledger.Draft)) {
	events := eventsOf(f.t, f.log.Log)
	events[4] = changed(f.t, events[4], change)
	f.tree(f.log.Key, events)
}

var traceForgeries = []traceForgery{
	{"a space behind it", func(f *traceForger) { f.tail = " " }, "canonical", finding.CodeNotCanonical},
	{"another schema", func(f *traceForger) { f.SchemaID = "gait.index.proof" }, "canonical", finding.CodeNotCanonical},
	{"an event that is none", func(f *traceForger) { f.Event += " " }, "canonical", finding.CodeNotCanonical},
	{"a proof with a space", func(f *traceForger) { f.Proof += " " }, "canonical", finding.CodeNotCanonical},
	{"a settlement without its proof", func(f *traceForger) { f.SettlementProof = "" }, "canonical", finding.CodeNotCanonical},
	{"a proof without its settlement", func(f *traceForger) { f.Settlement = "" }, "canonical", finding.CodeNotCanonical},
	{"no event 0", func(f *traceForger) { f.Created = "" }, "canonical", finding.CodeNotCanonical},

	{"another origin", func(f *traceForger) { f.Origin = "gait.example/other" }, "chain", finding.CodeChain},
	{"another authority", func(f *traceForger) { f.Authority = strings.Repeat("a", 64) }, "chain", finding.CodeChain},
	{"another policy", func(f *traceForger) { f.PolicyDigest = strings.Repeat("a", 64) }, "chain", finding.CodeChain},
	{"no policy", func(f *traceForger) { f.PolicyDigest = "" }, "chain", finding.CodeChain},
	{"another type of event", func(f *traceForger) { f.Event = f.Settlement }, "chain", finding.CodeChain},
	{"a settlement that is a decision", func(f *traceForger) { f.Settlement = f.Event }, "chain", finding.CodeChain},
	{"a settlement of another grant", func(f *traceForger) {
		t := f.other("job_1", packspec.DecisionAt{Grant: grantOpen})
		f.Event, f.Proof = t.Event, t.Proof
	}, "chain", finding.CodeChain},
	{"a settlement of a block", func(f *traceForger) {
		t := f.other("job_1", packspec.DecisionAt{Seq: 6})
		f.Event, f.Proof = t.Event, t.Proof
	}, "chain", finding.CodeChain},
	{"a settlement in another job", func(f *traceForger) { f.settled(func(d *ledger.Draft) { d.JobID = "job_3" }) }, "chain", finding.CodeChain},
	{"a settlement before the decision", func(f *traceForger) {
		f.settled(func(d *ledger.Draft) { d.JobSeq, d.Revision, d.JobPrev = 1, 1, ledger.Hash{} })
	}, "chain", finding.CodeChain},
	{"a settlement of an earlier time", func(f *traceForger) {
		f.settled(func(d *ledger.Draft) { d.Time = d.Time.Add(-72 * 60 * 60 * 1e9) })
	}, "chain", finding.CodeChain},
	{"a settlement right behind another event", func(f *traceForger) {
		f.settled(func(d *ledger.Draft) { d.JobSeq, d.Revision = 3, 3 })
	}, "chain", finding.CodeChain},
	{"a settlement of a call", func(f *traceForger) {
		f.settled(func(d *ledger.Draft) {
			d.Payload = ledger.EffectSettled{Grant: grantSettled, Outcome: ledger.EffectDone, CallID: "c1", CallPrev: ledger.Hash{1}, Intent: ledger.Hash{2}}
		})
	}, "chain", finding.CodeChain},
	{"a rotation that never was", func(f *traceForger) {
		f.Rotations = []packspec.RotationProof{{Event: f.Settlement, Proof: f.Proof}}
	}, "chain", finding.CodeChain},

	{"another verdict", func(f *traceForger) {
		f.event(func(d *ledger.Draft) {
			p := blocked()
			p.PolicyDigest = allowed("").PolicyDigest
			d.Payload = p
		})
		f.Settlement, f.SettlementProof = "", ""
	}, "inclusion", finding.CodeNotIncluded},
	{"another tool", func(f *traceForger) {
		f.event(func(d *ledger.Draft) {
			p := allowed(grantSettled)
			p.Tool = "pay2"
			d.Payload = p
		})
	}, "inclusion", finding.CodeNotIncluded},
	{"another actor", func(f *traceForger) { f.event(func(d *ledger.Draft) { d.Actor = "mallory" }) }, "inclusion", finding.CodeNotIncluded},
	{"another outcome", func(f *traceForger) {
		f.Settlement = f.changed(f.Settlement, func(d *ledger.Draft) {
			d.Payload = ledger.EffectSettled{Grant: grantSettled, Outcome: ledger.EffectNotDone}
		})
	}, "inclusion", finding.CodeNotIncluded},
	{"the proof of another event", func(f *traceForger) { f.Proof = f.SettlementProof }, "inclusion", finding.CodeNotIncluded},
	{"a path with another hash", func(f *traceForger) {
		lines := strings.Split(f.Proof, "\n")
		lines[3], lines[4] = lines[4], lines[3]
		f.Proof = strings.Join(lines, "\n")
	}, "inclusion", finding.CodeNotIncluded},
	{"proofs of two trees", func(f *traceForger) {
		created := f.CreatedProof
		f.tree(f.log.Key, append(eventsOf(f.t, f.log.Log), eventsOf(f.t, f.log.Log)[9]))
		f.CreatedProof = created
	}, "inclusion", finding.CodeCheckpoint},

	{"another ledger key", func(f *traceForger) {
		f.LedgerKey = ledgertest.KeyAfter(ledgertest.Origin, 3).VerifierKey().String()
	}, "signature", finding.CodeKeyMismatch},
	{"a checkpoint with another signature", func(f *traceForger) {
		_, sig, _ := strings.Cut(f.Proof, "\n\n— ")
		for _, proof := range []*string{&f.CreatedProof, &f.Proof, &f.SettlementProof} {
			head, _, _ := strings.Cut(*proof, "\n\n— ")
			*proof = head + "\n\n— " + changedSignature(sig)
		}
	}, "signature", finding.CodeSignatureInvalid},
	{"signed by another key", func(f *traceForger) {
		f.tree(ledgertest.KeyAfter(ledgertest.Origin, 3), eventsOf(f.t, f.log.Log))
	}, "signature", finding.CodeSignatureInvalid},
	{"a ledger of another key", func(f *traceForger) {
		other := ledgertest.KeyAfter(ledgertest.Origin, 3)
		events := eventsOf(f.t, f.log.Log)
		events[0] = ledgertest.First(other.VerifierKey())
		f.tree(other, ledgertest.Chain(f.t, events...))
		f.LedgerKey = other.VerifierKey().String()
	}, "signature", finding.CodeKeyMismatch},
}

// changedSignature returns a signature line in which one bit of the signature is another.
func changedSignature(line string) string {
	at := len(line) - 12
	c := byte('A')
	if line[at] == 'A' {
		c = 'B'
	}
	return line[:at] + string(c) + line[at+1:]
}

// forgedTrace returns the file of a forgery.
func forgedTrace(t testing.TB, l *ledgertest.Ledger, tt traceForgery) []byte {
	t.Helper()
	f := &traceForger{t: t, log: l, Trace: makeTrace(t, l.Log, "job_1", packspec.DecisionAt{Seq: 2}).Trace}
	tt.forge(f)
	return append(traceFile(t, f.Trace), f.tail...)
}

// Each forgery of a trace is found.
func TestTraceForgeries(t *testing.T) {
	l := decisions(t)
	for _, tt := range traceForgeries {
		t.Run(tt.name, func(t *testing.T) {
			r := verifyTrace(t, forgedTrace(t, l, tt), l.Key)
			if r.Verified || r.Failure.Level != tt.level || r.Failure.Code != tt.code {
				t.Errorf("verified: %t, %+v, want %s with %s", r.Verified, r.Failure, tt.level, tt.code)
			}
			t.Log(r.Failure)
		})
	}
	later := strings.Replace(string(forgedTrace(t, l, traceForgery{forge: func(*traceForger) {}})), `"schema_version":"1.0.0","settlement"`, `"schema_version":"1.1.0","settlement"`, 1)
	if _, err := packspec.VerifyTrace([]byte(later), packspec.Options{}, nil, ""); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("a later version: %v", err)
	}
}
