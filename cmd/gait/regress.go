package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/regress"
)

// regressDir is where fixtures lie, unless --dir says otherwise.
const regressDir = "regress"

func (a *app) regressCommand() *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "regress",
		Short: "Make a recorded job a test, and run such tests",
		Long: `Make a recorded job a test, and run such tests. A fixture is a folder with the job's
pack, what is expected of it, and regress.yaml, which says what to compare.`,
		Example: "gait regress init --from job_1 --name refund --why \"approved twice in May\"\ngait regress run",
	})
	cmd.AddCommand(a.regressInitCommand(), a.regressRunCommand(), a.regressUpdateCommand())
	return cmd
}

func (a *app) regressInitCommand() *cobra.Command {
	var from, dir, keyFile string
	config := regress.Config{}
	cmd := exits(&cobra.Command{
		Use:   "init",
		Short: "Make a fixture of a job, or of its pack",
		Long: `Make a fixture of a job of the ledger here, or of a job's pack, which must verify
under a key you trust. What today's code makes of its events is what is expected.`,
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
			return &usageError{code: "invalid_usage", text: "a fixture of what, and what is it called? --from and --name are both needed", hint: "gait regress init --from <JOB> --name <NAME>"}
		}
		if problem := regress.CheckName(config.Name); problem != "" {
			return &usageError{code: "invalid_name", text: problem, hint: "--name refund"}
		}
		place := filepath.Join(dir, config.Name)
		if _, err := os.Lstat(place); !errors.Is(err, fs.ErrNotExist) {
			return &unsafeError{code: "would_overwrite", text: place + " is there already", hint: "choose another --name, or: gait regress update " + config.Name + fixturesIn(dir) + " --reason <WHY>"}
		}
		trusted, err := a.trusted(keyFile)
		if err != nil {
			return err
		}
		pack, report, err := a.packFor(cmd.Context(), from, keyFile, trusted)
		if err != nil {
			return err
		}
		if err := writeFixture(place, config, pack); err != nil {
			return err
		}
		lines := []string{"gait keys trust " + report.Key, "gait regress run" + fixturesIn(dir)}
		return a.print(object{"path": place, "name": config.Name, "job_id": report.JobID, "events": report.EventCount, "ci": lines}, func(s *screen) {
			s.done("fixture %s of job %s, %d events", s.bold(place), report.JobID, report.EventCount)
			fmt.Fprintf(s, "in CI:\n")
			for _, line := range lines {
				fmt.Fprintf(s, "  %s\n", line)
			}
		})
	}
	return cmd
}

// fixturesIn is the flag that names a directory of fixtures, where one is needed.
func fixturesIn(dir string) string {
	if dir == regressDir {
		return ""
	}
	return " --dir " + quoted(dir)
}

// packFor returns a job's pack, read or built, once it verifies. given names the only
// key that counts, if one was given.
func (a *app) packFor(ctx context.Context, from, given string, trusted []packspec.TrustedKey) (pack []byte, report packspec.Report, err error) {
	if info, statErr := os.Stat(from); statErr == nil && info.Mode().IsRegular() {
		pack, err = readFile(from, 64<<20)
	} else {
		pack, err = a.builtPack(ctx, from)
	}
	if err != nil {
		return nil, report, err
	}
	if report, err = a.verifiedPack(from, given, pack, trusted); err != nil {
		return nil, report, err
	}
	if report.PackType != packspec.TypeJob || report.Format != "" {
		err = &usageError{code: "invalid_type", text: from + " is not a job's pack with its evidence", hint: "gait pack build --from <JOB>"}
	}
	return pack, report, err
}

// verifiedPack verifies a pack, which stands in name. given names the only key that
// counts, if one was given.
func (a *app) verifiedPack(name, given string, pack []byte, trusted []packspec.TrustedKey) (packspec.Report, error) {
	report, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: trusted})
	if err == nil && !report.Verified {
		err = a.notVerified(name, given, report)
	}
	return report, err
}

// loadFixture reads a fixture, whose folder must be no link.
func loadFixture(place string) (*regress.Fixture, error) {
	if info, err := os.Lstat(place); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%w: %s is no folder", regress.ErrFixture, place)
	}
	f, err := regress.Load(os.DirFS(place))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return f, nil
}

func (a *app) builtPack(ctx context.Context, job string) ([]byte, error) {
	if ledger.FieldJobID.Check(job) != nil {
		return nil, &usageError{code: "file_not_found", text: fmt.Sprintf("%.120q is neither a file nor a job's id", job), hint: "gait job list shows the jobs there are"}
	}
	a.about(job)
	var b bytes.Buffer
	err := a.write(ctx, false, func(r *openLedger) error {
		if _, ok, err := r.Log.JobHead(job); err != nil || !ok {
			return errors.Join(err, notFound(ok, job))
		}
		_, err := packspec.BuildJob(&b, r.Log, job, r.Signer)
		return err
	})
	return b.Bytes(), err
}

// updateFixture writes expect/ anew, and why into regress.yaml. What else lies in the
// folder stays. A crash in between leaves no expect/, which another update makes.
func updateFixture(place string, f *regress.Fixture, why regress.Update) error {
	files, err := f.Updated(why)
	if err != nil {
		return err
	}
	config := files[regress.ConfigFile]
	delete(files, regress.ConfigFile)
	expect := filepath.Join(place, regress.ExpectDir)
	out, err := beginPending(expect, 0o644)
	if err != nil {
		return err
	}
	defer out.remove()
	for name, text := range files {
		if err := out.add(strings.TrimPrefix(name, regress.ExpectDir+"/"), text); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(expect); err != nil {
		return err
	}
	if err := out.keep(); err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(place, regress.ConfigFile), config, 0o644)
}

// writeFixture makes a fixture beside its place, and puts it there whole.
func writeFixture(place string, c regress.Config, pack []byte) error {
	events, err := packspec.Events(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		return err
	}
	files, err := regress.Files(c, events)
	if err != nil {
		return err
	}
	files[regress.PackFile] = pack
	out, err := newPendingDir(place, "--name", 0o644)
	if err != nil {
		return err
	}
	defer out.remove()
	if err := out.addAll(files); err != nil {
		return fmt.Errorf("writing the fixture: %w", err)
	}
	return out.keep()
}

func (a *app) regressUpdateCommand() *cobra.Command {
	var dir, reason, keyFile string
	cmd := exits(&cobra.Command{
		Use:   "update NAME",
		Short: "Expect of a fixture what today's code makes of it, and say why",
		Long: `Expect of a fixture what today's code makes of it, and say why: the reason is kept in
its regress.yaml. The recorded events stay as they are.`,
		Example: `gait regress update refund --reason "a denied pause now counts as denied"`,
	}, 0, 1, 2, 6, 8)
	cmd.Flags().StringVar(&dir, "dir", regressDir, "directory of the fixtures")
	cmd.Flags().StringVar(&reason, "reason", "", "why (required)")
	cmd.Flags().StringVar(&keyFile, "public-key", "", "the key that signed its pack, or a file with it: "+keyForms+"; only it counts then")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 || reason == "" {
			return &usageError{code: "invalid_usage", text: "which fixture, and why? a name and --reason are both needed", hint: "gait regress update <NAME> --reason <WHY>"}
		}
		if problem := regress.CheckName(args[0]); problem != "" {
			return &usageError{code: "invalid_name", text: problem, hint: "gait regress run lists the fixtures"}
		}
		place := filepath.Join(dir, args[0])
		f, err := loadFixture(place)
		if err != nil {
			return err
		}
		trusted, err := a.trusted(keyFile)
		if err != nil {
			return err
		}
		if _, err := a.verifiedPack(place, keyFile, f.Pack, trusted); err != nil {
			return err
		}
		why := regress.Update{At: ledger.FormatTime(a.now().UTC()), Reason: reason}
		if err := updateFixture(place, f, why); err != nil {
			return fmt.Errorf("updating %s: %w", place, err)
		}
		return a.print(object{"path": place, "name": f.Name, "reason": reason}, func(s *screen) {
			s.done("%s expects what today's code makes of it: %s", s.bold(f.Name), reason)
			s.next("gait regress run " + f.Name + fixturesIn(dir))
		})
	}
	return cmd
}

// looksLikeFixture reports whether a folder holds any part of a fixture: one that has
// lost a part is a bad fixture, and must not be passed over.
func looksLikeFixture(place string) bool {
	return slices.ContainsFunc([]string{regress.ConfigFile, regress.PackFile, regress.ExpectDir}, func(name string) bool {
		_, err := os.Lstat(filepath.Join(place, name))
		return err == nil
	})
}

// fixtureNames returns the fixtures asked for, or all there are.
func fixtureNames(dir string, asked []string) ([]string, error) {
	for _, name := range asked {
		if problem := regress.CheckName(name); problem != "" {
			return nil, &usageError{code: "invalid_name", text: fmt.Sprintf("%.80q: %s", name, problem), hint: "name fixtures by the names of their folders"}
		}
	}
	if len(asked) > 0 {
		return asked, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &usageError{code: "fixture_not_found", text: dir + " is not a directory of fixtures", hint: "gait regress init --from <JOB> --name <NAME>"}
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && looksLikeFixture(filepath.Join(dir, e.Name())) {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, &usageError{code: "fixture_not_found", text: dir + " holds no fixture", hint: "gait regress init --from <JOB> --name <NAME>"}
	}
	slices.Sort(names)
	return names, nil
}
