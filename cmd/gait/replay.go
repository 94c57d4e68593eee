package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/packspec"
	"gait/projection"
)

func (a *app) replayCommand() *cobra.Command {
	var keyFile, views, expect string
	cmd := exits(&cobra.Command{
		Use:   "replay LEDGER|PACK",
		Short: "Fold events into every view, and print the digest of each",
		Long: `Fold the events of a ledger's directory, of an exported one, or of a pack into every
view of every job, and print the SHA-256 of each and one for the whole. The same
events give the same bytes on any machine, today and later; the digest of the whole is
that of the lines that sha256sum prints of the views. What does not verify under a key
you trust is not replayed.`,
		Example: `gait replay ./gait-out/jobs
gait replay pack_job_1.zip --views views --json
gait replay audit-2026-11 --public-key auditor.vkey --expect 6b2f0a94…`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: fmt.Sprintf("%s takes one ledger or pack, not %d", cmd.CommandPath(), len(args)), hint: "gait replay ./gait-out/jobs"}
			}
			return nil
		},
	}, 0, 1, 2, 5, 6, 8)
	f := cmd.Flags()
	f.StringVar(&keyFile, "public-key", "", "the ledger's key, or a file with it: "+keyForms+"; only it counts then")
	f.StringVar(&views, "views", "", "directory to make, with every view; nothing that is there is overwritten")
	f.StringVar(&expect, "expect", "", "digest of the whole; another one is exit 5")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if expect != "" {
			if _, err := ledger.ParseHash(expect); err != nil {
				return &usageError{code: "invalid_digest", text: fmt.Sprintf("--expect %.80q is no SHA-256 in lower-case hexadecimal", expect), hint: "gait replay prints it"}
			}
		}
		trusted, err := a.trusted(keyFile)
		if err != nil {
			return err
		}
		var replay projection.Replay
		keep := func() error { return nil }
		if views != "" {
			out, err := newPendingDir(views, "--views", 0o600)
			if err != nil {
				return err
			}
			defer out.remove()
			replay.Put, keep = out.add, out.keep
		}
		done, err := a.replay(cmd.Context(), args[0], keyFile, trusted, &replay)
		if err == nil {
			err = keep()
		}
		if err != nil {
			return err
		}
		return a.reportReplay(args[0], views, expect, done)
	}
	return cmd
}

// A replayDone is what a replay found.
type replayDone struct {
	views         []projection.ViewDigest
	whole         ledger.Hash
	events        int64
	jobs, skipped int
}

// replay replays what is at path, whichever of the three it is.
func (a *app) replay(ctx context.Context, path, given string, trusted []packspec.TrustedKey, r *projection.Replay) (replayDone, error) {
	info, err := os.Stat(path)
	if err != nil {
		return replayDone{}, &usageError{code: "file_not_found", text: path + " does not exist", hint: "name a ledger's directory, an exported one, or a pack"}
	}
	if !info.IsDir() {
		return a.replayPack(path, given, trusted, r)
	}
	if _, err := os.Stat(filepath.Join(path, ledger.CheckpointFile)); err == nil {
		return a.replayExport(path, given, trusted, r)
	}
	a.dir = path
	var done replayDone
	err = a.read(ctx, func(opened *openLedger) (err error) {
		if _, err = trustedIn(opened.Log.Keys(), trusted, given); err != nil {
			return err
		}
		done, err = a.replayLog(opened.Log, r)
		return err
	})
	return done, err
}

// replayLog verifies a log and replays its events in one pass. What does not
// verify is said first, and what the rules do not allow after it.
func (a *app) replayLog(log ledgerLog, r *projection.Replay) (done replayDone, err error) {
	bar := a.progress("replaying events")
	defer bar.stop()
	var broken error
	err = log.VerifyEach(bar.update, func(e ledger.Event) error {
		if done.events++; broken == nil {
			broken = r.Add(e)
		}
		return nil
	})
	if err == nil {
		err = broken
	}
	if err != nil {
		return done, err
	}
	return done.finished(r)
}

func (a *app) replayExport(path, given string, trusted []packspec.TrustedKey, r *projection.Replay) (replayDone, error) {
	log, err := packspec.OpenExport(os.DirFS(path))
	if err != nil {
		return replayDone{}, err
	}
	if _, err := trustedIn(log.Keys, trusted, given); err != nil {
		return replayDone{}, err
	}
	if err := log.CheckFiles(); err != nil {
		return replayDone{}, err
	}
	done, err := a.replayEvents(log.Events(), r)
	return done, ledger.Refute(err)
}

func (a *app) replayPack(path, given string, trusted []packspec.TrustedKey, r *projection.Replay) (replayDone, error) {
	report, err := a.verifyPack(path, packspec.Options{Trusted: trusted})
	if err != nil {
		return replayDone{}, err
	}
	if !report.Verified {
		return replayDone{}, a.notVerified(path, given, report)
	}
	file, size, err := a.openPack(path)
	if err != nil {
		return replayDone{}, err
	}
	defer file.Close()
	events, err := packspec.Events(file, size)
	if err != nil {
		return replayDone{}, err
	}
	return a.replayEvents(events, r)
}

func (a *app) replayEvents(events ledger.Events, r *projection.Replay) (done replayDone, err error) {
	bar := a.progress("replaying events")
	defer bar.stop()
	for e, err := range events {
		if err == nil {
			err = r.Add(e)
		}
		if done.events++; err == nil && done.events%1024 == 0 {
			err = bar.update(done.events, 0)
		}
		if err != nil {
			return done, err
		}
	}
	return done.finished(r)
}

// finished adds the digests.
func (d replayDone) finished(r *projection.Replay) (_ replayDone, err error) {
	d.views, d.whole, err = r.Finish()
	d.skipped, d.jobs = r.Skipped(), len(d.views)/projection.ViewsOfAJob
	return d, err
}

// A replayError says that a replay gave other views than were expected.
type replayError struct {
	text string
	done object
}

func (e *replayError) Error() string { return e.text }

func (e *replayError) fields() object { return e.done }

func (a *app) reportReplay(path, views, expect string, done replayDone) error {
	fields := object{"path": path, "digest": done.whole, "events": done.events, "jobs": done.jobs, "skipped_jobs": done.skipped, "views": done.views}
	if views != "" {
		fields["views_path"] = views
	}
	if expect != "" && expect != done.whole.String() {
		return &replayError{text: fmt.Sprintf("the views of %s are others than expected: digest %s, expected %s", path, done.whole, expect), done: fields}
	}
	return a.print(fields, func(s *screen) {
		for _, v := range done.views {
			fmt.Fprintf(s, "%s  %s\n", v.SHA256, v.Path)
		}
		s.done("%d events of %d jobs give %s", done.events, done.jobs, s.bold(done.whole.String()))
		if done.skipped > 0 {
			fmt.Fprintf(s, "%s %d jobs begin before these events and were not replayed\n", s.yellow("note:"), done.skipped)
		}
	})
}
