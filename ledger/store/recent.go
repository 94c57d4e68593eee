package store

import (
	"sync"

	"gait/ledger"
	"gait/ledger/recent"
)

// recentHeads holds the heads of jobs that were written recently, as they are in the
// log: writers often write to the same job again, and reading its head took a tenth
// of the cost of a command.
type recentHeads struct {
	mu    sync.Mutex
	heads recent.Map[string, ledger.JobHead]
}

// put records the heads that a commit has left.
func (r *recentHeads) put(heads map[string]ledger.JobHead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for job, head := range heads {
		r.heads.Put(job, head)
	}
}

func (r *recentHeads) get(job string) (ledger.JobHead, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.heads.Get(job)
}
