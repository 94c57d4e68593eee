package compliance

import (
	"fmt"
	"strings"
)

// Markdown returns the report as text for people, in Markdown.
func (r Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Evidence for %s\n\n> %s\n\n", r.Title, r.Notice)
	fmt.Fprintf(&b, "- ledger: %s, %s, root `%s`\n- scope: %s, %s of %s\n", code(r.Tree.Origin), counted(r.Tree.Size, "event"), r.Tree.Root, r.Scope.text(), counted(r.Scope.EventCount, "event"), counted(r.Scope.JobCount, "job"))
	if r.Scope.First != "" {
		fmt.Fprintf(&b, "- from %s to %s, by the ledger's clock\n", r.Scope.First, r.Scope.Last)
	}
	if r.Scope.JobCount == 0 {
		b.WriteString("- **No job is in this scope**: only the ledger's own events are.\n")
	}
	fmt.Fprintf(&b, "\n| control | title | status |\n|---|---|---|\n")
	for _, f := range r.Controls {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f.ID, f.Title, f.Status.text())
	}
	fmt.Fprintf(&b, "\n%d present, %d absent, %d not applicable.\n", r.Summary.Present, r.Summary.Absent, r.Summary.NotApplicable)
	b.WriteString("\n" + reading)
	for _, f := range r.Controls {
		f.write(&b)
	}
	b.WriteString("\n## What no event shows\n\n")
	for _, n := range r.NotShown {
		fmt.Fprintf(&b, "- %s: %s\n", n.ID, n.Why)
	}
	b.WriteString("\n## Sources\n\n")
	for _, s := range r.Sources {
		fmt.Fprintf(&b, "- %s. %s, %s. <%s>, consulted %s", s.Title, s.Publisher, s.Date, s.URL, s.Consulted)
		if s.Note != "" {
			fmt.Fprintf(&b, "; %s", s.Note)
		}
		b.WriteString(".\n")
	}
	return b.String()
}

// reading says how the parts of a report about single controls are read.
const reading = "Below is, for each control, what is looked for, and a table of signs: what events can show, how many do, and where they are in the ledger (#12 is its event 12). " +
	"A sign that is *needed* must be there, or one of those beside which it is named as missing; one that is *against* must not be. Without a sign that is a *condition* the control does not apply. What is *beside* is not judged.\n"

func (f Finding) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s: %s\n\n%s\n\n**%s**", f.ID, f.Title, f.Asks, f.Status.text())
	if f.Jobs != nil && f.Jobs.Present+f.Jobs.Absent+f.Jobs.NotApplicable > 1 {
		fmt.Fprintf(b, ": of the jobs present for %d, absent for %d, not applicable to %d", f.Jobs.Present, f.Jobs.Absent, f.Jobs.NotApplicable)
	}
	b.WriteString("\n\n")
	for _, l := range f.Lacking {
		b.WriteString("- absent")
		if l.JobID != "" {
			b.WriteString(" for " + code(l.JobID))
		}
		fmt.Fprintf(b, ": %s\n", code(l.Why))
	}
	if f.Jobs != nil && f.Jobs.Absent > int64(len(f.Lacking)) {
		fmt.Fprintf(b, "- absent for %d more\n", f.Jobs.Absent-int64(len(f.Lacking)))
	}
	if len(f.Lacking) > 0 {
		b.WriteString("\n")
	}
	b.WriteString("| sign | use | events | where |\n|---|---|---|---|\n")
	for _, e := range f.Evidence {
		fmt.Fprintf(b, "| %s: %s | %s | %d | %s |\n", code(string(e.Sign)), e.Text, e.Use, e.Count, e.places())
	}
}

// places names the first events.
func (e Evidence) places() string {
	var places []string
	for i, s := range e.Events {
		place := fmt.Sprintf("#%d", s.Seq)
		if s.JobID != "" && (i == 0 || e.Events[i-1].JobID != s.JobID) {
			place += " (" + code(s.JobID) + ")"
		}
		places = append(places, place)
	}
	if more := e.Count - int64(len(e.Events)); more > 0 {
		places = append(places, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(places, ", ")
}

// text says the status for people.
func (s Status) text() string { return strings.ReplaceAll(string(s), "_", " ") }

// text says the scope for people.
func (s Scope) text() string {
	switch {
	case s.JobID != "":
		return "job " + code(s.JobID)
	case len(s.Labels) > 0:
		labels := make([]string, len(s.Labels))
		for i, l := range s.Labels {
			labels[i] = code(l)
		}
		return "jobs labelled " + strings.Join(labels, " and ")
	}
	return "all jobs"
}

// code returns text as a code span, which no character in it ends.
func code(text string) string {
	text = strings.NewReplacer("`", "'", "|", "¦", "\n", " ").Replace(text)
	return "`" + text + "`"
}

func counted(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
