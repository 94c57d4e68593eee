package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger/root"
)

// stopTimeout is how long a daemon that was told to stop waits for the commands
// that it has begun.
const stopTimeout = 30 * time.Second

func (a *app) serveCommand() *cobra.Command {
	cmd := exits(&cobra.Command{
		Use:   "serve",
		Short: "Serve the ledger to many processes at once",
		Long: `serve opens the ledger and keeps it open, beginning one where there is none. While
it runs, every other gait command on the same root finds it and goes through it,
with the same output and exit codes; what comes together is written together. It
listens on gait.sock in the root (or, where that path is too long, under
XDG_RUNTIME_DIR), as JSON over HTTP, for your own processes only. SIGTERM and
SIGINT stop it: commands it has begun finish first. A line a command goes to stderr.`,
		Example: "gait serve\ngait serve --root /srv/jobs\nGAIT_DAEMON=require gait job status --id job_1",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return a.serve(cmd.Context()) }
	return cmd
}

// serve owns the ledger until ctx ends.
func (a *app) serve(ctx context.Context) (err error) {
	o, err := a.options()
	if err != nil {
		return err
	}
	o.Create = true
	r, err := root.Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() {
		if closing := r.Close(); err == nil && closing != nil {
			err = fmt.Errorf("closing the ledger: %w", closing)
		}
	}()
	at, err := a.socketOf(r.Dir)
	if err != nil {
		return err
	}
	l, err := at.listen()
	if err != nil {
		return err
	}
	server := a.server(r).HTTP()
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	if err := a.serving(r, at); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serving %s: %w", at.path, err)
	case <-ctx.Done():
	}
	return stop(server)
}

// server makes the server of an open root.
func (a *app) server(r *root.Root) *daemon.Server {
	return &daemon.Server{
		Engine:  &commands.Engine{Log: r.Log, Now: a.now, Entropy: a.entropy},
		Log:     r.Log,
		Process: daemon.Process{PID: os.Getpid(), Version: moduleVersion(), Root: r.Dir},
		Classify: func(err error) daemon.Failure {
			f := classify(err)
			return daemon.Failure{Code: f.code, Category: f.category, Exit: f.exit, Retryable: f.retryable, Hint: f.hint}
		},
		Now:  a.now,
		Slog: slog.New(slog.NewTextHandler(a.stderr, nil)),
	}
}

// serving says that commands are taken from now on.
func (a *app) serving(r *root.Root, at socket) error {
	fields := object{"path": at.path, "origin": r.Log.Origin(), "tree_size": r.Log.Head().Size, "pid": os.Getpid()}
	return a.print(fields, func(s *screen) {
		s.done("%s is served at %s", s.bold(r.Log.Origin()), at.path)
	})
}

// stop has a server take no more, and finish what it has begun.
func stop(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("stopping: %w", errors.Join(err, server.Close()))
	}
	return err
}
