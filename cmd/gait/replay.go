package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/packspec"
	"gait/projection"
)

func replayCommand(a *app) *cobra.Command {
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
		trusted, err := trustedKeys(a, keyFile)
		if err != nil {
			return err
		}
		var replay projection.Replay
		keep := func() error { return nil }
		if views != "" {
			out, err := a.pendingDirAt("--views", views, 0o600)
			if err != nil {
				return err
			}
			defer out.remove()
			replay.Put, keep = out.add, out.keep
		}
		done, err := replayPath(cmd.Context(), a, args[0], keyFile, trusted, &replay)
		if err == nil {
			err = keep()
		}
		if err != nil {
			return err
		}
		return reportReplay(a, args[0], views, expect, done)
	}
	return cmd
}

// A replayResult is the result of a replay.
type replayResult struct {
	views         []projection.ViewDigest
	whole         ledger.Hash
	events        int64
	jobs, skipped int
}

// replayPath replays a ledger's directory, an exported ledger or a pack.
func replayPath(ctx context.Context, a *app, path, given string, trusted []packspec.TrustedKey, r *projection.Replay) (replayResult, error) {
	if path == fromStdin {
		return replayPack(a, path, given, trusted, r)
	}
	path = packAt(path)
	info, err := os.Stat(path)
	if err != nil {
		return replayResult{}, &usageError{code: "file_not_found", text: path + " does not exist", hint: "name a ledger's directory, an exported one, or a pack"}
	}
	if !info.IsDir() {
		return replayPack(a, path, given, trusted, r)
	}
	if _, err := os.Stat(filepath.Join(path, ledger.CheckpointFile)); err == nil {
		return replayExport(a, path, given, trusted, r)
	}
	var done replayResult
	a.readsAll = true
	err = a.readIn(ctx, path, func(opened *connect.Ledger) (err error) {
		if _, err = trustedIn(opened.Log.Keys(), trusted, given); err != nil {
			return err
		}
		computed := asKeyless(opened)
		if done, err = replayLog(a, opened.Log, computed, r); err == nil {
			a.wasVerified(opened, computed)
		}
		return err
	})
	return done, err
}

// replayLog verifies a log and replays its events in one pass. If both fail, it
// returns the error of the verification. computed may be nil.
func replayLog(a *app, log ledger.Log, computed *wholeIndex, r *projection.Replay) (done replayResult, err error) {
	bar := newBar(a, "replaying events")
	defer bar.stop()
	var broken error
	err = log.Verify(a.running.Context(), func(e ledger.Event) error {
		if done.events++; broken == nil {
			broken = r.Add(e)
		}
		if computed != nil {
			return computed.add(e)
		}
		return nil
	}, bar.update)
	if err == nil {
		err = broken
	}
	if err != nil {
		return done, err
	}
	return done.finished(r)
}

func replayExport(a *app, path, given string, trusted []packspec.TrustedKey, r *projection.Replay) (replayResult, error) {
	files, err := openFolder(path)
	if err != nil {
		return replayResult{}, err
	}
	defer files.close()
	log, err := packspec.OpenExport(files)
	if err != nil {
		return replayResult{}, err
	}
	if _, err := trustedIn(log.Keys, trusted, given); err != nil {
		return replayResult{}, err
	}
	if err := log.CheckFiles(); err != nil {
		return replayResult{}, err
	}
	done, err := replayEvents(a, log.Events(), r)
	return done, ledger.Refute(err)
}

func replayPack(a *app, path, given string, trusted []packspec.TrustedKey, r *projection.Replay) (replayResult, error) {
	file, size, err := openPack(a, path)
	if err != nil {
		return replayResult{}, err
	}
	defer file.Close()
	report, err := verifyPack(a, file, size, packspec.Options{Trusted: trusted})
	if err != nil {
		return replayResult{}, err
	}
	if !report.Verified {
		return replayResult{}, notVerified(path, given, report)
	}
	events, err := packspec.Events(file, size)
	if err != nil {
		return replayResult{}, err
	}
	if r.Authority, err = packspec.AuthorityOf(file, size); err != nil {
		return replayResult{}, err
	}
	return replayEvents(a, events, r)
}

func replayEvents(a *app, events ledger.Events, r *projection.Replay) (done replayResult, err error) {
	bar := newBar(a, "replaying events")
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
func (d replayResult) finished(r *projection.Replay) (_ replayResult, err error) {
	d.views, d.whole, err = r.Finish()
	d.skipped, d.jobs = r.Skipped(), len(d.views)/projection.ViewsOfAJob
	return d, err
}

// A replayError says that a replay did not give the expected views.
type replayError struct {
	text string
	done object
}

func (e *replayError) Error() string { return e.text }

// Fault returns what kind of error it is.
func (*replayError) Fault() ledger.Fault {
	return ledger.Fault{Code: "replay_differs", Category: ledger.CategoryRegress}
}

func (e *replayError) fields() object { return e.done }

func reportReplay(a *app, path, views, expect string, done replayResult) error {
	fields := object{"path": path, "digest": done.whole, "events": done.events, "jobs": done.jobs, "skipped_jobs": done.skipped, "views": done.views}
	if views != "" {
		fields["views_path"] = views
	}
	if expect != "" && expect != done.whole.String() {
		return &replayError{text: fmt.Sprintf("the views of %s are not those expected: digest %s, expected %s", path, done.whole, expect), done: fields}
	}
	return a.print(fields, func(s *screen) {
		for _, v := range done.views {
			fmt.Fprintf(s, "%s  %s\n", v.SHA256, v.Path)
		}
		s.done("%s of %s give %s", count(done.events, "event"), count(int64(done.jobs), "job"), s.bold(done.whole.String()))
		if done.skipped > 0 {
			fmt.Fprintf(s, "%s not replayed, since they begin before these events: %s\n", s.yellow("note:"), count(int64(done.skipped), "job"))
		}
	})
}
