package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

func (a *app) eventsCommand() *cobra.Command {
	var id string
	var since int64
	var limit int
	var follow bool
	cmd := exits(&cobra.Command{
		Use:   "events [JOB]",
		Short: "Show the events of a job, or of all jobs, and follow new ones",
		Long: `Show the events of a job, or of all jobs, in the order of the ledger: from event
--since on, a page of them. next_since is where to go on.
With --follow the events that are there are shown and then new ones as they come,
until it is interrupted, which is exit 0. With --json each is an object on a line of
its own, with the next_since to go on from after it.`,
		Example: "gait job events job_1\ngait job events --since 120 --json\ngait job events --id job_1 --follow\ngait job events --since 120 --follow --json",
	}, 0, 1, 2, 6, 8)
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "the job's id; may also be given as the argument; without one: all jobs")
	f.Int64Var(&since, "since", 0, "show events of the ledger from this one on, counted from 0")
	f.IntVar(&limit, "limit", maxPage, "at most so many, up to 1000; not with --follow, which has no end")
	f.BoolVar(&follow, "follow", false, "go on with new events as they come")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := a.jobNamed(id, args)
		if err != nil {
			return err
		}
		if err := checkEventsFlags(cmd, since, limit, follow); err != nil {
			return err
		}
		p := &reader{job: id, since: ledger.Seq(since), limit: limit}
		if follow {
			return a.followEvents(cmd, p)
		}
		if err := a.read(cmd.Context(), p.begin); err != nil {
			return err
		}
		return a.printEvents(cmd, p)
	}
	return cmd
}

func checkEventsFlags(cmd *cobra.Command, since int64, limit int, follow bool) error {
	switch {
	case since < 0:
		return &usageError{code: "invalid_usage", text: fmt.Sprintf("--since %d: events are counted from 0", since), hint: "--since 0"}
	case limit < 1 || limit > maxPage:
		return &usageError{code: "invalid_limit", text: fmt.Sprintf("--limit %d is not from 1 to %d", limit, maxPage), hint: "--limit 100"}
	case follow && cmd.Flags().Changed("limit"):
		return &usageError{code: "invalid_usage", text: "--limit is for a page, --follow has no end", hint: "leave one of them out"}
	}
	return nil
}

// begin reads the first page of a job that must be there, if one is named.
func (p *reader) begin(r *openLedger) error {
	if p.job != "" {
		if err := ledger.FieldJobID.Check(p.job); err != nil {
			return &commands.InvalidError{Err: err}
		}
		_, ok, err := r.Log.JobHead(p.job)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("%w: %s", commands.ErrJobNotFound, p.job)
		}
	}
	return p.read(r)
}

// printEvents prints a page as one object, or as lines.
func (a *app) printEvents(cmd *cobra.Command, p *reader) error {
	list := make([]inspected, len(p.events))
	for i, e := range p.events {
		v, err := inspectedOf(e)
		if err != nil {
			return err
		}
		list[i] = v
	}
	fields := object{"events": list, "next_since": p.since}
	if p.job != "" {
		fields["job_id"] = p.job
	}
	return a.print(fields, func(s *screen) {
		if len(p.events) == 0 {
			fmt.Fprintf(s, "no events from event %s on\n", cmd.Flag("since").Value)
		}
		for _, e := range p.events {
			eventLine(s, e)
		}
		if p.more {
			of := ""
			if p.job != "" {
				of = " --id " + p.job
			}
			s.next(fmt.Sprintf("gait job events%s --since %d", of, p.since) + again(cmd, "limit"))
		}
	})
}

// eventLine shows an event of any job.
func eventLine(s *screen, e ledger.Event) {
	symbol, what := tell(s, e)
	fmt.Fprintf(s, "%s event %-4d  %s  %s  rev %-3d  %-14s  %s\n", symbol, e.Seq, ledger.FormatTime(e.Time), s.bold(e.JobID), e.Revision, e.Actor, what)
}

// followEvents prints events until it is interrupted. There is no other end, so
// that one is success.
func (a *app) followEvents(cmd *cobra.Command, p *reader) error {
	a.lines = true
	err := a.follow(cmd.Context(), &eventStream{app: a, reader: p})
	if cmd.Context().Err() != nil && errors.Is(err, cmd.Context().Err()) {
		return nil
	}
	return err
}

// An eventStream prints pages of events as they come.
type eventStream struct {
	app *app
	*reader
	begun bool
}

func (s *eventStream) look(r *openLedger) (int64, error) {
	read := s.read
	if !s.begun {
		read = s.begin
	}
	s.begun = true
	err := read(r)
	return int64(s.since), err
}

func (s *eventStream) show() (bool, error) {
	var text []byte
	for _, e := range s.events {
		line, err := s.line(e)
		if err != nil {
			return false, err
		}
		text = append(text, line...)
	}
	if len(text) == 0 {
		return false, nil
	}
	_, err := s.app.stdout.Write(text)
	return false, err
}

func (s *eventStream) line(e ledger.Event) ([]byte, error) {
	if !s.app.json {
		screen := s.app.screen()
		eventLine(screen, e)
		return []byte(screen.String()), nil
	}
	v, err := inspectedOf(e)
	if err != nil {
		return nil, err
	}
	return s.app.line(object{"event": v, "job_id": e.JobID, "next_since": e.Seq + 1})
}

// line returns an object of a command that prints many.
func (a *app) line(fields object) ([]byte, error) {
	b, err := projection.Canonical(a.success(fields))
	return append(b, '\n'), err
}
