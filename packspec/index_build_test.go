package packspec_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
)

// completeness verifies a pack and returns the level's status under both profiles.
func completeness(t *testing.T, pack []byte, key ledger.PrivateKey) (standard finding.Level, strict finding.Status) {
	t.Helper()
	r := verify(t, pack, key)
	if !r.Verified {
		t.Fatalf("an honest pack: %v", r.Failure)
	}
	o := packspec.Options{Trusted: trusting(key), Profile: packspec.ProfileStrict}
	s, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o)
	if err != nil {
		t.Fatal(err)
	}
	if level := s.Level(finding.LevelCompleteness); s.Verified != (level.Status == finding.Proved) || !s.Verified && s.Failure.Code != finding.CodeIncomplete {
		t.Fatalf("strict: verified %t, completeness %s, %v", s.Verified, level.Status, s.Failure)
	}
	return r.Level(finding.LevelCompleteness), s.Level(finding.LevelCompleteness).Status
}

// Completeness is proved by a commitment to the index and by nothing else: not by a final
// status, and not by the last place in the tree. The strict profile requires it.
func TestCompleteness(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key) // ends with job_1, which is paused; job_2 is completed before
	check := func(job string, first bool, want finding.Status, says string) {
		t.Helper()
		pack := build(t, log, job)
		if first {
			pack = firstFormat(t, pack, key)
		}
		level, strict := completeness(t, pack, key)
		if level.Status != want || !strings.Contains(level.Detail, says) || (strict == finding.Proved) != (want == finding.Proved) {
			t.Errorf("%s: completeness %s (strict: %s): %s; want %s that says %q", job, level.Status, strict, level.Detail, want, says)
		}
	}
	for _, job := range []string{"job_1", "job_2"} {
		check(job, true, finding.Claimed, "evidence of format 1 does not show")
		check(job, false, finding.Claimed, "no event of the pack commits to the ledger's index")
	}
	log.commit()
	check("job_1", false, finding.Proved, "all 9 events of the job up to event 11 are here, and the index of event 12 names that as its newest")
	check("job_2", false, finding.Proved, "the index of event 12")
	newScript(t, log).ok("job_3", "worker_3", "", commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "gait test"})
	check("job_1", false, finding.Proved, "of the 1 events behind that, the pack shows nothing")
	check("job_3", false, finding.Claimed, "no event of the pack commits")
	newScript(t, log).refused("job_2", "operator", commands.Pause{})
	check("job_1", false, finding.Proved, "the index of event 12")
	check("job_2", false, finding.Claimed, "no event of the pack commits")
	log.commit()
	check("job_1", false, finding.Proved, "the index of event 15")
	check("job_2", false, finding.Proved, "the index of event 15")
}

// A pack stands on the newest commitment behind the job's last event. As long as no
// other event commits, other jobs go on without a change of the job's own bytes, and two
// packs of one ledger are the same.
func TestPackStandsOnTheNewestCommitment(t *testing.T) {
	log := indexed(t, testKey(t, 1))
	before := files(t, build(t, log, "job_1"))
	want := "VERIFY.md evidence.json head.tlog-proof index.mpt-proof index_committed.json index_committed.tlog-proof job_events.jsonl job_payload.json " +
		"job_state.json ledger_created.json ledger_created.tlog-proof ledger_events.jsonl ledger_key.vkey pack_manifest.json"
	if got := strings.Join(names(before), " "); got != want {
		t.Errorf("the entries are %s, want %s", got, want)
	}
	newScript(t, log).ok("job_3", "worker_3", "", commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "gait test"})
	after := files(t, build(t, log, "job_1"))
	var changed []string
	for i, f := range before {
		if !bytes.Equal(f.Data, after[i].Data) {
			changed = append(changed, f.Name)
		}
	}
	if got := strings.Join(changed, " "); got != "evidence.json head.tlog-proof index_committed.tlog-proof ledger_created.tlog-proof pack_manifest.json" {
		t.Errorf("entries that changed with the checkpoint: %s", got)
	}
	if !bytes.Equal(build(t, log, "job_1"), build(t, log, "job_1")) {
		t.Error("two packs of one ledger differ")
	}
	log.commit()
	if e := file(files(t, build(t, log, "job_1")), "index_committed.json"); !bytes.Equal(e.Data, log.event(14).Bytes()) {
		t.Errorf("the pack stands on %s, want event 14", e.Data)
	}
}

// A pack that is asked to stand on a commitment shows the job as it was then.
func TestPackAsOfACommitment(t *testing.T) {
	key := testKey(t, 1)
	log := indexed(t, key)
	was := files(t, build(t, log, "job_1"))
	newScript(t, log).ok("job_1", "operator", "enough", commands.Cancel{})
	log.commit()
	var b packspec.Buffer
	built, err := packspec.BuildJob(t.Context(), &b, log, "job_1", key, packspec.JobOptions{AsOf: 12})
	if err != nil || built.Commitment == nil || *built.Commitment != 12 || built.Checkpoint.Size != 15 {
		t.Fatalf("BuildJob as of event 12 = %+v, %v", built, err)
	}
	for _, f := range files(t, b.Bytes()) {
		if name := f.Name; !strings.Contains(name, "proof") && name != "evidence.json" && name != "pack_manifest.json" && !bytes.Equal(f.Data, file(was, name).Data) {
			t.Errorf("%s is not as it was before event 12", name)
		}
	}
	r := verify(t, b.Bytes(), key)
	if !r.Verified || r.HeadSeq != 11 || *r.Commitment != 12 || r.Level(finding.LevelCompleteness).Status != finding.Proved {
		t.Errorf("the pack: %v, head %d, completeness %+v", r.Failure, r.HeadSeq, r.Level(finding.LevelCompleteness))
	}
	for asOf, says := range map[ledger.Seq]string{11: "event 11 does not commit to the index", 1: "no such job before event 1"} {
		if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), log, "job_1", key, packspec.JobOptions{AsOf: asOf}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("BuildJob as of event %d = %v, want %q", asOf, err, says)
		}
	}
}

// A commitment is needed if the job's last event is newer than all of them and no cosigned
// tree covers it.
func TestNeedsCommitment(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	check := func(when, job string, want bool) {
		t.Helper()
		if needs, err := packspec.NeedsCommitment(t.Context(), log, job); err != nil || needs != want {
			t.Errorf("%s, %s needs a commitment: %t (%v), want %t", when, job, needs, err, want)
		}
	}
	check("without one", "job_1", true)
	check("without one", "job_2", true)
	log.commit()
	check("behind a commitment", "job_1", false)
	check("behind a commitment", "job_2", false)
	newScript(t, log).refused("job_2", "operator", commands.Pause{})
	check("after a refusal", "job_1", false)
	check("after a refusal", "job_2", true)
	log.cosign("witness.example/w1")
	check("cosigned", "job_2", false)
	newScript(t, log).refused("job_2", "operator", commands.Stop{})
	check("after another refusal", "job_2", true)
	check("after another refusal", "job_1", false)
	if _, err := packspec.NeedsCommitment(t.Context(), log, "job_9"); !errors.Is(err, packspec.ErrJobNotFound) {
		t.Errorf("no job needs a commitment: %v", err)
	}
}

// A pack stands on a cosigned tree that covers the job's last event, though a newer tree
// has a commitment: cosignatures are not given up.
func TestCosignedTreeGoesFirst(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	log.cosign("witness.example/w1")
	log.commit()
	if level, _ := completeness(t, build(t, log, "job_1"), key); level.Status != finding.Claimed {
		t.Errorf("a pack in a cosigned tree without a commitment: completeness is %+v", level)
	}
	log.cosign("witness.example/w1")
	if level, _ := completeness(t, build(t, log, "job_1"), key); level.Status != finding.Proved {
		t.Errorf("a pack in a cosigned tree with a commitment: completeness is %+v", level)
	}
}

// A job of a ledger with thousands of others is proved to be complete, each by a path of
// less than 1 kB.
func TestCompletenessAmongMany(t *testing.T) {
	if testing.Short() {
		t.Skip("a ledger of 5,000 jobs")
	}
	key := testKey(t, 1)
	log := newLog(t, key)
	s := newScript(t, log)
	for i := range 5000 {
		s.ok(fmt.Sprintf("job_%d", i), "worker", "", commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "gait test"})
	}
	log.commit()
	for _, job := range []string{"job_0", "job_2500", "job_4999"} {
		pack := build(t, log, job)
		if level, _ := completeness(t, pack, key); level.Status != finding.Proved {
			t.Errorf("%s: %+v", job, level)
		}
		if path := file(files(t, pack), "index.mpt-proof").Data; len(path) > 1000 {
			t.Errorf("the path of %s has %d bytes", job, len(path))
		}
	}
}
