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

	// intervened is what keeps a job from going on, and is not its own end.
	intervened = []Sign{Paused, Cancelled, Stopped}

	// trouble is what someone should look at.
	trouble = []Sign{Blocked, Failed, Stopped, GateBlocked, StopHeld, EffectUnknown}

	// answered is what shows that someone acted on it.
	answered = []Sign{VerdictGiven, Cancelled, Stopped, Resumed, EffectSettled}
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
