package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"gait/ledger/ledgertest"
)

// truthKey is the key of what the commands of a script print on an honest ledger.
type truthKey struct{}

// A commandAnswer is the exit code and the standard output of a command.
type commandAnswer struct {
	code int
	out  string
}

// truthCmd compares what commands say of a ledger that was edited with what they said
// before:
//
//	truth record FILE          remembers what the commands in a file say
//	truth check FILE [KIND]    each of them exits 2, or says the same again
//
// The file has a command line on each line. KIND says what must be among the answers:
// refused, at least one, or right, all of them. The default is refused. A line that
// begins with "write" is run on a copy of root and home: if it exits 2, it must not
// have signed anything.
func truthCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: truth record|check FILE [refused|right]")
	}
	known := ts.Value(truthKey{}).(map[string]commandAnswer)
	refused, lines := 0, strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n")
	for _, line := range lines {
		got := speak(ts, line)
		want, recorded := known[line]
		switch {
		case args[0] == "record":
			known[line] = got
		case !recorded:
			ts.Fatalf("%s: not recorded", line)
		case got == want:
		case isAlarmed(got):
			ts.Logf("refused: %s", line)
			refused++
		default:
			ts.Fatalf("%s\nexits %d: %s\nwant  %d: %s", line, got.code, got.out, want.code, want.out)
		}
	}
	if args[0] == "record" {
		return
	}
	ts.Logf("%d of %d commands were refused", refused, len(lines))
	kind := "refused"
	if len(args) == 3 {
		kind = args[2]
	}
	if kind == "refused" && refused == 0 || kind == "right" && refused > 0 {
		ts.Fatalf("%d of %d commands were refused, want %s", refused, len(lines), kind)
	}
}

// isAlarmed reports whether a command says that the ledger does not hold.
func isAlarmed(s commandAnswer) bool {
	var said struct {
		Category string `json:"error_category"`
	}
	return s.code == 2 && json.Unmarshal([]byte(s.out), &said) == nil && said.Category == "verification_failed"
}

// changing matches what differs when the same command is given twice: times, ids and
// hashes.
var changing = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z|\b[0-9A-HJKMNP-TV-Z]{26}\b|\b[0-9a-f]{64}\b`)

// warning matches what an answer says of the index, which does not make it another one.
var warning = regexp.MustCompile(`"index":"(broken|building)",`)

// speak runs one line of a file of truth.
func speak(ts *testscript.TestScript, line string) commandAnswer {
	line, write := strings.CutPrefix(line, "write ")
	env := append(envOf(ts), throughEnv+"="+ts.Getenv(throughEnv), "GAIT_DAEMON="+ts.Getenv("GAIT_DAEMON"))
	if !write {
		return runLineOf(ts, line, env)
	}
	root := ts.Getenv("GAIT_ROOT")
	dir := filepath.Join(ts.Getenv("WORK"), "copy")
	ts.Check(os.RemoveAll(dir))
	ts.Check(copyPrivate(filepath.Join(dir, "jobs"), ts.MkAbs(root)))
	ts.Check(copyPrivate(filepath.Join(dir, "home"), ts.MkAbs(ts.Getenv("GAIT_HOME"))))
	before := signedIn(ts, dir)
	said := runLineOf(ts, line, append(env, "GAIT_ROOT="+filepath.Join(dir, "jobs"), "GAIT_HOME="+filepath.Join(dir, "home")))
	if said.code == 2 && !bytes.Equal(before, signedIn(ts, dir)) {
		ts.Fatalf("%s exits 2, and signed %s", line, signedIn(ts, dir))
	}
	said.out = changing.ReplaceAllString(said.out, "X")
	return said
}

func runLineOf(ts *testscript.TestScript, line string, env []string) commandAnswer {
	words := strings.Fields(line)
	cmd := exec.Command(lookGait(ts), append(words[1:], "--json")...)
	cmd.Dir, cmd.Env = ts.Getenv("WORK"), env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		ts.Fatalf("%s: %v", line, err)
	}
	if code := cmd.ProcessState.ExitCode(); code >= 90 || code < 0 {
		ts.Fatalf("%s exits %d: %s%s", line, code, out, stderr.Bytes())
	}
	return commandAnswer{cmd.ProcessState.ExitCode(), warning.ReplaceAllString(string(out), "")}
}

// signedIn returns the newest checkpoint that is stored in a copy.
func signedIn(ts *testscript.TestScript, dir string) (signed []byte) {
	ts.Check(ledgertest.EditDir(filepath.Join(dir, "jobs", "ledger"), func(rows ledgertest.Rows) (ledgertest.Rows, error) {
		signed = rows["m/checkpoint"]
		return rows, nil
	}))
	return signed
}

// copyPrivate copies a directory as its user keeps it, without sockets.
func copyPrivate(to, from string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		at := filepath.Join(to, name)
		switch {
		case d.IsDir():
			return os.MkdirAll(at, 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(at, b, 0o600)
	})
}
