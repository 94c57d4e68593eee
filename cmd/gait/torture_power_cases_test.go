package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
)

var powerCases = []powerCase{
	{
		name: "restore of the newest backup", prepare: [][]string{{"rm", "-r", "gait-out"}},
		args: []string{"ledger", "restore", "b.zip"},
		left: func(g powerRig) string { return g.shows(false, "ledger_missing") },
		done: func(g powerRig) string { return g.goesOn() },
	},
	{
		name:    "restore of an older backup",
		prepare: [][]string{{"gait", "job", "checkpoint", "add", "a", "--summary", "later"}, {"rm", "-r", "gait-out"}},
		args:    []string{"ledger", "restore", "b.zip"},
		left:    func(g powerRig) string { return g.isOlder("ledger_missing", "ledger_rolled_back") },
		done:    func(g powerRig) string { return g.isOlder() },
	},
	{
		name: "restore in a new home, with the key", prepare: [][]string{{"rm", "-r", "gait-out", "home"}},
		args: []string{"ledger", "restore", "k.zip", "--newest", "--passphrase-file", "secret"},
		left: func(g powerRig) string { return g.shows(false, "ledger_missing", "ledger_not_found") },
		done: func(g powerRig) string { return g.goesOn() },
	},
	{
		name: "restore of a copy", prepare: [][]string{{"rm", "-r", "gait-out"}},
		args: []string{"ledger", "restore", "b.zip", "--read-only"},
		left: func(g powerRig) string { return g.shows(false, "ledger_missing") },
		done: func(g powerRig) string { return g.isCopy() },
	},
	{
		name: "an import",
		prepare: [][]string{{"sh", "-c", `
	key=$(gait keys show) && gait ledger export --dir exported && rm -r gait-out home && gait keys trust "$key"`}},
		args: []string{"ledger", "import", "exported"}, over: "ledger_exists",
		left: func(g powerRig) string { return g.shows(false, "ledger_missing", "ledger_not_found") },
		done: func(g powerRig) string { return g.isCopy() },
	},
	{
		name: "checkpoint with attachments", prepare: [][]string{{"sh", "-c", "echo small > small.txt; head -c 200000 /dev/zero > large.bin"}},
		args: []string{"job", "checkpoint", "add", "a", "--summary", "with files", "--request-id", "r-1", "--attach", "small.txt", "--attach", "large.bin"},
		left: func(g powerRig) string { return g.contentHolds(0, 2) },
		done: func(g powerRig) string { return g.contentHolds(2) },
	},
	{
		name: "move away", prepare: movePlace,
		args: []string{"ledger", "move", "--to", "there.vkey"},
		left: func(g powerRig) string { return g.shows(false) },
		done: func(g powerRig) string {
			if code, said := g.said("job", "pause", "a"); code != 8 || said["error_code"] != "ledger_moved" {
				return fmt.Sprintf("a command that writes exits %d: %v", code, said)
			}
			return g.shows(false)
		},
	},
	{
		name: "arrival of a move",
		prepare: slices.Concat(movePlace, [][]string{
			{"gait", "ledger", "move", "--to", "there.vkey"},
			{"gait", "ledger", "backup", "--out", "moved.zip"},
			{"rm", "-r", "gait-out", "home"},
			{"mv", "there", "home"},
		}),
		args: []string{"ledger", "restore", "moved.zip"},
		left: func(g powerRig) string { return g.shows(false, "ledger_missing", "ledger_not_found") },
		done: func(g powerRig) string { return g.goesOn() },
	},
	{
		name:    "return of a move, to where it was before",
		prepare: thereAndBack,
		args:    []string{"ledger", "restore", "back.zip"},
		left:    func(g powerRig) string { return g.shows(false, "ledger_missing") },
		done:    func(g powerRig) string { return g.goesOn() },
	},
	{
		name:    "successor of an older state",
		prepare: [][]string{{"gait", "job", "checkpoint", "add", "a", "--summary", "later"}, {"rm", "-r", "gait-out"}, {"gait", "ledger", "restore", "b.zip"}},
		args:    []string{"ledger", "retire", "--reason", "lost", "--successor"},
		left:    func(g powerRig) string { return g.isGivenUp("successor_unfinished") },
		done:    func(g powerRig) string { return g.goesOnInSuccessor() },
	},
	{
		name:    "restore as a successor",
		prepare: [][]string{{"gait", "job", "checkpoint", "add", "a", "--summary", "later"}, {"rm", "-r", "gait-out"}},
		args:    []string{"ledger", "restore", "b.zip", "--as-successor"}, over: "ledger_exists",
		left: func(g powerRig) string {
			return g.isGivenUp("successor_unfinished", "ledger_missing", "ledger_rolled_back")
		},
		done: func(g powerRig) string { return g.goesOnInSuccessor() },
	},
	{
		name: "successor of a ledger without its key", prepare: [][]string{{"rm", "-r", "home/keys"}},
		args: []string{"ledger", "retire", "--reason", "lost", "--successor"},
		left: func(g powerRig) string { return g.isContinued("successor_unfinished") },
		done: func(g powerRig) string { return g.goesOnInSuccessor() },
	},
	{
		name:    "successor from a pack",
		prepare: [][]string{{"gait", "pack", "build", "--from", "a", "--out", "a.zip"}, {"rm", "-r", "gait-out"}},
		args:    []string{"ledger", "retire", "--reason", "lost", "--successor", "--from", "a.zip"}, over: "invalid_usage",
		left: func(g powerRig) string { return g.isContinued("successor_unfinished", "ledger_missing") },
		done: func(g powerRig) string { return g.goesOnInSuccessor() },
	},
	{
		name: "the first command", prepare: [][]string{{"rm", "-r", "gait-out", "home"}},
		args: []string{"job", "submit", "--id", "a", "--request-id", "r"},
		left: func(g powerRig) string {
			return g.isAt([]float64{1}, "ledger_missing", "ledger_not_found", "job_not_found")
		},
		done: func(g powerRig) string { return cmp.Or(g.isAt([]float64{1}), g.writes()) },
	},
	{
		name: "a command",
		args: []string{"job", "checkpoint", "add", "a", "--summary", "another", "--request-id", "r"},
		left: func(g powerRig) string { return g.isAt([]float64{2, 3}) },
		done: func(g powerRig) string { return cmp.Or(g.isAt([]float64{3}), g.writes()) },
	},
	{
		name: "a rotation", args: []string{"keys", "rotate"},
		left: func(g powerRig) string { return g.shows(false) },
		done: func(g powerRig) string { return g.goesOn() },
	},
	{
		name: "a retirement", args: []string{"ledger", "retire", "--reason", "over"}, over: "ledger_not_found",
		left: func(g powerRig) string { return g.isAt([]float64{2}, "ledger_retired", "ledger_not_found") },
		done: func(g powerRig) string {
			if code, said := g.said("job", "submit", "--id", "b"); code != 0 {
				return fmt.Sprintf("the next ledger cannot be begun: exit %d: %v", code, said)
			}
			return g.isAt(nil, "job_not_found")
		},
	},
	{
		name: "a retirement after a rotation that was cut short",
		prepare: [][]string{{"sh", "-c", `
	cd home/keys && cp gait.local+*.key .was && gait keys rotate --root ../../gait-out/jobs && mkdir -p next &&
	mv gait.local+*.key next && cd next && mv ../.was ../$(ls)`}},
		args: []string{"ledger", "retire", "--reason", "over"}, over: "ledger_not_found",
		left: func(g powerRig) string { return g.isAt([]float64{2}, "ledger_retired", "ledger_not_found") },
		done: func(g powerRig) string { return g.isRetired() },
	},
	{
		name:    "a retirement of what moved away and came back",
		prepare: slices.Concat(thereAndBack, [][]string{{"gait", "ledger", "restore", "back.zip"}}),
		args:    []string{"ledger", "retire", "--reason", "over"}, over: "ledger_not_found",
		left: func(g powerRig) string { return g.isAt([]float64{2}, "ledger_retired", "ledger_not_found") },
		done: func(g powerRig) string { return g.isRetired() },
	},
}

// isAt says what is wrong with the job as status shows it: it has none of the revisions.
// Errors of the codes given are right too.
func (g powerRig) isAt(revisions []float64, codes ...string) string {
	code, said := g.said("job", "status", "a")
	text, _ := said["error_code"].(string)
	job, _ := said["job"].(map[string]any)
	revision, _ := job["revision"].(float64)
	if code != 0 && slices.Contains(codes, text) || code == 0 && slices.Contains(revisions, revision) {
		return ""
	}
	return fmt.Sprintf("status exits %d: %v", code, said)
}

// movePlace makes the key of another place, which trusts the ledger's.
var movePlace = [][]string{{"sh", "-c", `
	origin=$(gait ledger info --json | sed 's/.*"origin":"\([^"]*\)".*/\1/') && key=$(gait keys show) &&
	export GAIT_HOME="$PWD/there" && gait keys new "$origin" >there.vkey && gait keys trust "$key"`}}

// thereAndBack moves the ledger there and makes the backup with which it comes back.
var thereAndBack = slices.Concat(movePlace, [][]string{
	{"gait", "ledger", "move", "--to", "there.vkey"},
	{"gait", "ledger", "backup", "--out", "moved.zip"},
	{"sh", "-c", `
	origin=$(cut -d+ -f1 there.vkey) && gait keys new "$origin" >here.vkey &&
	export GAIT_HOME="$PWD/there" GAIT_ROOT="$PWD/there-root" && gait ledger restore moved.zip && gait job submit --id b &&
	gait ledger move --to here.vkey && gait ledger backup --out back.zip`},
})

// shows says what is wrong with the job as status shows it. Errors of the codes given are
// right too.
func (g powerRig) shows(older bool, codes ...string) string {
	code, said := g.said("job", "status", "a")
	text, _ := said["error_code"].(string)
	job, _ := said["job"].(map[string]any)
	switch _, marked := said["restored"]; {
	case code != 0 && slices.Contains(codes, text):
		return ""
	case code != 0 || marked != older || job["revision"] != 2.0:
		return fmt.Sprintf("status exits %d: %v", code, said)
	}
	return ""
}

// isCopy says what is wrong with a ledger that is only read, whose index was checked, and of
// which home keeps a checkpoint.
func (g powerRig) isCopy() string {
	if code, said := g.said("job", "pause", "a"); code == 0 {
		return fmt.Sprint("a copy is written: ", said)
	}
	if code, said := g.said("ledger", "info"); code != 0 || said["index"] != nil || said["seen"] == nil {
		return fmt.Sprintf("info exits %d: %v", code, said)
	}
	return g.shows(false)
}

// isRetired says what is wrong with a ledger that was retired: its key signs packs of it and
// no more.
func (g powerRig) isRetired() string {
	code, said := g.said("keys", "list")
	keys, _ := said["keys"].([]any)
	for _, k := range keys {
		if k, _ := k.(map[string]any); k["signing"] != false {
			return fmt.Sprintf("a key is left to sign with: %v", k)
		}
	}
	dirs, err := filepath.Glob(filepath.Join(g.dir, "gait-out", "jobs", "ledger.retired-*"))
	if err != nil || code != 0 || len(dirs) != 1 {
		return fmt.Sprintf("keys list exits %d: %v; retired are %v, %v", code, said, dirs, err)
	}
	if code, said := g.said("pack", "build", "--root", dirs[0], "--from", "a", "--out", "retired.zip"); code != 0 {
		return fmt.Sprintf("pack build exits %d: %v", code, said)
	}
	return ""
}

// isOlder is shows of a ledger in an older state, which is never written.
func (g powerRig) isOlder(codes ...string) string {
	if code, said := g.said("job", "pause", "a"); code != 2 {
		return fmt.Sprintf("pause of an older state exits %d: %v", code, said)
	}
	return g.shows(true, codes...)
}

// isContinued says what is wrong with a job that is in the ledger or, in the state that
// this has, in its successor. Errors of the codes given are right too.
func (g powerRig) isContinued(codes ...string) string {
	code, said := g.said("job", "status", "a")
	text, _ := said["error_code"].(string)
	job, _ := said["job"].(map[string]any)
	_, continued := job["continued"]
	if code != 0 && slices.Contains(codes, text) || code == 0 && (!continued && job["revision"] == 2.0 || continued && job["revision"] == 1.0) {
		return ""
	}
	return fmt.Sprintf("status exits %d: %v", code, said)
}

// isGivenUp is isContinued of a ledger in an older state, which nothing may be written to.
// To look whether it can be may finish its successor.
func (g powerRig) isGivenUp(codes ...string) string {
	code, decided := g.said("job", "pause", "a", "--dry-run")
	_, said := g.said("job", "status", "a")
	if job, _ := said["job"].(map[string]any); code == 0 && job["continued"] == nil {
		return fmt.Sprintf("the ledger that is given up can be written: %v, then %v", decided, said)
	}
	return g.isContinued(codes...)
}

// goesOnInSuccessor says what is wrong with a job that was continued.
func (g powerRig) goesOnInSuccessor() string {
	code, said := g.said("job", "status", "a")
	if job, _ := said["job"].(map[string]any); code != 0 || job["continued"] == nil || job["checkpoint_count"] != 1.0 {
		return fmt.Sprintf("status exits %d: %v", code, said)
	}
	if code, said := g.said("job", "submit", "--id", "a"); said["error_code"] != "job_exists" {
		return fmt.Sprintf("another job of its id: exit %d, %v", code, said)
	}
	return g.writes()
}

// goesOn says what is wrong with a ledger that can be continued.
func (g powerRig) goesOn() string {
	if wrong := g.shows(false); wrong != "" {
		return wrong
	}
	return g.writes()
}

// writes says what is wrong with a ledger that can be written.
func (g powerRig) writes() string {
	for _, args := range [][]string{{"ledger", "verify"}, {"job", "pause", "a"}, {"ledger", "verify"}} {
		if code, said := g.said(args...); code != 0 {
			return fmt.Sprintf("%v exits %d: %v", args, code, said)
		}
	}
	return ""
}

// contentHolds says what is wrong with the content of the ledger: all that events name is
// there, of which there are so many, and what no event names can be removed.
func (g powerRig) contentHolds(counts ...float64) string {
	code, said := g.said("ledger", "verify")
	if code != 0 {
		return fmt.Sprintf("ledger verify exits %d: %v", code, said)
	}
	kept, _ := said["content"].(map[string]any)
	if kept == nil {
		kept = map[string]any{"present": 0.0, "absent": 0.0}
	}
	if present, _ := kept["present"].(float64); !slices.Contains(counts, present) || kept["absent"] != 0.0 {
		return fmt.Sprintf("the content is %v, want none absent, and of %v one number present", kept, counts)
	}
	if code, said := g.said("content", "gc", "--older-than", "0s", "--dry-run"); code != 0 {
		return fmt.Sprintf("content gc exits %d: %v", code, said)
	}
	return ""
}
