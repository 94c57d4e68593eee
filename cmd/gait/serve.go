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
	var flags serveFlags
	cmd := exits(&cobra.Command{
		Use:   "serve",
		Short: "Serve the ledger to many processes at once",
		Long: `serve opens the ledger and keeps it open, beginning one where there is none. While
it runs, every other gait command on the same root finds it and goes through it,
with the same output and exit codes; what comes together is written together. It
listens on gait.sock in the root (or, where that path is too long, under
XDG_RUNTIME_DIR), as JSON over HTTP, for your own processes only; GET /openapi.json
describes it, /metrics is for Prometheus. SIGTERM and SIGINT stop it: commands it has
begun finish first. A line a command goes to stderr.`,
		Example: "gait serve\ngait serve --listen 127.0.0.1:7070 --token-file ~/.config/gait/token\ngait serve --systemd > ~/.config/systemd/user/gait.service\nGAIT_DAEMON=require gait job status --id job_1",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&flags.listen, "listen", "", "listen on this loopback address and port too, such as 127.0.0.1:7070")
	f.StringVar(&flags.tokenFile, "token-file", "", "file with the token that requests to --listen must have; made where there is none")
	f.BoolVar(&flags.systemd, "systemd", false, "print a systemd unit that serves this root, and do nothing else")
	f.BoolVar(&flags.launchd, "launchd", false, "print a launchd property list that serves this root, and do nothing else")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := flags.check(); err != nil {
			return err
		}
		if flags.systemd || flags.launchd {
			return a.printUnit(flags.systemd)
		}
		return a.serve(cmd.Context(), flags)
	}
	return cmd
}

// serve owns the ledger until ctx ends.
func (a *app) serve(ctx context.Context, flags serveFlags) (err error) {
	o, err := a.options()
	if err != nil {
		return err
	}
	token := ""
	if flags.listen != "" {
		if token, err = a.token(flags.tokenFile); err != nil {
			return err
		}
	}
	o.Create, o.Sustained = true, true
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
	listeners, err := a.listen(at, flags)
	if err != nil {
		return err
	}
	s := a.server(r)
	servers := s.HTTP(len(listeners))
	served := make(chan error, len(servers))
	for i, l := range listeners {
		if l.Addr().Network() == "tcp" {
			s.Guard(servers[i], token, l.Addr().String())
		}
		go func() { served <- servers[i].Serve(l) }()
	}
	err = a.serving(r, at, listeners)
	if err == nil {
		select {
		case err = <-served:
			err = fmt.Errorf("serving %s: %w", at.path, err)
		case <-ctx.Done():
		}
	}
	return errors.Join(err, stop(servers))
}

// listen makes the socket, and listens on TCP where that was asked for.
func (a *app) listen(at socket, flags serveFlags) ([]net.Listener, error) {
	l, err := at.listen()
	if err != nil {
		return nil, err
	}
	if flags.listen == "" {
		return []net.Listener{l}, nil
	}
	tcp, err := net.Listen("tcp", flags.listen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening at %s: %w", flags.listen, err), l.Close())
	}
	// Who has no token is found out on a connection: these are not the user's own.
	return []net.Listener{l, &boundedListener{Listener: tcp, limit: maxOpen() / 4}}, nil
}

// server makes the server of an open root.
func (a *app) server(r *root.Root) *daemon.Server {
	metrics := daemon.NewMetrics(a.now)
	return &daemon.Server{
		Engine:  &commands.Engine{Log: metrics.Count(r.Log), Now: a.now, Entropy: a.entropy},
		Log:     r.Log,
		Process: daemon.Process{PID: os.Getpid(), Version: moduleVersion(), Root: r.Dir, Home: absolute(r.Home)},
		Here:    daemon.Surroundings{EnvironmentFingerprint: new(boundFlags).environment(), ProducerVersion: producerVersion()},
		Classify: func(err error) daemon.Failure {
			f := classify(err)
			return daemon.Failure{Code: f.code, Category: f.category, Exit: f.exit, Retryable: f.retryable, Hint: ofRequest(f.hint)}
		},
		Now:     a.now,
		Metrics: metrics,
		Slog:    slog.New(slog.NewTextHandler(a.stderr, nil)),
	}
}

// serving says that commands are taken from now on.
func (a *app) serving(r *root.Root, at socket, listeners []net.Listener) error {
	fields := object{"path": at.path, "origin": r.Log.Origin(), "tree_size": r.Log.Head().Size, "pid": os.Getpid()}
	if len(listeners) > 1 {
		fields["address"] = listeners[1].Addr().String()
	}
	return a.print(fields, func(s *screen) {
		s.done("%s is served at %s", s.bold(r.Log.Origin()), at.path)
		if len(listeners) > 1 {
			s.fields([2]string{"also at", "http://" + listeners[1].Addr().String()})
		}
	})
}

// stop has servers take no more, and finish what they have begun.
func stop(servers []*http.Server) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	for _, s := range servers {
		if stopping := s.Shutdown(ctx); stopping != nil && !errors.Is(stopping, net.ErrClosed) {
			err = errors.Join(err, fmt.Errorf("stopping: %w", stopping), s.Close())
		}
	}
	return err
}
