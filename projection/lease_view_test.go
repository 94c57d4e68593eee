package projection_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// members returns a view of a job as JSON.
func members(t *testing.T, v any) string {
	t.Helper()
	b, err := jcs.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A job that no worker has leased, and that comes after nothing, shows nothing of leases.
func TestViewsWithoutLeases(t *testing.T) {
	c := atTheGate(t)
	c.by("wim", progresses(c))
	c.by("wim", c.allow(intent, ""))
	for _, shown := range []string{members(t, c.fold.Job.StatusViewAt(c.basis())), members(t, c.fold.Job.View(nil, nil)), members(t, c.fold.Job)} {
		for _, name := range []string{"after", "attempt_count", "dependencies", "ended", "epoch", "input", "lease", "not_before", "progress"} {
			if strings.Contains(shown, `"`+name+`":`) {
				t.Errorf("a job without leases shows %s: %s", name, shown)
			}
		}
	}
}

func TestViewsOfALease(t *testing.T) {
	c := newCourt(t)
	p := policied
	p.After, p.NotBefore, p.Input = []string{"job_0"}, c.basis().Reading, subject
	c.by("sam", p)
	lease := c.takes()
	lease.After = []ledger.Hash{one}
	c.by("wim", lease)
	steps := progresses(c).(ledger.CheckpointAdded)
	steps.Progress = ledger.StepCount{Done: 3, Total: 14}
	c.under(1, "wim", steps)
	c.under(1, "wim", c.attempts())
	j := c.fold.Job
	leased := `"lease":{"actor":"wim","epoch":1,"since":"2026-11-22T20:00:02.000Z","ttl":60,"until":"2026-11-22T20:01:04.000Z","worker":"host-1"},`
	shown := members(t, j.StatusView())
	for _, part := range []string{
		leased, `"after":["job_0"],`, `"attempt_count":1,`, `"not_before":"2026-11-22T20:00:01.000Z",`, `"progress":{"done":3,"total":14}`, `"input":{"digest":"` + one.String() + `","media_type":"text/plain","name":"plan.txt","size":3},`,
	} {
		for _, view := range []string{shown, members(t, j.View(nil, nil))} {
			if !strings.Contains(view, part) {
				t.Errorf("a view has no %s: %s", part, view)
			}
		}
	}
	if got := members(t, j.StatusView().LastCheckpoint); !strings.Contains(got, `"progress":{"done":3,"total":14},"reason_code"`) {
		t.Errorf("the checkpoint is shown as %s", got)
	}
	hourLater(c)
	if v := j.StatusViewAt(c.basis()); !v.Lease.Expired || v.WaitingFor != "lease" {
		t.Errorf("an hour later the view says that the lease has expired: %t, waiting for %s", v.Lease.Expired, v.WaitingFor)
	}
	if strings.Contains(shown, "expired") {
		t.Errorf("what was recorded has what only a clock says: %s", shown)
	}
	c.late = 0
	c.under(1, "wim", c.releases(ledger.LeaseGaveUp))
	if v := c.fold.Job.StatusView(); v.Lease.Ended != projection.LeaseReleased || v.Lease.Outcome != ledger.LeaseGaveUp || v.WaitingFor != "lease" {
		t.Errorf("the lease is shown as %+v, and the job waits for %s", v.Lease, v.WaitingFor)
	}
}

// What a running job waits for, as it was recorded and as a clock judges it.
func TestWaitingForWorkers(t *testing.T) {
	now := projection.Basis{Reading: epoch}
	before, later := ledger.FormatTime(epoch.Add(-time.Second)), ledger.FormatTime(epoch.Add(time.Second))
	unknown, open := []projection.Grant{{ID: "g", Unknown: true}}, []projection.Grant{{ID: "g"}}
	for _, tt := range []struct {
		name           string
		job            projection.Job
		recorded, here string
		letter         byte
	}{
		{"nothing", projection.Job{}, "worker", "worker", 'w'},
		{"a lease", projection.Job{Lease: &projection.Lease{Until: later}}, "worker", "worker", 'l'},
		{"a lease that ends now", projection.Job{Lease: &projection.Lease{Until: now.Reading.Format("2006-01-02T15:04:05.000Z")}}, "worker", "lease", 'l'},
		{"an expired lease", projection.Job{Lease: &projection.Lease{Until: before}}, "worker", "lease", 'l'},
		{"a released lease", projection.Job{Lease: &projection.Lease{Until: later, Ended: projection.LeaseReleased}}, "lease", "lease", 'u'},
		{"others", projection.Job{After: []string{"job_0"}}, "dependency", "dependency", 'a'},
		{"others, at a time", projection.Job{After: []string{"job_0"}, NotBefore: later}, "dependency", "dependency", 'a'},
		{"others, once leased", projection.Job{After: []string{"job_0"}, Lease: &projection.Lease{Until: later}}, "worker", "worker", 'l'},
		{"not due", projection.Job{NotBefore: later}, "worker", "time", 't'},
		{"due", projection.Job{NotBefore: before}, "worker", "worker", 't'},
		{"due, once leased", projection.Job{NotBefore: later, Lease: &projection.Lease{Until: later}}, "worker", "worker", 'l'},
		{"unknown grants", projection.Job{Grants: unknown, Lease: &projection.Lease{Until: before}}, "effects", "effects", 'e'},
		{"open grants, without a lease", projection.Job{Grants: open}, "worker", "worker", 'w'},
		{"open grants, leased", projection.Job{Grants: open, Lease: &projection.Lease{Until: later}}, "worker", "worker", 'L'},
		{"open grants of an expired lease", projection.Job{Grants: open, Lease: &projection.Lease{Until: before}}, "worker", "effects", 'L'},
		{"open grants of a released lease", projection.Job{Grants: open, Lease: &projection.Lease{Until: later, Ended: projection.LeaseReleased}}, "effects", "effects", 'e'},
	} {
		tt.job.Status = projection.Running
		if got := tt.job.WaitingFor(); got != tt.recorded {
			t.Errorf("%s: recorded, the job waits for %s, want %s", tt.name, got, tt.recorded)
		}
		if got := tt.job.WaitingForAt(now); got != tt.here {
			t.Errorf("%s: the job waits for %s, want %s", tt.name, got, tt.here)
		}
		if got := projection.TagsOf(tt.job, ledger.Event{}).State[2]; got != tt.letter {
			t.Errorf("%s: the tag is %c, want %c", tt.name, got, tt.letter)
		}
		for _, word := range []string{tt.recorded, tt.here} {
			if !slices.Contains(projection.WaitsFor, word) {
				t.Errorf("WaitsFor has no %s", word)
			}
		}
	}
}

// What the events of workers mean.
func TestMeaningOfLeases(t *testing.T) {
	s := tell(t)
	takesLease(s)
	s.renewsLease()
	s.attempts(1)
	s.releasesLease()
	var got []projection.ReasonCode
	for _, e := range s.events[1:] {
		m := projection.MeaningOf(e)
		if got = append(got, m.Code); m.Stops {
			t.Errorf("%s stops the job", e.Type())
		}
	}
	if diff := cmp.Diff([]projection.ReasonCode{"leased", "lease_renewed", "attempt_ended", "lease_released"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a job works on and what attempts wrote is among its content.
func TestContentsOfWork(t *testing.T) {
	s := &story{t: t}
	s.add("boss", ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test", Input: subject, ContentKey: two})
	s.add("worker_1", ledger.AttemptEnded{Number: 1, Cause: ledger.AttemptExited, Log: other})
	named, err := projection.Contents(t.Context(), s, "job_1")
	if err != nil || len(named) != 2 || named[0].Content != subject || named[0].Uses[0].As != projection.AsInput || named[1].Uses[0].As != projection.AsLog {
		t.Errorf("Contents = %+v, %v", named, err)
	}
}
