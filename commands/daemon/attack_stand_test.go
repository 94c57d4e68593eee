package daemon_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
	"gait/packspec"
	"gait/projection"
)

// A stand is a ledger in memory with what decides on it and shows it. Its rows may be
// changed under it at any time. What it answers depends on its rows alone: the clock
// and the entropy of each command are fixed.
type stand struct {
	table     *memtable.Table
	log       *store.Log
	engine    *commands.Engine
	clock     ledgertest.Clock
	entropy   io.Reader
	published [][]byte // the checkpoints that were signed

	stop   func()        // stops the daemon
	source ledger.Reader // the log, or what a daemon's client shows of it
	do     func(context.Context, commands.Request) (commands.Result, error)
}

// A how says how a stand's ledger is opened.
type how struct {
	readOnly bool
	oneShot  bool
	keyless  bool // without the ledger's key, as an auditor has it
	forgot   bool // by a home that does not know that the ledger had an index
	daemon   bool // commands go through a daemon
}

// Read implements the entropy of the engine.
func (s *stand) Read(b []byte) (int, error) { return s.entropy.Read(b) }

// openStand opens the ledger in a table.
func openStand(t testing.TB, table *memtable.Table, h how) (*stand, error) {
	s := &stand{table: table}
	s.clock.Advance(time.Hour)
	o := store.Options{Published: func(signed []byte) error {
		s.published = append(s.published, bytes.Clone(signed))
		return nil
	}}
	withKeys(&o, h)
	table.Reopen()
	var err error
	if s.log, err = store.Open(t.Context(), table, o); err != nil {
		return nil, err
	}
	s.restart()
	if h.daemon {
		s.serve(t)
	}
	return s, nil
}

// restart makes the engine forget what it has read.
func (s *stand) restart() {
	s.engine = &commands.Engine{Log: s.log, Now: s.clock.Now, Entropy: s}
	s.source, s.do = s.log, s.engine.Do
}

// serve puts a daemon and its client in front of the ledger.
func (s *stand) serve(t testing.TB) {
	server := &daemon.Server{
		Engine: s.engine, Log: s.log, Process: daemon.Process{PID: 1, Version: "test", Root: "/root"}, Metrics: daemon.NewMetrics(time.Now),
		Here: commands.Surroundings{EnvironmentFingerprint: "envfp:here", ProducerVersion: "daemon/1"}, Now: time.Now,
	}
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	h, done := server.HTTP(1)[0], make(chan struct{})
	go func() { defer close(done); h.Serve(listener) }()
	transport := daemon.Transport(func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", path) })
	client := &daemon.Client{HTTP: &http.Client{Transport: transport}, Timeout: 10 * time.Second}
	s.stop = func() { transport.CloseIdleConnections(); h.Close(); <-done }
	opened, err := client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.source, s.do = opened, client.Do
}

// renew lets a client of a daemon see what was written since it was opened.
func (s *stand) renew(ctx context.Context) error {
	if l, ok := s.source.(*daemon.Ledger); ok {
		return l.Renew(ctx)
	}
	return nil
}

func (s *stand) close() {
	if s.stop != nil {
		s.stop()
	}
	s.engine.Drain()
	s.log.Close()
}

// A probe is a question that a command asks of a ledger, or a command.
type probe struct {
	name string
	ask  func(ctx context.Context, s *stand) (string, error)
}

// answer asks a probe. What was signed is a part of the answer.
func (p probe) answer(ctx context.Context, s *stand) (said string, err error) {
	s.entropy = ledgertest.Entropy(99)
	if err := s.renew(ctx); err != nil {
		return "", err
	}
	before := len(s.published)
	said, err = p.ask(ctx, s)
	for _, signed := range s.published[before:] {
		said += "\nsigned " + string(signed)
	}
	return said, err
}

// reads returns the questions about some jobs and request ids.
func reads(jobs, requests []string) []probe {
	all := []probe{{"list", askList}, {"events", askEvents}, {"checkpoint", askCheckpoint}}
	for _, id := range jobs {
		all = append(
			all,
			probe{"status " + id, func(ctx context.Context, s *stand) (string, error) { return askStatus(ctx, s, id) }},
			probe{"history " + id, func(ctx context.Context, s *stand) (string, error) { return askHistory(ctx, s, id) }},
			probe{"last event of " + id, func(ctx context.Context, s *stand) (string, error) { return askLast(ctx, s, id) }},
			probe{"pack " + id, func(ctx context.Context, s *stand) (string, error) { return askPack(ctx, s, id) }},
		)
	}
	for _, id := range requests {
		all = append(all, probe{"request " + id, func(ctx context.Context, s *stand) (string, error) { return askRequest(ctx, s, id) }})
	}
	return all
}

// attempt returns the probe of a command.
func attempt(r commands.Request) probe {
	name := fmt.Sprintf("%s %s request %q dry %t", r.Command.Verb(), r.JobID, r.RequestID, r.DryRun)
	return probe{name, func(ctx context.Context, s *stand) (string, error) {
		result, err := s.do(ctx, r)
		return fmt.Sprintf("%s\n%s\n%d %d %t", result.Event.Bytes(), projection.EncodeJob(result.Job, result.Receipt.Leaf), result.Receipt.Seq, result.Receipt.Revision, result.Replayed), err
	}}
}

func askStatus(ctx context.Context, s *stand, id string) (string, error) {
	job, head, ok, err := projection.Load(ctx, s.source, id)
	return fmt.Sprintf("%t %s", ok, projection.EncodeJob(job, head.Leaf)), err
}

func askHistory(ctx context.Context, s *stand, id string) (string, error) {
	sum := sha256.New()
	ok, err := projection.History(ctx, s.source, id, func(j projection.Job, e ledger.Event) error {
		fmt.Fprintf(sum, "%s\n%s\n", e.Bytes(), projection.EncodeJob(j, e.LeafHash()))
		return nil
	})
	return fmt.Sprintf("%t %x", ok, sum.Sum(nil)), err
}

// askLast reads a job from its last event on, as a page of its events does.
func askLast(ctx context.Context, s *stand, id string) (said string, err error) {
	found, err := s.source.Load(ctx, []string{id}, nil)
	if err != nil {
		return "", err
	}
	for e, err := range s.source.JobEvents(ctx, id, found.Jobs[id].Head.JobSeq) {
		if err != nil {
			return "", err
		}
		said += string(e.Bytes()) + "\n"
	}
	return said, nil
}

func askPack(ctx context.Context, s *stand, id string) (string, error) {
	var file memoryFile
	_, err := packspec.BuildJob(ctx, &file, s.source, id, ledgertest.Key(ledgertest.Origin), packspec.JobOptions{})
	return fmt.Sprintf("%x", sha256.Sum256(file)), err
}

// A memoryFile is a file in memory.
type memoryFile []byte

// WriteAt implements io.WriterAt.
func (f *memoryFile) WriteAt(b []byte, at int64) (int, error) {
	if end := int(at) + len(b); end > len(*f) {
		*f = append(*f, make([]byte, end-len(*f))...)
	}
	return copy((*f)[at:], b), nil
}

func askList(ctx context.Context, s *stand) (said string, err error) {
	for entry, err := range s.source.Jobs(ctx, "") {
		if err != nil {
			return "", err
		}
		job, err := projection.JobOf(ctx, s.source, entry)
		if err != nil {
			return "", err
		}
		said += fmt.Sprintf("%s %s\n", entry.ID, projection.EncodeJob(job, entry.Head.Leaf))
	}
	return said, nil
}

func askEvents(ctx context.Context, s *stand) (string, error) {
	sum := sha256.New()
	for e, err := range s.source.Events(ctx, 0) {
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s\n", e.Bytes())
	}
	return fmt.Sprintf("%x", sum.Sum(nil)), nil
}

func askCheckpoint(_ context.Context, s *stand) (string, error) {
	_, signed := s.source.Checkpoint()
	return string(signed), nil
}

func askRequest(ctx context.Context, s *stand, id string) (string, error) {
	found, err := s.source.Load(ctx, nil, []string{id})
	return string(found.Requests[id].Bytes()), err
}
