package authority_test

import (
	"slices"
	"strings"

	"gait/ledger"
)

// An asked is what a job waits for, as the reference reads it.
type asked struct {
	id        string // "" of a pause
	leaf      ledger.Hash
	asker     string
	askerKey  string
	hold      bool
	decision  ledger.Decision
	amended   ledger.Hash
	approvals []approval // that counted when the newest of them was given
	approved  bool       // as recorded: the newest approval was enough
	denied    bool
}

// An approval is one that was given.
type approval struct {
	by, key string
	leaf    ledger.Hash
	seq     ledger.Seq
}

// A workOn is what the reference knows of the one job of the property, from its events.
type workOn struct {
	status          string // "", running, waiting, paused
	identity        string
	submitter       string
	submitterKey    string
	policy          ledger.Hash
	policyBy, byKey string
	decisions       []asked
	stop            *asked
	checkpoints     int64
}

func keyOf(e ledger.Event) string {
	if keys := keysOf(e); len(keys) > 0 {
		return keys[0]
	}
	return ""
}

// allows reports whether the rules allow an event of the job after those in the list.
func (r reference) allows(e ledger.Event) bool {
	var w workOn
	for i, before := range r {
		if before.JobID() != "" && !r[:i].follow(&w, before) {
			panic("the reference does not allow what it allowed before")
		}
	}
	return r.follow(&w, e)
}

// follow applies an event after those in the list, and reports whether it is allowed.
func (r reference) follow(w *workOn, e ledger.Event) bool {
	switch p := e.Payload().(type) {
	case ledger.Submitted:
		if w.status != "" {
			return false
		}
		*w = workOn{status: "running", identity: p.Identity, submitter: e.Actor(), submitterKey: keyOf(e), policy: p.PolicyDigest}
		if keyOf(e) != "" && !p.PolicyDigest.IsZero() {
			w.policyBy, w.byKey = e.Actor(), keyOf(e)
		}
		return true
	case ledger.CheckpointAdded:
		return r.ask(w, e, p)
	case ledger.Paused:
		if w.status == "" || w.status == "paused" && !p.Hold {
			return false
		}
		open := w.stop != nil && (w.stop.unsettled() || r.governed() && r.open(w, *w.stop, e))
		if open && p.Hold {
			return false
		}
		if !open {
			w.stop = &asked{leaf: e.LeafHash(), asker: e.Actor(), askerKey: keyOf(e), hold: p.Hold}
		}
		w.status = "paused"
		return true
	case ledger.Approved:
		return r.approve(w, e, p)
	case ledger.Denied:
		a := w.find(p.Target, p.CheckpointID)
		if a == nil || a.denied || !r.listed(*a, e.Actor()) || !r.about(*a, p.Subject) {
			return false
		}
		a.denied, a.approved, a.approvals, w.status = true, false, nil, "waiting" // blocked
		return true
	case ledger.Resumed:
		return r.resume(w, e, p)
	}
	return w.status != "" // a refusal
}

func (r reference) ask(w *workOn, e ledger.Event, p ledger.CheckpointAdded) bool {
	if w.status == "" || w.status == "paused" && p.Replaces == "" || !p.ExpiresAt.IsZero() && !e.Time().Before(p.ExpiresAt) {
		return false
	}
	i := slices.IndexFunc(w.decisions, func(a asked) bool { return a.id == p.Replaces })
	switch {
	case p.Replaces == "":
	case i >= 0:
		w.decisions = slices.Delete(w.decisions, i, i+1)
	case p.Replaces == "pause" && w.stop != nil && w.stop.denied:
		w.stop = nil
	default:
		return false
	}
	w.decisions = append(w.decisions, asked{id: p.CheckpointID, leaf: e.LeafHash(), asker: e.Actor(), askerKey: keyOf(e), decision: p.Decision})
	w.checkpoints++
	w.status = "waiting"
	return true
}

func (w *workOn) find(target ledger.Hash, id string) *asked {
	if w.status != "waiting" && w.status != "paused" {
		return nil
	}
	for i := range w.decisions {
		if w.decisions[i].leaf == target && w.decisions[i].id == id {
			return &w.decisions[i]
		}
	}
	if w.stop != nil && w.stop.leaf == target && id == "" {
		return w.stop
	}
	return nil
}

func (r reference) approve(w *workOn, e ledger.Event, p ledger.Approved) bool {
	a := w.find(p.Target, p.CheckpointID)
	if a == nil || !r.listed(*a, e.Actor()) || r.self(w, *a, e.Actor(), keyOf(e)) || a.expired(e) || !r.about(*a, p.Subject) {
		return false
	}
	counts := r.counting(w, *a)
	switch {
	case a.denied && r.governed(), !r.governed() && a.approved, r.governed() && int64(len(counts)) >= r.needs(*a):
		return false
	case p.Amended != ledger.Content{} && a.about().IsZero():
		return false
	}
	if slices.ContainsFunc(counts, func(g approval) bool { return g.by == e.Actor() || g.key != "" && g.key == keyOf(e) }) {
		return false
	}
	if p.Amended != (ledger.Content{}) {
		a.amended, counts = p.Amended.Digest, nil
	}
	a.approvals = append(counts, approval{e.Actor(), keyOf(e), e.LeafHash(), e.Seq()})
	a.denied, a.approved = false, int64(len(a.approvals)) >= r.needs(*a)
	return true
}

func (r reference) resume(w *workOn, e ledger.Event, p ledger.Resumed) bool {
	if w.status != "waiting" && w.status != "paused" {
		return false
	}
	var used []approval
	for _, a := range w.all() {
		if r.open(w, a, e) {
			return false
		}
		if counts := r.counting(w, a); len(counts) > 0 && int64(len(counts)) >= r.needs(a) {
			used = append(used, counts[len(counts)-1])
		}
	}
	slices.SortFunc(used, func(x, y approval) int { return int(x.seq - y.seq) })
	if !slices.EqualFunc(used, p.Consumes, func(g approval, leaf ledger.Hash) bool { return g.leaf == leaf }) {
		return false
	}
	now, key := p.CurrentPolicyDigest, keyOf(e)
	if p.PreviousPolicyDigest != w.policy || now.IsZero() && !w.policy.IsZero() || p.PolicyChanged != (now != w.policy && !w.policy.IsZero()) || p.Identity != w.identity {
		return false
	}
	operator := func(name, key string) bool {
		return key != "" && slices.Contains(r.keys(name), key) && r.has(name, "operator")
	}
	mine, kept := operator(e.Actor(), key), now == w.policy && operator(w.policyBy, w.byKey)
	if r.set().Mode != "claims" && !now.IsZero() && !slices.Contains(r.set().Policies, now) && !mine && !kept {
		return false
	}
	if mine && !now.IsZero() {
		w.policyBy, w.byKey = e.Actor(), key
	} else if now != w.policy {
		w.policyBy, w.byKey = "", ""
	}
	w.policy, w.status, w.decisions, w.stop = now, "running", nil, nil
	return true
}

func (w *workOn) all() []asked {
	all := slices.Clone(w.decisions)
	if w.stop != nil {
		all = append(all, *w.stop)
	}
	return all
}

// governed reports whether the ledger has authority.
func (r reference) governed() bool { return len(r.everEnrolled()) > 0 }

// open reports whether something keeps the job from resuming.
func (r reference) open(w *workOn, a asked, e ledger.Event) bool {
	if a.denied || a.expired(e) {
		return true
	}
	enough := a.approved
	if r.governed() {
		enough = int64(len(r.counting(w, a))) >= r.needs(a)
	}
	return !enough && (a.id != "" || a.hold)
}

func (a asked) unsettled() bool { return a.denied || !a.approved && (a.id != "" || a.hold) }

func (a asked) expired(e ledger.Event) bool {
	return !a.decision.ExpiresAt.IsZero() && !e.Time().Before(a.decision.ExpiresAt)
}

func (a asked) about() ledger.Hash {
	if !a.amended.IsZero() {
		return a.amended
	}
	return a.decision.Subject.Digest
}

func (r reference) needs(a asked) int64 {
	if r.set().Mode != "claims" && a.askerKey == "" {
		return max(2, a.decision.Quorum)
	}
	return max(1, a.decision.Quorum)
}

// about reports whether a verdict names what is asked about.
func (r reference) about(a asked, subject ledger.Hash) bool {
	return subject == a.about() || subject.IsZero() && !r.governed()
}

func (r reference) listed(a asked, name string) bool {
	for _, who := range a.decision.Approvers {
		role, ofRole := strings.CutPrefix(who, "role:")
		if who == name || ofRole && r.has(name, ledger.Role(role)) {
			return true
		}
	}
	return len(a.decision.Approvers) == 0
}

// self reports whether an approval is by one who may not give it, by name or by key.
func (r reference) self(w *workOn, a asked, name, key string) bool {
	strict := r.set().Mode != "claims"
	same := func(other string) bool {
		return other == name || r.governed() && other != "" && strings.EqualFold(other, name)
	}
	return same(a.asker) || same(w.identity) || strict && same(w.submitter) ||
		key != "" && (key == a.askerKey || strict && key == w.submitterKey)
}

// counting returns the approvals that count now.
func (r reference) counting(w *workOn, a asked) (counts []approval) {
	for _, g := range a.approvals {
		fine := r.set().Mode == "claims" && !slices.ContainsFunc(r.everEnrolled(), func(n string) bool { return strings.EqualFold(n, g.by) })
		if g.key != "" {
			fine = slices.Contains(r.keys(g.by), g.key) && r.has(g.by, "approver")
		}
		if !r.governed() || fine && r.listed(a, g.by) && !r.self(w, a, g.by, g.key) {
			counts = append(counts, g)
		}
	}
	return counts
}
