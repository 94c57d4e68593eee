package ledger

import "testing"

// Unchecked returns an event with the content of d, even if Seal would refuse
// it. The event has no bytes and no leaf hash.
func Unchecked(d Draft) Event { return Event{kept: &sealedEvent{draft: d}} }

// AheadEvents is how many events DecodeAhead decodes at once.
const AheadEvents = aheadEvents

// NextVersion makes the format know version 1.999.0 until the test ends.
func NextVersion(t testing.TB) {
	t.Helper()
	before := versions
	versions = append(versions[:len(versions):len(versions)], "1.999.0")
	t.Cleanup(func() { versions = before })
}

// A GrownPause is Paused as it would be if 1.999.0 added a field, firm, and a new
// value of another field, grade.
type GrownPause struct {
	Firm          bool
	Grade, Reason string
}

// Type returns TypePaused.
func (GrownPause) Type() Type { return TypePaused }

func (GrownPause) sealed() {}

func (p *GrownPause) walk(c *coder) {
	c.since("1.999.0", func() { c.flag("firm", &p.Firm) })
	c.text("grade", &p.Grade, optional, codeRule)
	if p.Grade == "new" {
		c.use("1.999.0")
	}
	walkReason(c, &p.Reason)
}

// A ReshapedPause is a second shape of paused, added by 1.999.0.
type ReshapedPause struct{ Reason string }

// Type returns TypePaused.
func (ReshapedPause) Type() Type { return TypePaused }

func (ReshapedPause) sealed() {}

func (p *ReshapedPause) walk(c *coder) { c.text("why", &p.Reason, required, reasonRule) }

// GrowPaused makes GrownPause the payload of paused events until the test ends.
func GrowPaused(t testing.TB) {
	setTypes(t, func(rows []eventType) []eventType {
		for i := range rows {
			if rows[i].name == TypePaused {
				rows[i].shape = of((*GrownPause).walk)
			}
		}
		return rows
	})
}

// ReshapePaused makes ReshapedPause the payload of paused events of 1.999.0 until the test ends.
func ReshapePaused(t testing.TB) {
	setTypes(t, func(rows []eventType) []eventType {
		return append(rows, eventType{TypePaused, "1.999.0", aboutJob, of((*ReshapedPause).walk)})
	})
}

func setTypes(t testing.TB, change func([]eventType) []eventType) {
	t.Helper()
	before := eventTypes
	set := func(rows []eventType) { eventTypes, rowsByType = rows, byType(rows) }
	set(change(append([]eventType(nil), before...)))
	t.Cleanup(func() { set(before) })
}

// FormatProblems returns what is wrong with the table of event types.
func FormatProblems() (problems []string) {
	if newest := versions[len(versions)-1]; newest != EventSchemaVersion {
		problems = append(problems, "the newest version is "+newest+", EventSchemaVersion is "+EventSchemaVersion)
	}
	for i, row := range eventTypes {
		if older(row.since, versions[0]) {
			problems = append(problems, string(row.name)+" is since an unknown version")
		}
		for _, before := range eventTypes[:i] {
			if before.name == row.name && (!older(before.since, row.since) || before.scope != row.scope) {
				problems = append(problems, string(row.name)+" has rows out of order or of two scopes")
			}
		}
	}
	return problems
}
