package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/projection"
)

// queued submits a job of a queue.
func queued(job, queue string) commands.Request {
	return commands.Request{JobID: job, Actor: "worker_1", Command: commands.Submit{
		EnvironmentFingerprint: "envfp:prod", ProducerVersion: "test/1", Labels: []ledger.Label{{Key: "queue", Value: queue}},
	}}
}

func ofQueue(queue string, limit int) daemon.CandidateQuery {
	return daemon.CandidateQuery{Labels: []ledger.Label{{Key: "queue", Value: queue}}, Limit: limit}
}

// candidates asks for candidates, and fails if they are others.
func (s *testServer) candidates(t *testing.T, q daemon.CandidateQuery, want ...string) {
	t.Helper()
	got, err := s.client.Candidates(t.Context(), q)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Candidates(%v) = %v, %v, want %v", q, got, err, want)
	}
}

// later lets time pass for the server.
func (s *testServer) later(by time.Duration) { s.behind.Add(-int64(by)) }

// Candidates are the oldest jobs first, each for one client at a time.
func TestCandidates(t *testing.T) {
	s := serve(t)
	for i := range 6 {
		s.do(t, queued(fmt.Sprint("job_", 9-i), []string{"refunds", "other"}[i%2]))
	}
	s.candidates(t, ofQueue("refunds", 0), "job_9")
	s.candidates(t, ofQueue("refunds", 5), "job_7", "job_5")
	s.candidates(t, ofQueue("refunds", 1))
	s.candidates(t, daemon.CandidateQuery{Limit: 9}, "job_8", "job_6", "job_4") // the others are kept for who was told of them
	s.candidates(t, ofQueue("none", 1))
	s.do(t, queued("job_new", "refunds"))
	s.candidates(t, ofQueue("refunds", 9), "job_new")
	s.later(3 * time.Second)
	s.candidates(t, ofQueue("refunds", 2), "job_9", "job_7")
	s.do(t, progress("job_5", "goes on"), commands.Request{JobID: "job_5", Actor: "worker_1", Command: commands.Cancel{}})
	s.candidates(t, ofQueue("refunds", 9), "job_new")
}

// A job that was handed out and not leased, again and again, is kept back for longer: it does
// not keep the workers from the others.
func TestCandidatesStarveNone(t *testing.T) {
	s := serve(t)
	const bad = 40
	for i := range bad {
		s.do(t, queued(fmt.Sprintf("bad_%02d", i), "q"))
	}
	s.do(t, queued("good", "q"))
	for range 200 { // a second each
		got, err := s.client.Candidates(t.Context(), ofQueue("q", 8))
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(got, "good") {
			return
		}
		s.later(time.Second)
	}
	t.Error("the last job was never handed out")
}

// Jobs that were approved and wait only for a resume are candidates for who asks for them. One that
// an operator has paused is none before that is approved.
func TestCandidatesForResume(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"), submit("j2"), submit("j3"))
	ask := daemon.CandidateQuery{Statuses: []projection.Status{projection.Running, projection.PausedStatus, projection.DecisionNeeded}, Limit: 9}
	s.do(t, commands.Request{JobID: "j1", Actor: "worker_1", Command: commands.Pause{}})
	s.do(t, commands.Request{JobID: "j2", Actor: "worker_1", Command: commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "pay", RequiredAction: "look"}})
	s.candidates(t, daemon.CandidateQuery{Limit: 9}, "j3")
	s.candidates(t, ask)
	s.do(t, commands.Request{JobID: "j1", Actor: "boss", Command: commands.Approve{}})
	s.candidates(t, ask, "j1")
	s.do(t, commands.Request{JobID: "j2", Actor: "boss", Command: commands.Approve{}})
	s.candidates(t, ask, "j2")
	s.do(t, commands.Request{JobID: "j2", Actor: "worker_1", Command: commands.Resume{EnvironmentFingerprint: "envfp:prod"}})
	s.candidates(t, daemon.CandidateQuery{Limit: 9}, "j2") // what was told of it before is over
}

// waitFor asks for a candidate in the background.
func (s *testServer) waitFor(ctx context.Context, c *daemon.Client, q daemon.CandidateQuery) <-chan []string {
	came := make(chan []string, 1)
	q.Wait = time.Minute
	go func() {
		jobs, err := c.Candidates(ctx, q)
		if err != nil {
			jobs = []string{err.Error()}
		}
		came <- jobs
	}()
	return came
}

// Clients that wait get jobs as they come, each another one, and none is lost.
func TestCandidatesAreWaitedFor(t *testing.T) {
	s := serve(t)
	const clients = 8
	var wait sync.WaitGroup
	got := make([]string, clients)
	for i := range clients {
		wait.Go(func() {
			if jobs := <-s.waitFor(t.Context(), s.newClient(t), ofQueue("q", 1)); len(jobs) == 1 {
				got[i] = jobs[0]
			}
		})
	}
	want := make([]string, clients)
	for i := range clients {
		want[i] = fmt.Sprint("job_", i)
		s.do(t, queued(want[i], "q"), queued(fmt.Sprint("no_", i), "other"))
	}
	wait.Wait()
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("they got %v, want %v", got, want)
	}
	for end := time.Now().Add(20 * time.Second); s.server.Follows(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no client waits, and the ledger is still followed")
		}
	}
}

// Who waits is told when a job is due, and not told anything at the end of the time.
func TestCandidatesComeDue(t *testing.T) {
	s := serve(t)
	s.do(t, queued("job_1", "q"))
	s.candidates(t, ofQueue("q", 1), "job_1")
	began := time.Now()
	if jobs := <-s.waitFor(t.Context(), s.client, ofQueue("q", 1)); !slices.Equal(jobs, []string{"job_1"}) || time.Since(began) < time.Second {
		t.Errorf("after %s it got %v", time.Since(began), jobs)
	}
	q := ofQueue("none", 1)
	q.Wait = 50 * time.Millisecond
	s.candidates(t, q)
}

// A client that leaves, and a server that stops, end the waiting.
func TestWaitingForCandidatesEnds(t *testing.T) {
	s := serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	gone, stays := s.waitFor(ctx, s.newClient(t), ofQueue("q", 1)), s.waitFor(t.Context(), s.newClient(t), ofQueue("q", 1))
	time.Sleep(20 * time.Millisecond)
	cancel()
	<-gone
	s.do(t, queued("job_1", "q"))
	if jobs := <-stays; !slices.Equal(jobs, []string{"job_1"}) {
		t.Errorf("who stays got %v", jobs)
	}
	last := s.waitFor(t.Context(), s.newClient(t), ofQueue("q", 1))
	time.Sleep(20 * time.Millisecond)
	stopping, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := s.http.Shutdown(stopping); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if jobs := <-last; len(jobs) > 0 && !strings.Contains(jobs[0], "does not answer") {
		t.Errorf("the last one got %v", jobs)
	}
}

// Questions that make no sense are refused.
func TestBadCandidateQuestions(t *testing.T) {
	s := serve(t)
	for _, body := range []string{
		`{"limit":-1}`, `{"limit":65}`, `{"wait_ms":-1}`, `{"wait_ms":600001}`, `{"statuses":["completed"]}`, `{"statuses":["asleep"]}`,
		`{"labels":[` + strings.Repeat(`{"key":"a","value":"b"},`, 16) + `{"key":"a","value":"b"}]}`, `{"label":[]}`, `[]`,
	} {
		if status, text, _ := s.get(t, http.MethodPost, "/v1/candidates", body); status != http.StatusBadRequest {
			t.Errorf("%s is answered with %d %s", body, status, text)
		}
	}
	for i := range 256 {
		s.candidates(t, ofQueue(fmt.Sprint("q", i), 1))
	}
	_, err := s.client.Candidates(t.Context(), ofQueue("one more", 1))
	if busy, ok := errors.AsType[*daemon.Error](err); !ok || busy.Kind.Code != "busy" {
		t.Errorf("a queue too many: %v", err)
	}
	s.later(time.Hour)
	s.candidates(t, ofQueue("one more", 1))
}
