package worker_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands/process"
	"gait/commands/worker"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == process.GuardArg {
		os.Exit(process.GuardMain(os.Stdin))
	}
	os.Exit(m.Run())
}

// A shell starts attempts that are scripts of a shell, through a guard.
type shell struct {
	guard  *process.Guard
	script string
	begun  chan *process.Process
}

func (l *shell) Start(ctx context.Context, _ worker.State, _ int64) (worker.Child, error) {
	p, err := l.guard.Start(ctx, process.Command{Args: []string{"sh", "-c", l.script}, Env: os.Environ(), Tail: 100})
	if err != nil {
		return nil, err
	}
	l.begun <- p
	return p, nil
}

// TestProcesses runs real commands under the loop.
func TestProcesses(t *testing.T) {
	tests := map[string]struct {
		script string
		during func(*book, *process.Process)
		want   worker.Outcome
		events []string
	}{
		"done":   {"echo done", nil, worker.Completed, []string{"leased 1", "attempt_ended exited 0", "completed"}},
		"failed": {"echo why; exit 9", nil, worker.Failed, []string{"leased 1", "attempt_ended exited 9", "failed attempt 1: exit 9; why\n"}},
		"killed": {"kill -9 $$", nil, worker.Failed, []string{"leased 1", "attempt_ended signaled 137", "failed attempt 1: exit 137; "}},
		"paused, deaf, with a child": {
			"trap '' TERM; sleep 1000 & echo ready; sleep 1000; sleep 1000",
			func(b *book, p *process.Process) {
				for string(p.Tail()) != "ready\n" {
					time.Sleep(5 * time.Millisecond)
				}
				b.pause()
			},
			worker.Paused,
			[]string{"leased 1", "paused", "attempt_ended paused 137"},
		},
		"taken away": {
			"exec sleep 1000",
			func(b *book, _ *process.Process) { b.by("lease_released lost", func() { b.ended = true }) },
			worker.LeaseLost,
			[]string{"leased 1", "lease_released lost", "attempt_ended lease_lost 143"},
		},
	}
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	guard, err := process.NewGuard([]string{path, process.GuardArg})
	if err != nil {
		t.Fatal(err)
	}
	defer guard.Close()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, l := newBook(), &shell{guard, tt.script, make(chan *process.Process, 1)}
			go func() {
				if p := <-l.begun; tt.during != nil {
					tt.during(b, p)
				}
			}()
			o := options(t)
			o.Grace = 300 * time.Millisecond
			r := &worker.Runner{Job: &client{book: b, ttl: ttl}, Launcher: l, Options: o}
			if got, err := r.Run(t.Context()); got != tt.want || err != nil {
				t.Errorf("Run = %q, %v, want %q", got, err, tt.want)
			}
			if diff := cmp.Diff(tt.events, b.list()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
