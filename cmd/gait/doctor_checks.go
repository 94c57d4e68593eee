package main

import (
	"fmt"
	"slices"
	"strings"
)

// A doctorCheck is the result of one check, as JSON shows it.
type doctorCheck struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warning or failed
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
	Code   string `json:"code,omitempty"` // the error code, if it failed
}

// showDoctor prints what was found, and returns sick if something failed.
func showDoctor(a *app, checks []doctorCheck, sick *sickError) error {
	sick.checks = checks
	if !a.json {
		s := a.screen()
		showChecks(s, checks)
		if _, err := a.stdout.Write([]byte(s.String())); err != nil {
			return err
		}
	}
	switch {
	case sick.failed > 0:
		return sick
	case a.json:
		return a.print(object{"checks": checks}, nil)
	}
	return nil
}

func showChecks(s *screen, checks []doctorCheck) {
	rows := make([][]any, len(checks))
	for i, c := range checks {
		mark := s.green("✓")
		switch c.Status {
		case "warning":
			mark = s.yellow("!")
		case "failed":
			mark = s.red("✗")
		}
		rows[i] = []any{mark, c.Name, strings.ReplaceAll(c.Detail, "\n", "; ")}
	}
	s.table([]any{"", "check", "found"}, rows)
	for i, c := range checks {
		same := func(other doctorCheck) bool { return other.Hint == c.Hint }
		if c.Hint == "" || slices.ContainsFunc(checks[:i], same) {
			continue
		}
		fmt.Fprintf(s, "%s %s: %s\n", s.bold("hint:"), c.Name, c.Hint)
	}
}

// A sickError holds the checks that doctor made. It is classified by the worst
// error among them.
type sickError struct {
	checks []doctorCheck
	failed int
	worst  error
	exit   int
}

// severity lists exit codes, the worst first.
var severity = []int{exitVerify, exitIO, exitUnsafe, exitDependency, exitInvalid}

func (e *sickError) add(err error, exit int) {
	e.failed++
	if e.worst == nil || slices.Index(severity, exit) < slices.Index(severity, e.exit) {
		e.worst, e.exit = err, exit
	}
}

func (e *sickError) Error() string {
	return fmt.Sprintf("%d of %d checks failed; the worst: %v", e.failed, len(e.checks), e.worst)
}

// Unwrap returns what classifies the error.
func (e *sickError) Unwrap() error { return e.worst }

func (e *sickError) fields() object { return object{"checks": e.checks} }
