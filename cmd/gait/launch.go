package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/process"
	"gait/commands/worker"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/root"
	"gait/projection"
)

// A launcher starts the attempts of one job.
type launcher struct {
	*leasedJob

	guard          *process.Guard
	command        []string
	stdout, stderr io.Writer
}

// An attempt is a command that runs, with the directory of what it resumes with.
type attempt struct {
	*process.Process

	dir string
}

// Wait waits for the end of the command.
func (c *attempt) Wait() process.Exit {
	exit := c.Process.Wait()
	_ = os.RemoveAll(c.dir) // it is in a directory for what is temporary
	return exit
}

// Start starts an attempt.
func (l *launcher) Start(ctx context.Context, _ worker.State, _ int64) (worker.Child, error) {
	dir, err := os.MkdirTemp("", resumePrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil, fmt.Errorf("making the directory of what the command resumes with: %w", err)
	}
	started, err := l.startIn(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &attempt{Process: started, dir: dir}, nil
}

func (l *launcher) startIn(ctx context.Context, dir string) (*process.Process, error) {
	file, err := l.writeBundle(ctx, dir)
	if err != nil {
		return nil, err
	}
	c := process.Command{Args: l.command, Env: l.environment(file), Stdout: l.stdout, Stderr: l.stderr, Tail: l.flags.logSize}
	return l.guard.Start(ctx, c)
}

// environment returns the environment of an attempt: that of gait, and what the commands of
// the worker need to act for the job under its lease.
func (l *launcher) environment(bundle string) []string {
	set := map[string]string{
		"GAIT_JOB": l.id, "GAIT_LEASE": strconv.FormatInt(l.epoch, 10), "GAIT_ACTOR": l.o.Actor, "GAIT_RESUME": bundle,
	}
	if l.o.Remote.URL.IsZero() {
		set["GAIT_ROOT"] = connect.Absolute(l.o.Dir)
	} else {
		set["GAIT_URL"] = l.o.Remote.URL.String()
	}
	if trace := traceFor(&l.surroundings, commands.LeaseTake{}); trace != "" {
		set["TRACEPARENT"] = trace
	}
	env := slices.DeleteFunc(slices.Clone(l.environ()), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		_, replaced := set[name]
		return replaced
	})
	for name, value := range set {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env
}

// writeBundle writes what the worker resumes with into a directory, and returns its file.
// Content stands beside it: state, input, and what else it names by digest.
func (l *launcher) writeBundle(ctx context.Context, dir string) (string, error) {
	o := l.o
	o.Mode = root.Read
	var bundle projection.Bundle
	err := connect.Retry(ctx, o, func(r *connect.Ledger) error {
		is, err := r.Job(ctx, l.id)
		if err != nil {
			return err
		}
		b, err := r.Basis(ctx)
		if err != nil {
			return err
		}
		if bundle, err = projection.BundleOf(is, r.Log.JobEvents(ctx, l.id, 1), b); err != nil {
			return err
		}
		return l.fetch(ctx, r, &bundle, dir)
	})
	if err != nil {
		return "", fmt.Errorf("what the command resumes with: %w", err)
	}
	text, err := json.Marshal(bundle)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "resume.json")
	return file, os.WriteFile(file, append(text, '\n'), 0o600)
}

// fetch writes the content that a bundle names into a directory, and says where. What is not
// kept here has no path.
func (l *launcher) fetch(ctx context.Context, r *connect.Ledger, b *projection.Bundle, dir string) error {
	for c := range b.Contents() {
		name := c.Digest.String()
		switch {
		case b.State != nil && c == &b.State.BundleContent:
			name = "state"
		case c == b.Input:
			name = "input"
		}
		path := filepath.Join(dir, name)
		err := writeBeside(ctx, r, l.id, c.Digest, path)
		if _, missing := errors.AsType[*content.MissingError](err); missing {
			continue
		}
		if err != nil {
			return err
		}
		c.Path = path
	}
	return nil
}

// writeBeside writes content of a job into a file.
func writeBeside(ctx context.Context, r *connect.Ledger, job string, digest ledger.Hash, path string) (err error) {
	c, err := r.KeptContent(ctx, job, digest)
	if err != nil {
		return err
	}
	defer c.Close()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, c)
	return errors.Join(err, f.Close())
}
