package commands

import (
	"fmt"

	"gait/ledger"
)

// CommitIndex puts the root of the ledger's index into the ledger. If no event
// follows the newest index_committed, that is the answer, and nothing is written. The
// event's actor is gait, since it follows from the events before it; the request
// names none.
type CommitIndex struct{}

var commitIndexRow = add(verb[CommitIndex]{
	Row:          Row{Verb: "commit-index", Actor: ledger.ActorGait, Roles: []ledger.Role{ledger.RoleOperator}},
	decideLedger: CommitIndex.decide,
})

// Verb returns "commit-index".
func (CommitIndex) Verb() string { return commitIndexRow.Verb }

func (CommitIndex) row() *Row { return commitIndexRow }

func (CommitIndex) decide(s LedgerState, _ Request) (ledger.Payload, error) {
	root, err := s.Index()
	if err != nil {
		return nil, err
	}
	if last, commits := s.Last.Payload().(ledger.IndexCommitted); commits && last.Index == root {
		return nil, nil
	} else if commits {
		reason := fmt.Sprintf("it commits to the index %s; that of the events before it is %s", last.Index, root)
		return nil, &ledger.IndexError{Seq: s.Last.Seq(), Signed: true, Reason: reason}
	}
	return ledger.IndexCommitted{Index: root}, nil
}
