package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/projection"
)

func release(job string, epoch int64) commands.Request {
	return under(epoch, commands.Request{JobID: job, Actor: "worker_1", Command: commands.LeaseRelease{Outcome: ledger.LeaseGaveUp}})
}

func complete(job string, epoch int64) commands.Request {
	return under(epoch, commands.Request{JobID: job, Actor: "worker_1", Command: commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "done"}})
}

// serveInStep is serve, with an engine whose clock is the server's.
func serveInStep(t *testing.T) *testServer {
	s := serve(t)
	s.server.Engine.Now = func() time.Time {
		s.later(time.Millisecond) // no two jobs begin at once
		return s.server.Now()
	}
	return s
}

// A leased job is no candidate, and is one again when the lease is released or has ended.
func TestCandidatesAndLeases(t *testing.T) {
	s := serveInStep(t)
	all := daemon.CandidateQuery{Limit: 9}
	s.do(t, submit("j1"), submit("j2"), submit("j3"), take("j2", 60))
	s.candidates(t, all, "j1", "j3")
	s.do(t, take("j1", 60), take("j3", 300))
	s.later(10 * time.Second)
	s.candidates(t, all)
	s.do(t, release("j1", 1)) // handed out once before
	s.candidates(t, all, "j1")
	s.do(t, take("j1", 60), release("j1", 2))
	s.candidates(t, all) // given back again: it is kept back a little
	s.later(3 * time.Second)
	s.candidates(t, all, "j1")
	s.do(t, take("j1", 60), under(3, progress("j1", "later")))
	s.later(40 * time.Second)
	s.do(t, under(3, progress("j1", "still")))
	s.later(15 * time.Second)
	s.candidates(t, all, "j2") // its lease was over after a minute
	s.do(t, complete("j1", 3), commands.Request{JobID: "j3", Actor: "worker_1", Command: commands.Pause{}})
	s.later(time.Hour)
	s.candidates(t, all, "j2")
	s.do(t, commands.Request{JobID: "j3", Actor: "worker_1", Command: commands.Resume{EnvironmentFingerprint: "envfp:prod"}})
	s.candidates(t, all, "j3")
}

// after submits a job that comes after others, not before a time.
func after(job string, due time.Time, others ...string) commands.Request {
	return commands.Request{JobID: job, Actor: "worker_1", Command: commands.Submit{
		EnvironmentFingerprint: "envfp:prod", ProducerVersion: "test/1", After: others, NotBefore: due,
	}}
}

// A job that is not due, or comes after others that are not completed, is no candidate yet.
func TestCandidatesThatAreNotDue(t *testing.T) {
	s := serveInStep(t)
	all := daemon.CandidateQuery{Limit: 9}
	due := s.server.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	s.do(t, submit("first"), submit("second"), after("last", time.Time{}, "second", "first"), after("late", due), after("both", due, "first"))
	s.candidates(t, all, "first", "second")
	s.do(t, complete("second", 0))
	s.candidates(t, all)
	came := s.waitFor(t.Context(), s.newClient(t), all)
	s.do(t, complete("first", 0))
	if jobs := <-came; !slices.Equal(jobs, []string{"last"}) {
		t.Errorf("when its dependencies are completed, %v are told", jobs)
	}
	s.later(time.Hour)
	s.candidates(t, all, "last", "late", "both")
	s.do(t, submit("fails"), after("never", time.Time{}, "fails"))
	s.do(t, commands.Request{JobID: "fails", Actor: "worker_1", Command: commands.Cancel{}})
	s.candidates(t, all)
}

// Whatever happens to jobs, the daemon hands out those that the projection says can be
// claimed, in that order, whether it has followed them or only begins.
func TestCandidatesAreClaims(t *testing.T) {
	const jobs = 12
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			s := serveInStep(t)
			r := rand.New(rand.NewPCG(seed, 1))
			statuses := []projection.Status{projection.Running, projection.PausedStatus, projection.DecisionNeeded}
			for step := range 120 {
				s.step(t, r, fmt.Sprint("job_", r.IntN(jobs)))
				if r.IntN(3) > 0 {
					continue
				}
				s.later(time.Duration(r.IntN(90)) * time.Second)
				ask := daemon.CandidateQuery{Limit: 64, Statuses: statuses[:1+2*r.IntN(2)]}
				if r.IntN(4) == 0 { // a queue that is new, since no job has the label
					ask.Labels = []ledger.Label{{Key: "team", Value: fmt.Sprint(step)}}
				}
				s.checkClaims(t, ask)
				s.later(2 * time.Minute) // longer than any job is kept
			}
		})
	}
}

// step carries out some command for a job. It may be refused.
func (s *testServer) step(t *testing.T, r *rand.Rand, job string) {
	t.Helper()
	j, _, _, err := projection.LoadState(t.Context(), s.Log, job)
	if err != nil {
		t.Fatal(err)
	}
	all := []commands.Request{
		submit(job), after(job, s.server.Now().Add(time.Minute).Truncate(time.Millisecond), "job_0"), after(job, time.Time{}, "job_1"),
		take(job, 5), take(job, 60), take(job, 600), complete(job, j.Epoch()), under(j.Epoch(), progress(job, "goes on")),
		{JobID: job, Actor: "worker_1", Command: commands.Pause{}},
		{JobID: job, Actor: "worker_1", Command: commands.Pause{Hold: true}},
		{JobID: job, Actor: "worker_1", Command: commands.Resume{EnvironmentFingerprint: "envfp:prod"}},
		{JobID: job, Actor: "worker_1", Command: commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "pay", RequiredAction: "look"}, Lease: j.Epoch()},
		{JobID: job, Actor: "boss", Command: commands.Approve{}},
		{JobID: job, Actor: "boss", Command: commands.LeaseRelease{Outcome: ledger.LeaseLost}},
	}
	weights := "0000000111112222333344444555556777888abbbbccddddd"
	i := strings.IndexByte("0123456789abcd", weights[r.IntN(len(weights))])
	if _, err := s.client.Do(t.Context(), all[i]); err != nil {
		if f, ok := ledger.FaultOf(err); !ok || f.Category == ledger.CategoryInternal || f.Category == ledger.CategoryIO {
			t.Fatalf("%s: %v", all[i].Command.Verb(), err)
		}
	}
}

// checkClaims compares candidates with what the projection says.
func (s *testServer) checkClaims(t *testing.T, ask daemon.CandidateQuery) {
	t.Helper()
	b, err := projection.BasisOf(t.Context(), s.Log, s.server.Now())
	if err != nil {
		t.Fatal(err)
	}
	jobs, _, err := projection.Claims(t.Context(), s.Log, projection.ClaimQuery{Labels: ask.Labels, Statuses: ask.Statuses, Limit: ask.Limit, Basis: b})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, j := range jobs {
		want = append(want, j.ID)
	}
	s.candidates(t, ask, want...)
}
