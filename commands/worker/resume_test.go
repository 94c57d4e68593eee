package worker_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands/worker"
	"gait/ledger"
	"gait/projection"
)

// approve approves all that the job was stopped for. The caller holds mu.
func (b *book) approve() { b.waiting, b.approved = projection.WaitsForResume, true }

func (b *book) ask(epoch int64) error {
	return b.work(epoch, "asked", func() {
		b.to(projection.DecisionNeeded, projection.WaitsForDecision)
		b.asked = true
	})
}

// TestStaysPaused has jobs that wait for a person, with AutoResume: nothing but an approval, or a
// person, ends that.
func TestStaysPaused(t *testing.T) {
	block := func(c *child) int {
		if c.n == 1 {
			_ = c.book.work(1, "blocked", func() { c.book.to(projection.Blocked, projection.WaitsForResume) })
			return worker.AskedExit
		}
		return 0
	}
	tests := map[string]struct {
		script func(*child) int
		during func(*book)
		events []string
	}{
		"a pause":          {busyOnce, func(b *book) { b.pause(); time.Sleep(time.Hour); b.resume() }, []string{"paused", "attempt_ended paused 3", "resumed"}},
		"an approved hold": {busyOnce, func(b *book) { b.pause(); time.Sleep(time.Hour); b.by("approved", b.approve) }, []string{"paused", "attempt_ended paused 3", "approved", "resumed by the supervisor"}},
		"a block":          {block, func(b *book) { time.Sleep(time.Hour); b.resume() }, []string{"blocked", "attempt_ended asked 75", "resumed"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o := newBook(), options(t)
				o.WaitForPeople, o.AutoResume = true, true
				if got, err := run(t, b, o, tt.script, after(3*time.Second, func() { tt.during(b) })); got != worker.Completed || err != nil {
					t.Errorf("Run = %q, %v, want completed", got, err)
				}
				want := append(append([]string{"leased 1"}, tt.events...), "leased 2", "attempt_ended exited 0", "completed")
				if diff := cmp.Diff(want, b.list()); diff != "" {
					t.Error(diff)
				}
				if b.reads > 20 {
					t.Errorf("the job was read %d times", b.reads)
				}
			})
		})
	}
}

// TestResumeRefused has a ledger that does not resume the job, although all is approved: that
// neither ends the supervisor nor does it try for ever.
func TestResumeRefused(t *testing.T) {
	no := ledger.NewError("another environment", ledger.Fault{Code: "environment_mismatch", Category: ledger.CategoryUnsafe})
	for _, waits := range []bool{true, false} {
		t.Run(fmt.Sprintf("waits for people %t", waits), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o, tries := newBook(), options(t), 0
				b.status = projection.DecisionNeeded
				b.approve()
				b.fails = func(op string) error {
					if op == "resume" {
						tries++
						b.by("refused", func() {}) // refusals are recorded
						return no
					}
					return nil
				}
				o.WaitForPeople, o.AutoResume = waits, true
				var during []func()
				if waits {
					during = append(during, after(time.Hour, b.resume))
				}
				got, err := run(t, b, o, exits(0), during...)
				switch {
				case waits && (got != worker.Completed || err != nil):
					t.Errorf("Run = %q, %v, want completed", got, err)
				case !waits && (got != worker.Paused || !errors.Is(err, no)):
					t.Errorf("Run = %q, %v, want the refusal", got, err)
				}
				if tries != 1 {
					t.Errorf("%d tries to resume it", tries)
				}
			})
		})
	}
}

// TestLostAttempts has attempts before that were lost with their supervisor: they count.
func TestLostAttempts(t *testing.T) {
	tests := map[string]struct {
		lost, retries int
		grants        int
		want          worker.Outcome
		events        []string
	}{
		"none left":     {3, 2, 0, worker.Failed, []string{"failed attempt 3: lost, 3 in a row; "}},
		"no tries":      {1, 0, 0, worker.Failed, []string{"failed attempt 1: lost, 1 in a row; "}},
		"one left":      {2, 2, 0, worker.Failed, []string{"attempt_ended exited 1", "failed attempt 3: exit 1; its end"}},
		"two left":      {1, 2, 0, worker.Completed, []string{"attempt_ended exited 1", "attempt_ended exited 0", "completed"}},
		"unsettled":     {3, 2, 1, worker.Waiting, []string{"lease_released gave_up"}},
		"none was lost": {0, 2, 0, worker.Failed, []string{"attempt_ended exited 1", "attempt_ended exited 1", "attempt_ended exited 1", "failed attempt 3: exit 1; its end"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o := newBook(), options(t)
				b.lost, b.attempts, b.grants = tt.lost, int64(tt.lost), tt.grants
				o.Retries = tt.retries
				script := func(c *child) int {
					if c.sleep(time.Second); tt.want == worker.Completed && c.n == 3 {
						return 0
					}
					return 1
				}
				if got, err := run(t, b, o, script); got != tt.want || err != nil {
					t.Errorf("Run = %q, %v, want %q", got, err, tt.want)
				}
				if diff := cmp.Diff(append([]string{"leased 1"}, tt.events...), b.list()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
