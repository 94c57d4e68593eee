package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// A command that is interrupted waits for no pipe and for no standard input, neither to
// read nor to write.
func TestInterruptedWaits(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	for name, wait := range map[string]func(*app) error{
		"a pipe that no process writes": func(a *app) error {
			_, err := a.readFile(pipe, 10)
			return err
		},
		"a pack from such a pipe": func(a *app) error {
			_, _, err := openPack(a, pipe)
			return err
		},
		"standard input": func(a *app) error {
			_, err := a.readFile(fromStdin, 10)
			return err
		},
		"a pipe that no process reads": func(a *app) error {
			f, err := a.outFile("--out", pipe)
			if err != nil {
				return err
			}
			return f.write([]byte("text"))
		},
		"a pipe whose reader does not read": func(a *app) error {
			reader, err := openNoWait(pipe)
			if err != nil {
				return err
			}
			defer reader.Close()
			f, err := a.outFile("--out", pipe)
			if err != nil {
				return err
			}
			return f.write(make([]byte, 1<<20))
		},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		cmd := &cobra.Command{}
		cmd.SetContext(ctx)
		in, hold := io.Pipe()
		a := &app{console: console{stdin: in, surroundings: surroundings{getenv: func(string) string { return "" }}, runState: runState{running: cmd}}}
		done := make(chan error, 1)
		go func() { done <- wait(a) }()
		select {
		case err := <-done:
			t.Errorf("%s: did not wait: %v", name, err)
		case <-time.After(50 * time.Millisecond):
		}
		interrupt()
		select {
		case err := <-done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v, want that it was canceled", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: waits although it was interrupted", name)
		}
		hold.Close()
	}
}
