package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
)

func doctorCommand(a *app) *cobra.Command {
	var host, project string
	cmd := exits(&cobra.Command{
		Use:   "doctor",
		Short: "Check disk, permissions, lock and keys, and say what to do",
		Long: `Check what the ledger depends on: disk, permissions, lock, versions, keys, the
rollback guard. Nothing is changed: in each directory that must be writable, a file is
written and removed. The whole ledger is not read: gait ledger verify
does that.

With --host the settings of a host that runs agents are read in its place: whether its hooks
ask gait (gait hook), and in which way a tool could run there that the gate was not asked about.`,
		Example: "gait doctor\ngait doctor --root /var/lib/gait/jobs --json\ngait doctor --host claude-code --project .",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&host, "host", "", "look at the settings of this host: claude-code, codex or generic")
	cmd.Flags().StringVar(&project, "project", "", "directory of the project that the host works in (default: this one)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case host != "":
			return examineHost(a, host, cmp.Or(project, "."))
		case project != "":
			return &usageError{code: "invalid_usage", text: "--project is of a host: --host is missing", hint: helpHint}
		}
		return examineRoot(cmd.Context(), a)
	}
	return cmd
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
	return showDoctor(a, checks, sick)
}
