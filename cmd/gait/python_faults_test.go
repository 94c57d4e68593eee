package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// faultWorker asks for one call of a tool, which leaves the file ran.
const faultWorker = `import os
import gait

def post(step):
    with open("ran", "a") as f:
        f.write("ran\n")
    return {"square": step * step}

job = gait.Job.leased(client=gait.Client(timeout=float(os.environ["TIMEOUT"])))
try:
    job.do("book.post", {"step": 1}, post, call_id="call_1")
    open("returned", "w").close()
except gait.Waiting as waiting:
    raise SystemExit(75)
except gait.Blocked as blocked:
    print(blocked)
    raise SystemExit(3)
`

// askedID stands for the id of the request in an answer. It is as long as one.
const askedID = "REQUEST-REQUEST-REQUEST-REQUEST-REQ"

// allowedEvent is the answer of a daemon that allows a call.
const allowedEvent = `{"ok":true,"verdict":"allow","reason_code":"policy_permits","tool":"book.post","call_id":"call_1","grant":"01M8RKSJF74B1GTB700M3AWXBK",` +
	`"event":{"type":"gate_decided","job_id":"job_1","request_id":"` + askedID + `",` +
	`"payload":{"verdict":"allow","tool":"book.post","call_id":"call_1","grant":"01M8RKSJF74B1GTB700M3AWXBK"}}}`

// whole returns an answer of HTTP that came whole.
func whole(status, media, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", status, media, len(body), body)
}

func chunked(body string, end string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s%s", len(body), body, end)
}

// A badDaemon answers each question of the gate with the same bytes, and says yes to all else.
type badDaemon struct {
	answer string        // the connection is cut after it
	drip   string        // what follows it for ever, a piece every 20 ms
	silent bool          // it never says anything
	after  chan struct{} // closed when the test is over
}

func (d *badDaemon) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go d.talk(conn)
	}
}

func (d *badDaemon) talk(conn net.Conn) {
	defer conn.Close()
	q, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	body, err := io.ReadAll(q.Body)
	switch {
	case err != nil:
	case strings.HasSuffix(q.URL.Path, "/put"):
		io.WriteString(conn, whole("200 OK", "application/json", `{"digest":"00","size":1}`))
	case q.URL.Path != "/v1/gate":
		io.WriteString(conn, whole("200 OK", "application/json", `{"event":{},"job":{}}`))
	case d.silent:
		<-d.after
	default:
		var asked struct {
			RequestID string `json:"request_id"`
		}
		if json.Unmarshal(body, &asked) != nil {
			return
		}
		_, err := io.WriteString(conn, strings.ReplaceAll(d.answer, askedID, asked.RequestID))
		for err == nil && d.drip != "" {
			_, err = io.WriteString(conn, d.drip)
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// A daemonFault is what a daemon does to the question of a worker.
type daemonFault struct {
	daemon badDaemon
	absent bool
	ran    bool
	code   int // of the worker; 3, a block, if it is 0
}

func saying(answer string) daemonFault { return daemonFault{daemon: badDaemon{answer: answer}} }

// okFault is an answer that came whole, with status 200.
func okFault(body string) daemonFault { return saying(whole("200 OK", "application/json", body)) }

// transportFaults are what may go wrong around an answer that would allow the call.
func transportFaults() map[string]daemonFault {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	as := func(status, media string) daemonFault { return saying(whole(status, media, allowedEvent)) }
	return map[string]daemonFault{
		"absent":                  {absent: true},
		"silent":                  {daemon: badDaemon{silent: true}},
		"drops of a head":         {daemon: badDaemon{answer: "HTTP/1.1 200 OK\r\n", drip: "X-More: 1\r\n"}},
		"drops of a body":         {daemon: badDaemon{answer: head + "Content-Length: 1000000\r\n\r\n{", drip: " "}},
		"chunks without end":      {daemon: badDaemon{answer: chunked(allowedEvent, "\r\n"), drip: fmt.Sprintf("%x\r\n%s\r\n", 1<<18, strings.Repeat(" ", 1<<18))}},
		"cut before an answer":    saying(""),
		"no HTTP":                 saying("allow\r\n"),
		"HTTP of its own":         saying("HTTP/9.9 allow\r\n\r\n"),
		"status 500":              as("500 Internal Server Error", "application/json"),
		"status 503":              as("503 Service Unavailable", "application/json"),
		"status 404":              as("404 Not Found", "application/json"),
		"status 201":              as("201 Created", "application/json"),
		"status 204":              as("204 No Content", "application/json"),
		"redirected":              as("307 Temporary Redirect", "application/json"),
		"redirected elsewhere":    as("302 Found\r\nLocation: /v1/gate", "application/json"),
		"HTML":                    as("200 OK", "text/html"),
		"no media type":           as("200 OK", ""),
		"no length":               saying(head + "Connection: close\r\n\r\n" + allowedEvent),
		"a negative length":       saying(head + "Content-Length: -1\r\n\r\n" + allowedEvent),
		"broken off":              saying(head + "Content-Length: 5000\r\n\r\n" + allowedEvent),
		"broken off in a chunk":   saying(chunked(allowedEvent[:100], "")),
		"broken off after chunks": saying(chunked(allowedEvent, "\r\n")),
		"too long":                okFault(allowedEvent + strings.Repeat(" ", 9<<20)),
		"allowed":                 {daemon: okFault(allowedEvent).daemon, ran: true},
		"allowed in a chunk":      {daemon: saying(chunked(allowedEvent, "\r\n0\r\n\r\n")).daemon, ran: true},
	}
}

// answerFaults are answers that came whole, and are no permission for this call.
func answerFaults() map[string]daemonFault {
	faults := map[string]daemonFault{
		"nothing":               okFault(""),
		"truncated":             okFault(allowedEvent[:len(allowedEvent)-1]),
		"truncated in a member": okFault(allowedEvent[:40]),
		"two objects":           okFault(allowedEvent + "{}"),
		"a list of it":          okFault("[" + allowedEvent + "]"),
		"null":                  okFault("null"),
		"no UTF-8":              okFault("\xff" + allowedEvent),
		"nested too deep":       okFault(strings.Repeat("[", 100_000)),
		"must be approved": {
			daemon: okFault(strings.NewReplacer(`"allow"`, `"require_approval"`, `"ok":true`, `"ok":false`).Replace(allowedEvent)).daemon, code: 75,
		},
	}
	for name, words := range map[string][2]string{
		"another job":             {`"job_id":"job_1"`, `"job_id":"job_2"`},
		"no job":                  {`"job_id":"job_1",`, ""},
		"another tool":            {`"book.post"`, `"book.burn"`},
		"another call":            {`"call_1"`, `"call_2"`},
		"no call":                 {`"call_id":"call_1",`, ""},
		"another request":         {askedID, "py-0"},
		"no event":                {`"event"`, `"events"`},
		"an event that is a list": {`"event":{`, `"event":[],"other":{`},
		"another event":           {"gate_decided", "effect_settled"},
		"a payload without":       {`"payload"`, `"claim"`},
		"an event that blocks":    {`"payload":{"verdict":"allow"`, `"payload":{"verdict":"block"`},
		"an unknown verdict":      {`"verdict":"allow"`, `"verdict":"permit"`},
		"no verdict":              {`"verdict":"allow",`, ""},
		"a verdict in a list":     {`"allow"`, `["allow"]`},
		"block":                   {`"verdict":"allow"`, `"verdict":"block"`},
		"not ok":                  {`"ok":true`, `"ok":false`},
		"ok is 1":                 {`"ok":true`, `"ok":1`},
		"ok in words":             {`"ok":true`, `"ok":"true"`},
		"an error, too":           {`"ok":true`, `"ok":true,"error_code":"io_failure"`},
		"no grant":                {`"grant":"01M8RKSJF74B1GTB700M3AWXBK"`, `"x":1`},
		"a grant of its own":      {"01M8RKSJF74B1GTB700M3AWXBK", "yes"},
		"a grant that is true":    {`"01M8RKSJF74B1GTB700M3AWXBK"`, "true"},
		"NaN":                     {`"ok":true`, `"ok":true,"x":NaN`},
		"a verdict twice":         {`"ok":true`, `"ok":true,"verdict":"block"`},
	} {
		faults[name] = okFault(strings.ReplaceAll(allowedEvent, words[0], words[1]))
	}
	return faults
}

// Whatever a daemon does, the client of Python runs no tool but after a full, well formed yes to
// this very call of this very job: at a socket, and at an address.
func TestPythonFailsClosedAtDaemons(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred processes")
	}
	faults := transportFaults()
	maps.Copy(faults, answerFaults())
	for name, fault := range faults {
		for _, network := range []string{"unix", "tcp"} {
			t.Run(name+"/"+network, func(t *testing.T) {
				t.Parallel()
				checkFault(t, fault, network)
			})
		}
	}
}

// A program that does not end, or says too much, lets no tool run.
func TestPythonFailsClosedAtPrograms(t *testing.T) {
	if testing.Short() {
		t.Skip("programs that do not end")
	}
	allow := strings.ReplaceAll(allowed, "CALL", "call_1")
	for name, does := range map[string]string{
		"says nothing for ever":     "exec sleep 600",
		"does not end":              "echo '" + allow + "'; exec sleep 600",
		"ends its answer, not more": "echo '" + allow + "'; exec 1>&-; exec sleep 600",
		"says too much":             "echo '" + allow + "'; exec yes ''",
		"leaves another":            "echo '" + allow + "'; sleep 20 2>&- & exit 0",
		"reads nothing":             "exec 0<&-; echo '" + allow + "'; exit 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.write("worker.py", faultWorker)
			k.write("bin/gait", "#!/bin/sh\ncase $1 in gate) "+does+" ;; esac\n")
			if code, said := k.work("TIMEOUT=1", "GAIT_DAEMON=never"); code != 3 || k.has("ran") {
				t.Errorf("the worker exits %d, and the tool ran: %t\n%s", code, k.has("ran"), said)
			}
		})
	}
}

// listen starts a daemon, and returns what a worker finds of it in its environment.
func (d *badDaemon) listen(t *testing.T, network string, absent bool) []string {
	t.Helper()
	root, err := os.MkdirTemp("", "gait") //nolint:usetesting // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	token := filepath.Join(root, "token")
	if err := os.WriteFile(token, []byte("gait-daemon-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen(network, map[string]string{"unix": filepath.Join(root, "gait.sock"), "tcp": "127.0.0.1:0"}[network])
	if err != nil {
		t.Fatal(err)
	}
	d.after = make(chan struct{})
	t.Cleanup(func() { l.Close(); close(d.after) })
	if absent {
		l.Close()
	} else {
		go d.serve(l)
	}
	if network == "unix" {
		return []string{"GAIT_ROOT=" + root, "GAIT_URL="}
	}
	return []string{"GAIT_URL=http://" + l.Addr().String(), "GAIT_TOKEN_FILE=" + token}
}

func checkFault(t *testing.T, fault daemonFault, network string) {
	t.Helper()
	k := newKit(t)
	k.write("worker.py", faultWorker)
	patience := "TIMEOUT=60"
	if fault.daemon.silent || fault.daemon.drip != "" {
		patience = "TIMEOUT=1"
	}
	env := append(fault.daemon.listen(t, network, fault.absent), patience, "GAIT_BIN="+filepath.Join(k.dir, "none"))
	code, said := k.work(env...)
	want := fault.code
	if want == 0 && !fault.ran {
		want = 3
	}
	if k.has("ran") != fault.ran || k.has("returned") != fault.ran || code != want {
		t.Errorf("the tool ran: %t, the call returned: %t, and the worker exits %d; want %t and %d\n%s", k.has("ran"), k.has("returned"), code, fault.ran, want, said)
	}
}
