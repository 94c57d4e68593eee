package main

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// endings returns the signals that end a command in order: those that the process was
// not told to ignore, as nohup does.
func endings() []os.Signal {
	return slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}, signal.Ignored)
}
