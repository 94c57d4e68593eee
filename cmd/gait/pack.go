package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/packspec"
)

func (a *app) packCommand() *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "pack",
		Short:   "Export a job with its proofs, and check what others exported",
		Example: "gait pack build --type job --from job_1\ngait pack verify ./gait-out/pack_job_1.zip",
	})
	cmd.AddCommand(a.packBuildCommand(), a.packVerifyCommand(), a.packInspectCommand(), a.packDiffCommand())
	return cmd
}

func (a *app) packVerifyCommand() *cobra.Command {
	var keyFile, policyFile, profile string
	var requireSignature bool
	cmd := exits(&cobra.Command{
		Use:   "verify FILE",
		Short: "Check a pack, trusting nothing but your own keys",
		Long: `Check a pack: its bytes, the chain of its events, its proof, its signatures, the
rules of the job, and every view in it, which is derived again. The key must be one
you trust, or the one given; the key inside the pack counts for nothing. Packs of
PackSpec v1 without evidence are read too, and verify at best with no chain.

A policy (C2SP tlog-policy) names logs, any one of which must have signed, and
witnesses, of which a quorum must have cosigned. Its logs are then the keys that
count. With --public-key too, both must hold.`,
		Example: "gait pack verify ./gait-out/pack_job_1.zip\ngait pack verify pack_job_1.zip --public-key auditor.vkey --json\ngait pack verify pack_job_1.zip --policy policy.txt",
		Args:    oneFile,
	}, 0, 1, 2, 6, 8)
	f := cmd.Flags()
	f.StringVar(&keyFile, "public-key", "", "the ledger's key, or a file with it: "+keyForms+"; only it counts then")
	f.StringVar(&policyFile, "policy", "", "file with the logs you trust and the witnesses you ask for (C2SP tlog-policy)")
	f.BoolVar(&requireSignature, "require-signature", true, "always so; accepted for older scripts")
	f.StringVar(&profile, "profile", "standard", "standard, or strict: also neither older than what you saw, nor possibly lacking events")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if profile != "standard" && profile != "strict" {
			return &usageError{code: "invalid_profile", text: fmt.Sprintf("%.40q is not a profile", profile), hint: "--profile standard or --profile strict"}
		}
		o := packspec.Options{Profile: packspec.Profile(profile), Seen: a.seen}
		var err error
		if o.Policy, err = readPolicy(policyFile); err != nil {
			return err
		}
		if o.Trusted, err = a.trustedUnder(o.Policy, keyFile); err != nil {
			return err
		}
		done := a.progress("verifying events")
		o.Progress = done.update
		report, err := a.verifyPack(args[0], o)
		done.stop()
		if err != nil {
			return err
		}
		if report.Verified && report.Checkpoint != "" {
			a.rememberPack(report)
		}
		given := keyFile
		if given == "" && o.Policy != nil && len(o.Policy.Logs) > 0 {
			given = policyFile
		}
		return a.reportPack(args[0], given, report)
	}
	return cmd
}

// trustedUnder returns the keys that count under a policy: its logs, unless it
// names none or a key is given.
func (a *app) trustedUnder(p *packspec.Policy, keyFile string) ([]packspec.TrustedKey, error) {
	if p == nil || len(p.Logs) == 0 || keyFile != "" {
		return a.trusted(keyFile)
	}
	var trusted []packspec.TrustedKey
	for _, key := range p.Logs {
		trusted = append(trusted, packspec.TrustedKey{Key: key.PublicKey(), From: p.From})
	}
	return trusted, nil
}

// readPolicy reads a policy file; without a name there is none.
func readPolicy(name string) (*packspec.Policy, error) {
	if name == "" {
		return nil, nil
	}
	text, err := readFile(name, ledger.MaxPolicySize)
	if err != nil {
		return nil, err
	}
	p, err := ledger.ParsePolicy(text)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return &packspec.Policy{Policy: p, From: name}, nil
}

func (a *app) verifyPack(name string, o packspec.Options) (packspec.Report, error) {
	file, size, err := a.openPack(name)
	if err != nil {
		return packspec.Report{}, err
	}
	defer file.Close()
	return packspec.Verify(file, size, o)
}

// openAtOnce opens a file to read, and does not wait where it is a pipe.
func openAtOnce(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// A packFile is read until the user has interrupted the work.
type packFile struct {
	*os.File
	app *app
}

func (f packFile) ReadAt(b []byte, at int64) (int, error) {
	if err := f.app.interrupted(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(b, at)
}

func (a *app) openPack(name string) (packFile, int64, error) {
	file, err := openAtOnce(name)
	if errors.Is(err, fs.ErrNotExist) {
		return packFile{}, 0, &usageError{code: "file_not_found", text: name + " does not exist", hint: "check the path"}
	}
	if err != nil {
		return packFile{}, 0, fmt.Errorf("opening the pack: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &usageError{code: "file_not_found", text: name + " is not a file", hint: "name a pack"}
	}
	if err != nil {
		file.Close()
		return packFile{}, 0, err
	}
	return packFile{file, a}, info.Size(), nil
}

// A verifyError is a pack that does not verify, with the whole report.
type verifyError struct {
	packError
	path   string
	report packspec.Report
}

// Unwrap returns what classifies the error.
func (e *verifyError) Unwrap() error { return &e.packError }

func (e *verifyError) fields() object {
	fields := object{"path": e.path, "report": e.report}
	if e.report.Evidence != nil {
		fields["evidence"] = e.report.Evidence
	}
	return fields
}

// reportPack prints what was found. given is the file with the only keys that
// count, if one was named.
func (a *app) reportPack(path, given string, report packspec.Report) error {
	if !a.json {
		s := a.screen()
		showReport(s, path, report)
		if _, err := a.stdout.Write([]byte(s.String())); err != nil {
			return err
		}
	}
	if report.Verified {
		if a.json {
			return a.print(object{"path": path, "report": report}, nil)
		}
		return nil
	}
	return a.notVerified(path, given, report)
}

// notVerified is the error for a pack that does not verify.
func (a *app) notVerified(path, given string, report packspec.Report) error {
	e := &verifyError{path: path, report: report}
	e.code, e.text, e.hint = report.Failure.Code, fmt.Sprintf("%s does not verify: %s", path, report.Failure.Reason), "do not rely on it; ask its sender for another"
	switch {
	case e.code == packspec.CodeConflict:
		e.hint = "keep both signed checkpoints: together they show that the history was changed"
	case e.code == packspec.CodePolicy && report.Format == packspec.FormatV1:
		e.hint = "a PackSpec v1 pack has no checkpoint that anybody could cosign; leave --policy out, and know what that pack cannot show"
	case e.code == packspec.CodePolicy:
		e.hint = "ask its sender to have the ledger cosigned and to build it again: gait ledger cosign, gait pack build"
	}
	if e.code == packspec.CodeUntrustedKey && report.Key == "" && given == "" {
		e.hint = "the pack names its key by the SHA-256 of the key's bytes only; with the key itself, as PEM or OpenSSH has it: gait pack verify " + quoted(path) + " --public-key <FILE>"
	} else if e.code == packspec.CodeUntrustedKey {
		e.hint = untrustedHint(given, cmp.Or(report.Key, report.KeyID))
	}
	return e
}

func showReport(s *screen, path string, report packspec.Report) {
	s.add(s.bold(plain(path)))
	switch {
	case report.From != nil:
		fmt.Fprintf(s, "  events %d to %d", *report.From, *report.To)
	case report.JobID != "":
		fmt.Fprintf(s, "  job %s", plain(report.JobID))
	}
	switch {
	case report.Format == packspec.FormatV1:
		s.add(" in a PackSpec v1 pack")
	case report.Origin != "":
		fmt.Fprintf(s, " of %s", report.Origin)
	}
	s.add("\n")
	rows := make([][]any, len(report.Levels))
	for i, l := range report.Levels {
		word := string(l.Status)
		switch l.Status {
		case packspec.Proved:
			word = s.green("✓ " + word)
		case packspec.Failed:
			word = s.red("✗ " + word)
		default:
			word = s.yellow("– " + word)
		}
		rows[i] = []any{l.Name, word, l.Detail}
	}
	s.table([]any{"level", "result", "what it means"}, rows)
	if report.Notice != "" {
		fmt.Fprintf(s, "%s %s\n", s.yellow("note:"), report.Notice)
	}
	if report.Verified {
		fmt.Fprintf(s, "%s\n", s.green("VERIFIED"))
		return
	}
	fmt.Fprintf(s, "%s: %s\n", s.red("NOT VERIFIED"), plain(report.Failure.Error()))
	for _, note := range report.Evidence {
		fmt.Fprintf(s, "\n%s", note)
	}
}

func (a *app) packInspectCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:     "inspect FILE",
		Short:   "Show what a pack says, without checking who says it",
		Example: "gait pack inspect ./gait-out/pack_job_1.zip --json",
		Args:    oneFile,
		RunE: func(_ *cobra.Command, args []string) error {
			file, size, err := a.openPack(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			seen, err := packspec.Inspect(file, size)
			if err != nil {
				return fmt.Errorf("inspecting %s: %w", args[0], err)
			}
			if seen.Range != nil {
				return a.print(object{"path": args[0], "pack": seen.Range}, func(s *screen) { showRange(s, args[0], seen.Range) })
			}
			return a.print(object{"path": args[0], "pack": seen}, func(s *screen) { showPack(s, args[0], seen) })
		},
	}, 0, 1, 2, 6)
}

func showRange(s *screen, path string, p *packspec.RangeInspection) {
	fmt.Fprintf(s, "%s  events %d to %d of %s\n", s.bold(plain(path)), p.From, p.To, p.Evidence.Origin)
	s.fields([2]string{"pack id", p.Manifest.PackID}, [2]string{"key", p.Evidence.Key}, [2]string{"ledger", fmt.Sprintf("%d events, root %s", p.Evidence.Size, p.Evidence.Root)})
	rows := make([][]any, len(p.Jobs))
	for i, j := range p.Jobs {
		status := s.dim("begins before the range")
		if j.Status != "" {
			status = s.status(j.Status)
		}
		rows[i] = []any{j.JobID, status, j.Revision, j.Events}
	}
	s.table([]any{"job", "status", "revision", "events"}, rows)
	fmt.Fprintf(s, "%s\n", s.yellow("nothing here was verified"))
	s.next("gait pack verify " + quoted(path))
}

func showPack(s *screen, path string, p packspec.Inspection) {
	st := p.State
	fmt.Fprintf(s, "%s  job %s  %s\n", s.bold(plain(path)), plain(st.JobID), s.status(st.Status))
	s.fields([2]string{"pack id", p.Manifest.PackID})
	if ev := p.Evidence; ev != nil {
		s.fields([2]string{"origin", ev.Origin}, [2]string{"key", ev.Key},
			[2]string{"ledger", fmt.Sprintf("%d events, root %s", ev.Size, ev.Root)},
			[2]string{"events", fmt.Sprintf("%d, %d of them refusals", ev.EventCount, ev.RefusalCount)},
			[2]string{"last event", fmt.Sprintf("%d, at %s", ev.HeadSeq, p.Manifest.CreatedAt)})
	} else {
		s.fields([2]string{"format", p.Format + ", without evidence"}, [2]string{"producer", p.Manifest.ProducerVersion},
			[2]string{"events", fmt.Sprintf("%d, the last at %s", len(p.Events), st.UpdatedAt)})
	}
	rows := make([][]any, len(p.Events))
	for i, e := range p.Events {
		rows[i] = []any{e.Revision, e.CreatedAt, e.Type, e.ReasonCode, e.Actor}
	}
	s.table([]any{"rev", "created", "event", "reason code", "actor"}, rows)
	fmt.Fprintf(s, "%s\n", s.yellow("nothing here was verified"))
	s.next("gait pack verify " + quoted(path))
}

func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &usageError{code: "invalid_usage", text: fmt.Sprintf("%s takes one file, not %d", cmd.CommandPath(), len(args)), hint: helpHint}
	}
	return nil
}

// notFound is the error for a job that is not there.
func notFound(found bool, job string) error {
	if found {
		return nil
	}
	return fmt.Errorf("%w: %s", commands.ErrJobNotFound, job)
}

// firstLine returns the text of a file of one line.
func firstLine(text []byte) string { return strings.TrimSuffix(string(text), "\n") }
