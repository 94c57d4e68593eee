package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// stopsAtOnce is how many jobs gait job stop --all stops together: the ledger writes them in
// one batch.
const stopsAtOnce = 64

// maxListedStops is how many jobs of each kind the output of gait job stop --all names.
const maxListedStops = 1000

// A stopAll stops every job with some labels.
type stopAll struct {
	all    bool
	labels []string
}

func (s *stopAll) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.all, "all", false, "stop every job with all of the labels given with --label")
	f.StringArrayVar(&s.labels, "label", nil, "with --all: KEY=VALUE that the jobs have; repeatable. --label '*' stands for all jobs there are")
}

// A stopRun is one run of gait job stop --all, and what came of it.
type stopRun struct {
	*app

	flags  *writeFlags
	labels []ledger.Label
	every  bool // all jobs, whatever their labels
	id     string

	looked         int // jobs of the ledger
	seen           map[string]bool
	stopped, ended []string
	failed         []failedStop
	firstFailure   error
	batch          []string // jobs that are to be stopped next
}

// A failedStop says why a job could not be stopped.
type failedStop struct {
	JobID string `json:"job_id"`
	Code  string `json:"error_code"`
	Error string `json:"error"`
}

// run walks all jobs of the ledger, each proved, and stops those that match. It can be run
// again with the id of the run: what was stopped by it is not stopped twice.
func (s *stopAll) run(cmd *cobra.Command, a *app, flags *writeFlags, args []string) error {
	r, err := s.begin(cmd, a, flags, args)
	if err != nil {
		return err
	}
	o, err := a.options()
	if err != nil {
		return err
	}
	o.Mode, o.DeferIndex = root.Write, true
	o.Actor = a.actor(flags.actor)
	err = connect.With(cmd.Context(), o, func(l *connect.Ledger) error { return r.walk(cmd.Context(), l) })
	switch {
	case err != nil && r.looked == 0:
		return err
	case err != nil:
		return &stopAllError{err: err, run: r}
	case len(r.failed) > 0:
		return &stopAllError{err: fmt.Errorf("%s could not be stopped, first %s: %w", count(int64(len(r.failed)), "job"), r.failed[0].JobID, r.firstFailure), run: r}
	case len(r.stopped)+len(r.ended) == 0:
		return &usageError{code: "no_job_matches", text: fmt.Sprintf("no job of the %d has the labels given, so none was stopped", r.looked), hint: "gait job list --label KEY=VALUE shows which jobs have one"}
	}
	return a.print(r.object(), r.show)
}

func (s *stopAll) begin(cmd *cobra.Command, a *app, flags *writeFlags, args []string) (*stopRun, error) {
	r := &stopRun{app: a, flags: flags, id: flags.requestID, seen: map[string]bool{}}
	switch {
	case len(args) > 0 || flags.id != "" || cmd.Flags().Changed("if-revision"):
		return nil, &usageError{code: "invalid_usage", text: "--all stops every job with the labels given, and takes no job and no revision", hint: helpHint}
	case len(s.labels) == 0:
		return nil, &usageError{code: "invalid_usage", text: "which jobs? --all needs --label", hint: "add --label KEY=VALUE, or --label '*' for all jobs there are"}
	case flags.signing.given() || flags.signing.printTo != "":
		return nil, &usageError{code: "invalid_usage", text: "each stop is a command of its own: --all signs with --sign-key alone", hint: helpHint}
	}
	for _, text := range s.labels {
		if text == "*" {
			r.every = true
			continue
		}
		l, err := parseLabel(text)
		if err != nil {
			return nil, err
		}
		r.labels = append(r.labels, l)
	}
	if r.id == "" {
		var err error
		if r.id, err = ledger.NewULID(a.now(), a.entropy); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// walk stops the jobs that match, in the order of their ids. If the row of a job does not
// hold, the jobs are found by their events, so that the others are stopped all the same, and
// walk fails.
func (r *stopRun) walk(ctx context.Context, l *connect.Ledger) error {
	walked := r.walkRows(ctx, l)
	if err := r.stop(ctx, l); err != nil || walked == nil || ctx.Err() != nil {
		return cmp.Or(err, walked)
	}
	for e, err := range l.Log.Events(ctx, 0) { // which the signed tree proves, whatever the rows say
		if err != nil {
			break // what can be read was
		}
		id := e.JobID()
		if e.JobSeq() != 1 || r.seen[id] {
			continue
		}
		j, err := l.Job(ctx, id)
		if err != nil { // a stop needs the events behind its head alone
			j = projection.Job{ID: id, Labels: labelsOf(e)}
		}
		if err := r.look(ctx, l, id, j); err != nil {
			return err
		}
	}
	return cmp.Or(r.stop(ctx, l), walked)
}

// labelsOf returns the labels that a job began with.
func labelsOf(first ledger.Event) []ledger.Label {
	switch p := first.Payload().(type) {
	case ledger.Submitted:
		return p.Labels
	case ledger.Continued:
		return p.Labels
	default: // an imported job has none
		return nil
	}
}

// walkRows looks at all jobs, each proved, and compares their number with the index.
func (r *stopRun) walkRows(ctx context.Context, l *connect.Ledger) error {
	for entry, err := range l.Log.Jobs(ctx, "") {
		if err != nil {
			return err
		}
		j, err := projection.JobOf(ctx, l.Log, entry)
		if err != nil {
			return err
		}
		if err := r.look(ctx, l, entry.ID, j); err != nil {
			return err
		}
	}
	return nil
}

// look puts a job that matches into the batch, and stops the batch if it is full.
func (r *stopRun) look(ctx context.Context, l *connect.Ledger, id string, j projection.Job) error {
	r.looked++
	r.seen[id] = true
	switch {
	case !r.matches(j):
	case j.Status.Final() || j.Status == projection.EmergencyStopped:
		r.ended = append(r.ended, id)
	default:
		if r.batch = append(r.batch, id); len(r.batch) == stopsAtOnce {
			return r.stop(ctx, l)
		}
	}
	return nil
}

func (r *stopRun) matches(j projection.Job) bool {
	if r.every {
		return true
	}
	for _, want := range r.labels {
		if !slices.Contains(j.Labels, want) {
			return false
		}
	}
	return true
}

// stop stops the jobs of the batch at the same time. It fails only if the run must end.
func (r *stopRun) stop(ctx context.Context, l *connect.Ledger) error {
	if len(r.batch) == 0 || r.flags.dryRun {
		r.stopped = append(r.stopped, r.batch...)
		r.batch = nil
		return nil
	}
	type outcome struct {
		id  string
		err error
	}
	outcomes := make(chan outcome, len(r.batch))
	for _, id := range r.batch {
		request := commands.Request{JobID: id, Actor: r.actor(r.flags.actor), Reason: r.flags.reason, RequestID: commands.StopRequestID(r.id, id), Command: commands.Stop{}}
		prepared, answer, err := r.prepare(ctx, l, order{Request: request, signing: r.flags.signing})
		if err != nil || answer != nil {
			outcomes <- outcome{id, err}
			continue
		}
		r.writing.Store(true)
		go func() {
			_, err := r.do(ctx, l, prepared)
			outcomes <- outcome{id, err}
		}()
	}
	found := map[string]error{}
	for range r.batch {
		o := <-outcomes
		found[o.id] = o.err
	}
	var end error
	for _, id := range r.batch {
		switch err := found[id]; {
		case err == nil:
			r.stopped = append(r.stopped, id)
		case hasEnded(err): // while this run came to it
			r.ended = append(r.ended, id)
		default:
			r.fail(id, err)
			end = errors.Join(end, fatalStop(err))
		}
	}
	r.batch = nil
	r.told()
	return end
}

// hasEnded reports whether a stop was refused since the job has ended, or was stopped.
func hasEnded(err error) bool {
	no, ok := errors.AsType[*commands.RefusedError](err)
	return ok && no.Refusal.Code == projection.InvalidTransition && (no.Result.Job.Status.Final() || no.Result.Job.Status == projection.EmergencyStopped)
}

// fatalStop returns an error after which no other job could be stopped either.
func fatalStop(err error) error {
	if errors.Is(err, ledger.ErrOutcomeUnknown) || errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (r *stopRun) fail(id string, err error) {
	if r.firstFailure == nil {
		r.firstFailure = err
	}
	f, _ := ledger.FaultOf(err)
	r.failed = append(r.failed, failedStop{JobID: id, Code: f.Code, Error: err.Error()})
}

// told shows how far the run is, on a terminal.
func (r *stopRun) told() {
	if isTerminal(r.stderr) {
		fmt.Fprintf(r.stderr, "\rstopped %d jobs of %d seen", len(r.stopped), r.looked)
	}
}

func (r *stopRun) object() object {
	listed := func(ids []string) []string { return append([]string{}, ids[:min(len(ids), maxListedStops)]...) }
	out := object{
		"run": r.id, "jobs_seen": r.looked, "stopped_count": len(r.stopped), "ended_count": len(r.ended), "failed_count": len(r.failed),
		"stopped": listed(r.stopped), "ended": listed(r.ended), "failed": append([]failedStop{}, r.failed[:min(len(r.failed), maxListedStops)]...),
	}
	if r.flags.dryRun {
		out["dry_run"] = true
	}
	return out
}

func (r *stopRun) show(s *screen) {
	if isTerminal(r.stderr) && len(r.stopped) > 0 && !r.flags.dryRun {
		fmt.Fprintln(r.stderr)
	}
	if r.flags.dryRun {
		fmt.Fprintf(s, "%s would stop %d of %d jobs; nothing was written\n", s.bold("dry run:"), len(r.stopped), r.looked)
	} else {
		s.done("stopped %d of %d jobs; %d had ended or were stopped before %s", len(r.stopped), r.looked, len(r.ended), s.dim("(run "+r.id+")"))
	}
	for _, id := range r.stopped[:min(len(r.stopped), 20)] {
		s.add("  " + id + "\n")
	}
	if n := len(r.stopped) - 20; n > 0 {
		s.add(fmt.Sprintf("  and %d more\n", n))
	}
}

// A stopAllError says that a run of gait job stop --all did not stop all it should.
type stopAllError struct {
	err error
	run *stopRun
}

func (e *stopAllError) Error() string {
	return fmt.Sprintf("stopped %d jobs, then: %v", len(e.run.stopped), e.err)
}

// Unwrap returns why.
func (e *stopAllError) Unwrap() error { return e.err }

// Fault returns what kind of error it is.
func (e *stopAllError) Fault() ledger.Fault {
	if f, ok := ledger.FaultOf(e.err); ok {
		return f
	}
	return ledger.Fault{Code: "not_all_stopped", Category: ledger.CategoryConflict, Retryable: true}
}

func (e *stopAllError) nextStep() string {
	var hint strings.Builder
	hint.WriteString("go on with the same run: gait job stop --all --request-id " + e.run.id)
	if e.run.every {
		hint.WriteString(" --label '*'")
	}
	for _, l := range e.run.labels {
		hint.WriteString(" --label " + quoted(l.Key+"="+l.Value))
	}
	f, _ := ledger.FaultOf(e.err)
	if own := hintOf(e.err, f); own != "" && own != helpHint && own != againHint {
		return own + "; then " + hint.String()
	}
	return hint.String()
}

func (e *stopAllError) fields() object { return e.run.object() }
