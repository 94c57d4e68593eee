package ledger

import "context"

// A commitmentReader is what NewestCommitment reads.
type commitmentReader interface {
	HeadReader
	EventReader
}

// The windows in which NewestCommitment reads the log backwards. The one it reads first is
// small, since a commitment is often near the end, and each that it reads next is larger.
const (
	firstWindow = 16
	lastWindow  = 4096
)

// NewestCommitment returns the newest event before an event of a log that commits to
// the log's index, or false if there is none among the MaxIndexUndo events before the
// log's end: of older ones the log can no longer tell what the index was.
func NewestCommitment(ctx context.Context, log commitmentReader, before Seq) (Event, bool, error) {
	return CommitmentAfter(ctx, log, Seq(log.Head().Size-MaxIndexUndo)-1, before)
}

// CommitmentAfter returns the newest event between two others that commits to the log's
// index, or false if there is none. It reads the log backwards.
func CommitmentAfter(ctx context.Context, log EventReader, after, before Seq) (Event, bool, error) {
	oldest := max(after+1, 0)
	for to, window := before, Seq(firstWindow); to > oldest; window = min(4*window, lastWindow) {
		from := max(oldest, to-window)
		newest, found, err := lastCommitment(ctx, log, from, to)
		if err != nil || found {
			return newest, found, err
		}
		to = from
	}
	return Event{}, false, nil
}

// lastCommitment returns the last of the events from one on and before another that
// commits to the index.
func lastCommitment(ctx context.Context, log EventReader, from, to Seq) (last Event, found bool, err error) {
	for e, err := range log.Events(ctx, from) {
		if err != nil {
			return Event{}, false, err
		}
		if e.Seq() >= to {
			break
		}
		if e.Type() == TypeIndexCommitted {
			last, found = e, true
		}
	}
	return last, found, nil
}
