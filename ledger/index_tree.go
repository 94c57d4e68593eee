package ledger

import "gait/ledger/mpt"

// Tree returns the index over the events added so far. All its pages are in memory,
// and none was ever flushed.
func (f *IndexFold) Tree() mpt.Tree {
	f.Root()
	return f.tree
}
