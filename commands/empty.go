package commands

import (
	"context"

	"gait/ledger"
)

// An EmptyLog is a log with nothing in it, for a dry run if there is no ledger:
// nothing can be written to it. It has only what an Engine asks of a log without
// jobs.
type EmptyLog struct {
	ledger.HeadReader
	ledger.EventReader
	ledger.IndexReader
}

var _ Log = EmptyLog{}

// Origin returns a name that is no ledger's.
func (EmptyLog) Origin() string { return "dry.run" }

// Head returns the head of an empty log.
func (EmptyLog) Head() ledger.Head { return ledger.Head{} }

// Index says that nothing is proved.
func (EmptyLog) Index() ledger.IndexState { return ledger.IndexUnchecked }

// Load finds nothing.
func (EmptyLog) Load(context.Context, []string, []string, ...ledger.CallID) (ledger.Records, error) {
	return ledger.Records{}, nil
}

// AuthorityEvents returns none.
func (EmptyLog) AuthorityEvents(context.Context) ledger.Events {
	return func(func(ledger.Event, error) bool) {}
}

// LoadUnproved finds nothing.
func (EmptyLog) LoadUnproved(context.Context, string) (ledger.JobEntry, bool, error) {
	return ledger.JobEntry{}, false, nil
}

// Begin panics: a dry run never calls it.
func (EmptyLog) Begin(context.Context, ledger.Head) (ledger.Batch, error) {
	panic("commands: an empty log is for dry runs")
}
