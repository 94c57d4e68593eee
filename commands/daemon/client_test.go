package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// A client's result of a command is the same as the engine's.
func TestDo(t *testing.T) {
	s := serve(t)
	direct := ledgertest.New(t)
	clock := &ledgertest.Clock{Step: time.Second}
	engine := &commands.Engine{Log: direct.Log, Now: clock.Now, Entropy: ledgertest.Entropy(7)}
	one := int64(1)
	pause := commands.Request{JobID: "j1", Actor: "w", Reason: "<&> \u2028", Command: commands.Pause{}, RequestID: "r1"}
	cancel := commands.Request{JobID: "j1", Actor: "w", Command: commands.Cancel{}, IfRevision: &one}
	for _, r := range []commands.Request{
		submit("j1"), submit(""), submit("j1"), progress("j1", "a"), progress("nobody", "a"), pause, pause,
		{JobID: "j1", Actor: "w", Command: commands.Pause{}},
		{JobID: "j1", Actor: "w", Command: commands.Pause{}},
		cancel,
		{JobID: "j1", Actor: "w", Command: commands.Cancel{}, DryRun: true},
		{JobID: "j1", Command: commands.Stop{}},
		{JobID: "j1", Actor: "w", Command: commands.Resume{EnvironmentFingerprint: "envfp:prod"}},
		{JobID: "j1", Actor: "w", Command: commands.Approve{}},
		{JobID: "j1", Actor: "w", Command: commands.Deny{CheckpointID: "cp_0001"}},
		{Command: commands.CommitIndex{}, DryRun: true},
		{Command: commands.CommitIndex{}},
		{Command: commands.CommitIndex{}},
		{Actor: "w", Command: commands.CommitIndex{}},
		{JobID: "j1", Command: commands.CommitIndex{}},
	} {
		want, wantErr := engine.Do(t.Context(), r)
		got, gotErr := s.client.Do(t.Context(), r)
		name := r.Command.Verb()
		if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
			t.Errorf("%s: Do = %v, want %v", name, gotErr, wantErr)
		}
		if no, ok := errors.AsType[*commands.RefusedError](wantErr); ok {
			want = no.Result
			no, ok := errors.AsType[*commands.RefusedError](gotErr)
			if !ok {
				t.Fatalf("%s: Do = %T, want a refusal", name, gotErr)
			}
			got = no.Result
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(sameEvent), cmp.Comparer(sameJob)); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	ledgertest.Check(t, s.Log)
}

func sameEvent(a, b ledger.Event) bool { return string(a.Bytes()) == string(b.Bytes()) }

func sameJob(a, b projection.Job) bool {
	x := projection.EncodeJob(a, ledger.Hash{})
	y := projection.EncodeJob(b, ledger.Hash{})
	return string(x) == string(y)
}

// fake answers each connection with a function.
func fake(t *testing.T, answer func(net.Conn)) *daemon.Client {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer conn.Close(); answer(conn) }()
		}
	}()
	dial := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "unix", path) }
	return &daemon.Client{HTTP: &http.Client{Transport: daemon.Transport(dial)}, Timeout: time.Second}
}

// If a connection breaks, the outcome is unknown only if the command was sent.
func TestBrokenConnections(t *testing.T) {
	head := func(conn net.Conn) *http.Request {
		q, _ := http.ReadRequest(bufio.NewReader(conn))
		return q
	}
	for _, tt := range []struct {
		name    string
		answer  func(net.Conn)
		unknown bool
	}{
		{"closed at once", func(net.Conn) {}, false},
		{"closed before the command was sent", func(c net.Conn) { head(c) }, false},
		{"closed after the command", func(c net.Conn) {
			q := head(c)
			fmt.Fprint(c, "HTTP/1.1 100 Continue\r\n\r\n")
			q.Body.Read(make([]byte, 10))
		}, true},
		{"an answer that is cut off", func(c net.Conn) {
			q := head(c)
			fmt.Fprint(c, "HTTP/1.1 100 Continue\r\n\r\n")
			q.Body.Read(make([]byte, 10))
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"event\":")
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := fake(t, tt.answer).Do(t.Context(), progress("j1", "a"))
			_, lost := errors.AsType[*daemon.UnreachableError](err)
			if !lost || errors.Is(err, ledger.ErrOutcomeUnknown) != tt.unknown {
				t.Errorf("Do = %v; outcome unknown: want %v", err, tt.unknown)
			}
		})
	}
}

// A daemon from before there were details does not keep hints from naming the job.
func TestOlderDaemonLeavesDetailsOut(t *testing.T) {
	body := `{"error":"the job is at revision 2","error_code":"state_conflict","error_category":"state_conflict","exit":1,"retryable":true,"hint":"look again"}`
	c := fake(t, func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		fmt.Fprintf(conn, "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
	})
	_, err := c.Do(t.Context(), progress("j1", "a"))
	said, ok := errors.AsType[*daemon.Error](err)
	if !ok || said.Details.JobID != "j1" {
		t.Errorf("Do = %#v, want an error about j1", err)
	}
}

// A client sends no request to a daemon of another version.
func TestOtherVersion(t *testing.T) {
	c := fake(t, func(c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"views\":0}")
	})
	if _, err := c.Open(t.Context()); !errors.Is(err, daemon.ErrOtherVersion) {
		t.Errorf("Open = %v, want ErrOtherVersion", err)
	}
}

// A Ledger read through a daemon equals the log on disk at one size.
func TestLedgerIsTheLog(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"), submit("j2"), progress("j1", "a"), progress("j2", "b"))
	l, err := s.client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantHead, wantEvents := s.Log.Head(), eventsOf(t, s.Log.Events(t.Context(), 0))
	_, wantNote := s.Log.Checkpoint()
	wantJob, _, _ := ledger.FindJob(t.Context(), s.Log, "j1")
	s.do(t, progress("j1", "later"), submit("j3"))

	if _, note := l.Checkpoint(); string(note) != string(wantNote) || l.Head() != wantHead {
		t.Errorf("the ledger moved on: head %v, want %v", l.Head(), wantHead)
	}
	if got := eventsOf(t, l.Events(t.Context(), 0)); !slices.Equal(got, wantEvents) {
		t.Errorf("Events = %d, want %d", len(got), len(wantEvents))
	}
	if got := eventsOf(t, l.JobEvents(t.Context(), "j1", 2)); len(got) != 1 {
		t.Errorf("JobEvents = %d, want the 1 there was", len(got))
	}
	if got, ok, err := ledger.FindJob(t.Context(), l, "j1"); got != wantJob || !ok || err != nil {
		t.Errorf("FindJob = %v, %v, %v, want %v", got, ok, err, wantJob)
	}
	if _, ok, err := ledger.FindJob(t.Context(), l, "j3"); ok || err != nil {
		t.Errorf("FindJob of a job that began later = %v, %v", ok, err)
	}
	job, _, ok, err := projection.Load(t.Context(), l, "j1")
	if err != nil || !ok || job.JobSeq != 2 {
		t.Errorf("Load = %v, %v, %v, want the job as it was", job.JobSeq, ok, err)
	}
	var jobs []string
	for j, err := range l.Jobs(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j.ID)
	}
	if want := []string{"j1", "j2"}; !slices.Equal(jobs, want) {
		t.Errorf("Jobs = %v, want %v", jobs, want)
	}
	checkProofs(t, s, l)
}

func checkProofs(t *testing.T, s *testServer, l *daemon.Ledger) {
	t.Helper()
	c, note := l.Checkpoint()
	e, err := l.Event(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ledger.NewestProof(t.Context(), l, 2)
	if err != nil || p.Check(e.LeafHash(), c) != nil {
		t.Errorf("Proof = %v, %v", p, err)
	}
	path, err := l.ConsistencyIn(t.Context(), note, 2)
	root, rootErr := l.RootAt(t.Context(), 2)
	if err = errors.Join(err, rootErr); err != nil || ledger.CheckConsistency(path, ledger.Checkpoint{Origin: c.Origin, Size: 2, Root: root}, c) != nil {
		t.Errorf("ConsistencyIn = %v, %v", path, err)
	}
	name := ledger.TileName{Width: int(c.Size)}
	want, wantErr := s.Log.File(t.Context(), name)
	if got, err := l.File(t.Context(), name); string(got) != string(want) || err != nil || wantErr != nil {
		t.Errorf("File = %x, %v, want %x, %v", got, err, want, wantErr)
	}
	if err := l.Verify(t.Context(), nil, func(int64, int64) error { return nil }); err != nil {
		t.Errorf("Verify = %v", err)
	}
	if note, err := ledger.NewestCosigned(t.Context(), l); note != nil || err != nil {
		t.Errorf("NewestCosigned = %q, %v, want none", note, err)
	}
}

func eventsOf(t *testing.T, events ledger.Events) (all []string) {
	t.Helper()
	for e, err := range events {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(e.Bytes()))
	}
	return all
}

// A range longer than a page is read in pages.
func TestPages(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	for i := range 2000 {
		s.do(t, progress("j1", fmt.Sprint(i, " ", strings.Repeat("words ", 80))))
	}
	l, err := s.client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := eventsOf(t, l.Events(t.Context(), 0)), eventsOf(t, s.Log.Events(t.Context(), 0)); !slices.Equal(got, want) {
		t.Errorf("Events = %d, want %d", len(got), len(want))
	}
	if got, want := eventsOf(t, l.JobEvents(t.Context(), "j1", 3)), eventsOf(t, s.Log.JobEvents(t.Context(), "j1", 3)); !slices.Equal(got, want) {
		t.Errorf("JobEvents = %d, want %d", len(got), len(want))
	}
}

// A client that writes its own requests may leave out the environment and the
// producer version: the daemon fills in its own.
func TestServerFillsInItsSurroundings(t *testing.T) {
	s := serve(t)
	for _, body := range []string{
		`{"verb":"submit","job_id":"job_1","actor":"worker_1"}`,
		`{"verb":"submit","job_id":"job_2","actor":"worker_1","arguments":{"environment_fingerprint":"envfp:mine","producer_version":"mine/1"}}`,
		`{"verb":"pause","job_id":"job_1","actor":"worker_1"}`,
		`{"verb":"approve","job_id":"job_1","actor":"reviewer_1","reason":"seen"}`,
		`{"verb":"resume","job_id":"job_1","actor":"worker_1"}`,
	} {
		if status, text := s.post(t, body); status != http.StatusOK {
			t.Fatalf("%s is answered with %d: %s", body, status, text)
		}
	}
	bound := func(job string) [2]string {
		for e, err := range s.JobEvents(t.Context(), job, 1) {
			if err != nil {
				t.Fatal(err)
			}
			p := e.Payload().(ledger.Submitted)
			return [2]string{p.EnvironmentFingerprint, p.ProducerVersion}
		}
		return [2]string{}
	}
	if got, want := bound("job_1"), [2]string{"envfp:here", "daemon/1"}; got != want {
		t.Errorf("where nothing is said the job is bound to %v, want %v", got, want)
	}
	if got, want := bound("job_2"), [2]string{"envfp:mine", "mine/1"}; got != want {
		t.Errorf("what is said is bound as %v, want %v", got, want)
	}
}

// A range continues from page to page, however few lines each page has.
func TestPagesGrow(t *testing.T) {
	s := serve(t)
	for i := range 700 {
		s.do(t, submit(fmt.Sprintf("job_%03d", i)))
	}
	l, err := s.client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	jobs, events := 0, 0
	for j, err := range l.Jobs(t.Context(), "") {
		if want := fmt.Sprintf("job_%03d", jobs); err != nil || j.ID != want {
			t.Fatalf("job %q, %v, want %s", j.ID, err, want)
		}
		jobs++
	}
	for e, err := range l.Events(t.Context(), 0) {
		if err != nil || e.Seq() != ledger.Seq(events) {
			t.Fatalf("event %d, %v, want %d", e.Seq(), err, events)
		}
		events++
	}
	if jobs != 700 || events != 701 {
		t.Errorf("%d jobs and %d events, want 700 and 701", jobs, events)
	}
	for limit, want := range map[string]int{"1": 2, "9": 10, "0": 0, "-1": 0, "x": 0} {
		res, err := s.client.HTTP.Get("http://gait/v1/jobs?limit=" + limit)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || (want == 0) != (res.StatusCode == http.StatusBadRequest) || want > 0 && bytes.Count(text, []byte("\n")) != want {
			t.Errorf("limit %s: %s, %d lines, %v", limit, res.Status, bytes.Count(text, []byte("\n")), err)
		}
	}
}
