package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

func inspectCommand(a *app) *cobra.Command {
	var id string
	var page pageFlags
	var when asOfFlags
	cmd := exits(&cobra.Command{
		Use:     "inspect [JOB]",
		Short:   "Show everything that was recorded for a job",
		Long:    "Show everything that was recorded for a job: its state, checkpoints, verdicts,\nevents and refusals. The events are replayed and checked before anything is shown.\nAn actor with ✓ signed the event; the others are claims.",
		Example: "gait job inspect --id job_1\ngait job inspect job_1 --from 100 --limit 50 --json\ngait job inspect job_1 --at-time 2026-11-22T20:32:58Z",
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	f.Int64Var(&page.from, "from", 1, "show events from this one of the job on, counted from 1")
	f.Int64Var(&page.limit, "limit", 0, "show at most this many events; 0 is all")
	when.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := existingJob(a, id, args)
		if err != nil {
			return err
		}
		if page.from < 1 || page.limit < 0 {
			return &usageError{code: "invalid_usage", text: "--from counts from 1, --limit from 0", hint: "--from 1 --limit 100"}
		}
		at, err := when.point(cmd)
		if err != nil {
			return err
		}
		return a.read(cmd.Context(), func(r *connect.Ledger) error {
			found, err := r.At(cmd.Context(), id, at)
			if err != nil {
				return err
			}
			if err := when.check(cmd, id, found); err != nil {
				return err
			}
			by := judging{Basis: found.Basis}
			if at.IsEnd() {
				if by, err = judgingOf(cmd.Context(), r, found.Job); err != nil {
					return err
				}
				found.Basis = by.Basis
			}
			return printInspection(a, found, by, page, !at.IsEnd(), func() ledger.Events { return at.Until(r.Log.JobEvents(cmd.Context(), id, 1)) })
		})
	}
	return cmd
}

// pageFlags say which events of a job to show.
type pageFlags struct{ from, limit int64 }

func (p pageFlags) holds(e ledger.Event) bool {
	return e.JobSeq() >= p.from && (p.limit == 0 || e.JobSeq() < p.from+p.limit)
}

// printInspection writes a replayed job in several passes over its events, so
// that memory does not grow with the job.
func printInspection(a *app, found projection.Moment, at judging, page pageFlags, past bool, events func() ledger.Events) error {
	w := bufio.NewWriterSize(a.stdout, 64<<10)
	write := inspectText
	if a.json {
		write = inspectJSON
	}
	if err := write(a, w, found, at, events, page, past); err != nil {
		return err
	}
	return w.Flush()
}

// inspectJSON writes the object that success makes, with its lists in the places where
// that has empty ones.
func inspectJSON(a *app, w *bufio.Writer, found projection.Moment, _ judging, events func() ledger.Events, page pageFlags, past bool) error {
	fields := object{"events": []any{}, "job": found.Job.View(nil, nil), "job_id": found.Job.ID, "refusals": []any{}}
	if past {
		fields["as_of"] = asOfView(found.Last)
	}
	b, err := jcs.Marshal(a.success(fields))
	if err != nil {
		return err
	}
	rest := string(b)
	shown := func(refusals bool) func(ledger.Event) ([]any, error) {
		of := recordsIf(refusals)
		return func(e ledger.Event) ([]any, error) {
			if !page.holds(e) {
				return nil, nil
			}
			return of(e)
		}
	}
	for _, list := range []struct {
		name string
		of   func(ledger.Event) ([]any, error)
	}{
		{"events", shown(false)},
		{"approvals", func(e ledger.Event) ([]any, error) { return anyValues(projection.ApprovalsOf(e)), nil }},
		{"checkpoints", func(e ledger.Event) ([]any, error) { return anyValues(projection.CheckpointsOf(e)), nil }},
		{"refusals", shown(true)},
	} {
		before, after, ok := strings.Cut(rest, `"`+list.name+`":[]`)
		if !ok {
			panic("gait: the inspection of a job has no empty list " + list.name)
		}
		w.WriteString(before)
		if err := writeList(w, list.name, events(), list.of); err != nil {
			return err
		}
		rest = after
	}
	w.WriteString(rest)
	return w.WriteByte('\n')
}

// writeList writes "name":[…] with the values that of returns for each event.
func writeList(w *bufio.Writer, name string, events ledger.Events, of func(ledger.Event) ([]any, error)) error {
	fmt.Fprintf(w, `"%s":[`, name)
	comma := ""
	for b, err := range eventsAsJSON(events, of) {
		if err != nil {
			return err
		}
		w.WriteString(comma)
		if _, err := w.Write(b); err != nil {
			return err
		}
		comma = ","
	}
	return w.WriteByte(']')
}

func inspectText(a *app, w *bufio.Writer, found projection.Moment, at judging, events func() ledger.Events, page pageFlags, past bool) error {
	s, job := a.screen(), found.Job
	showStatusAt(s, a.rootDir(), job, found.Stop, at)
	if past {
		showAsOf(s, found.Last)
	}
	signed, err := anySigned(found, events)
	if err != nil {
		return err
	}
	fmt.Fprintf(s, "  %s\n\n", s.dim(actorsText(job, signed)))
	if page.from <= job.JobSeq {
		fmt.Fprintf(s, "  %s\n", s.dim(fmt.Sprintf("%4s  %-24s  %-7s   %-14s  %s", "no.", "created", "rev", "actor", "event of the ledger, and what it says")))
	} else {
		fmt.Fprintf(s, "no events from %d on: the job has %d\n", page.from, job.JobSeq)
	}
	for e, err := range events() {
		if err != nil {
			return err
		}
		if !page.holds(e) {
			continue
		}
		showEvent(s, e)
		if _, err := w.WriteString(s.String()); err != nil {
			return err
		}
		s.Reset()
	}
	if next := page.from + page.limit; page.limit > 0 && next <= job.JobSeq {
		s.next(fmt.Sprintf("gait job inspect --id %s --from %d --limit %d", job.ID, next, page.limit) + flagsAgain(a.running, "at-revision", "at-seq", "at-time"))
	}
	_, err = w.WriteString(s.String())
	return err
}

// anySigned reports whether an actor has signed any of a job's events. Without authority there
// is none.
func anySigned(found projection.Moment, events func() ledger.Events) (bool, error) {
	if found.Job.Signed || found.Basis.Authority == nil {
		return found.Job.Signed, nil
	}
	for e, err := range events() {
		if err != nil || len(e.CommandSigs()) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}

// actorsText says whether the actors of a job's events are proved.
func actorsText(j projection.Job, signed bool) string {
	switch {
	case j.Signed:
		return "every event is signed by its actor (✓)"
	case signed:
		return "✓: signed by the actor; the other actors are claims"
	}
	return "actors are claims: they are not signed"
}
