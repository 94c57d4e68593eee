package home

// An Advice names what can be done about an error or a finding. Each face says it in its own
// words: the command line with commands that can be pasted.
type Advice string

// What can be done about an UnsafeError.
const (
	// AdviceFinishSuccessor is to finish a successor from the home that has its key. Only if
	// that home is lost is the directory to be moved away.
	AdviceFinishSuccessor Advice = "finish_successor"

	// AdviceRestoreBeside is to make a backup of the ledger and to restore that in the other
	// directory.
	AdviceRestoreBeside Advice = "restore_beside"
)
