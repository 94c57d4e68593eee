package commands

import (
	"fmt"

	"gait/ledger"
)

// An EmptyLog is a log with nothing in it, for a dry run where there is no
// ledger yet. It cannot be written to.
type EmptyLog struct{}

var _ Log = EmptyLog{}

// Origin returns a placeholder: no event of it is ever written.
func (EmptyLog) Origin() string { return "dry.run" }

// Head returns the head of an empty log.
func (EmptyLog) Head() ledger.Head { return ledger.Head{} }

// JobHead finds no job.
func (EmptyLog) JobHead(string) (ledger.JobHead, bool, error) { return ledger.JobHead{}, false, nil }

// View finds no view.
func (EmptyLog) View(string) ([]byte, bool, error) { return nil, false, nil }

// Request finds no request.
func (EmptyLog) Request(string) (ledger.Seq, bool, error) { return 0, false, nil }

// Event finds no event.
func (EmptyLog) Event(seq ledger.Seq) (ledger.Event, error) {
	return ledger.Event{}, fmt.Errorf("there is no event %d", seq)
}

// JobEvents has no events.
func (EmptyLog) JobEvents(string, int64) ledger.Events {
	return func(func(ledger.Event, error) bool) {}
}

// Begin refuses.
func (EmptyLog) Begin(ledger.Head) (ledger.Batch, error) {
	panic("commands: an empty log is for dry runs")
}
