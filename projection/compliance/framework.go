package compliance

import "slices"

// A Framework is a law, standard or set of criteria. Frameworks are named on the command line
// and in reports.
type Framework string

// The frameworks that are known.
const (
	EUAIAct   Framework = "eu-ai-act"
	ISO42001  Framework = "iso-42001"
	NISTAIRMF Framework = "nist-ai-rmf"
	SOC2      Framework = "soc2"
)

// Frameworks are all frameworks, in the order of their names.
var Frameworks = []Framework{EUAIAct, ISO42001, NISTAIRMF, SOC2}

// A Source is where the text of a framework is.
type Source struct {
	Title     string `json:"title"` // with its number
	Publisher string `json:"publisher"`
	Date      string `json:"date"` // of publication, as far as it is known: year, month, day
	URL       string `json:"url"`
	Consulted string `json:"consulted"` // the day
	Note      string `json:"note,omitempty"`
}

// consulted is the day when the sources were read.
const consulted = "2026-12-01"

// A control is what a framework asks for, as far as events can show it.
type control struct {
	id, title string
	asks      string   // what is looked for, in our words
	when      []Sign   // any of them makes the control applicable; none: it always is
	need      [][]Sign // of each list one must be shown
	answer    bool     // the newest of need must not come before the newest of when
	against   []Sign   // none of them may be shown
	also      []Sign   // shown beside these, and not needed
}

// A NotShown is a part of a framework that no event can show.
type NotShown struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

// A framework is a Framework with its contents.
type framework struct {
	title    string
	sources  []Source
	controls []control
	notShown []NotShown
}

// frameworks has the contents of the frameworks.
func frameworks(f Framework) framework {
	switch f {
	case EUAIAct:
		return euAIAct
	case ISO42001:
		return iso42001
	case NISTAIRMF:
		return nistAIRMF
	case SOC2:
		return soc2
	}
	panic("compliance: unknown framework " + string(f))
}

// Signs that several controls share.
var (
	// monitored is what shows how a job goes on.
	monitored = []Sign{ProgressRecorded, GateAsked, AttemptRecorded}

	// held is what keeps a job from going on, and is not its own end.
	held = []Sign{Paused, Cancelled, Stopped}

	// uncommitted is what a job has of which the newest commitment does not cover all events.
	uncommitted = []Sign{AfterCommitment}
)

// What several controls look for, in our words.
const (
	asksGate     = "At the end the job is bound to a policy that says what its tools may do, and the gate was asked about a call of a tool. A tool that never asks is not seen."
	asksMonitor  = "What the system does is recorded as it goes on: its progress, each call of a tool that the gate was asked about, the end of each attempt."
	asksTrouble  = "On everything that someone should look at (a block, a failure, a stop, a call that the gate blocked, an effect that is not known) someone acted afterwards who does not work on the job; of an effect that was not known another actor said what was done. Who an actor is, only signatures prove."
	asksDecision = "All that waited for a decision is decided at the end: denied, or approved by as many as it needs, or the job was cancelled or stopped by another actor than who asked. Who asked cannot give the verdict."
	asksHeld     = "The job was paused, cancelled or stopped by an actor who does not work on it. Who an actor is, only signatures prove."
	asksCommit   = "Jobs are recorded from their beginning, and the newest commitment of the ledger to its index comes after the job's newest event, so that none of them can be left out unseen."
	asksEffects  = "All that a tool was allowed to do is settled at the end as done or not done, once."
	asksBack     = "After the newest pause or block the job was resumed, or ended."
)

// signsOf returns all signs that a control names, each once, in the order of signs.
func (c control) signsOf() []Sign {
	named := slices.Concat(c.when, slices.Concat(c.need...), c.against, c.also)
	slices.SortFunc(named, func(a, b Sign) int { return row(a) - row(b) })
	return slices.Compact(named)
}

// ofLedger reports whether a control is about the ledger alone: events of jobs that it names
// are shown, and not needed.
func (c control) ofLedger() bool {
	first := row(JobBegun)
	return !slices.ContainsFunc(slices.Concat(c.when, slices.Concat(c.need...), c.against), func(s Sign) bool { return row(s) >= first })
}
