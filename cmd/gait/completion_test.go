package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// justBefore sorts after every id that is less than the prefix, and before all others.
func TestJustBefore(t *testing.T) {
	ids := []string{"A", "Z9", "a", "a-", "a.b", "a:z", "a_", "aa", "az", "azz", "b"}
	for _, prefix := range append(ids, "", "a:", "b0", "0", "ü") {
		before := justBefore(prefix)
		for _, id := range ids {
			if has := strings.HasPrefix(id, prefix); has && id <= before || !has && id < prefix && id > before {
				t.Errorf("justBefore(%q) = %q, but %q, which begins so: %t, is on the wrong side", prefix, before, id, has)
			}
		}
	}
}

// bashComplete completes a command line as bash does with the script of gait,
// with the one function of bash-completion that it needs.
const bashComplete = `
_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
__ltrim_colon_completions() { :; }
compopt() { :; }
source <(gait completion bash) || exit
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9
__start_gait
printf '%s\n' "${COMPREPLY[@]}"
`

// The script works in bash itself, and runs nothing that was typed.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	b := newGait(t)
	b.must("job", "submit", "--id", "job_1")
	b.must("job", "submit", "--id", "job_2")
	b.must("job", "submit", "--id", "step:1")
	b.must("job", "submit", "--id", "step:2")
	for _, tt := range []struct{ line, want []string }{
		{[]string{"gait", "job", "status", "job_"}, []string{"job_1", "job_2"}},
		{[]string{"gait", "job", "status", "job_2"}, []string{"job_2"}},
		{[]string{"gait", "job", "status", "--id", "step"}, []string{"step:1", "step:2"}},
		{[]string{"gait", "job", "status", ""}, []string{"job_1", "job_2", "step:1", "step:2"}},
		{[]string{"gait", "job", "insp"}, []string{"inspect"}},
		{[]string{"gait", "job", "list", "--status", "pau"}, []string{"paused"}},
		{[]string{"gait", "job", "status", "x$(touch hit)"}, nil},
	} {
		cmd := exec.Command(bash, append([]string{"--norc", "-c", bashComplete, "bash"}, tt.line...)...)
		cmd.Dir, cmd.Env = b.dir, b.env
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("completing %q: %v", tt.line, err)
		}
		var got []string
		for line := range strings.Lines(string(out)) {
			if word := strings.Fields(line); len(word) > 0 {
				got = append(got, word[0])
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("bash completes %q to %q, want %q", tt.line, got, tt.want)
		}
	}
	if hit, _ := filepath.Glob(filepath.Join(b.dir, "hit")); hit != nil {
		t.Error("completing a command line ran what is in it")
	}
}

// Of many jobs only maxCompletions are completed.
func TestCompletionsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred processes")
	}
	b := newGait(t)
	const jobs = maxCompletions + 5
	for i := range jobs {
		b.must("job", "submit", "--id", fmt.Sprintf("job_%03d", i))
	}
	begun := time.Now()
	out, err := b.command("__completeNoDesc", "job", "status", "job_").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of %d jobs take %s", maxCompletions, jobs, time.Since(begun))
	lines := strings.Fields(string(out))
	if len(lines) != maxCompletions+1 || lines[maxCompletions-1] != fmt.Sprintf("job_%03d", maxCompletions-1) {
		t.Errorf("%d lines end in %q, want the first %d jobs", len(lines), lines[len(lines)-2], maxCompletions)
	}
}
