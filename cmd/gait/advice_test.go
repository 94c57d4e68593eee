package main

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"gait/ledger/home"
)

// The command line has words for all that a package can advise, and no package has commands
// of gait in its own.
func TestEachAdviceHasWords(t *testing.T) {
	found := 0
	for _, file := range []string{"../../ledger/home/advice.go", "../../ledger/root/advice.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`Advice += "([a-z_]+)"`).FindAllSubmatch(source, -1) {
			if found++; advice[home.Advice(m[1])] == "" {
				t.Errorf("nothing is said for %s", m[1])
			}
		}
	}
	if found != len(advice) {
		t.Errorf("%d are advised, and there are words for %d", found, len(advice))
	}
	for _, dir := range []string{"home", "root", "store", "content", "mpt"} {
		checkNoCommands(t, "../../ledger/"+dir)
	}
}

// checkNoCommands fails if a string in a package has a command line of gait.
func checkNoCommands(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^[^/\n]*["\x60][^"\x60\n]*\bgait (ledger|job|keys|pack|serve|doctor)\b.*$`)
	for _, e := range entries {
		if e.IsDir() || regexp.MustCompile(`_test\.go$`).MatchString(e.Name()) {
			continue
		}
		source, err := os.ReadFile(dir + "/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if line := command.Find(source); line != nil && !bytes.Contains(line, []byte("viewLabel")) {
			t.Errorf("%s/%s says to run a command: %s", dir, e.Name(), line)
		}
	}
}
