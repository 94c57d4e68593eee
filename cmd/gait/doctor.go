package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
)

func (a *app) doctorCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong, and say what to do",
		Long: `Look for what is wrong with the ledger's surroundings: disk, permissions, lock,
versions, keys, the rollback guard. Nothing is changed. What it does not do is read
the whole ledger: that is gait ledger verify.`,
		Example: "gait doctor\ngait doctor --root /var/lib/gait/jobs --json",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context()) },
	}, 0, 1, 2, 6, 7, 8)
}

// A check is a finding as JSON shows it.
type check struct {
	Name   string `json:"name"`
	Status string `json:"status"` // ok, warning or failed
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
	Code   string `json:"code,omitempty"` // the error code, where it failed
}

func (a *app) doctor(ctx context.Context) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	checks := []check{{Name: "versions", Status: "ok", Detail: fmt.Sprintf("gait %s, %s, events %s, ledger format %d, packs %s",
		moduleVersion(), runtime.Version(), ledger.EventSchemaVersion, ledger.Format, packspec.ProducerVersion)}}
	sick := &sickError{}
	o.Held = nil
	if d, err := a.dialDaemon(ctx, o.Dir); err == nil && d != nil {
		o.LockTimeout = -1 // it does not give the ledger up
		checks = append(checks, check{Name: "daemon", Status: "ok", Detail: fmt.Sprintf("process %d serves the ledger, of %d events", d.Process().PID, d.Head().Size),
			Hint: "gait ledger verify looks at it while it is served"})
		d.Close()
	}
	for _, f := range root.Examine(ctx, o) {
		c := check{Name: f.Name, Status: "ok", Detail: f.Detail, Hint: a.here(f.Hint)}
		if f.Mind {
			c.Status = "warning"
		}
		if f.Err != nil {
			how := classify(f.Err)
			c.Status, c.Detail, c.Hint, c.Code = "failed", f.Err.Error(), a.here(how.hint), how.code
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

func showChecks(s *screen, checks []check) {
	rows := make([][]any, len(checks))
	for i, c := range checks {
		mark := s.green("✓")
		switch c.Status {
		case "warning":
			mark = s.yellow("!")
		case "failed":
			mark = s.red("✗")
		}
		rows[i] = []any{mark, c.Name, c.Detail}
	}
	s.table([]any{"", "check", "found"}, rows)
	for _, c := range checks {
		if c.Hint != "" {
			fmt.Fprintf(s, "%s %s: %s\n", s.bold("hint:"), c.Name, c.Hint)
		}
	}
}

// A sickError is what doctor found. It counts as the worst of the errors.
type sickError struct {
	checks []check
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
