package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/packspec/regress"
)

func regressUpdateCommand(a *app) *cobra.Command {
	var dir, reason, keyFile string
	cmd := exits(&cobra.Command{
		Use:   "update NAME",
		Short: "Accept what today's code makes of a fixture, and record why",
		Long: `Accept what today's code makes of a fixture as what is expected of it, and record why
in its regress.yaml. The recorded events stay as they are.`,
		Example: `gait regress update refund --reason "a denied pause now counts as denied"`,
	}, 0, 1, 2, 6, 8)
	cmd.Flags().StringVar(&dir, "dir", regressDir, "directory of the fixtures")
	cmd.Flags().StringVar(&reason, "reason", "", "why (required)")
	cmd.Flags().StringVar(&keyFile, "public-key", "", "the key that signed its pack, or a file with it: "+keyForms+"; only it counts then")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 || reason == "" {
			return &usageError{code: "invalid_usage", text: "which fixture, and why? a name and --reason are both needed", hint: "gait regress update NAME --reason \"WHY\""}
		}
		if problem := regress.CheckName(args[0]); problem != "" {
			return &usageError{code: "invalid_name", text: problem, hint: "gait regress run lists the fixtures"}
		}
		at, err := a.outPath("--dir", filepath.Join(dir, args[0]))
		if err != nil {
			return err
		}
		f, folder, err := loadFixture(at.path)
		if err != nil {
			return err
		}
		defer folder.close()
		trusted, err := trustedKeys(a, keyFile)
		if err != nil {
			return err
		}
		if _, err := verifiedPack(a, at.path, keyFile, f.Pack, trusted); err != nil {
			return err
		}
		why := regress.Update{At: ledger.FormatTime(a.now().UTC()), Reason: reason}
		if err := updateFixture(cmd.Context(), at, f, why); err != nil {
			return fmt.Errorf("updating %s: %w", at, err)
		}
		return a.print(object{"path": at.path, "name": f.Name, "reason": reason}, func(s *screen) {
			s.done("%s now expects what today's code makes of it: %s", s.bold(f.Name), reason)
			s.next("gait regress run " + f.Name + fixturesIn(dir))
		})
	}
	return cmd
}
