package store

import (
	"sync"

	"gait/ledger"
)

// maxRecent is how many jobs a generation of recent heads holds.
const maxRecent = 1 << 10

// recent holds the heads of jobs that were written lately, as they are in the
// log: writers of a job come back to it, and reading its head took a tenth of
// what a command costs.
type recent struct {
	mu         sync.Mutex
	young, old map[string]ledger.JobHead
}

// put notes what a commit has left.
func (r *recent) put(heads map[string]ledger.JobHead) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for job, head := range heads {
		r.keep(job, head)
	}
}

func (r *recent) get(job string) (ledger.JobHead, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if head, ok := r.young[job]; ok {
		return head, true
	}
	head, ok := r.old[job]
	if ok {
		r.keep(job, head)
	}
	return head, ok
}

func (r *recent) keep(job string, head ledger.JobHead) {
	if r.young == nil {
		r.young = make(map[string]ledger.JobHead, maxRecent)
	}
	r.young[job] = head
	if len(r.young) == maxRecent {
		r.old, r.young = r.young, nil
	}
}
