package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"gait/commands/process"
	"gait/commands/worker"
)

// launched is a launcher and a command that it has started.
type launched struct{ worker.Child }

func (l launched) Start(context.Context, worker.State, int64) (worker.Child, error) { return l, nil }

func (launched) Wait() process.Exit { return process.Exit{} }

// TestDiesWithCommands has a write that fails: what is said of it names the commands that run.
func TestDiesWithCommands(t *testing.T) {
	full := errors.New("no space left on device")
	var s startedCommands
	said := ""
	fatal := s.lose(func(err error) {
		if said = err.Error(); !errors.Is(err, full) {
			t.Errorf("%v is not the error of the disk", err)
		}
	})
	l := s.count(launched{})
	one, err := l.Start(t.Context(), worker.State{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	two, err := l.Start(t.Context(), worker.State{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"2 commands", "1 command"} {
		if fatal(full); !strings.Contains(said, want) {
			t.Errorf("%q does not say %q", said, want)
		}
		one.Wait()
		one.Wait()
	}
	two.Wait()
	if fatal(full); said != full.Error() {
		t.Errorf("%q, although nothing runs", said)
	}
}
