package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/packspec/regress"
)

func regressInitCommand(a *app) *cobra.Command {
	var from, dir, keyFile string
	config := regress.Config{}
	cmd := exits(&cobra.Command{
		Use:   "init",
		Short: "Make a fixture of a job, or of its pack",
		Long: `Make a fixture of a job of the ledger here, or of a job's pack, which must verify
under a key you trust. The fixture expects what today's code makes of its events.`,
		Example: `gait regress init --from job_1 --name refund --why "approved twice in May"
gait regress init --from pack_job_1.zip --name refund --compare sequence,outcome`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "the job's id, or a pack (required)")
	f.StringVar(&config.Name, "name", "", "the fixture's name (required)")
	f.StringVar(&config.Why, "why", "", "why it exists")
	f.StringSliceVar(&config.Compare, "compare", []string{regress.All}, "what to compare of a candidate: "+ledger.OneOf(regress.Scopes)+"; comma-separated")
	f.StringArrayVar(&config.Ignore, "ignore", nil, "what may differ in a candidate: a field's name, or a JSON pointer into an event; repeatable")
	f.StringVar(&dir, "dir", regressDir, "directory of the fixtures")
	f.StringVar(&keyFile, "public-key", "", "the key that signed the pack, or a file with it: "+keyForms+"; only it counts then")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if from == "" || config.Name == "" {
			return &usageError{code: "invalid_usage", text: "a fixture of which job, and with which name? --from and --name are both needed", hint: "gait regress init --from JOB --name NAME"}
		}
		if problem := regress.CheckName(config.Name); problem != "" {
			return &usageError{code: "invalid_name", text: problem, hint: "--name refund"}
		}
		at, err := a.outPath("--dir", filepath.Join(dir, config.Name))
		if err != nil {
			return err
		}
		if _, err := os.Lstat(at.path); !errors.Is(err, fs.ErrNotExist) {
			return &unsafeError{code: "would_overwrite", text: at.path + " is there already", hint: "choose another --name, or: gait regress update " + config.Name + fixturesIn(dir) + " --reason \"WHY\""}
		}
		trusted, err := trustedKeys(a, keyFile)
		if err != nil {
			return err
		}
		pack, report, err := packFor(cmd.Context(), a, from, keyFile, trusted)
		if err != nil {
			return err
		}
		if err := writeFixture(at, config, pack); err != nil {
			return err
		}
		lines := []string{"gait keys trust " + report.Key, "gait regress run" + fixturesIn(dir)}
		return a.print(object{"path": at.path, "name": config.Name, "job_id": report.JobID, "events": report.EventCount, "ci": lines}, func(s *screen) {
			s.done("fixture %s of job %s, %s", s.bold(at.path), report.JobID, count(report.EventCount, "event"))
			fmt.Fprintf(s, "in CI:\n")
			for _, line := range lines {
				fmt.Fprintf(s, "  %s\n", line)
			}
		})
	}
	return cmd
}
