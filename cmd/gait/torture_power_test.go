package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/ledger/ledgertest"
)

// A powerCase is a command that is interrupted by a power cut, and then said again.
type powerCase struct {
	name    string
	prepare [][]string // what is done before
	args    []string
	over    string                  // the error code if the command was done already; "" if it succeeds again
	left    func(g powerRig) string // what is wrong with what a cut left; it changes nothing
	done    func(g powerRig) string // what is wrong once the command has succeeded
}

// The power is cut at each call of the real binary that changes a file or makes one
// durable, in its root and in its home. What is left is the ledger, or is known not to be.
// The same command finishes what it began, and what it said it did is still there.
func TestTorturePowerCuts(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of processes")
	}
	for _, c := range powerCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			newPowerRig(t, c).tryAll()
		})
	}
}

// A powerRig cuts the power of one case.
type powerRig struct {
	builtGait
	powerCase
	calls []diskCall
	begin string // a copy of the directory as it was before the command
	cuts  map[string]int
}

func newPowerRig(t *testing.T, c powerCase) powerRig {
	s := newStraceRig(t) // one job in a ledger of one event
	g := powerRig{builtGait: s.builtGait, powerCase: c, begin: filepath.Join(s.base, "begin"), cuts: map[string]int{}}
	ledgertest.WriteFile(t, filepath.Join(g.dir, "secret"), []byte("correct horse\n"))
	for _, args := range slices.Concat([][]string{
		{"gait", "job", "checkpoint", "add", "a", "--summary", "step"},
		{"gait", "ledger", "backup", "--out", "b.zip"},
		{"gait", "ledger", "backup", "--out", "k.zip", "--with-key", "--passphrase-file", "secret"},
	}, c.prepare) {
		if args[0] == "gait" {
			args = append([]string{g.path}, args[1:]...)
		}
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir, cmd.Env = g.dir, g.env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	ledgertest.Must(t, os.CopyFS(g.begin, os.DirFS(g.dir)))
	args := slices.Concat([]string{"-f", "-y", "-xx", "-s", "4194304", "-o", s.log, "-e", "trace=" + powerCalls, g.path}, c.args)
	cmd := exec.Command(s.strace, args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", c.args, err, out)
	}
	var err error
	g.calls, err = readTrace(s.traceLog())
	ledgertest.Must(t, err)
	return g
}

// said runs a command and returns its exit code and what it printed.
func (g powerRig) said(args ...string) (int, map[string]any) {
	g.t.Helper()
	cmd := g.command(slices.Concat(args, []string{"--json"})...)
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		g.t.Fatal(err)
	}
	said := map[string]any{}
	if err := json.Unmarshal(out, &said); err != nil {
		g.t.Errorf("gait %s prints %q: %v", strings.Join(args, " "), out, err)
	}
	return cmd.ProcessState.ExitCode(), said
}

// replay returns the disk after the first n calls that change what a power cut leaves,
// and how many there are in all if there are fewer.
func (g powerRig) replay(n int) (*modelDisk, int) {
	g.t.Helper()
	disk, err := readDisk(g.begin)
	ledgertest.Must(g.t, err)
	r := diskReplay{modelDisk: disk, dir: g.dir, files: map[string]*openFile{}}
	changes := 0
	for _, c := range g.calls {
		if changes == n {
			break
		}
		changed, err := r.do(c)
		ledgertest.Must(g.t, err)
		if changed {
			changes++
		}
	}
	return disk, changes
}

// tryAll cuts the power after each change in each way, or in a sample of these.
func (g powerRig) tryAll() {
	disk, changes := g.replay(-1)
	if disk.counts["fsync"]+disk.counts["fdatasync"] < 5 {
		g.t.Fatalf("%d changes, with the calls %v", changes, disk.counts)
	}
	kinds := []string{cutAll, cutSome, cutNone}
	most := 4
	if *thorough {
		most = changes * len(kinds)
	}
	for _, i := range ledgertest.Sample(g.t, changes*len(kinds), most) {
		g.try(i/len(kinds), kinds[i%len(kinds)], false)
	}
	g.try(changes, cutAll, true)
	g.try(changes, cutSome, true)
	g.t.Logf("%d changes; %v", changes, g.cuts)
}

// try cuts the power after some changes. If all were made, the command has said that it
// is done.
func (g powerRig) try(changes int, kind string, all bool) {
	rng := rand.New(rand.NewPCG(uint64(changes), uint64(len(kind))))
	disk, _ := g.replay(changes)
	ledgertest.Must(g.t, disk.cut(kind, g.dir, rng))
	wrong := ""
	if !all {
		wrong = g.left(g)
		if code, said := g.said(g.powerCase.args...); wrong == "" && code != 0 && (g.over == "" || said["error_code"] != g.over) {
			wrong = fmt.Sprintf("the same command exits %d: %v", code, said)
		}
	}
	if wrong == "" {
		wrong = g.done(g)
	}
	if g.cuts[kind]++; wrong != "" {
		g.t.Errorf("after %d changes, %s: %s", changes, kind, wrong)
	}
}
