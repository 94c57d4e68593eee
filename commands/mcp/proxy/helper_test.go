package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/mcp/proxy"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

func TestMain(m *testing.M) {
	unix.Umask(0o022) // some users' lets groups write, and in such a directory no home is used
	os.Exit(m.Run())
}

// A desk is a ledger of its own in a directory, with one job.
type desk struct {
	t testing.TB
	o connect.Options
}

const (
	jobID = "mcp-fs"
	all   = `permit (principal, action, resource == Target::"mcp:fs");`
)

// newDesk makes a ledger with a job that is bound to a policy.
func newDesk(t testing.TB, policy string) *desk {
	t.Helper()
	dir := t.TempDir()
	d := &desk{t: t, o: connect.Options{Options: root.Options{
		Dir: filepath.Join(dir, "jobs"), Home: filepath.Join(dir, "home"), Actor: "agent_1",
		Now: time.Now, Entropy: rand.Reader, Mode: root.Once, Create: true, LockTimeout: 2 * time.Minute,
	}}}
	d.with(func(l *connect.Ledger) error {
		digest, err := l.KeepPolicy(context.Background(), []byte(policy))
		if err == nil {
			_, err = l.Do(context.Background(), commands.Request{JobID: jobID, Actor: "agent_1", Command: commands.Submit{EnvironmentFingerprint: "envfp:test", ProducerVersion: "test/1", PolicyDigest: digest}})
		}
		return err
	})
	return d
}

func (d *desk) with(f func(*connect.Ledger) error) {
	d.t.Helper()
	if err := connect.With(context.Background(), d.o, f); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) Do(ctx context.Context, r commands.Request) (result commands.Result, err error) {
	if r.Actor == "" {
		r.Actor = "agent_1"
	}
	err = connect.Retry(ctx, d.o, func(l *connect.Ledger) (err error) {
		result, err = l.Do(ctx, r)
		return err
	})
	return result, err
}

func (d *desk) Ask(ctx context.Context, q connect.GateQuestion) (a commands.GateAnswer, result commands.Result) {
	q.Actor = "agent_1"
	err := connect.Retry(ctx, d.o, func(l *connect.Ledger) (err error) {
		a, result, err = l.Gate(ctx, q)
		return err
	})
	return commands.AnswerOf(result, err), result
}

func (d *desk) Settle(ctx context.Context, s connect.Settlement) (result commands.Result, err error) {
	s.Actor = "agent_1"
	err = connect.Retry(ctx, d.o, func(l *connect.Ledger) (err error) {
		result, err = l.Settle(ctx, s)
		return err
	})
	return result, err
}

func (d *desk) Read(ctx context.Context, f func(*connect.Ledger) error) error {
	return connect.Retry(ctx, d.o, f)
}

func (d *desk) Bring(ctx context.Context, r commands.Request, u connect.Upload, name func(*commands.Request, ledger.Content)) (result commands.Result, err error) {
	r.Actor = "agent_1"
	err = connect.Retry(ctx, d.o, func(l *connect.Ledger) error {
		put, err := l.PutContent(ctx, r.JobID, u)
		if err == nil {
			name(&r, put.Content)
			result, err = l.Do(ctx, r)
		}
		return err
	})
	return result, err
}

// job returns the job's state.
func (d *desk) job() (is projection.Job) {
	d.t.Helper()
	d.with(func(l *connect.Ledger) (err error) {
		is, err = l.Job(context.Background(), jobID)
		return err
	})
	return is
}

// approve approves what the job waits for.
func (d *desk) approve() { d.t.Helper(); d.amend("") }

// amend approves something in the place of what the job waits for.
func (d *desk) amend(what string) {
	d.t.Helper()
	is := d.job()
	var open string
	for _, a := range is.Decisions {
		if a.Verdict == projection.Undecided {
			open = a.CheckpointID
		}
	}
	d.with(func(l *connect.Ledger) error {
		c := commands.Approve{CheckpointID: open}
		if what != "" {
			put, err := l.PutContent(context.Background(), jobID, connect.Upload{Bytes: strings.NewReader(what)})
			if err != nil {
				return err
			}
			c.Amended = put.Content
		}
		_, err := l.Do(context.Background(), commands.Request{JobID: jobID, Actor: "boss", Command: c})
		return err
	})
}

// resume resumes the job.
func (d *desk) resume() {
	d.t.Helper()
	is := d.job()
	if _, err := d.Do(context.Background(), commands.Request{JobID: jobID, Actor: "boss", Command: commands.Resume{EnvironmentFingerprint: "envfp:test", PolicyDigest: is.PolicyDigest}}); err != nil {
		d.t.Fatal(err)
	}
}

// A fakeServer is an MCP server in this process. Each request is answered by what answer returns,
// a result or an error as JSON; "" answers nothing.
type fakeServer struct {
	tools  string // the members of the array that tools/list answers
	answer func(method string, params json.RawMessage) string

	mu   sync.Mutex
	seen []string // lines that it has read
	out  io.Writer
}

func (f *fakeServer) lines() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.seen...)
}

// ran returns the calls of tools that have reached it.
func (f *fakeServer) ran() (calls []string) {
	for _, line := range f.lines() {
		if strings.Contains(line, "tools/call") || strings.Contains(line, "danger") {
			calls = append(calls, line)
		}
	}
	return calls
}

// answers changes how it answers.
func (f *fakeServer) answers(answer func(string, json.RawMessage) string) {
	f.mu.Lock()
	f.answer = answer
	f.mu.Unlock()
}

// say writes a line of the server.
func (f *fakeServer) say(line string) { fmt.Fprintln(f.out, line) }

func (f *fakeServer) serve(in io.Reader) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 32<<20)
	for lines.Scan() {
		line := lines.Text()
		f.mu.Lock()
		f.seen = append(f.seen, line)
		f.mu.Unlock()
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
		}
		if json.Unmarshal([]byte(line), &m) != nil || m.ID == nil || m.Method == "" {
			continue
		}
		said := ""
		f.mu.Lock()
		answer := f.answer
		f.mu.Unlock()
		if answer != nil {
			said = answer(m.Method, m.Params)
		}
		switch {
		case said == "nothing":
			continue
		case said != "":
		case m.Method == "tools/list":
			said = `"result":{"tools":[` + f.tools + `]}`
		default:
			said = `"result":{"content":[{"type":"text","text":"done"}]}`
		}
		f.say(`{"jsonrpc":"2.0","id":` + string(m.ID) + `,` + said + `}`)
	}
}

const (
	readTool  = `{"name":"read","description":"reads","annotations":{"readOnlyHint":true},"inputSchema":{"type":"object","properties":{"path":{}}}}`
	writeTool = `{"name":"write","description":"writes","inputSchema":{"type":"object","properties":{"path":{}}}}`
)

// A session is one run of the proxy, between the test as its client and a server.
type session struct {
	t       *testing.T
	in      *io.PipeWriter
	got     chan string // lines that the client was sent
	done    chan error
	serverR *io.PipeReader
	serverW *io.PipeWriter
	logged  func() string
}

// start starts the proxy.
func start(t *testing.T, d proxy.Desk, f *fakeServer, change func(*proxy.Options)) *session {
	t.Helper()
	clientR, clientW := io.Pipe()
	toClientR, toClientW := io.Pipe()
	serverR, serverW := io.Pipe()
	fromServerR, fromServerW := io.Pipe()
	f.out = fromServerW
	var mu sync.Mutex
	var log bytes.Buffer
	o := proxy.Options{Job: jobID, Actor: "agent_1", Server: "fs", Fingerprint: "envfp:test", Grace: 5 * time.Second, Patience: 20 * time.Second, Log: func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&log, format+"\n", args...)
	}}
	if change != nil {
		change(&o)
	}
	s := &session{t: t, in: clientW, got: make(chan string, 1000), done: make(chan error, 1), serverR: serverR, serverW: fromServerW, logged: func() string {
		mu.Lock()
		defer mu.Unlock()
		return log.String()
	}}
	go func() {
		f.serve(serverR)
		fromServerW.Close()
	}()
	go func() {
		lines := bufio.NewScanner(toClientR)
		lines.Buffer(nil, 32<<20)
		for lines.Scan() {
			s.got <- lines.Text()
		}
		close(s.got)
	}()
	go func() {
		err := proxy.Run(context.Background(), d, o, proxy.Ends{ClientIn: clientR, ClientOut: toClientW, ServerIn: serverW, ServerOut: fromServerR})
		clientR.CloseWithError(io.ErrClosedPipe)
		toClientW.Close()
		s.done <- err
	}()
	t.Cleanup(func() { clientW.Close(); serverR.Close(); fromServerW.Close() })
	return s
}

// send writes a line of the client.
func (s *session) send(line string) {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, line); err != nil {
		s.t.Errorf("the proxy does not read %.80s: %v", line, err)
	}
}

// next returns the next line that the client is sent.
func (s *session) next() string {
	s.t.Helper()
	select {
	case line, ok := <-s.got:
		if !ok {
			s.t.Fatalf("the proxy has ended; it said:\n%s", s.logged())
		}
		return line
	case <-time.After(time.Minute):
		s.t.Fatalf("no line came; the proxy said:\n%s", s.logged())
		return ""
	}
}

// ask sends a request and returns the next line.
func (s *session) ask(line string) string {
	s.t.Helper()
	s.send(line)
	return s.next()
}

// call calls a tool with arguments, and returns what the client is sent.
func (s *session) call(tool, arguments string) string {
	s.t.Helper()
	return s.ask(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"` + tool + `","arguments":` + arguments + `}}`)
}

// list lists the tools.
func (s *session) list() string {
	s.t.Helper()
	return s.ask(`{"jsonrpc":"2.0","id":8,"method":"tools/list"}`)
}

// close ends the session as a client does.
func (s *session) close() error {
	s.in.Close()
	return <-s.done
}

// has requires that a line has some texts, and lacks those that begin with !.
func has(t *testing.T, line string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if absent, no := strings.CutPrefix(text, "!"); no == strings.Contains(line, absent) && no || !no && !strings.Contains(line, text) {
			t.Errorf("it has or lacks %q: %.2000s", text, line)
		}
	}
}
