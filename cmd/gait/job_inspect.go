package main

import (
	"bufio"
	"bytes"
	"fmt"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/projection"
)

func (a *app) inspectCommand() *cobra.Command {
	var id string
	var page pageFlags
	var when asOfFlags
	cmd := exits(&cobra.Command{
		Use:     "inspect [JOB]",
		Short:   "Show everything that was recorded for a job",
		Long:    "Show everything that was recorded for a job: its state, checkpoints, verdicts,\nevents and refusals. The events are replayed and checked before anything is shown.",
		Example: "gait job inspect --id job_1\ngait job inspect job_1 --from 100 --limit 50 --json\ngait job inspect job_1 --at-time 2026-11-22T20:32:58Z",
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	f.Int64Var(&page.from, "from", 1, "show events from this one of the job on, counted from 1")
	f.Int64Var(&page.limit, "limit", 0, "show at most so many events; 0 is all")
	when.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := a.existingJob(id, args)
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
		return a.read(cmd.Context(), func(r *openLedger) error {
			found, first, now, err := a.asOf(r, id, at)
			if err != nil {
				return err
			}
			if err := when.check(cmd, id, found, first, now); err != nil {
				return err
			}
			return a.inspect(found, page, !at.IsEnd(), func() ledger.Events { return at.Until(r.Log.JobEvents(id, 1)) })
		})
	}
	return cmd
}

// pageFlags say which events of a job to show.
type pageFlags struct{ from, limit int64 }

func (p pageFlags) holds(e ledger.Event) bool {
	return e.JobSeq >= p.from && (p.limit == 0 || e.JobSeq < p.from+p.limit)
}

// inspect writes a job that was replayed, in passes over the same events, so
// that memory does not grow with the job.
func (a *app) inspect(found moment, page pageFlags, past bool, events func() ledger.Events) error {
	w := bufio.NewWriterSize(a.stdout, 64<<10)
	write := a.inspectText
	if a.json {
		write = a.inspectJSON
	}
	if err := write(w, found, events, page, past); err != nil {
		return err
	}
	return w.Flush()
}

// inspectJSON writes the object with its keys in order.
func (a *app) inspectJSON(w *bufio.Writer, found moment, events func() ledger.Events, page pageFlags, past bool) error {
	job := found.job
	head, tail, err := a.viewAround(job)
	if err != nil {
		return err
	}
	list := func(name string, of func(ledger.Event) ([]any, error)) error {
		return writeList(w, name, events(), of)
	}
	shown := func(refusals bool) func(ledger.Event) ([]any, error) {
		of := inspectedIf(refusals)
		return func(e ledger.Event) ([]any, error) {
			if !page.holds(e) {
				return nil, nil
			}
			return of(e)
		}
	}
	w.WriteByte('{')
	if past {
		b, err := projection.Canonical(asOfView(found.last))
		if err != nil {
			return err
		}
		fmt.Fprintf(w, `"as_of":%s,`, b)
	}
	if err := list("events", shown(false)); err != nil {
		return err
	}
	w.WriteString(`,"job":` + head)
	if err := list("approvals", func(e ledger.Event) ([]any, error) { return anys(projection.ApprovalsOf(e)), nil }); err != nil {
		return err
	}
	w.WriteByte(',')
	if err := list("checkpoints", func(e ledger.Event) ([]any, error) { return anys(projection.CheckpointsOf(e)), nil }); err != nil {
		return err
	}
	fmt.Fprintf(w, `%s,"job_id":"%s","ok":true,"operation":"%s",`, tail, job.ID, operationOf(a.running))
	if err := list("refusals", shown(true)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `,"schema_id":"%s","schema_version":"%s"}`+"\n", schemaOf(a.running), outputVersion)
	return err
}

// viewAround returns the job's view as JSON in two parts: what comes before its
// lists of approvals and checkpoints, and what comes after them.
func (a *app) viewAround(job projection.Job) (head, tail string, err error) {
	view, err := projection.Canonical(job.View(nil, nil))
	if err != nil {
		return "", "", err
	}
	before, after, ok := bytes.Cut(view, []byte(`"approvals":[],"checkpoints":[]`))
	if !ok {
		panic("gait: the view of a job has no lists side by side")
	}
	return string(before), string(after), nil
}

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// writeList writes "name":[…] with what of makes of each event.
func writeList(w *bufio.Writer, name string, events ledger.Events, of func(ledger.Event) ([]any, error)) error {
	fmt.Fprintf(w, `"%s":[`, name)
	comma := ""
	for b, err := range each(events, of) {
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

// An inspected is an event as inspect shows it: the PackSpec v1 view, and where
// it stands in the ledger.
type inspected struct {
	projection.EventView
	Seq       ledger.Seq  `json:"seq"`
	JobSeq    int64       `json:"job_seq"`
	EventID   string      `json:"event_id"`
	LeafHash  ledger.Hash `json:"leaf_hash"`
	RequestID string      `json:"request_id,omitempty"`
}

func inspectedOf(e ledger.Event) (inspected, error) {
	v, err := projection.EventViewOf(e)
	return inspected{EventView: v, Seq: e.Seq, JobSeq: e.JobSeq, EventID: e.ID, LeafHash: e.LeafHash(), RequestID: e.RequestID}, err
}

func (a *app) inspectText(w *bufio.Writer, found moment, events func() ledger.Events, page pageFlags, past bool) error {
	s, job := a.screen(), found.job
	showStatus(s, job, found.stop)
	if past {
		showAsOf(s, found.last)
	}
	fmt.Fprintf(s, "  %s\n\n", s.dim("actors are claims: nobody signed for them"))
	if page.from <= job.JobSeq {
		fmt.Fprintf(s, "  %s\n", s.dim(fmt.Sprintf("%4s  %-24s  %-7s  %-14s  %s", "no.", "created", "rev", "actor", "event of the ledger, and what it says")))
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
		s.next(fmt.Sprintf("gait job inspect --id %s --from %d --limit %d", job.ID, next, page.limit) + again(a.running, "at-revision", "at-seq", "at-time"))
	}
	_, err := w.WriteString(s.String())
	return err
}

func showEvent(s *screen, e ledger.Event) {
	symbol, what := tell(s, e)
	fmt.Fprintf(s, "%s %4d  %s  rev %-3d  %-14s  event %d: %s\n", symbol, e.JobSeq, ledger.FormatTime(e.Time), e.Revision, e.Actor, e.Seq, what)
}

// tell says in words what an event is, and why.
func tell(s *screen, e ledger.Event) (symbol, what string) {
	symbol, what = s.green("•"), describe(e)
	if p, ok := e.Payload.(ledger.Refused); ok {
		symbol, what = s.red("✗"), fmt.Sprintf("%s refused: %s (exit %d)", p.Command, p.Refusal, p.Exit)
		if p.Summary != "" {
			what += ": " + p.Summary
		}
	}
	if reason := reasonOf(e); reason != "" {
		what += "  " + s.dim("— "+reason)
	}
	return symbol, what
}

// reasonOf returns the reason a command gave, if any.
func reasonOf(e ledger.Event) string {
	switch p := e.Payload.(type) {
	case ledger.Paused:
		return p.Reason
	case ledger.Approved:
		return p.Reason
	case ledger.Denied:
		return p.Reason
	case ledger.Resumed:
		return p.Reason
	case ledger.Cancelled:
		return p.Reason
	case ledger.Stopped:
		return p.Reason
	case ledger.Refused:
		return p.Reason
	case ledger.Imported:
		return p.Reason
	}
	return ""
}
