package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

// stopTimeout is how long a daemon that is stopped waits for the commands it has
// begun.
const stopTimeout = 30 * time.Second

// serveLong is the long help of gait serve.
const serveLong = `Open the ledger and keep it open for other processes: a daemon. If there is no ledger,
it is created. While the daemon runs, other gait commands on the same root go through
it, with the same output and exit codes; commands that arrive together are written
together. Those that replace the ledger or its key need the daemon stopped: keys rotate,
ledger move, restore, retire.

The daemon speaks JSON over HTTP to your own processes only, on gait.sock in the root.
If that path is too long, gait.sock is a link to a socket under XDG_RUNTIME_DIR, or else
under /tmp. A socket that is removed is made again. GET /openapi.json describes the
interface; /metrics is for Prometheus.

With --listen it also answers those who have a token, each as one actor in one role: gait
serve token. They name it in GAIT_URL, and the file of their token in GAIT_TOKEN_FILE. An
address that other machines can reach takes --tls-cert and --tls-key (TLS 1.3). A request
with the token of --token-file, which is for a loopback address, is your own.

With --mcp it also serves MCP at /mcp (Streamable HTTP): the tools of gait mcp serve. An agent gets
the token of --mcp-token-file, which it sends as a bearer: it is good for /mcp alone, as the worker
--mcp-actor, and nothing is signed for it. The token of --token-file is refused there, since who has
it can approve. At the socket, where clients are your own, the header Gait-Actor names the actor.

On SIGTERM or SIGINT it finishes the commands it has begun, then stops. It goes on if its
terminal is closed (SIGHUP), and if what reads its output ends.

It logs on stderr, as text or JSON, one line each: at info when it begins and stops to
serve; at warn what its user should know; at error faults of the disk, the ledger or gait
itself, and messages that were set aside; at debug also each request and command. No log holds a token, a key, a reason, a
summary or other text of a command.

--notify tells a webhook, or a program, of what people wait for: decisions that are asked for
and given, pauses, blocks, stops and ends of jobs. Each message is a CloudEvent, signed by the
ledger's key as Standard Webhooks says; a program gets it on standard input, and the headers
as WEBHOOK_ID, WEBHOOK_TIMESTAMP and WEBHOOK_SIGNATURE. What is not taken (2xx, or exit 0) is
sent again until it is, in the order of the ledger, also after the daemon was restarted; emergency
stops go ahead of what has to wait. What is refused for good (4xx but 408, 425 and 429, or exit 65)
is tried six times and then set aside: an error in the log, gait_notifications_total in /metrics, and
a line of /readyz say so. Of a URL only the host is logged.

--systemd prints a unit, --launchd a property list, each with the commands that install
it; as root they are for the system, else for your user. The flags given with them are in
the command that they run.`

func serveCommand(a *app) *cobra.Command {
	var flags serveFlags
	cmd := exits(&cobra.Command{
		Use:   "serve",
		Short: "Serve the ledger to many processes at once",
		Long:  serveLong,
		Example: `gait serve
gait serve --log-format json --log-level debug 2>> gait.log
gait serve --listen 127.0.0.1:7070 --token-file ~/.config/gait/token
gait serve --listen 127.0.0.1:7070 --mcp-policy policy.cedar --mcp-token-file agent.token --mcp-actor agent_1
gait serve token add --actor reviewer_1 --role approver --out reviewer_1.token
gait serve --listen 0.0.0.0:7070 --tls-cert cert.pem --tls-key key.pem
GAIT_URL=https://gait.example:7070 GAIT_TOKEN_FILE=reviewer_1.token gait job inbox
mkdir -p ~/.config/systemd/user && gait serve --systemd > ~/.config/systemd/user/gait.service
systemctl --user daemon-reload && systemctl --user enable --now gait.service
gait serve --notify https://hooks.example/gait --notify ./tell-me.sh
GAIT_DAEMON=require gait job status --id job_1`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	flags.add(cmd.Flags())
	cmd.AddCommand(serveTokenCommand(a))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := flags.check(); err != nil {
			return err
		}
		if flags.systemd || flags.launchd {
			return printUnit(a, flags.systemd, unitFlags(cmd))
		}
		signal.Ignore(syscall.SIGHUP)
		a.startLog(flags.log)
		defer a.log.flush()
		return serveLedger(cmd.Context(), a, flags)
	}
	return cmd
}

// serveLedger opens the ledger and serves it until ctx ends.
func serveLedger(ctx context.Context, a *app, flags serveFlags) (err error) {
	r, tokens, err := openToServe(ctx, a, flags)
	if err != nil {
		return err
	}
	defer func() {
		if closing := r.Close(); err == nil && closing != nil {
			err = fmt.Errorf("closing the ledger: %w", closing)
		}
		if err == nil {
			a.log.Info("stopped")
		}
	}()
	s, err := newServer(a, r, flags)
	if err != nil {
		return err
	}
	if s.Further, err = furtherOf(a, r, flags); err != nil {
		return err
	}
	targets, err := newNotifying(a, r, s.Metrics, flags.notify)
	if err != nil {
		return err
	}
	s.Warnings = targets.warnings
	gone := make(chan error, 1)
	listeners, err := listenAll(a, r, flags, stillServed(r.Dir, s.Process.Lock, gone))
	if err != nil {
		return err
	}
	servers := s.HTTP(len(listeners))
	served := make(chan error, len(servers))
	for i, l := range listeners {
		if err := s.Guard(servers[i], doorAt(a, r, l, flags, tokens)); err != nil {
			return err
		}
		go func() { served <- servers[i].Serve(l) }()
	}
	defer targets.start(ctx)()
	a.log.only.Store(true)
	announce(a, r, listeners, flags)
	select {
	case err = <-served:
		err = fmt.Errorf("serving %s: %w", r.Dir, err)
	case err = <-gone: // what is in its place now is not this daemon's, and may be opened any moment
		return errors.Join(err, closeServers(servers))
	case <-ctx.Done():
		a.log.Info("stopping", "why", context.Cause(ctx).Error())
	}
	err = errors.Join(err, stopServers(servers))
	s.Engine.Drain()
	return err
}

// openToServe opens the root, and reads the tokens of --listen.
func openToServe(ctx context.Context, a *app, flags serveFlags) (r *root.Root, tokens serveTokens, err error) {
	o, err := a.options()
	if err == nil {
		tokens, err = serveTokensIn(a, flags)
	}
	if err != nil {
		return nil, serveTokens{}, err
	}
	o.Mode, o.Create = root.Serve, flags.listen == "" || tokens != serveTokens{}
	o.Held = func() error {
		if by, ok := connect.Served(ctx, o); ok {
			return &servedError{dir: o.Dir, by: by}
		}
		return nil // the lock says which other process it is
	}
	if r, err = root.Open(ctx, o.Options); err != nil {
		return nil, serveTokens{}, err
	}
	if err := flags.checkTokens(r.Home, r.Log.Origin()); err != nil {
		return nil, serveTokens{}, errors.Join(err, r.Close())
	}
	return r, tokens, nil
}

// doorAt returns whom the daemon admits at one of its addresses.
func doorAt(a *app, r *root.Root, l net.Listener, flags serveFlags, sent serveTokens) daemon.Door {
	tokens := home.NewTokenReader(r.Home, r.Log.Origin())
	d := daemon.Door{
		Address: l.Addr().String(), Own: true, Signer: r.Signer, Entropy: a.entropy,
		Agents: daemon.Agents{Token: sent.agents, Path: mcpPath, Holder: daemon.Holder{Actor: flags.mcpActor, Role: string(ledger.RoleWorker)}},
		Tokens: func(id string) (daemon.Holder, bool, error) {
			t, ok, err := tokens.Token(id)
			return daemon.Holder{Actor: t.Actor, Role: t.Role, Key: t.Key}, ok, err
		},
	}
	if l.Addr().Network() == "tcp" {
		d.Own, d.Bearer, d.TLS = false, sent.own, flags.cert != ""
	}
	return d
}

// A servedError says that another daemon serves the root.
type servedError struct {
	dir string
	by  connect.Serving
}

func (e *servedError) Error() string { return fmt.Sprintf("%s is served already, by %s", e.dir, e.by) }

// Fault returns the error's code, daemon_running. To try again does not help.
func (*servedError) Fault() ledger.Fault { return (*connect.RunningError)(nil).Fault() }

func (*servedError) nextStep() string {
	return "there is nothing to do: commands on this root go through that daemon; to have another one, " + stopDaemon
}

// stillServed returns a function that fails if the lock file in dir is not the one whose
// root.LockID is lock: the root was removed, moved or replaced. gone gets the first such error.
func stillServed(dir, lock string, gone chan<- error) func() error {
	return func() error {
		id, err := root.LockID(dir)
		if err == nil && id == lock {
			return nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err = inDir(dir, fmt.Errorf("%s is no longer the root that is served: %w", dir, root.ErrLedgerMissing))
		select {
		case gone <- err:
		default:
		}
		return err
	}
}

// listenAll creates the socket, and also listens on TCP if --listen is given. held is
// connect.ListenOptions.Held.
func listenAll(a *app, r *root.Root, flags serveFlags, held func() error) ([]net.Listener, error) {
	l, err := connect.Listen(r.Dir, connect.ListenOptions{
		RuntimeDir: a.runtimeDir(),
		Held:       held,
		Renewed: func(path string, err error) {
			if err != nil {
				a.log.Error("the socket is gone", "path", path, "error", err.Error())
				return
			}
			a.log.Info("the socket was gone and is made again", "path", path)
		},
	})
	if err != nil {
		return nil, err
	}
	if flags.listen == "" {
		return []net.Listener{l}, nil
	}
	encrypted, err := flags.tlsConfig()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	tcp, err := net.Listen("tcp", flags.listen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening at %s: %w", flags.listen, err), l.Close())
	}
	// Clients are known by their token only after they have connected, so these
	// connections do not count as the user's own.
	tcp = connect.Shed(tcp, 0)
	if encrypted != nil {
		tcp = tls.NewListener(tcp, encrypted)
	}
	return []net.Listener{l, tcp}, nil
}

// runtimeDir returns the directory for the socket of a root with a long path, or "" for
// the default.
func (s *surroundings) runtimeDir() string {
	if dir := s.getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "gait")
	}
	return ""
}

// newServer makes the server of an open root.
func newServer(a *app, r *root.Root, flags serveFlags) (*daemon.Server, error) {
	lock, err := r.LockID()
	if err != nil {
		return nil, err
	}
	metrics := daemon.NewMetrics(a.now)
	return &daemon.Server{
		Engine: &commands.Engine{Log: metrics.Count(r.Log), Now: a.now, Entropy: a.entropy, Inherited: root.Inherited(r.Content()), Content: r.Content()},
		Log:    r.Log,
		Process: daemon.Process{
			PID: os.Getpid(), Version: moduleVersion(), Root: r.Dir, Home: connect.Absolute(r.Home), Lock: lock, Since: ledger.FormatTime(a.now().UTC()),
		},
		Here:    commands.Surroundings{EnvironmentFingerprint: new(boundFlags).environment(), ProducerVersion: producerVersion()},
		Now:     a.now,
		Metrics: metrics,
		Slog:    a.log.Logger,
		Content: r.Content(), Entropy: a.entropy, MaxContent: flags.maxContent,
	}, nil
}

// announce says that commands are accepted from now on. That it cannot be printed is no
// reason not to serve.
func announce(a *app, r *root.Root, listeners []net.Listener, flags serveFlags) {
	path := listeners[0].Addr().String()
	fields := object{"path": path, "origin": r.Log.Origin(), "tree_size": r.Log.Head().Size, "pid": os.Getpid()}
	attrs := []any{"path", path, "origin", r.Log.Origin(), "tree_size", r.Log.Head().Size, "pid", os.Getpid(), "version", moduleVersion()}
	if len(listeners) > 1 {
		address := listeners[1].Addr().String()
		fields["address"], attrs = address, append(attrs, "address", address)
	}
	a.log.Info("serving", attrs...)
	if flags.log.quiet && !a.json {
		return
	}
	err := a.print(fields, func(s *screen) {
		s.done("%s is served at %s", s.bold(r.Log.Origin()), path)
		if len(listeners) > 1 {
			s.fields([2]string{"also at", flags.scheme() + "://" + listeners[1].Addr().String()})
		}
	})
	if err != nil {
		a.log.Warn(err.Error())
	}
}

// closeServers closes servers, whatever they are asked.
func closeServers(servers []*http.Server) (err error) {
	for _, s := range servers {
		if closing := s.Close(); !errors.Is(closing, net.ErrClosed) {
			err = errors.Join(err, closing)
		}
	}
	return err
}

// stopServers makes servers accept no more requests, and waits for those they have
// begun.
func stopServers(servers []*http.Server) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	for _, s := range servers {
		if stopping := s.Shutdown(ctx); stopping != nil && !errors.Is(stopping, net.ErrClosed) {
			err = errors.Join(err, fmt.Errorf("stopping: %w", stopping), s.Close())
		}
	}
	return err
}
