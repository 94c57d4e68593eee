package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"gait/ledger/ledgertest"
)

// asMain runs a command as another user: as UID COMMAND…
func asMain() {
	uid, err := strconv.Atoi(os.Args[1])
	if err != nil || len(os.Args) < 3 {
		end("usage: as UID COMMAND…")
	}
	path, err := exec.LookPath(os.Args[2])
	if err == nil {
		err = openWays(path)
	}
	if err == nil {
		err = syscall.Setgroups(nil)
	}
	if err == nil {
		err = syscall.Setgid(uid)
	}
	if err == nil {
		err = syscall.Setuid(uid)
	}
	if err == nil {
		err = syscall.Exec(path, os.Args[2:], os.Environ())
	}
	end(err)
}

// openWays lets other users reach the working directory and a program.
func openWays(program string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	for _, path := range []string{filepath.Join(here, "x"), program} {
		for dir := filepath.Dir(path); dir != "/" && dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
			st, err := os.Stat(dir)
			if err != nil {
				return err
			}
			if st.Mode().Perm()&0o001 == 0 {
				if err := os.Chmod(dir, st.Mode().Perm()|0o011); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func end(why any) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(95)
}

// giveCmd gives directories to a user: give UID DIR…
func giveCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: give UID DIR…")
	}
	uid, err := strconv.Atoi(args[0])
	ts.Check(err)
	for _, dir := range args[1:] {
		ts.Check(ledgertest.GiveTo(ts.MkAbs(dir), uid))
	}
}

// As another user, in a script too, commands are this test binary.
func TestAs(t *testing.T) {
	ledgertest.OnlyRoot(t)
	out, err := exec.Command("as", "4711", "id", "-u").CombinedOutput()
	if err != nil || string(out) != "4711\n" {
		t.Errorf("as 4711 id -u prints %q, %v", out, err)
	}
}
