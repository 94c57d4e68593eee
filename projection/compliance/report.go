package compliance

import (
	"gait/ledger"
	"gait/ledger/jcs"
)

// SchemaID and SchemaVersion name the format of a report as JSON.
const (
	SchemaID      = "gait.compliance.report"
	SchemaVersion = "1.0.0"
)

// Notice is in every report.
const Notice = "This report lists events of a ledger as evidence. It is no legal judgement, no audit opinion, and no statement that a law or a standard is met or applies. " +
	"present: the events show what is looked for, after the last of them. absent: these events do not show it. not_applicable: no event asks for it."

// A Report says what the events of a ledger show of a framework.
type Report struct {
	SchemaID      string     `json:"schema_id"`
	SchemaVersion string     `json:"schema_version"`
	Framework     Framework  `json:"framework"`
	Title         string     `json:"title"`
	Notice        string     `json:"notice"`
	Tree          Tree       `json:"tree"`
	Scope         Scope      `json:"scope"`
	Summary       Counts     `json:"summary"` // of the controls
	Controls      []Finding  `json:"controls"`
	NotShown      []NotShown `json:"not_shown"` // what no event can show
	Sources       []Source   `json:"sources"`
}

// A Tree is the state of the ledger that the events are of.
type Tree struct {
	Origin string      `json:"origin"`
	Root   ledger.Hash `json:"root"`
	Size   int64       `json:"size"`
}

// A Scope says which events a report is about: those of one job, of the jobs with some labels,
// or of all jobs; and, each time, those of the ledger itself.
type Scope struct {
	JobID  string   `json:"job_id,omitempty"`
	Labels []string `json:"labels,omitempty"` // KEY=VALUE

	JobCount   int64  `json:"job_count"`
	EventCount int64  `json:"event_count"`
	First      string `json:"first,omitempty"` // when the first event of the scope was written
	Last       string `json:"last,omitempty"`
}

// Counts counts statuses.
type Counts struct {
	Absent        int64 `json:"absent"`
	NotApplicable int64 `json:"not_applicable"`
	Present       int64 `json:"present"`
}

func (c *Counts) add(s Status) {
	switch s {
	case Present:
		c.Present++
	case Absent:
		c.Absent++
	case NotApplicable:
		c.NotApplicable++
	}
}

// status returns that of all that was counted together.
func (c Counts) status() Status {
	switch {
	case c.Absent > 0:
		return Absent
	case c.Present > 0:
		return Present
	}
	return NotApplicable
}

// A Status is what events show of a control.
type Status string

// The statuses.
const (
	Present       Status = "present"
	Absent        Status = "absent"
	NotApplicable Status = "not_applicable"
)

// A Finding is what the events show of one control.
type Finding struct {
	ID       string     `json:"id"`
	Title    string     `json:"title"`
	Asks     string     `json:"asks"`
	Status   Status     `json:"status"`
	When     []Sign     `json:"when,omitempty"` // any of them makes the control applicable
	Needs    [][]Sign   `json:"needs"`          // of each list one
	Answers  bool       `json:"answers"`        // the newest of Needs must not come before the newest of When
	Jobs     *Counts    `json:"jobs,omitempty"` // left out of a control about the ledger alone
	Lacking  []Lack     `json:"lacking"`        // why it is absent: of the first jobs by id, at most MaxLacking
	Evidence []Evidence `json:"evidence"`
}

// A Lack says why a control is absent.
type Lack struct {
	JobID string `json:"job_id,omitempty"`
	Why   string `json:"why"` // in the names of signs
}

// A Use says what a control takes a sign for.
type Use string

// The uses.
const (
	Needed    Use = "needed"
	Condition Use = "condition" // it makes the control applicable
	Against   Use = "against"
	Beside    Use = "beside" // it is not needed
)

// An Evidence is the events that show a sign.
type Evidence struct {
	Sign   Sign    `json:"sign"`
	Text   string  `json:"text"`
	Use    Use     `json:"use"`
	Count  int64   `json:"count"`
	Events []Shown `json:"events"` // the first of them, at most MaxEvents
}

// A Shown is an event that shows something.
type Shown struct {
	Seq   ledger.Seq  `json:"seq"`
	JobID string      `json:"job_id,omitempty"`
	Type  ledger.Type `json:"type"`
}

// Limits of what a report names.
const (
	MaxEvents  = 16 // events of a sign
	MaxLacking = 16 // jobs for which a control is absent
)

// Encode returns the report as one line of canonical JSON.
func (r Report) Encode() ([]byte, error) {
	b, err := jcs.Marshal(r)
	return append(b, '\n'), err
}
