package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
	"gait/packspec"
)

// A packAsked is what the flags of pack build ask for.
type packAsked struct {
	kind, to, out, jobRoot string

	at, attest bool // a revision is named; an attestation is asked for
}

func packBuildCommand(a *app) *cobra.Command {
	var asked packAsked
	var b jobBuild
	cmd := exits(&cobra.Command{
		Use:   "build",
		Short: "Export a job, or a run of the ledger, as a pack",
		Long: `Export a job as a pack: the exact bytes of its events, a proof that they are in the
signed ledger, and views derived from them. The same ledger gives the same bytes.

The pack proves that no event of the job was left out, with an event that commits to
the ledger's index after the job's last event. If there is none, one is appended
first; if the job goes on meanwhile, the pack shows it as it was then. A pack stands on
the newest checkpoint that witnesses have cosigned, if that covers the job; then
nothing is appended, and gait ledger cosign is what commits to the index. Nothing is
appended to a copy, which can be packed too if you hold its key. If the index of a copy
is unchecked, all its events are read to compute it.

With --at-revision the pack ends with the event that gave the job that revision. Nothing
is appended for it: it proves that it is complete if an event that commits to the index
stands before the job's next event.

With --include-content the pack also has the content that the job's events name, such as
the subjects of its decisions, and the policies that they name, as far as these are at
hand: then its bytes depend on that, too.

With --attest, also write an in-toto Statement that names the pack's SHA-256, in a DSSE
envelope signed by the ledger's key, to a file beside the pack with .intoto.jsonl behind its
name. The same pack gives the same attestation.

With --type range, export a run of events of all jobs, by default the whole ledger.
It is rounded outward to bundles of 256 events, which is what clients of C2SP
tlog-tiles logs read: unzipped, the pack is one.`,
		Example: `gait pack build --type job --from job_1
gait pack build --type job --from job_1 --out evidence.zip --json
gait pack build --from job_1 --at-revision 3
gait pack build --from job_1 --attest
gait pack build --type range
gait pack build --type range --from 1000 --to 1999`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&asked.kind, "type", "job", "what to export: job or range")
	f.StringVar(&b.job, "from", "", "the job's id (required), or a range's first event (default 0)")
	f.StringVar(&asked.to, "to", "", "a range's last event (default the newest)")
	f.StringVar(&asked.out, "out", "", "the pack's file (default ./gait-out/pack_JOB.zip, with + for each : of JOB, or pack_range_FROM-TO.zip); only a pack of the same is replaced; "+outForms)
	f.Int64Var(&b.revision, "at-revision", 0, "end with the job's revision of this number (default the newest)")
	f.BoolVar(&b.withContent, "include-content", false, "include the content and the policies that the job's events name, for all readers of the pack")
	f.BoolVar(&asked.attest, "attest", false, "write an attestation beside the pack (in-toto Statement v1, signed: DSSE)")
	f.StringVar(&asked.jobRoot, "job-root", "", "the same as --root")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if a.dir != "" && asked.jobRoot != "" && a.dir != asked.jobRoot {
			return &usageError{code: "invalid_usage", text: fmt.Sprintf("two roots: --root %s and --job-root %s", a.dir, asked.jobRoot), hint: "name the root once"}
		}
		if err := a.checkTilde("--job-root", asked.jobRoot); err != nil {
			return err
		}
		asked.at = cmd.Flags().Changed("at-revision")
		return buildKind(cmd.Context(), a, b, asked)
	}
	return cmd
}

// buildKind builds a pack of a kind.
func buildKind(ctx context.Context, a *app, b jobBuild, asked packAsked) error {
	switch asked.kind {
	case packspec.TypeJob:
		if asked.at && b.revision < 1 {
			return &usageError{code: "invalid_revision", text: fmt.Sprintf("a job has no revision %d", b.revision), hint: "revisions count from 1"}
		}
		return buildJobPack(ctx, a, b, asked)
	case packspec.TypeRange:
		if b.withContent {
			return &usageError{code: "invalid_usage", text: "--include-content goes with --type job", hint: "leave --include-content out"}
		}
		if asked.at {
			return &usageError{code: "invalid_usage", text: "--at-revision goes with --type job: a range has no revisions", hint: "leave --at-revision out"}
		}
		return buildRangePack(ctx, a, b.job, asked)
	}
	return &usageError{code: "invalid_type", text: fmt.Sprintf("%.40q is not a type of pack", asked.kind), hint: "--type job or --type range"}
}

// buildJobPack builds the pack of a job of the ledger in asked.jobRoot.
func buildJobPack(ctx context.Context, a *app, b jobBuild, asked packAsked) error {
	job, ref := b.job, b.job
	if b.revision > 0 {
		ref = fmt.Sprintf("%s_at_%d", job, b.revision)
	}
	if job == "" {
		return &usageError{code: "invalid_usage", text: "a pack of which job? --from is missing", hint: "add --from JOB"}
	}
	if asked.to != "" {
		return &usageError{code: "invalid_usage", text: "--to goes with --type range: a job's pack has all its events", hint: "leave --to out"}
	}
	if err := ledger.FieldJobID.Check(job); err != nil {
		return &commands.InvalidError{Err: err}
	}
	a.about(job)
	b.app, b.ctx, b.plan = a, ctx, packPlan{kind: packspec.TypeJob, ref: job, name: ref, out: asked.out, fields: object{"job_id": job}}
	if err := b.plan.placeBoth(a, asked.attest); err != nil {
		return err
	}
	err := a.packIn(ctx, asked.jobRoot, b.begin)
	if err == nil && b.made == nil {
		err = a.packIn(ctx, asked.jobRoot, b.build)
	}
	return b.made.deliver(a, err)
}

// packIn opens the ledger in dir to build packs of it. Nothing is written to one that is
// opened to read.
func (a *app) packIn(ctx context.Context, dir string, f func(*connect.Ledger) error) error {
	return a.writeOrRead(ctx, dir, false, func(r *connect.Ledger, _ bool) error { return f(r) })
}

// A jobBuild builds the pack of a job.
type jobBuild struct {
	app         *app
	ctx         context.Context
	job         string
	withContent bool
	revision    int64 // with which the pack ends; 0: the newest
	plan        packPlan
	asOf        ledger.Seq           // the commitment to the index that was appended for the pack, or 0
	checked     *packspec.CheckedJob // the job as it was before that, or nil
	readOnly    bool                 // it needs a commitment, and nothing can be written here
	made        *madePack
}

// begin appends a commitment to the index, if the pack needs one, and builds the pack,
// unless the log does not show that event: that of a daemon does not move.
func (b *jobBuild) begin(r *connect.Ledger) (err error) {
	if _, err := findJob(b.ctx, r.Log, b.job); err != nil {
		return err
	}
	if err := b.plan.mayReplaceAll(r.Log.Keys()); err != nil {
		return err // before anything is appended
	}
	if b.revision > 0 {
		return b.build(r)
	}
	if _, err := r.PackSigner(); err != nil {
		return err // likewise
	}
	if b.asOf, err = b.commit(r); err != nil || int64(b.asOf) >= r.Log.Head().Size {
		return err
	}
	return b.build(r)
}

func (b *jobBuild) build(r *connect.Ledger) error {
	log, done, err := b.counted(r)
	if err != nil {
		return err
	}
	defer done.stop()
	b.made, err = buildPack(b.app, r, b.plan, func(w io.WriterAt, signer ledger.Signer) (packspec.BuiltPack, error) {
		kept := root.ContentOf(r.Dir)
		o := packspec.JobOptions{
			AsOf: b.asOf, AtRevision: b.revision, Checked: b.checked, Content: kept.Read, Index: packspec.IndexOptions{Inherited: root.Inherited(kept), Progress: done.update},
		}
		if b.withContent {
			o.JobContent = func(digest ledger.Hash) (io.ReadCloser, error) {
				content, err := kept.Job(b.job).GetKept(digest, false)
				if err != nil {
					return nil, err
				}
				return content, nil
			}
		}
		return packspec.BuildJob(b.ctx, w, log, b.job, signer, o)
	})
	if err != nil || b.made.built.Commitment != nil {
		return err
	}
	const less = "the pack does not prove that it has all of the job's events"
	switch {
	case b.made.built.Unproved != nil:
		b.app.notice(fmt.Sprintf("%s: the ledger's index cannot be computed: %v", less, b.made.built.Unproved))
	case b.readOnly:
		b.app.notice("nothing can be written here, so no event commits to the index after the job: " + less)
	}
	return nil
}

// counted returns the log of a ledger, and a bar that shows how many of the job's events
// were read from it.
func (b *jobBuild) counted(r *connect.Ledger) (ledger.Reader, *bar, error) {
	head, err := findJob(b.ctx, r.Log, b.job)
	if err != nil {
		return nil, nil, err
	}
	done := newBar(b.app, "reading events")
	return struct {
		ledger.HeadReader
		ledger.EventReader
		ledger.ProofReader
		ledger.IndexReader
	}{r.Log, &countedReader{EventReader: r.Log, bar: done, total: packspec.JobPasses * head.JobSeq}, r.Log, r.Log}, done, nil
}

// commit appends a commitment to the ledger's index if the pack of the job needs one and
// the ledger may be written, and returns it, or 0. Before that it checks the job: nothing
// is written for a pack that cannot be built.
func (b *jobBuild) commit(r *connect.Ledger) (ledger.Seq, error) {
	if r.Writable() != nil {
		return 0, nil //nolint:nilerr // a copy is packed as it is
	}
	needs, err := packspec.NeedsCommitment(b.ctx, r.Log, b.job)
	if err != nil || !needs {
		return 0, err
	}
	if b.readOnly = r.ReadOnly(); b.readOnly {
		return 0, nil
	}
	log, done, err := b.counted(r)
	if err != nil {
		return 0, err
	}
	b.checked, err = packspec.CheckJob(b.ctx, log, b.job)
	done.stop()
	if err != nil {
		return 0, err
	}
	result, err := b.app.do(b.ctx, r, commands.Request{Command: commands.CommitIndex{}})
	return result.Receipt.Seq, err
}

// An interruptible is a writer that fails once the user has interrupted the work.
type interruptible struct {
	io.WriterAt
	app *app
}

func (w interruptible) WriteAt(b []byte, at int64) (int, error) {
	if err := w.app.interrupted(); err != nil {
		return 0, err
	}
	return w.WriterAt.WriteAt(b, at)
}

// A countedReader shows on a bar how many of a job's events were read.
type countedReader struct {
	ledger.EventReader
	bar         *bar
	done, total int64
}

func (r *countedReader) JobEvents(ctx context.Context, job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range r.EventReader.JobEvents(ctx, job, from) {
			if r.done++; err == nil && r.done%1024 == 0 {
				err = r.bar.update(r.done, r.total)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// buildRangePack builds the pack of a range of events of the ledger in asked.jobRoot.
func buildRangePack(ctx context.Context, a *app, fromText string, asked packAsked) error {
	from, err := seqFlag("from", fromText, 0)
	if err != nil {
		return err
	}
	to, err := seqFlag("to", asked.to, -1)
	if err != nil {
		return err
	}
	p := packPlan{kind: packspec.TypeRange, out: asked.out}
	if asked.out != "" { // the default names the range
		if err := p.placeBoth(a, asked.attest); err != nil {
			return err
		}
	}
	var made *madePack
	err = a.packIn(ctx, asked.jobRoot, func(r *connect.Ledger) error {
		last := ledger.Seq(r.Log.Head().Size - 1)
		if to < 0 {
			to = last
		}
		if from > to || to > last {
			return &usageError{code: "invalid_range", text: fmt.Sprintf("events %d to %d: the ledger has 0 to %d", from, to, last), hint: "name events that are there, the first one first"}
		}
		cover, err := packspec.CoverRange(ctx, r.Log, from, to)
		if err != nil {
			return err
		}
		p.ref = fmt.Sprintf("%d-%d", cover.From(), cover.To())
		p.fields = object{"from": cover.From(), "to": cover.To(), "asked_from": from, "asked_to": to}
		if asked.out == "" {
			if err := p.placeBoth(a, asked.attest); err != nil {
				return err
			}
		}
		kept := root.ContentOf(r.Dir)
		made, err = buildPack(a, r, p, func(w io.WriterAt, signer ledger.Signer) (packspec.BuiltPack, error) {
			return packspec.BuildRange(ctx, w, r.Log, from, to, signer, packspec.RangeOptions{Content: kept.Get, Proof: kept.Read})
		})
		return err
	})
	return made.deliver(a, err)
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

// buildPack builds a pack into a temporary file.
func buildPack(a *app, r *connect.Ledger, p packPlan, build func(io.WriterAt, ledger.Signer) (packspec.BuiltPack, error)) (*madePack, error) {
	signer, err := r.PackSigner()
	if err != nil {
		return nil, err
	}
	if err := p.mayReplaceAll(r.Log.Keys()); err != nil {
		return nil, err
	}
	file, err := p.at.begin()
	if err != nil {
		return nil, fmt.Errorf("writing the pack: %w", err)
	}
	built, err := build(interruptible{file, a}, signer)
	if err != nil {
		file.remove()
		return nil, fmt.Errorf("building the pack of %s: %w", p.ref, err)
	}
	made := &madePack{packPlan: p, built: built, file: file, keys: r.Log.Keys(), final: onlyRead(r.Writable())}
	if err := p.attest.make(file, built, signer); err != nil {
		file.remove()
		return nil, err
	}
	return made, nil
}
