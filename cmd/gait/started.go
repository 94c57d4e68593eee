package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"gait/commands/process"
	"gait/commands/worker"
)

// startedCommands counts the commands that run.
type startedCommands struct{ running atomic.Int64 }

// count returns a launcher whose commands are counted.
func (c *startedCommands) count(l worker.Launcher) worker.Launcher {
	return &countedLauncher{Launcher: l, of: c}
}

// lose returns what ends the process after a failed write, and says first what ends with it.
func (c *startedCommands) lose(fatal func(error)) func(error) {
	return func(err error) {
		if n := c.running.Load(); n > 0 {
			err = fmt.Errorf("%w; with gait ends what it has started, %s: its attempt counts as lost", err, count(n, "command"))
		}
		fatal(err)
	}
}

type countedLauncher struct {
	worker.Launcher

	of *startedCommands
}

// Start starts an attempt.
func (l *countedLauncher) Start(ctx context.Context, s worker.State, n int64) (worker.Child, error) {
	child, err := l.Launcher.Start(ctx, s, n)
	if err != nil {
		return nil, err
	}
	l.of.running.Add(1)
	return &countedChild{Child: child, of: l.of}, nil
}

type countedChild struct {
	worker.Child

	of    *startedCommands
	ended sync.Once
}

// Wait waits for the end of the command.
func (c *countedChild) Wait() process.Exit {
	exit := c.Child.Wait()
	c.ended.Do(func() { c.of.running.Add(-1) })
	return exit
}
