package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Files are written through an outFile or a pendingDir, or are gait's own.
func TestOutputGoesThroughOutPath(t *testing.T) {
	writes := regexp.MustCompile(`\b(?:renameio\.\w+|os\.(?:Create\w*|WriteFile|OpenFile|OpenRoot|Mkdir\w*|Rename|Remove\w*|Symlink|Link|NewFile))\([^)]*`)
	own := map[string]string{ // by file
		"outfile.go": "outFile", "pending.go": "pendingDir",
		"demo.go":         "the changed copy of the demo's pack, and its directory",
		"launch.go":       "what a worker resumes with, in a directory for what is temporary",
		"passphrase.go":   "the terminal, which is asked",
		"policy_init.go":  "a directory for the cases of a policy, beside the policy, whose place outPath has checked",
		"resume_dirs.go":  "what supervisors that were killed have left in the directory for what is temporary",
		"serve_notify.go": "how far a target was notified, which is kept in the home",
		"serve_tcp.go":    "the token, which is kept in no ledger's directory, but may be in the home",
	}
	reads := []string{ // what begins with these writes nothing, or goes on to an outFile or pendingDir
		"os.OpenFile(name, os.O_RDONLY", "os.OpenRoot(name",
		"os.Remove(old", // a default pack of an older gait
		"os.RemoveAll(expect.path",
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range writes.FindAllString(string(text), -1) {
			seen++
			if own[file] == "" && !slices.ContainsFunc(reads, func(begin string) bool { return strings.HasPrefix(call, begin) }) {
				t.Errorf("%s: %s) writes past outFile and pendingDir", file, call)
			}
		}
	}
	if seen < 15 {
		t.Errorf("found %d places that write, want those of this package", seen)
	}
}

// Output goes to files, pipes and devices, and to nothing else. Only a file is replaced,
// and only what a disk was given is synced. What is there is made up here: a test that
// failed with a real disk would write to it.
func TestNotForOutput(t *testing.T) {
	for _, tt := range []struct {
		mode fs.FileMode
		want string
	}{
		{0o644, ""},
		{fs.ModeNamedPipe | 0o600, ""},
		{fs.ModeDevice | fs.ModeCharDevice | 0o666, ""},
		{fs.ModeDir | fs.ModeSticky | 0o777, "a directory"},
		{fs.ModeDevice | 0o660, ""},
		{fs.ModeSocket | 0o600, "neither a file nor a pipe nor a device"},
		{fs.ModeIrregular, "neither a file nor a pipe nor a device"},
	} {
		if got := notForOutput(tt.mode); got != tt.want {
			t.Errorf("notForOutput(%v) = %q, want %q", tt.mode, got, tt.want)
		}
		if got := (outFile{}).as(tt.mode, "/dev/made-up"); got.regular() != tt.mode.IsRegular() || got.exists != tt.mode.IsRegular() {
			t.Errorf("output to %v replaces it: %t", tt.mode, got.regular())
		}
		if got, want := isBlockDevice(tt.mode), tt.mode == fs.ModeDevice|0o660; got != want {
			t.Errorf("isBlockDevice(%v) = %t", tt.mode, got)
		}
	}
}

// A path is followed as the system follows it: links before the ".." behind them.
func TestFollowed(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link": "a/b", "abs": dir + "/a", "dangling": "a/none/x", "loop": "loop", "up": "link/.."} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		"a/b/c": "a/b/c", "link/c": "a/b/c", "link/../c": "a/c", "abs/b/../c": "a/c", "dangling": "a/none/x", "none/../a/./b": "a/b",
		"loop": "loop", "up/x": "a/x", "link/../../link/x//y/": "a/b/x/y", "a/../../" + filepath.Base(dir) + "/up": "a",
	} {
		if got := followed(dir + "/" + path); got != filepath.Join(dir, want) {
			t.Errorf("followed(%s) = %s, want %s", path, got, filepath.Join(dir, want))
		}
	}
}
