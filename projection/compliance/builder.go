package compliance

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"gait/ledger"
)

// A Builder makes a report from events.
type Builder struct {
	framework Framework
	scope     Scope
	ledger    state
	jobs      map[string]*state
	totals    []total // by the place of the sign in signs, of what single events show
	authority []ledger.Event

	first, last ledger.Event
}

// A total is all events that show a sign.
type total struct {
	count  int64
	events []Shown // the first of them, by seq
}

// New returns a builder of a report about the events of a scope, whose counts are ignored.
func New(f Framework, scope Scope) *Builder {
	return &Builder{
		framework: f, scope: Scope{JobID: scope.JobID, Labels: slices.Clone(scope.Labels)},
		ledger: newState(), jobs: map[string]*state{}, totals: make([]total, len(signs)),
	}
}

// Add adds an event, in any order but that of one job's. No event may be added twice.
func (b *Builder) Add(e ledger.Event) {
	b.scope.EventCount++
	if b.first.ID() == "" || e.Seq() < b.first.Seq() {
		b.first = e
	}
	if b.last.ID() == "" || e.Seq() > b.last.Seq() {
		b.last = e
	}
	if e.Type().OfAuthority() {
		b.authority = append(b.authority, e)
	}
	job := e.JobID()
	to, from, until := &b.ledger, 0, row(JobBegun)
	if job != "" {
		if b.jobs[job] == nil {
			s := newState()
			b.jobs[job] = &s
		}
		to, from, until = b.jobs[job], until, len(signs)
		to.follow(e)
	}
	for i := from; i < until; i++ {
		if shown := signs[i].shown; shown != nil && shown(e) {
			to.newest[i] = max(to.newest[i], int64(e.Seq())+1)
			b.totals[i].add(Shown{e.Seq(), job, e.Type()})
		}
	}
}

func (t *total) add(s Shown) {
	t.count++
	at, _ := slices.BinarySearchFunc(t.events, s, func(a, b Shown) int { return cmp.Compare(a.Seq, b.Seq) })
	if at < MaxEvents {
		t.events = slices.Insert(t.events, at, s)
		t.events = t.events[:min(len(t.events), MaxEvents)]
	}
}

// Report returns the report about the events that were added, which are those of a tree.
func (b *Builder) Report(tree Tree) Report {
	f := frameworks(b.framework)
	r := Report{
		SchemaID: SchemaID, SchemaVersion: SchemaVersion, Framework: b.framework, Title: f.title, Notice: Notice,
		Tree: tree, Scope: b.scope, NotShown: f.notShown, Sources: f.sources,
	}
	r.Scope.JobCount = int64(len(b.jobs))
	if b.scope.EventCount > 0 {
		r.Scope.First, r.Scope.Last = b.first.TimeText(), b.last.TimeText()
	}
	ids := slices.Sorted(maps.Keys(b.jobs))
	totals := b.withStanding(ids)
	for _, c := range f.controls {
		found := b.judge(c, ids)
		for _, s := range c.signsOf() {
			t := totals[row(s)]
			found.Evidence = append(found.Evidence, Evidence{s, signs[row(s)].text, c.use(s), t.count, append([]Shown{}, t.events...)})
		}
		r.Summary.add(found.Status)
		r.Controls = append(r.Controls, found)
	}
	return r
}

// withStanding returns the totals with what stands at the end, which no single event shows.
func (b *Builder) withStanding(ids []string) []total {
	totals := make([]total, len(signs))
	for i, t := range b.totals {
		totals[i] = total{t.count, slices.Clone(t.events)}
	}
	b.ledger.stands(inForce(b.authority), totals)
	for _, id := range ids {
		b.jobs[id].stands(b.jobs[id].standing(b.ledger.newest[row(IndexCommitted)]), totals)
	}
	return totals
}

// stands keeps the events that show what stands at the end.
func (s *state) stands(found map[Sign][]Shown, totals []total) {
	for i, r := range signs {
		if r.shown != nil {
			continue
		}
		s.newest[i] = 0
		for _, at := range found[r.sign] {
			s.newest[i] = max(s.newest[i], int64(at.Seq)+1)
			totals[i].add(at)
		}
	}
}

// judge returns what the events show of a control, without the evidence.
func (b *Builder) judge(c control, ids []string) Finding {
	f := Finding{ID: c.id, Title: c.title, Asks: c.asks, When: c.when, Needs: c.need, Answers: c.answer, Lacking: []Lack{}}
	if c.ofLedger() {
		var why string
		if f.Status, why = c.judge(b.ledger.newest); f.Status == Absent {
			f.Lacking = append(f.Lacking, Lack{Why: why})
		}
		return f
	}
	f.Jobs = &Counts{}
	first := row(JobBegun)
	newest := slices.Clone(b.ledger.newest)
	for _, id := range ids {
		copy(newest[first:], b.jobs[id].newest[first:])
		status, why := c.judge(newest)
		f.Jobs.add(status)
		if status == Absent && len(f.Lacking) < MaxLacking {
			f.Lacking = append(f.Lacking, Lack{id, why})
		}
	}
	f.Status = f.Jobs.status()
	return f
}

// judge returns the status of a control for a job, or for the ledger, and why it is absent.
func (c control) judge(newest []int64) (Status, string) {
	asked := newestOf(newest, c.when)
	if len(c.when) > 0 && asked == 0 {
		return NotApplicable, ""
	}
	for _, list := range c.need {
		shown := newestOf(newest, list)
		if shown == 0 {
			return Absent, "no " + oneOf(list)
		}
		if c.answer && shown < asked {
			return Absent, "no " + oneOf(list) + " after the newest " + oneOf(c.when)
		}
	}
	for _, s := range c.against {
		if newest[row(s)] > 0 {
			return Absent, string(s)
		}
	}
	return Present, ""
}

// newestOf returns the greatest of the places of signs.
func newestOf(newest []int64, list []Sign) (greatest int64) {
	for _, s := range list {
		greatest = max(greatest, newest[row(s)])
	}
	return greatest
}

func oneOf(list []Sign) string {
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = string(s)
	}
	return strings.Join(names, " or ")
}

// use says what the control takes a sign for.
func (c control) use(s Sign) Use {
	switch {
	case slices.Contains(c.against, s):
		return Against
	case slices.Contains(slices.Concat(c.need...), s):
		return Needed
	case slices.Contains(c.when, s):
		return Condition
	}
	return Beside
}
