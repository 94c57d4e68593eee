package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kitWorker is a worker with one call of a tool, which leaves the file ran.
const kitWorker = `import gait

def post(step):
    with open("ran", "a") as f:
        f.write("ran\n")
    return {"square": step * step}

with gait.job() as job:
    job.do("book.post", {"step": 1}, post)
    open("returned", "w").close()
`

// kitGait stands for gait: what the file answer has, with CALL replaced by the id of the call, is its
// answer to gate eval. It says yes to everything else.
const kitGait = `#!/bin/sh
cat > /dev/null
call=
for word; do
  case $word in --call-id=*) call=${word#*=} ;; --once) call=intent:0123456789012345678901234567890123456789 ;; esac
done
case "$1 $2" in
"gate eval") sed "s/CALL/$call/g" answer; [ -e dies ] && kill -9 $$; exit "$(cat exit)" ;;
"content get") [ -e content ] || exit 7; cat content ;;
*) echo '{"ok":true}' ;;
esac
`

// An allowed answer, as gate eval prints it, and one that says that the call was done before.
const (
	allowed = `{"ok":true,"verdict":"allow","operation":"eval","tool":"book.post","job_id":"job_1","call_id":"CALL","grant":"01M8RKSJF74B1GTB700M3AWXBK","reason_code":"allowed","schema_id":"gait.gate.output","schema_version":"1.0.0"}`
	done    = `{"ok":false,"verdict":"block","operation":"eval","tool":"book.post","job_id":"job_1","call_id":"CALL","reason_code":"already_done","error_code":"block","result":{"digest":"sha256:00"},"schema_id":"gait.gate.output"}`
)

// A kit is the kit for workers in Python, with a worker and with what stands for gait.
type kit struct {
	t   *testing.T
	dir string
}

func newKit(t *testing.T) *kit {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	k := &kit{t: t, dir: t.TempDir()}
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "python", "gait.py"))
	if err != nil {
		t.Fatal(err)
	}
	k.write("gait.py", string(text))
	k.write("worker.py", kitWorker)
	k.write("bin/gait", kitGait)
	return k
}

func (k *kit) write(name, text string) {
	k.t.Helper()
	path := filepath.Join(k.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		k.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil { //nolint:gosec // one is a program
		k.t.Fatal(err)
	}
}

func (k *kit) has(name string) bool {
	_, err := os.Stat(filepath.Join(k.dir, name))
	return err == nil
}

// work runs the worker, and returns its exit code and what it wrote on standard error.
func (k *kit) work(env ...string) (int, string) {
	k.t.Helper()
	cmd := exec.Command("python3", "worker.py")
	cmd.Dir = k.dir
	cmd.Env = append(cmd.Environ(), append([]string{
		"PATH=" + filepath.Join(k.dir, "bin") + ":" + os.Getenv("PATH"), "PYTHONDONTWRITEBYTECODE=1", "GAIT_JOB=job_1", "GAIT_LEASE=1", "GAIT_BIN=gait",
	}, env...)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		k.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// Whatever gait answers, the kit runs no tool but after a full, well formed yes to this very call of
// this very job.
func TestKitFailsClosed(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of processes")
	}
	without := func(words ...string) string { return strings.NewReplacer(words...).Replace(allowed) }
	tests := map[string]struct {
		answer string
		exit   string // of gait; 0 if it is empty
		ran    bool
		code   int // of the worker; 1, an error, if it is 0
	}{
		"allowed": {answer: allowed, ran: true},

		"nothing":                {},
		"no JSON":                {answer: "allow"},
		"truncated":              {answer: allowed[:len(allowed)-1]},
		"truncated in a string":  {answer: allowed[:len(allowed)-4]},
		"two objects":            {answer: allowed + allowed},
		"a list":                 {answer: "[]"},
		"a list of it":           {answer: "[" + allowed + "]"},
		"null":                   {answer: "null"},
		"true":                   {answer: "true"},
		"a number":               {answer: "0"},
		"a text":                 {answer: `"allow"`},
		"an empty object":        {answer: "{}"},
		"bytes that are no text": {answer: "\xff\xfe" + allowed},
		"another call":           {answer: without("CALL", "py-0")},
		"no call":                {answer: without(`"call_id":"CALL",`, "")},
		"a call that is a list":  {answer: without(`"CALL"`, `["CALL"]`)},
		"another job":            {answer: without("job_1", "job_2")},
		"another tool":           {answer: without("book.post", "book.burn")},
		"no tool":                {answer: without(`"tool":"book.post",`, "")},
		"another schema":         {answer: without("gait.gate.output", "gait.job.output")},
		"a schema to come":       {answer: without("1.0.0", "2.0.0")},
		"a verdict twice":        {answer: without(`{"ok"`, `{"verdict":"block","ok"`)},
		"no job":                 {answer: without(`"job_id":"job_1",`, "")},
		"no grant":               {answer: without(`"grant":"01M8RKSJF74B1GTB700M3AWXBK",`, "")},
		"an empty grant":         {answer: without("01M8RKSJF74B1GTB700M3AWXBK", "")},
		"not ok":                 {answer: without(`"ok":true`, `"ok":false`)},
		"ok in words":            {answer: without(`"ok":true`, `"ok":"true"`)},
		"ok is 1":                {answer: without(`"ok":true`, `"ok":1`)},
		"no ok":                  {answer: without(`"ok":true,`, "")},
		"no verdict":             {answer: without(`"verdict":"allow",`, "")},
		"a verdict in a list":    {answer: without(`"allow"`, `["allow"]`)},
		"another verdict":        {answer: without(`"allow"`, `"allowed"`)},
		"a verdict in capitals":  {answer: without(`"allow"`, `"ALLOW"`)},
		"block":                  {answer: without(`"allow"`, `"block"`)},
		"exit 1 with allow":      {answer: allowed, exit: "1"},
		"exit 3 with allow":      {answer: allowed, exit: "3"},
		"exit 4 with allow":      {answer: allowed, exit: "4"},
		"exit 130 with allow":    {answer: allowed, exit: "130"},
		"killed after allow":     {answer: allowed, exit: "killed"},
		"not there":              {answer: allowed, exit: "gone"},
		"must be approved": {
			answer: strings.NewReplacer(`"allow"`, `"require_approval"`, `"ok":true`, `"ok":false`).Replace(allowed), exit: "4", code: 75,
		},
		"fenced": {
			answer: strings.NewReplacer(`"allow"`, `"block"`, `"ok":true`, `"ok":false`, `"allowed"`, `"fenced"`).Replace(allowed), exit: "3", code: 3,
		},
		"done, but its result is gone": {answer: done, exit: "3"},
		"another call was done":        {answer: strings.Replace(done, "CALL", "py-0", 1), exit: "3"},
		"done in another job":          {answer: strings.Replace(done, "job_1", "job_2", 1), exit: "3"},
		"done, with exit 0":            {answer: done},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.write("answer", tt.answer)
			k.write("exit", map[bool]string{true: "0", false: tt.exit}[tt.exit == ""])
			switch tt.exit {
			case "killed":
				k.write("dies", "")
			case "gone":
				if err := os.RemoveAll(filepath.Join(k.dir, "bin")); err != nil {
					t.Fatal(err)
				}
			}
			var env []string
			if tt.exit == "gone" {
				env = append(env, "GAIT_BIN="+filepath.Join(k.dir, "bin", "gait"))
			}
			code, said := k.work(env...)
			if k.has("ran") != tt.ran || k.has("returned") != tt.ran {
				t.Errorf("the tool ran: %t, and the call returned: %t; want %t\n%s", k.has("ran"), k.has("returned"), tt.ran, said)
			}
			want := tt.code
			if want == 0 && !tt.ran {
				want = 1
			}
			if code != want {
				t.Errorf("the worker exits %d, want %d\n%s", code, want, said)
			}
			if strings.Contains(said, "AttributeError") || strings.Contains(said, "KeyError") || strings.Contains(said, "TypeError") {
				t.Errorf("it fails by accident:\n%s", said)
			}
		})
	}
}

// What was done before is not done again, and its result is what was recorded.
func TestKitTakesWhatWasDone(t *testing.T) {
	k := newKit(t)
	k.write("answer", done)
	k.write("exit", "3")
	k.write("content", `{"square":1}`)
	if code, said := k.work(); code != 0 || k.has("ran") || !k.has("returned") {
		t.Errorf("the worker exits %d, and the tool ran: %t\n%s", code, k.has("ran"), said)
	}
}

// A bundle about another job, or none that can be read, lets no worker begin.
func TestKitWantsItsBundle(t *testing.T) {
	for name, bundle := range map[string]string{
		"another job":    `{"schema_id":"gait.job.resume","job_id":"job_2"}`,
		"another schema": `{"schema_id":"gait.job.output","job_id":"job_1"}`,
		"truncated":      `{"schema_id":"gait.job.resume","job_id":"job_1"`,
		"a list":         `[]`,
		"nothing":        ``,
		"not there":      "-",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.write("answer", allowed)
			k.write("exit", "0")
			if bundle != "-" {
				k.write("resume.json", bundle)
			}
			if code, said := k.work("GAIT_RESUME=" + filepath.Join(k.dir, "resume.json")); code == 0 || k.has("ran") {
				t.Errorf("the worker exits %d, and the tool ran: %t\n%s", code, k.has("ran"), said)
			}
		})
	}
}
