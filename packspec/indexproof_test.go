package packspec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/packspec"
	"gait/packspec/finding"
)

// commitIndex appends a commitment to the log's index.
func commitIndex(t testing.TB, l *ledgertest.Ledger) {
	t.Helper()
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Payload: ledger.IndexCommitted{Index: ledgertest.IndexRoot(eventsOf(t, l.Log))}})
}

// unproved is a log that cannot prove its index.
type unproved struct{ ledger.Reader }

func (unproved) Index() ledger.IndexState { return ledger.IndexUnchecked }

func (unproved) IndexAt(context.Context, int64, ...mpt.Key) (ledger.Hash, []mpt.Proof, error) {
	return ledger.Hash{}, nil, &ledger.IndexError{Seq: -1}
}

func (unproved) Committed(context.Context) (ledger.Event, bool, error) {
	return ledger.Event{}, false, nil
}

// forgetful is a log that can prove its index only as it is now.
type forgetful struct{ ledger.Reader }

func (f forgetful) IndexAt(context.Context, int64, ...mpt.Key) (ledger.Hash, []mpt.Proof, error) {
	return ledger.Hash{}, nil, &ledger.IndexTooOldError{Size: 1, Head: f.Head().Size}
}

func encode(t testing.TB, p packspec.JobProof) []byte {
	t.Helper()
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verifyIndex(t testing.TB, b []byte, keys ...ledger.PrivateKey) packspec.IndexReport {
	t.Helper()
	r, err := packspec.VerifyIndexProof(b, packspec.Options{Trusted: trusting(keys...)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// proveJob makes a proof from a log that proves its index, from one that does not any
// more, and from one that never did. They are the same.
func proveJob(t testing.TB, src ledger.Reader, job string) packspec.JobProof {
	t.Helper()
	p, err := packspec.ProveJob(t.Context(), src, job, packspec.IndexOptions{})
	if err != nil {
		t.Fatalf("ProveJob(%s) = %v", job, err)
	}
	for _, other := range []ledger.Reader{unproved{src}, forgetful{src}} {
		again, err := packspec.ProveJob(t.Context(), other, job, packspec.IndexOptions{Progress: func(int64, int64) error { return nil }})
		if err != nil || !bytes.Equal(encode(t, again), encode(t, p)) {
			t.Fatalf("ProveJob(%s) from %T = %s, %v, want %s", job, other, encode(t, again), err, encode(t, p))
		}
	}
	return p
}

// A job's newest event at the newest commitment is proved, and that there was no such job.
func TestIndexProof(t *testing.T) {
	l := committed(t)
	for range 5 { // the proof is of the job as it was at the commitment
		ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_1", Payload: ledger.Refused{Command: "pause", Exit: 6, Refusal: "no"}})
	}
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_3"))
	p := proveJob(t, l.Log, "job_1")
	r := verifyIndex(t, encode(t, p), l.Key)
	if !r.Verified || r.Failure != nil || r.Claim != packspec.ClaimNewest || r.JobID != "job_1" || r.Size != l.Head().Size || r.TrustedBy == "" ||
		p.Newest.Seq() != 300 || !bytes.Equal(r.Event, p.Newest.Bytes()) || !bytes.Equal(r.Commitment, p.CommittedBy.Bytes()) {
		t.Errorf("the report is %+v, %v", r, r.Failure)
	}
	want := []finding.Level{
		{Name: "canonical", Status: "proved"},
		{Name: "chain", Status: "proved", Detail: "the job's event 150 is event 300 of the ledger; event 302, after it, commits to the index over all events before it"},
		{Name: "inclusion", Status: "proved"},
		{Name: "index", Status: "proved", Detail: "in the index that event 302 commits to, the job's newest event is event 300"},
		{Name: "signature", Status: "proved"},
		{Name: "cosignatures", Status: "absent", Detail: "no witness cosigned the checkpoint"},
		{Name: "freshness", Status: "claimed", Detail: "no checkpoint of this ledger was seen before"},
	}
	for i, l := range r.Levels {
		if want[i].Detail == "" {
			l.Detail = ""
		}
		if diff := cmp.Diff(want[i], l); diff != "" {
			t.Errorf("level %d (-want +got):\n%s", i, diff)
		}
	}
	absent, err := packspec.ProveAbsent(t.Context(), l.Log, "job_9", packspec.IndexOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if r := verifyIndex(t, encode(t, absent), l.Key); !r.Verified || r.Claim != packspec.ClaimAbsent || r.JobID != "job_9" || r.Event != nil {
		t.Errorf("the report of an absent job is %+v, %v", r, r.Failure)
	}
	if r := verifyIndex(t, encode(t, p), testKey(t, 2)); r.Verified || r.Failure.Code != finding.CodeUntrustedKey {
		t.Errorf("without the key: %v", r.Failure)
	}
}

// What the newest commitment does not cover is not proved.
func TestIndexProofNeedsACommitment(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	prove := func(make func(context.Context, ledger.Reader, string, packspec.IndexOptions) (packspec.JobProof, error), job string) error {
		_, err := make(t.Context(), l.Log, job, packspec.IndexOptions{})
		return err
	}
	for _, src := range []ledger.Reader{l.Log, unproved{l.Log}} {
		if _, err := packspec.ProveJob(t.Context(), src, "job_1", packspec.IndexOptions{}); !errors.Is(err, packspec.ErrNotCommitted) {
			t.Errorf("without a commitment: %v", err)
		}
	}
	commitIndex(t, l)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
	var late *packspec.NotCoveredError
	if err := prove(packspec.ProveJob, "job_2"); !errors.As(err, &late) || late.Commitment != 2 || late.JobID != "job_2" {
		t.Errorf("a job that began after the commitment: %v", err)
	}
	for job, want := range map[string]error{"job_1": packspec.ErrJobThere, "job_2": packspec.ErrJobThere, "job_3": nil} {
		if err := prove(packspec.ProveAbsent, job); !errors.Is(err, want) {
			t.Errorf("the absence of %s: %v, want %v", job, err, want)
		}
	}
	if err := prove(packspec.ProveJob, "job_3"); !errors.Is(err, packspec.ErrJobNotFound) {
		t.Errorf("no such job: %v", err)
	}
	enough := errors.New("enough")
	if _, err := packspec.ProveJob(t.Context(), unproved{l.Log}, "job_1", packspec.IndexOptions{Progress: func(int64, int64) error { return enough }}); !errors.Is(err, enough) {
		t.Errorf("an error of progress gives %v", err)
	}
}

// A proof is in the newest cosigned tree that covers the commitment, and follows the
// ledger's rotations.
func TestIndexProofRotated(t *testing.T) {
	l := committed(t)
	ledgertest.Rotate(t, l.Log, 1)
	next := ledgertest.KeyAfter(ledgertest.Origin, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_3"))
	b := encode(t, proveJob(t, l.Log, "job_2"))
	for _, key := range []ledger.PrivateKey{l.Key, next} {
		if r := verifyIndex(t, b, key); !r.Verified || len(r.Keys) != 2 {
			t.Errorf("under %s: %v", key.VerifierKey(), r.Failure)
		}
	}
	if r := verifyIndex(t, b, ledgertest.KeyAfter(ledgertest.Origin, 2)); r.Verified || r.Failure.Code != finding.CodeKeyMismatch {
		t.Errorf("under a key that never signed: %v", r.Failure)
	}
	commitIndex(t, l)
	c, signed := l.Checkpoint()
	w := ledgertest.NewWitness("witness.example/w1")
	by, err := ledger.Cosignatures(append(bytes.Clone(signed), w.Line(signed, cosignedAt)...), []ledger.WitnessKey{w.Key})
	if err == nil {
		err = l.Keep(t.Context(), signed, by[0])
	}
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_4"))
	if p := proveJob(t, l.Log, "job_3"); !p.Cosigned || p.Checkpoint != c {
		t.Errorf("the proof is in %+v, cosigned: %t", p.Checkpoint, p.Cosigned)
	} else if r := verifyIndex(t, encode(t, p), next); !r.Verified || r.Level(finding.LevelCosignatures).Status != finding.Claimed {
		t.Errorf("cosigned: %+v, %v", r.Levels, r.Failure)
	}
}

// No changed bit and no cut of an index proof verifies.
func TestEveryBitOfAnIndexProof(t *testing.T) {
	l := committed(t)
	ledgertest.Rotate(t, l.Log, 1)
	b := encode(t, proveJob(t, l.Log, "job_1"))
	verifies := func(b []byte) bool {
		r, err := packspec.VerifyIndexProof(b, packspec.Options{Trusted: trusting(l.Key)})
		return err == nil && r.Verified
	}
	if !verifies(b) {
		t.Fatal("an honest proof does not verify")
	}
	tried := 0
	for _, bit := range ledgertest.Sample(t, 8*len(b), 600) {
		c := bytes.Clone(b)
		c[bit/8] ^= 1 << (bit % 8)
		if tried++; verifies(c) {
			t.Errorf("bit %d flipped: it verifies", bit)
		}
	}
	for _, n := range ledgertest.Sample(t, len(b), 100) {
		if tried++; verifies(b[:n]) {
			t.Errorf("cut to %d bytes: it verifies", n)
		}
	}
	t.Logf("%d changes of %d bytes", tried, len(b))
}

// A proof has one form.
func FuzzIndexProof(f *testing.F) {
	l := committed(f)
	f.Add(encode(f, proveJob(f, l.Log, "job_1")))
	absent, err := packspec.ProveAbsent(f.Context(), l.Log, "job_9", packspec.IndexOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(encode(f, absent))
	f.Add(fmt.Appendf(nil, `{"claim":"absent","job_id":"a","schema_id":%q,"schema_version":%q}`+"\n", packspec.IndexProofSchemaID, packspec.IndexProofSchemaVersion))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := packspec.VerifyIndexProof(b, packspec.Options{Trusted: trusting(l.Key)})
		if err == nil && r.Verified && r.Origin != ledgertest.Origin {
			t.Fatalf("a proof of %s verifies under the key of %s", r.Origin, ledgertest.Origin)
		}
		p, err := packspec.ParseIndexProof(b)
		if err != nil {
			return
		}
		if again, err := p.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("ParseIndexProof takes %s\nEncode gives %s, %v", b, again, err)
		}
	})
}

// An index proof of another history of a job than the one that was seen is refused.
func TestForkedIndexProof(t *testing.T) {
	_, _, logs := forkOf(t)
	var seen [2]*remembered
	for i, l := range logs {
		seen[i] = seenIn(t, l)
		commitIndex(t, l)
	}
	for i, l := range logs {
		b := encode(t, proveJob(t, l.Log, "job_1"))
		for k, memory := range seen {
			r, err := packspec.VerifyIndexProof(b, packspec.Options{Trusted: trusting(l.Key), Jobs: memory.of})
			if err != nil {
				t.Fatal(err)
			}
			if forked := r.Failure != nil && r.Failure.Code == finding.CodeForked; forked == (i == k) || r.Verified == forked {
				t.Errorf("the proof of ledger %d, after ledger %d was seen: verified: %t, %v", i, k, r.Verified, r.Failure)
			}
		}
	}
}
