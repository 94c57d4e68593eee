package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
)

func doctorCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:   "doctor",
		Short: "Check disk, permissions, lock and keys, and say what to do",
		Long: `Check what the ledger depends on: disk, permissions, lock, versions, keys, the
rollback guard. Nothing is changed: in each directory that must be writable, a file is
written and removed. The whole ledger is not read: gait ledger verify
does that.`,
		Example: "gait doctor\ngait doctor --root /var/lib/gait/jobs --json",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return examineRoot(cmd.Context(), a) },
	}, 0, 1, 2, 6, 7, 8)
}

// A doctorCheck is the result of one check, as JSON shows it.
type doctorCheck struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warning or failed
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
	Code   string `json:"code,omitempty"` // the error code, if it failed
}

func examineRoot(ctx context.Context, a *app) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	checks := []doctorCheck{{Name: "versions", Status: "ok", Detail: fmt.Sprintf("gait %s, %s, events %s, ledger format %d, packs %s",
		moduleVersion(), runtime.Version(), ledger.EventSchemaVersion, ledger.Format, packspec.ProducerVersion)}}
	sick := &sickError{}
	o.Held = nil
	if s, ok := connect.Served(ctx, o); ok {
		o.LockTimeout = -1 // the daemon keeps the lock: do not wait for it
		checks = append(checks, doctorCheck{
			Name: "daemon", Status: "ok", Detail: fmt.Sprintf("process %d serves the ledger, of %s", s.PID, count(s.Size, "event")),
			Hint: "gait ledger verify looks at it while it is served",
		})
	}
	for _, f := range root.Examine(ctx, o.Options) {
		c := doctorCheck{Name: f.Name, Status: "ok", Detail: f.Detail}
		todo := advice[f.Advice]
		if f.At != "" {
			todo = strings.ReplaceAll(todo, "AT", f.At)
		}
		switch todo = a.here(cmp.Or(todo, f.Hint)); {
		case f.Mind:
			c.Status, c.Hint = "warning", todo
		case todo != "":
			c.Detail += "; " + todo
		}
		if f.Err != nil {
			how := classify(f.Err)
			c.Status, c.Detail, c.Hint, c.Code = "failed", f.Err.Error(), a.here(how.hint), how.Code
			sick.add(f.Err, how.exit)
		}
		checks = append(checks, c)
	}
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
