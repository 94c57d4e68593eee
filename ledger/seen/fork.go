package seen

import "fmt"

// A Fork is two facts of one job that cannot both hold: the holder of the ledger's key
// has written two histories.
type Fork struct {
	Job   string // "": the ledger's own events
	Seen  Fact   // what was seen first
	Found Fact   // what was found later
}

// OneEvent reports whether the fork is that one event has two leaf hashes.
func (f Fork) OneEvent() bool {
	return !f.Seen.IsEnd() && !f.Found.IsEnd() && f.Seen.Number == f.Found.Number
}

// String says what contradicts what, as part of a sentence.
func (f Fork) String() string {
	switch {
	case f.OneEvent() && f.Job == "":
		return fmt.Sprintf("another event was seen as event %d of the ledger: the holder of its key has written two histories of it", f.Seen.Number)
	case f.OneEvent():
		return fmt.Sprintf("another event was seen as number %d of job %s: the holder of the ledger's key has written two histories of it", f.Seen.Number, f.Job)
	}
	return fmt.Sprintf("it was seen that %s, but here %s: the holder of the ledger's key has written two histories of job %s", f.Seen, f.Found, f.Job)
}

// String says the fact of a job as a clause.
func (f Fact) String() string {
	switch {
	case !f.IsEnd():
		return fmt.Sprintf("event %d of the job is event %d of the ledger", f.Number, f.Seq)
	case f.Number == 0:
		return fmt.Sprintf("the ledger has no such job up to its event %d", f.Seq)
	}
	return fmt.Sprintf("the job has %d events up to event %d of the ledger", f.Number, f.Seq)
}
