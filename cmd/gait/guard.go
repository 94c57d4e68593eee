package main

import (
	"os"
	"os/exec"
	"path/filepath"

	"gait/commands/process"
)

// guardArgs returns the command line of a process that ends what this one has started, when
// this one ends.
func guardArgs() []string {
	self, err := exec.LookPath(os.Args[0])
	if err == nil {
		self, err = filepath.Abs(self)
	}
	if err != nil {
		self, _ = os.Executable() //nolint:errcheck // starting "" says what is wrong
	}
	return []string{self, process.GuardArg}
}

// closeGuard ends what still runs, and waits until its output was passed on.
func closeGuard(a *app, guard *process.Guard) {
	if err := guard.Close(); err != nil {
		a.notice(err.Error())
	}
}
