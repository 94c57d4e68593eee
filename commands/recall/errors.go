package recall

import (
	"gait/ledger"
	"gait/packspec/finding"
)

// A ForkedError says that a ledger contradicts what was seen of it in a pack or a proof, or
// where a job was seen to go on.
type ForkedError struct {
	Text string

	// PastEnd says that it has an event of a job behind the one with which that went on in a
	// successor. If the successor was made of an older backup, the event was lost.
	PastEnd bool
}

func (e *ForkedError) Error() string { return e.Text }

// Fault returns what kind of error it is.
func (*ForkedError) Fault() ledger.Fault {
	return ledger.Fault{Code: finding.CodeForked, Category: ledger.CategoryVerification}
}

// A ConflictError is proof that a key signed two histories, or that a history
// was cut: two signed checkpoints that contradict each other.
type ConflictError struct {
	Text  string
	Notes [2][]byte // the one seen earlier, and the one found
}

func (e *ConflictError) Error() string { return e.Text }

// Fault returns what kind of error it is.
func (*ConflictError) Fault() ledger.Fault {
	return ledger.Fault{Code: "checkpoint_conflict", Category: ledger.CategoryVerification}
}
