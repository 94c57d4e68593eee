package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// A leaseEvent is what tests of workers look at of an event.
type leaseEvent struct {
	Seq     int64     `json:"seq"`
	Type    string    `json:"type"`
	Reason  string    `json:"reason_code"`
	Lease   int64     `json:"lease"`
	Created time.Time `json:"created_at"`
	Payload struct {
		Epoch      int64  `json:"epoch"`
		Cause      string `json:"cause"`
		Checkpoint string `json:"checkpoint_type"`
	} `json:"payload"`
}

// events returns the events of a job.
func (s *daemonRun) events(job string) []leaseEvent {
	s.t.Helper()
	out, err := s.command("job", "events", job, "--json").Output()
	var told struct{ Events []leaseEvent }
	if err == nil {
		err = json.Unmarshal(out, &told)
	}
	if err != nil {
		s.t.Fatalf("job events: %v: %s", err, out)
	}
	return told.Events
}

// causes returns how the attempts of a job ended.
func (s *daemonRun) causes(job string) (causes []string) {
	s.t.Helper()
	for _, e := range s.events(job) {
		if e.Type == "attempt_ended" {
			causes = append(causes, e.Payload.Cause)
		}
	}
	return causes
}

// writer is a worker that writes without end under the first lease, and does not hear SIGTERM. Under a
// later one it goes on after the supervisor of the first has thawed.
const writer = `add() { gait job checkpoint add --id "$GAIT_JOB" --summary "under lease $GAIT_LEASE" "$@"; }
if [ "$GAIT_LEASE" -gt 1 ]; then
  add || exit 9
  echo >> "$GAIT_JOB.second"
  until [ -e "$GAIT_JOB.thawed" ]; do sleep 0.1; done
  add
  exit
fi
trap '' TERM
while :; do
  add
  echo >> "$GAIT_JOB.first"
  sleep 0.2
done
`

// hireFor starts a gait work that takes one job of the queue.
func (s *daemonRun) hireFor(t *testing.T, log string) (cmd *exec.Cmd, ended chan error) {
	t.Helper()
	said, err := os.Create(filepath.Join(s.dir, log))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	cmd = s.command("work", "--label", "queue=frozen", "--lease-ttl", "5s", "--grace", "1s", "--max-jobs", "1", "--actor", "worker_1", "--", "sh", "writer.sh")
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended = make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGKILL) })
	return cmd, ended
}

// awaitFile waits until a file is there.
func (s *daemonRun) awaitFile(t *testing.T, name string) {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.dir, name)); err == nil {
			return
		}
		if time.Now().After(until) {
			t.Fatalf("%s is not there after a minute", name)
		}
	}
}

// A gait work is frozen beyond its lease while its worker writes, and another takes the job. When the
// first thaws, its worker is gone, and nothing lands under its lease.
func TestTortureFrozenSupervisor(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the end of leases")
	}
	for _, through := range []string{"daemon", "alone"} {
		t.Run(through, func(t *testing.T) {
			s := newDaemonRun(t)
			if err := os.WriteFile(filepath.Join(s.dir, "writer.sh"), []byte(writer), 0o600); err != nil {
				t.Fatal(err)
			}
			s.mustDo("ledger", "init")
			if through == "daemon" {
				s.start()
			}
			rounds := 1
			if *thorough {
				rounds = 20
			}
			for i := range rounds {
				s.freezeFirst(t, fmt.Sprint("job_", i+1))
			}
			s.mustDo("ledger", "verify")
		})
	}
}

func (s *daemonRun) freezeFirst(t *testing.T, job string) {
	t.Helper()
	s.mustDo("job", "submit", "--id", job, "--label", "queue=frozen", "--actor", "boss")
	first, firstEnded := s.hireFor(t, job+".1.log")
	s.awaitFile(t, job+".first")
	first.Process.Signal(syscall.SIGSTOP)
	_, secondEnded := s.hireFor(t, job+".2.log")
	s.awaitFile(t, job+".second")
	beat, err := os.Stat(filepath.Join(s.dir, job+".first"))
	if err != nil {
		t.Fatal(err)
	}
	first.Process.Signal(syscall.SIGCONT)
	s.refuseOld(t, job)
	if err := s.ends(t, firstEnded); err != nil {
		t.Errorf("the first gait work: %v", err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, job+".thawed"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.ends(t, secondEnded); err != nil {
		t.Errorf("the second gait work: %v", err)
	}
	s.checkFrozen(t, job)
	if after, err := os.Stat(filepath.Join(s.dir, job+".first")); err != nil || after.Size() != beat.Size() {
		t.Errorf("the first worker lived when the second had begun: %v", err)
	}
	for _, e := range s.events(job) {
		if e.Type == "leased" && e.Payload.Epoch == 2 {
			t.Logf("the first worker was silent %d ms before the second lease", e.Created.Sub(beat.ModTime()).Milliseconds())
			if e.Created.Before(beat.ModTime()) {
				t.Errorf("the first worker lived at the second lease")
			}
		}
	}
}

// ends waits for the end of a process.
func (s *daemonRun) ends(t *testing.T, ended chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(time.Minute):
		t.Fatal("gait work has not ended after a minute")
	}
	return nil
}

// refuseOld requires that what names the first lease is fenced.
func (s *daemonRun) refuseOld(t *testing.T, job string) {
	t.Helper()
	for _, args := range [][]string{
		{"job", "checkpoint", "add", "--summary", "late"},
		{"job", "checkpoint", "add", "--summary", "late", "--type", "completed"},
		{"job", "checkpoint", "add", "--summary", "late", "--type", "failed"},
		{"job", "lease", "renew"},
	} {
		code, said := s.run(append(args, "--id", job, "--lease", "1", "--actor", "worker_1", "--json")...)
		if code != 3 || said.ErrorCode != "fenced" {
			t.Errorf("gait %q under lease 1 exits %d: %s, want 3: fenced", args, code, said.ErrorCode)
		}
	}
}

// checkFrozen requires that nothing landed under the first lease once there was a second, and that the job
// was completed once.
func (s *daemonRun) checkFrozen(t *testing.T, job string) {
	t.Helper()
	events := s.events(job)
	second := slices.IndexFunc(events, func(e leaseEvent) bool { return e.Type == "leased" && e.Payload.Epoch == 2 })
	if second < 0 {
		t.Fatalf("there is no second lease: %+v", events)
	}
	for _, e := range events[second:] {
		if e.Lease == 1 && (e.Type != "refused" || e.Reason != "fenced") {
			t.Errorf("event %d lands under the first lease: %+v", e.Seq, e)
		}
	}
	completed, written := 0, 0
	for _, e := range events {
		if e.Type == "checkpoint_added" && e.Payload.Checkpoint == "completed" {
			completed++
		}
		if e.Type == "checkpoint_added" && e.Lease == 2 {
			written++
		}
	}
	if status := s.mustDo("job", "status", job).Job.Status; completed != 1 || written != 3 || status != "completed" {
		t.Errorf("the job is %s, was completed %d times, and the second worker wrote %d times, want 3", status, completed, written)
	}
	if causes := s.causes(job); !slices.Equal(causes, []string{"lost", "exited"}) {
		t.Errorf("the attempts ended %q, want lost, exited", causes)
	}
}
