package proxy

import (
	"maps"

	"gait/ledger"
)

// A history is what the events of a job say of the tools of one server: those that the proxy
// itself has recorded, and then the changes that were approved and used up by a resume. What
// another actor attaches to a checkpoint changes nothing: that was not approved.
type history struct {
	seq   int64   // job_seq of the newest event that was read
	tools toolset // nil: none were recorded or approved

	strict   bool // a record has to be signed
	signs    bool // the proxy's actor signs
	doubtful bool // there is a record that another may have made
	open     bool // a decision about changes waits

	decisions map[ledger.Hash][]change    // about changes, by leaf hash
	approvals map[ledger.Hash]ledger.Hash // what each approval is of
	denied    map[ledger.Hash]bool        // the decisions that were denied
	amended   map[ledger.Hash]bool        // those for which something else was approved, which is not what the server has
}

// clone returns a copy that can be changed.
func (h history) clone() history {
	h.decisions, h.approvals = copied(h.decisions), copied(h.approvals)
	h.denied, h.amended = copied(h.denied), copied(h.amended)
	return h
}

func copied[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return make(map[K]V)
	}
	return maps.Clone(m)
}

// records reports whether tools that the proxy records now would count, so that they need no
// approval.
func (h history) records() bool { return !h.doubtful && (!h.strict || h.signs) }

// follow folds an event that is no checkpoint.
func (h *history) follow(e ledger.Event) {
	switch p := e.Payload().(type) {
	case ledger.Approved:
		if h.approvals[e.LeafHash()] = p.Target; p.Amended != (ledger.Content{}) {
			h.amended[p.Target] = true
		}
	case ledger.Denied:
		h.denied[p.Target] = true
	case ledger.Resumed:
		for _, used := range p.Consumes {
			target := h.approvals[used]
			if changed := h.decisions[target]; changed != nil && !h.amended[target] {
				h.tools = h.tools.apply(changed)
				delete(h.decisions, target) // a second approval of it changes nothing
			}
		}
	default: // no other event says anything of tools
	}
}

// refused reports whether changes were asked for, and denied.
func (h history) refused(changed []change) bool {
	for leaf := range h.denied {
		if alike(h.decisions[leaf], changed) {
			return true
		}
	}
	return false
}
