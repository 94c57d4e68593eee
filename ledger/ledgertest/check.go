package ledgertest

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/ledger/store"
)

// Check reads a log again from nothing. It verifies it, and then checks it without
// our own tree: leaf hashes with crypto/sha256, root and proofs with another library,
// the checkpoint's signature with the note package, and the index without package mpt.
// The jobs read through the index must be those found by reading all events. The events in acked were acknowledged,
// and must be there byte for byte.
func Check(t testing.TB, log *store.Log, acked ...ledger.Event) {
	t.Helper()
	CheckInherited(t, log, nil, acked...)
}

// CheckInherited is Check for a ledger whose event 0 names the request ids with these
// keys, which were used before.
func CheckInherited(t testing.TB, log *store.Log, inherited []mpt.Key, acked ...ledger.Event) {
	t.Helper()
	if err := log.Verify(t.Context(), nil, nil); err != nil {
		t.Fatalf("Verify = %v", err)
	}
	all := readTwice(t, log.Events(t.Context(), 0))
	if got := int64(len(all)); got != log.Head().Size {
		t.Fatalf("Events yields %d events, Head says %d", got, log.Head().Size)
	}
	for _, want := range acked {
		if int(want.Seq()) >= len(all) || !bytes.Equal(all[want.Seq()].Bytes(), want.Bytes()) {
			t.Fatalf("event %d was acknowledged and is not in the log of %d", want.Seq(), len(all))
		}
	}
	checkTree(t, log, all)
	checkIndex(t, log, all, inherited)
	checkJobs(t, log, all)
	checkAuthority(t, log, all)
	checkCalls(t, log, all)
}

func read(t testing.TB, seq ledger.Events) []ledger.Event {
	t.Helper()
	var events []ledger.Event
	for e, err := range seq {
		if err != nil {
			t.Fatalf("reading events: %v", err)
		}
		events = append(events, e)
	}
	return events
}

// readTwice is read, and fails if a second range yields other events.
func readTwice(t testing.TB, seq ledger.Events) []ledger.Event {
	t.Helper()
	events, i := read(t, seq), 0
	for e, err := range seq {
		if err != nil || i >= len(events) || !bytes.Equal(e.Bytes(), events[i].Bytes()) {
			t.Fatalf("reading events again: event %d is another one (%v)", i, err)
		}
		i++
	}
	if i != len(events) {
		t.Fatalf("reading events again yields %d, at first %d", i, len(events))
	}
	return events
}

// checkTree checks the checkpoint and the proofs against the leaf hashes.
func checkTree(t testing.TB, log *store.Log, all []ledger.Event) {
	t.Helper()
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := factory.NewEmptyRange(0)
	leaves, roots := make([][]byte, len(all)), make([][]byte, len(all)+1)
	for i, e := range all {
		sum := sha256.Sum256(append([]byte{0}, e.Bytes()...))
		leaves[i] = sum[:]
		err := tree.Append(leaves[i], nil)
		if err == nil {
			roots[i+1], err = tree.GetRootHash(nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c, signed := log.Checkpoint()
	checkNote(t, log, c, signed)
	if size := int64(len(all)); c.Size != size || !bytes.Equal(c.Root[:], roots[size]) {
		t.Fatalf("checkpoint of size %d with root %s, want %d with %x", c.Size, c.Root, size, roots[size])
	}
	for _, i := range sample(len(all)) {
		checkProofs(t, log, i, leaves[i], roots)
	}
}

// checkNote opens the checkpoint as a verifier with a key of its signers would.
func checkNote(t testing.TB, log *store.Log, c ledger.Checkpoint, signed []byte) {
	t.Helper()
	signers := log.Keys().Signers(c.Size)
	for _, key := range signers {
		verifier, err := note.NewVerifier(key.String())
		if err != nil {
			t.Fatalf("the key %s: %v", key, err)
		}
		n, err := note.Open(signed, note.VerifierList(verifier))
		if err != nil {
			t.Fatalf("the checkpoint does not open: %v", err)
		}
		if n.Text != c.Text() || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != len(signers)-1 {
			t.Fatalf("the checkpoint says %q, with %d and %d signatures, want %q", n.Text, len(n.Sigs), len(n.UnverifiedSigs), c.Text())
		}
	}
}

// checkProofs checks the proofs of event i and of the tree that ends with it.
func checkProofs(t testing.TB, log *store.Log, i int, leaf []byte, roots [][]byte) {
	t.Helper()
	size := len(roots) - 1
	p, err := ledger.NewestProof(t.Context(), log, ledger.Seq(i))
	if err != nil {
		t.Fatalf("Proof(%d) = %v", i, err)
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(i), uint64(size), leaf, path(p.Path), roots[size]); err != nil {
		t.Fatalf("the proof of event %d of %d: %v", i, size, err)
	}
	old := i + 1
	_, signed := log.Checkpoint()
	hashes, err := log.ConsistencyIn(t.Context(), signed, int64(old))
	if err != nil {
		t.Fatalf("ConsistencyIn(%d) = %v", old, err)
	}
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old), uint64(size), path(hashes), roots[old], roots[size]); err != nil {
		t.Fatalf("the proof that the tree of %d is in that of %d: %v", old, size, err)
	}
	root, err := log.RootAt(t.Context(), int64(old))
	if err != nil || !bytes.Equal(root[:], roots[old]) {
		t.Fatalf("RootAt(%d) = %s, %v, want %x", old, root, err, roots[old])
	}
	e, err := log.Event(t.Context(), ledger.Seq(i))
	if h := e.LeafHash(); err != nil || !bytes.Equal(h[:], leaf) {
		t.Fatalf("Event(%d) has leaf hash %s (%v), want %x", i, h, err, leaf)
	}
}

func path(hashes []ledger.Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}

// sample returns a few indexes below n: both ends, and some in between.
func sample(n int) []int {
	var out []int
	for i := 0; i < n; i += max(1, n/5) {
		out = append(out, i)
	}
	if last := n - 1; n > 0 && out[len(out)-1] != last {
		out = append(out, last)
	}
	return out
}

// A job is a job as the events of the ledger show it.
type job struct {
	head   ledger.JobHead
	events []ledger.Event
}

// checkJobs checks indexes and heads against the events.
func checkJobs(t testing.TB, log *store.Log, all []ledger.Event) {
	t.Helper()
	jobs := map[string]*job{}
	for _, e := range all {
		if e.RequestID() != "" {
			found, err := log.Load(t.Context(), nil, []string{e.RequestID()})
			if used, ok := found.Requests[e.RequestID()]; err != nil || !ok || used.Seq() != e.Seq() {
				t.Fatalf("Load of request %q = event %d, %t, %v, want %d", e.RequestID(), used.Seq(), ok, err, e.Seq())
			}
		}
		if e.JobID() == "" {
			continue
		}
		j := jobs[e.JobID()]
		if j == nil {
			j = &job{}
			jobs[e.JobID()] = j
		}
		j.events = append(j.events, e)
		j.head = ledger.JobHead{JobSeq: int64(len(j.events)), Leaf: e.LeafHash(), Revision: e.Revision(), Seq: e.Seq(), Time: e.Time()}
	}
	listed, before := 0, ""
	for entry, err := range log.Jobs(t.Context(), "") {
		if err != nil || entry.ID <= before || jobs[entry.ID] == nil {
			t.Fatalf("Jobs yields %q after %q (%v)", entry.ID, before, err)
		}
		listed, before = listed+1, entry.ID
		checkJob(t, log, entry, jobs[entry.ID])
	}
	if listed != len(jobs) {
		t.Fatalf("Jobs yields %d jobs, there are %d", listed, len(jobs))
	}
}

func checkJob(t testing.TB, log *store.Log, entry ledger.JobEntry, want *job) {
	t.Helper()
	if diff := cmp.Diff(want.head, entry.Head); diff != "" {
		t.Fatalf("the head of job %s (-want +got):\n%s", entry.ID, diff)
	}
	found, err := log.Load(t.Context(), []string{entry.ID}, nil)
	if diff := cmp.Diff(entry, found.Jobs[entry.ID]); err != nil || diff != "" {
		t.Fatalf("Load of job %s = %v (-listed +loaded):\n%s", entry.ID, err, diff)
	}
	for _, i := range []int{0, len(want.events) / 2, len(want.events) - 1} {
		got := read(t, log.JobEvents(t.Context(), entry.ID, int64(i)+1))
		if len(got) != len(want.events)-i {
			t.Fatalf("JobEvents(%s, %d) yields %d events, want %d", entry.ID, i+1, len(got), len(want.events)-i)
		}
		for k, e := range got {
			if !bytes.Equal(e.Bytes(), want.events[i+k].Bytes()) {
				t.Fatalf("JobEvents(%s, %d) yields event %d, want %d", entry.ID, i+1, e.Seq(), want.events[i+k].Seq())
			}
		}
	}
}
