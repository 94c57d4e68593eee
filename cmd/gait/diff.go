package main

import (
	"fmt"
	"path"
	"slices"

	"gait/ledger"
	"gait/projection"
)

// newDiffer returns a Differ that leaves out what --ignore names.
func newDiffer(ignore []string) (*projection.Differ, error) {
	d := &projection.Differ{}
	for _, pattern := range ignore {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return nil, &usageError{code: "invalid_ignore", text: fmt.Sprintf("%.80q is neither a field nor a pointer", pattern), hint: "--ignore created_at, or --ignore '/events/*/created_at'"}
		}
		d.Ignore = append(d.Ignore, pattern)
	}
	if slices.Contains(ignore, "volatile") {
		d.Ignore = append(d.Ignore, projection.Volatile...)
	}
	return d, nil
}

// A diffError lists what two jobs or packs differ in.
type diffError struct {
	code  string
	text  string
	found projection.Differences
	a, b  string

	ofOneJob bool // they are two revisions of one job, which are to differ
}

func (e *diffError) Error() string { return e.text }

// Fault returns that of failed verification, by the error's code.
func (e *diffError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.code, Category: ledger.CategoryVerification}
}

func (e *diffError) nextStep() string {
	if e.ofOneJob {
		return ""
	}
	return hints[e.code](e)
}

func (e *diffError) fields() object {
	return object{"a": e.a, "b": e.b, "same": false, "differences": e.found.List, "omitted": e.found.Omitted}
}

func reportDiff(a *app, code, one, other string, found projection.Differences) error {
	total := int64(len(found.List)) + found.Omitted
	if total == 0 {
		return a.print(object{"a": one, "b": other, "same": true, "differences": found.List, "omitted": 0}, func(s *screen) {
			s.done("%s and %s say the same", one, other)
		})
	}
	if err := showDiff(a, found); err != nil {
		return err
	}
	return &diffError{code: code, text: fmt.Sprintf("%s and %s differ in %s", one, other, count(total, "fact")), found: found, a: one, b: other}
}

// showDiff prints the differences, unless the error that follows has them in JSON.
func showDiff(a *app, found projection.Differences) error {
	if a.json {
		return nil
	}
	s := a.screen()
	showChanges(s, found.List)
	if found.Omitted > 0 {
		fmt.Fprintf(s, "and %d more\n", found.Omitted)
	}
	_, err := a.stdout.Write([]byte(s.String()))
	return err
}

func showChanges(s *screen, list []projection.Change) {
	rows := make([][]any, len(list))
	for i, c := range list {
		mark := map[string]string{projection.Added: s.green("+"), projection.Removed: s.red("-"), projection.Changed: s.yellow("≠")}[c.Op]
		rows[i] = []any{mark, c.Path, shorten(string(c.Before), 60), shorten(string(c.After), 60)}
	}
	s.table([]any{"", "fact", "before", "after"}, rows)
}
