package ledgertest

import (
	"context"
	"crypto/sha256"
	"testing"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/ledger/store"
)

// checkIndex checks the index of a log against the events, now and at smaller sizes,
// if it is proved.
func checkIndex(t testing.TB, log *store.Log, all []ledger.Event, inherited []mpt.Key) {
	t.Helper()
	if err := log.IndexErr(); err != nil {
		t.Fatalf("the index is %s: %v", log.Index(), err)
	}
	root, proved := log.IndexRoot()
	if proved != (log.Index() == ledger.IndexProved) {
		t.Fatalf("the index is %s, and its root is there: %t", log.Index(), proved)
	}
	if !proved {
		return
	}
	want := IndexRoot(all, inherited...)
	c, _ := log.Checkpoint()
	if root.Size != c.Size || root.Tree != c.Root || root.Index != want {
		t.Fatalf("the index is %+v, want root %s of %d events with root %s", root, want, c.Size, c.Root)
	}
	for _, i := range sample(len(all)) {
		checkIndexAt(t, log, all[:i+1], inherited)
	}
}

// checkIndexAt checks the index that a log had after some events, and proofs of what
// was in it.
func checkIndexAt(t testing.TB, log *store.Log, all []ledger.Event, inherited []mpt.Key) {
	t.Helper()
	last := all[len(all)-1]
	m := map[mpt.Key]ledger.Hash{}
	for _, key := range inherited {
		m[key] = all[0].LeafHash()
	}
	for _, e := range all {
		if e.JobID() != "" {
			m[sha256.Sum256([]byte("job/"+e.JobID()))] = e.LeafHash()
		}
		if e.RequestID() != "" {
			m[sha256.Sum256([]byte("request/"+e.RequestID()))] = e.LeafHash()
		}
		if call, ok := ledger.CallOf(e.Payload()); ok {
			m[sha256.Sum256([]byte("call/"+e.JobID()+"\x00"+call.ID))] = e.LeafHash()
		}
		if e.Type().OfAuthority() {
			m[sha256.Sum256([]byte("authority"))] = e.LeafHash()
		}
	}
	keys := []mpt.Key{sha256.Sum256([]byte("job/" + last.JobID())), sha256.Sum256([]byte("request/" + last.RequestID())), sha256.Sum256([]byte("authority"))}
	keys = append(keys, callKeysOf(all)...)
	keys = append(keys, inherited[:min(len(inherited), 8)]...)
	root, proofs, err := log.IndexAt(context.Background(), int64(len(all)), keys...)
	if want := IndexRoot(all, inherited...); err != nil || root != want {
		t.Fatalf("IndexAt(%d) = %s, %v, want %s", len(all), root, err, want)
	}
	for i, p := range proofs {
		value, found, err := p.Check(mpt.Hash(root), keys[i])
		if want, there := m[keys[i]]; err != nil || found != there || ledger.Hash(value) != want {
			t.Fatalf("the proof of key %d in the index of %d events says %s, %t, %v, want %s, %t", i, len(all), value, found, err, want, there)
		}
	}
}

// callKeysOf returns the keys of the first and the last call among events.
func callKeysOf(all []ledger.Event) (keys []mpt.Key) {
	for _, e := range all {
		if call, ok := ledger.CallOf(e.Payload()); ok {
			keys = append(keys, sha256.Sum256([]byte("call/"+e.JobID()+"\x00"+call.ID)))
		}
	}
	if len(keys) > 2 {
		keys = []mpt.Key{keys[0], keys[len(keys)-1]}
	}
	return keys
}
