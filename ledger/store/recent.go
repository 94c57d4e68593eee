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

// recentNumbers holds the numbers of jobs that were written recently.
type recentNumbers struct {
	mu      sync.Mutex
	numbers recent.Map[string, int64]
}

func (r *recentNumbers) put(numbers map[string]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for job, n := range numbers {
		r.numbers.Put(job, n)
	}
}

func (r *recentNumbers) get(job string) (int64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.numbers.Get(job)
}

// drop forgets all numbers: jobs get new ones.
func (r *recentNumbers) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers = recent.Map[string, int64]{}
}
