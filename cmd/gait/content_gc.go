package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger/content"
)

func contentGCCommand(a *app) *cobra.Command {
	var dryRun bool
	var age time.Duration
	cmd := exits(&cobra.Command{
		Use:   "gc",
		Short: "Remove bytes that no event names, and what a crash left of erased ones",
		Long: `Remove bytes that no event names: what was kept for a command that was never carried
out, and what a crash has left. They have to be older than --older-than, since a signed
command may name them later. Bytes that an event says were erased are removed, too. It
reads the whole ledger.`,
		Example: "gait content gc --dry-run\ngait content gc --older-than 24h",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be removed, and remove nothing")
	cmd.Flags().DurationVar(&age, "older-than", content.DefaultAge, "leave what is younger, such as 24h")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if age < 0 {
			return &usageError{code: "invalid_usage", text: fmt.Sprintf("--older-than takes a duration from 0s on, not %s", age), hint: "--older-than 24h"}
		}
		var found []connect.Garbage
		err := a.write(cmd.Context(), func(l *connect.Ledger) (err error) {
			found, err = l.CollectContent(cmd.Context(), age, dryRun)
			return err
		})
		if err != nil {
			return err
		}
		fields := object{"removed": found, "dry_run": dryRun}
		if !dryRun {
			delete(fields, "dry_run")
		}
		return a.print(fields, func(s *screen) {
			verb := "removed"
			if dryRun {
				verb = "would remove"
			}
			var bytes int64
			for _, g := range found {
				bytes += g.Size
				fmt.Fprintf(s, "%s %s (%s)\n", verb, g.Path, g.Why)
			}
			s.done("%s %s, %d bytes", verb, count(int64(len(found)), "file"), bytes)
		})
	}
	return cmd
}
