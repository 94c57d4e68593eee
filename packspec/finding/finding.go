// Package finding has the results of verifying a pack: levels with their statuses, and
// the first failure with its code.
package finding

// A Status is the result of a level of verification.
type Status string

// The statuses of a level.
const (
	Proved  Status = "proved"  // it follows from the bytes of the pack
	Claimed Status = "claimed" // the pack says so, without proof
	Absent  Status = "absent"  // the pack has nothing for it, or it was not checked
	Failed  Status = "failed"  // the pack contradicts it
)

// The levels, in the order they are checked and reported in.
const (
	LevelContainer    = "container"     // the file is a pack, and its entries are those the manifest lists
	LevelCanonical    = "canonical"     // every entry is in its one form
	LevelChain        = "chain"         // the events follow each other without a gap
	LevelInclusion    = "inclusion"     // the last event is in the checkpoint's tree
	LevelIndex        = "index"         // the index that an event commits to says what an index proof claims
	LevelSignature    = "signature"     // checkpoint and manifest are signed by a key the caller trusts
	LevelCosignatures = "cosignatures"  // enough witnesses of the caller's policy cosigned the checkpoint
	LevelStateMachine = "state_machine" // each event may follow the one before
	LevelViews        = "views"         // the views are those that the events give
	LevelFreshness    = "freshness"     // the caller has seen no other checkpoint of the ledger that contradicts the pack's
	LevelActors       = "actors"        // actors are who they claim to be
	LevelCompleteness = "completeness"  // the checkpoint's tree has no later event of the job
	LevelContent      = "content"       // the contents in the pack are those that the job's events name
	LevelPolicy       = "policy"        // the caller's policy is the one that a decision of the gate names
	LevelContinued    = "continued"     // another ledger held the job before, in the state in which it begins here
)

// A Level is the result of verification for one question.
type Level struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
}
