package regress_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/regress"
)

// A shift is how workers did a job: in how many leases, on which machine, and with which exit codes
// of its attempts.
type shift struct {
	leases, renewals int
	worker, waitsFor string
	exits            []int64
	digest           byte // of its contents
}

// done is a job that was done in a shift.
func done(t *testing.T, s shift) *ledgertest.Ledger {
	t.Helper()
	l := ledgertest.New(t)
	lease := int64(0)
	add := func(p ledger.Payload) {
		t.Helper()
		ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_1", Payload: p, Edit: func(d *ledger.Draft) { d.Lease = lease }})
	}
	add(ledger.Submitted{
		EnvironmentFingerprint: "env", ProducerVersion: "x", After: []string{s.waitsFor}, NotBefore: l.Log.Head().Time.Add(-time.Duration(s.digest) * time.Second),
		Input: ledger.Content{Digest: ledger.Hash{s.digest}, Size: 7}, ContentKey: ledger.Hash{s.digest, 1},
	})
	for n := range s.leases {
		lease = 0
		next := l.Log.Head().Time.Add(time.Second)
		until := next.Add(time.Minute)
		add(ledger.Leased{After: []ledger.Hash{{s.digest, 2}}, Epoch: int64(n) + 1, TTL: 60, Until: until, Worker: s.worker})
		lease = int64(n) + 1
		for range s.renewals {
			until = until.Add(time.Second)
			add(ledger.LeaseRenewed{Epoch: lease, TTL: 60, Until: until, Worker: s.worker})
		}
		if n < s.leases-1 {
			add(ledger.LeaseReleased{Epoch: lease, Outcome: ledger.LeaseGaveUp, TTL: 60, Until: until, Worker: s.worker})
		}
	}
	for i, exit := range s.exits {
		add(ledger.AttemptEnded{Number: int64(i) + 1, Cause: ledger.AttemptExited, Exit: &exit, Log: ledger.Content{Digest: ledger.Hash{s.digest, 3}, Size: int64(s.digest)}})
	}
	add(ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "decide", Summary: "s"})
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_1", Actor: "boss", Payload: ledger.Approved{CheckpointID: "cp_0001", Reason: "fine", Target: l.Log.Head().Leaf}})
	return l
}

// Who worked and for how long is not compared; how attempts ended is.
func TestWorkIsCompared(t *testing.T) {
	recorded := shift{leases: 1, worker: "host_1", waitsFor: "job_0", exits: []int64{1, 0}, digest: 1}
	l := done(t, recorded)
	var pack packspec.Buffer
	if _, err := packspec.BuildJob(t.Context(), &pack, l.Log, "job_1", l.Key, packspec.JobOptions{}); err != nil {
		t.Fatal(err)
	}
	files, err := regress.Files(regress.Config{Name: "work", Compare: regress.Scopes}, regress.History{Events: l.JobEvents(t.Context(), "job_1", 1)})
	if err != nil {
		t.Fatal(err)
	}
	dir := fstest.MapFS{regress.PackFile: {Data: pack.Bytes()}}
	for name, text := range files {
		dir[name] = &fstest.MapFile{Data: text}
	}
	f, err := regress.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := f.Replay(nil); err != nil || !c.Pass {
		t.Fatalf("Replay = %+v, %v", c, err)
	}
	for name, tt := range map[string]struct {
		candidate shift
		differs   string // the scopes that do, and the field
	}{
		"the same":                     {recorded, ""},
		"other leases, machine, times": {shift{leases: 3, renewals: 2, worker: "host_2", waitsFor: "job_9", exits: []int64{1, 0}, digest: 9}, ""},
		"another exit":                 {shift{leases: 1, worker: "host_1", waitsFor: "job_0", exits: []int64{2, 0}, digest: 1}, "all /payload/exit"},
		"an attempt more":              {shift{leases: 1, worker: "host_1", waitsFor: "job_0", exits: []int64{1, 0, 0}, digest: 1}, "all /type, sequence /type"},
	} {
		l := done(t, tt.candidate)
		all, err := f.Behave(regress.History{Events: l.JobEvents(t.Context(), "job_1", 1)})
		if err != nil {
			t.Fatal(err)
		}
		var differ []string
		for _, c := range all {
			if !c.Pass {
				differ = append(differ, c.Name+" "+c.Divergence.Field)
			}
		}
		if got := strings.Join(differ, ", "); got != tt.differs {
			t.Errorf("%s: %q differ, want %q", name, got, tt.differs)
		}
	}
}
