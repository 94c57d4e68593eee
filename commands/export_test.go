package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Attempts is how often the engine decides a call.
const Attempts = attempts

// Waiting returns how many requests wait in the engine's queue.
func Waiting(e *Engine) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.waiting)
}

// Digest returns a request's digest.
func Digest(r Request) (ledger.Hash, error) { return r.digest() }

// BeginsJob reports whether the commands of a verb begin a job.
func BeginsJob(verb string) bool { return table[verb].BeginsJob }

// OfLedger reports whether the commands of a verb are about the ledger itself.
func OfLedger(verb string) bool { return table[verb].OfLedger }

// PanicOfSummary is what a Panicking panics with.
const PanicOfSummary = "no summary"

// Panicking is a pause that panics when it is refused.
type Panicking struct{ Pause }

var panickingRow = rowOf(verb[Panicking]{
	Row:     Row{Verb: "panic"},
	summary: func(Panicking, projection.Job) string { panic(PanicOfSummary) },
	decide: func(_ Panicking, j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
		return Pause{}.decide(j, by)
	},
})

func (Panicking) row() *Row { return panickingRow }

// RowOfVerb returns the row of a verb.
func RowOfVerb(verb string) *Row { return table[verb] }
