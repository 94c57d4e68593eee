package packspec_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/packspec/packtest"
)

// TestWriteGoldenSuccessor writes the golden successor, if there is none.
func TestWriteGoldenSuccessor(t *testing.T) {
	if _, err := os.Stat(successorDir); !*update || err == nil {
		t.Skip("it is there, or not asked for")
	}
	s := makeSuccessor(t)
	var events bytes.Buffer
	for _, e := range s.Events {
		events.Write(append(e.Bytes(), '\n'))
	}
	files := map[string][]byte{"events.jsonl": events.Bytes(), "checkpoint": s.Signed}
	for digest, text := range s.Contents {
		files[filepath.Join("content", digest.String())] = text
	}
	for name, text := range files {
		path := filepath.Join(successorDir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// makeSuccessor continues the jobs of a ledger twice, with work in between.
func makeSuccessor(t *testing.T) *packtest.Successor {
	t.Helper()
	oldest := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: ledgertest.NewFS(t), Signer: ledgertest.Key(goldenOldest)})
	ledgertest.Append(t, oldest, oldestJobs()...)
	denyPause(t, oldest, "denied")
	older := successorOf(t, oldest, nil, goldenOlder)
	log := createdFrom(t, older, older.Contents[ledger.InheritedRequests(older.Events[0]).Digest])
	ledgertest.Append(t, log, olderJobs()...)
	approveDecision(t, log, "waiting")
	now := successorOf(t, log, older.Contents, goldenNow)
	add := func(job, actor string, p ledger.Payload) {
		if err := now.Add(job, actor, p); err != nil {
			t.Fatal(err)
		}
	}
	add("running", "worker_1", ledger.CheckpointAdded{CheckpointID: "cp_0003", CheckpointType: ledger.CheckpointCompleted, Summary: "done at last"})
	add("now_only", "boss", ledgertest.Submit("").Payload)
	add("", ledger.ActorGait, ledger.IndexCommitted{Index: ledgertest.IndexRoot(now.Events, inheritedOf(t, now)...)})
	if err := now.Sign(); err != nil {
		t.Fatal(err)
	}
	return now
}

func successorOf(t *testing.T, before *store.Log, inherited map[ledger.Hash][]byte, origin string) *packtest.Successor {
	t.Helper()
	s, err := packtest.Continue(t.Context(), before, inherited, ledgertest.Key(origin), before.Head().Time, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func inheritedOf(t *testing.T, s *packtest.Successor) (keys []mpt.Key) {
	t.Helper()
	for key, err := range s.Inherited(*ledger.InheritedRequests(s.Events[0])) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

// oldestJobs are jobs in every status.
func oldestJobs() []ledgertest.EventSpec {
	checkpoint := func(job, id string, kind ledger.CheckpointType, summary string) ledgertest.EventSpec {
		p := ledger.CheckpointAdded{CheckpointID: id, CheckpointType: kind, Summary: summary}
		if kind == ledger.CheckpointDecisionNeeded {
			p.RequiredAction = "say yes"
		}
		return ledgertest.EventSpec{Job: job, Actor: "worker_1", Payload: p}
	}
	running := ledgertest.Submit("running")
	running.RequestID = "oldest-1"
	p, _ := running.Payload.(ledger.Submitted)
	p.Identity, p.PolicyRef, p.PolicyDigest, p.Labels = "agent_7", "policy v1", ledger.Hash{7}, []ledger.Label{{Key: "team", Value: "ops"}}
	running.Payload = p
	all := []ledgertest.EventSpec{running, checkpoint("running", "cp_0001", ledger.CheckpointProgress, "half")}
	for _, job := range []string{"blocked", "cancelled", "denied", "done", "failed", "held", "paused", "stopped", "waiting"} {
		all = append(all, ledgertest.Submit(job))
	}
	decision := checkpoint("waiting", "cp_0001", ledger.CheckpointDecisionNeeded, "may I?")
	decision.RequestID = "oldest-2"
	return append(all,
		checkpoint("blocked", "cp_0001", ledger.CheckpointBlocked, "no way on"), ledgertest.EventSpec{Job: "cancelled", Payload: ledger.Cancelled{Reason: "not needed"}},
		ledgertest.EventSpec{Job: "denied", Actor: "worker_1", Payload: ledger.Paused{}}, checkpoint("done", "cp_0001", ledger.CheckpointCompleted, "done"),
		checkpoint("failed", "cp_0001", ledger.CheckpointFailed, "failed"), ledgertest.EventSpec{Job: "held", Actor: "worker_1", Payload: ledger.Paused{Hold: true}},
		ledgertest.EventSpec{Job: "paused", Payload: ledger.Paused{Reason: "lunch"}}, ledgertest.EventSpec{Job: "stopped", Payload: ledger.Stopped{}},
		decision, checkpoint("waiting", "cp_0002", ledger.CheckpointDecisionNeeded, "and this?"),
	)
}

// olderJobs is what happens in the ledger between.
func olderJobs() []ledgertest.EventSpec {
	progress := ledgertest.Progress("running", "three quarters")
	p, _ := progress.Payload.(ledger.CheckpointAdded)
	p.CheckpointID = "cp_0002"
	progress.Payload = p
	only := ledgertest.Submit("older_only")
	only.RequestID = "older-1"
	return []ledgertest.EventSpec{progress, only, {Job: "stopped", Actor: "boss", Payload: ledger.Cancelled{}}}
}

// approveDecision approves the first decision of a job.
func approveDecision(t *testing.T, log *store.Log, job string) {
	t.Helper()
	for e, err := range log.JobEvents(t.Context(), job, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := e.Payload().(ledger.CheckpointAdded); ok {
			ledgertest.Append(t, log, ledgertest.EventSpec{Job: job, Actor: "reviewer_1", Payload: ledger.Approved{CheckpointID: p.CheckpointID, Reason: "fine", Target: e.LeafHash()}})
			return
		}
	}
}

// denyPause denies a pause.
func denyPause(t *testing.T, log *store.Log, job string) {
	t.Helper()
	p := ledger.Denied{Reason: "not like this"}
	for e, err := range log.JobEvents(t.Context(), job, 2) {
		if err != nil {
			t.Fatal(err)
		}
		p.Target = e.LeafHash()
	}
	ledgertest.Append(t, log, ledgertest.EventSpec{Job: job, Actor: "boss", Payload: p})
}
