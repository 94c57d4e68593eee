package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/packspec"
)

func (a *app) packBuildCommand() *cobra.Command {
	var kind, from, to, out, jobRoot string
	cmd := exits(&cobra.Command{
		Use:   "build",
		Short: "Export a job, or a run of the ledger, as a pack",
		Long: `Export a job as a pack: the exact bytes of its events, a proof that they are in the
signed ledger, and views derived from them. The same ledger gives the same bytes.

With --type range, export a run of events of all jobs, by default the whole ledger.
It is rounded outward to bundles of 256 events, which is what clients of C2SP
tlog-tiles logs read: unzipped, the pack is one.`,
		Example: `gait pack build --type job --from job_1
gait pack build --type job --from job_1 --out evidence.zip --json
gait pack build --type range
gait pack build --type range --from 1000 --to 1999`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&kind, "type", "job", "what to export: job or range")
	f.StringVar(&from, "from", "", "the job's id (required), or a range's first event (default 0)")
	f.StringVar(&to, "to", "", "a range's last event (default the newest)")
	f.StringVar(&out, "out", "", "the pack's file (default ./gait-out/pack_JOB.zip or pack_range_FROM-TO.zip); only a pack of the same is replaced")
	f.StringVar(&jobRoot, "job-root", "", "the same as --root")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if a.dir != "" && jobRoot != "" && a.dir != jobRoot {
			return &usageError{code: "invalid_usage", text: fmt.Sprintf("two roots: --root %s and --job-root %s", a.dir, jobRoot), hint: "name the root once"}
		}
		a.dir = cmp.Or(a.dir, jobRoot)
		switch kind {
		case packspec.TypeJob:
			return a.buildJobPack(cmd, from, to, out)
		case packspec.TypeRange:
			return a.buildRangePack(cmd, from, to, out)
		}
		return &usageError{code: "invalid_type", text: fmt.Sprintf("%.40q is not a type of pack", kind), hint: "--type job or --type range"}
	}
	return cmd
}

func (a *app) buildJobPack(cmd *cobra.Command, job, to, out string) error {
	if job == "" {
		return &usageError{code: "invalid_usage", text: "a pack of which job? --from is missing", hint: "add --from <JOB>"}
	}
	if to != "" {
		return &usageError{code: "invalid_usage", text: "--to goes with --type range: a job's pack has all its events", hint: "leave --to out"}
	}
	if err := ledger.FieldJobID.Check(job); err != nil {
		return &commands.InvalidError{Err: err}
	}
	a.about(job)
	return a.write(cmd.Context(), false, func(r *openLedger) error {
		if _, ok, err := r.Log.JobHead(job); err != nil || !ok {
			return errors.Join(err, notFound(ok, job))
		}
		return a.buildPack(r, packspec.TypeJob, job, out, object{"job_id": job}, func(w io.Writer) (packspec.Built, error) {
			head, _, err := r.Log.JobHead(job)
			if err != nil {
				return packspec.Built{}, err
			}
			done := a.progress("reading events")
			defer done.stop()
			return packspec.BuildJob(w, &countedLog{ledgerLog: r.Log, bar: done, total: packspec.JobPasses * head.JobSeq}, job, r.Signer)
		})
	})
}

// An interruptible writes until the user has interrupted the work.
type interruptible struct {
	io.Writer
	app *app
}

func (w interruptible) Write(b []byte) (int, error) {
	if err := w.app.interrupted(); err != nil {
		return 0, err
	}
	return w.Writer.Write(b)
}

// A countedLog shows how many of a job's events were read.
type countedLog struct {
	ledgerLog
	bar         *bar
	done, total int64
}

func (l *countedLog) JobEvents(job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range l.ledgerLog.JobEvents(job, from) {
			if l.done++; err == nil && l.done%1024 == 0 {
				err = l.bar.update(l.done, l.total)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func (a *app) buildRangePack(cmd *cobra.Command, fromText, toText, out string) error {
	from, err := seqFlag("from", fromText, 0)
	if err != nil {
		return err
	}
	to, err := seqFlag("to", toText, -1)
	if err != nil {
		return err
	}
	return a.write(cmd.Context(), false, func(r *openLedger) error {
		last := ledger.Seq(r.Log.Head().Size - 1)
		if to < 0 {
			to = last
		}
		if from > to || to > last {
			return &usageError{code: "invalid_range", text: fmt.Sprintf("events %d to %d: the ledger has 0 to %d", from, to, last), hint: "name events that are there, the first one first"}
		}
		cover, err := packspec.CoverRange(r.Log, from, to)
		if err != nil {
			return err
		}
		ref := fmt.Sprintf("%d-%d", cover.From(), cover.To())
		fields := object{"from": cover.From(), "to": cover.To(), "asked_from": from, "asked_to": to}
		return a.buildPack(r, packspec.TypeRange, ref, out, fields, func(w io.Writer) (packspec.Built, error) {
			return packspec.BuildRange(w, r.Log, from, to, r.Signer)
		})
	})
}

// seqFlag reads a flag that names an event.
func seqFlag(name, text string, none ledger.Seq) (ledger.Seq, error) {
	if text == "" {
		return none, nil
	}
	n, err := strconv.ParseInt(text, 10, 54)
	if err != nil || n < 0 {
		return 0, &usageError{code: "invalid_seq", text: fmt.Sprintf("--%s %.40q is not the place of an event in the ledger, from 0", name, text), hint: "the seq of an event is in its receipt, and in gait job inspect"}
	}
	return ledger.Seq(n), nil
}

// buildPack has a pack built beside its place, and puts it there whole.
func (a *app) buildPack(r *openLedger, kind, ref, out string, fields object, build func(io.Writer) (packspec.Built, error)) error {
	name := ref
	if kind != packspec.TypeJob {
		name = kind + "_" + ref
	}
	if out == "" {
		out = filepath.Join(".", "gait-out", "pack_"+name+".zip")
	}
	if err := mayReplace(out, kind, ref, r.Log.Keys()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o700); err != nil {
		return fmt.Errorf("writing the pack: %w", err)
	}
	file, err := renameio.NewPendingFile(out, renameio.WithStaticPermissions(0o600))
	if err != nil {
		return fmt.Errorf("writing the pack: %w", err)
	}
	defer file.Cleanup()
	built, err := build(interruptible{file, a})
	if err != nil {
		return fmt.Errorf("building the pack of %s: %w", ref, err)
	}
	size, err := file.Seek(0, 1)
	if err != nil {
		return fmt.Errorf("writing the pack: %w", err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("writing the pack: %w", err)
	}
	for k, v := range (object{"path": out, "pack_id": built.Manifest.PackID, "pack_type": kind, "bytes": size, "origin": built.Checkpoint.Origin,
		"tree_size": built.Checkpoint.Size, "root": built.Checkpoint.Root, "cosigned": built.Cosigned}) {
		fields[k] = v
	}
	return a.print(fields, func(s *screen) { showBuilt(s, out, size, built) })
}

func showBuilt(s *screen, out string, size int64, built packspec.Built) {
	what, events := built.Manifest.SourceRef, ""
	if built.Manifest.PackType == packspec.TypeRange {
		what = "a range"
		events = fmt.Sprintf("%d to %d, in whole bundles", built.Coverage.From(), built.Coverage.To())
	}
	tree := fmt.Sprintf("%d events, root %s", built.Checkpoint.Size, built.Checkpoint.Root)
	if built.Cosigned {
		tree += ", cosigned"
	}
	s.done("packed %s", s.bold(what))
	s.fields([2]string{"file", fmt.Sprintf("%s (%d bytes)", out, size)}, [2]string{"pack id", built.Manifest.PackID}, [2]string{"events", events},
		[2]string{"origin", built.Checkpoint.Origin}, [2]string{"tree", tree})
	s.next("gait pack verify " + quoted(out))
}

// mayReplace refuses to overwrite anything but a pack of the same job, or of the
// same range, of the same ledger.
func mayReplace(out, kind, ref string, keys ledger.Keyring) error {
	file, err := openAtOnce(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at %s: %w", out, err)
	}
	defer file.Close()
	no := &unsafeError{code: "would_overwrite", text: fmt.Sprintf("%s exists and is not a pack of %s %s of this ledger", out, kind, ref), hint: "choose another file with --out"}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return no
	}
	p, err := packspec.Open(file, info.Size())
	if err != nil || p.Manifest().PackType != kind || p.Manifest().SourceRef != ref {
		return no
	}
	for _, sig := range p.Manifest().Signatures {
		for _, key := range keys.Keys() {
			if sig.KeyID == key.ID().String() {
				return nil
			}
		}
	}
	return no
}
