package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gait/ledger/ledgertest"
)

// countingGait is gait, and counts how often it was called. At one of the calls it kills the
// quickstart and all that it has started (KILL_ALONE: the quickstart alone), before or after it has
// done what it was called for.
const countingGait = `#!/bin/sh
here=$(dirname "$0")
victim=-$(cat "$here/group")
[ -n "$KILL_ALONE" ] && victim=${victim#-}
printf . >> "$here/calls"
at=$(wc -c < "$here/calls")
if [ "$at" -eq "${KILL_BEFORE:-0}" ]; then kill -s KILL -- "$victim"; fi
if [ "$at" -eq "${KILL_AFTER:-0}" ]; then "$REAL_GAIT" "$@"; kill -s KILL -- "$victim"; fi
exec "$REAL_GAIT" "$@"
`

// A quickstart is the example of OpenAI's Agents SDK with a directory of its own.
type quickstart struct {
	t   *testing.T
	dir string
	b   builtGait
}

func newQuickstart(t *testing.T) *quickstart {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	q := &quickstart{t: t, b: newGait(t)}
	q.dir = q.b.dir
	if err := os.WriteFile(filepath.Join(q.dir, "gait"), []byte(countingGait), 0o700); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	return q
}

// run runs the quickstart in a process group of its own, and returns what it printed and whether
// it ended by itself.
func (q *quickstart) run(env ...string) (string, bool) {
	q.t.Helper()
	program, err := filepath.Abs(filepath.Join("..", "..", "examples", "integrations", "openai_agents", "quickstart.py"))
	if err != nil {
		q.t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.Command("sh", "-c", `echo $$ > group; exec python3 "$0" --dir work`, program)
	cmd.Dir = q.dir
	cmd.Env = append(q.b.env, append([]string{
		"GAIT_BIN=" + filepath.Join(q.dir, "gait"), "REAL_GAIT=" + q.b.path, "PYTHONDONTWRITEBYTECODE=1", "GAIT_DOUBLE=1",
	}, env...)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		q.t.Fatal(err)
	}
	group := cmd.Process.Pid
	q.t.Cleanup(func() { syscall.Kill(-group, syscall.SIGKILL) }) // what a quickstart that was killed alone has left
	stuck := time.AfterFunc(3*time.Minute, func() { syscall.Kill(-group, syscall.SIGKILL) })
	cmd.Wait()
	if !stuck.Stop() {
		q.t.Fatalf("the quickstart does not end:\n%s", out.String())
	}
	return out.String(), cmd.ProcessState.Exited()
}

func (q *quickstart) read(name string) string {
	text, err := os.ReadFile(filepath.Join(q.dir, name))
	if err != nil && !os.IsNotExist(err) {
		q.t.Fatal(err)
	}
	return string(text)
}

// The quickstart goes on wherever it is killed, alone or with all that it has started: started
// again, it ends with a pack that is verified, and the money was given back once.
func TestQuickstartGoesOn(t *testing.T) {
	whole := newQuickstart(t)
	if out, _ := whole.run(); !strings.HasSuffix(out, "\nVERIFIED\n") {
		t.Fatalf("the quickstart ends without a verified pack:\n%s", out)
	}
	calls := len(whole.read("calls"))
	t.Logf("gait is called %d times", calls)
	points := 6
	if testing.Short() {
		points = 1
	}
	for _, point := range ledgertest.Sample(t, 4*calls, points) {
		moment, alone := []string{"KILL_BEFORE", "KILL_AFTER"}[point%2], []string{"", "1"}[point/2%2]
		t.Run(fmt.Sprintf("%s_%d_%s", moment, point/4+1, map[string]string{"": "all", "1": "alone"}[alone]), func(t *testing.T) {
			t.Parallel()
			q := newQuickstart(t)
			if out, ended := q.run(moment+"="+strconv.Itoa(point/4+1), "KILL_ALONE="+alone); ended {
				t.Logf("it was not called that often this time:\n%s", out)
			}
			if out, _ := q.run(); !strings.HasSuffix(out, "\nVERIFIED\n") {
				t.Errorf("started again, the quickstart ends without a verified pack:\n%s", out)
			}
			if got, want := q.read("work/refunds.jsonl"), `{"order_id": "7", "amount_cents": 4200}`+"\n"; got != want {
				t.Errorf("the money was given back by %q, want %q", got, want)
			}
		})
	}
}
