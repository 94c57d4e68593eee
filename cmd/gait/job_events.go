package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/jcs"
)

func eventsCommand(a *app) *cobra.Command {
	var id string
	var since int64
	var limit int
	var follow bool
	cmd := exits(&cobra.Command{
		Use:   "events [JOB]",
		Short: "Show the events of a job, or of all jobs, and follow new ones",
		Long: `Show the events of a job, or of all jobs, in the order of the ledger: one page,
from event --since on. The next page begins at next_since. An actor with ✓ signed the
event; the others are claims.
With --follow, show the events there are and then new ones as they come, until it is
interrupted, or what reads its output ends (| head -1), which is exit 0. With --json each event is an object on a line of its
own, with the next_since that comes after it.`,
		Example: "gait job events job_1\ngait job events --since 120 --json\ngait job events --id job_1 --follow\ngait job events --since 120 --follow --json",
	}, 0, 1, 2, 6, 8)
	f := cmd.Flags()
	f.StringVar(&id, "id", "", "the job's id; may also be given as the argument; without one: all jobs")
	f.Int64Var(&since, "since", 0, "show events of the ledger from this one on, counted from 0")
	f.IntVar(&limit, "limit", maxPage, "at most this many, up to 1000; not with --follow, which has no end")
	f.BoolVar(&follow, "follow", false, "continue with new events as they come")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, err := jobNamed(a, id, args)
		if err != nil {
			return err
		}
		if err := checkEventsFlags(cmd, since, limit, follow); err != nil {
			return err
		}
		p := &connect.Page{Job: id, Since: ledger.Seq(since), Limit: limit}
		if follow {
			return followEvents(a, cmd, p)
		}
		if err := a.read(cmd.Context(), func(l *connect.Ledger) error { return readPage(cmd.Context(), l, p) }); err != nil {
			return err
		}
		return printEvents(a, cmd, p)
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

// readPage reads the first page. If a job is named, it must exist.
func readPage(ctx context.Context, l *connect.Ledger, p *connect.Page) error {
	if p.Job != "" {
		if _, err := l.Job(ctx, p.Job); err != nil {
			return err
		}
	}
	return p.Read(ctx, l)
}

// printEvents prints a page as one object, or as lines.
func printEvents(a *app, cmd *cobra.Command, p *connect.Page) error {
	list := make([]eventRecord, len(p.Events))
	for i, e := range p.Events {
		list[i] = recordOf(e)
	}
	fields := object{"events": list, "next_since": p.Since}
	if p.Job != "" {
		fields["job_id"] = p.Job
	}
	return a.print(fields, func(s *screen) {
		if len(p.Events) == 0 {
			fmt.Fprintf(s, "no events from event %s on\n", cmd.Flag("since").Value)
		}
		for _, e := range p.Events {
			eventLine(s, e)
		}
		if p.More {
			of := ""
			if p.Job != "" {
				of = " --id " + p.Job
			}
			s.next(fmt.Sprintf("gait job events%s --since %d", of, p.Since) + flagsAgain(cmd, "limit"))
		}
	})
}

// followEvents prints events until the user interrupts it or no process reads them any
// longer, which is success.
func followEvents(a *app, cmd *cobra.Command, p *connect.Page) error {
	a.lines = true
	o, err := a.options()
	if err != nil {
		return err
	}
	err = a.follow(cmd.Context(), o, &eventStream{app: a, page: p})
	if cmd.Context().Err() != nil && errors.Is(err, cmd.Context().Err()) || readerLeft(err) {
		return nil
	}
	return err
}

// follow lets f follow the ledger, as long as a process reads stdout.
func (a *app) follow(ctx context.Context, o connect.Options, f connect.Follower) error {
	ctx, stop := a.untilReaderLeaves(ctx)
	defer stop()
	err := connect.Follow(ctx, o, f)
	if cause := context.Cause(ctx); err != nil && readerLeft(cause) {
		return cause
	}
	return err
}

// An eventStream prints pages of events as they come.
type eventStream struct {
	app   *app
	page  *connect.Page
	begun bool
}

// Look reads the next page.
func (s *eventStream) Look(ctx context.Context, l *connect.Ledger) (int64, error) {
	read := readPage
	if s.begun {
		read = func(ctx context.Context, l *connect.Ledger, p *connect.Page) error { return p.Read(ctx, l) }
	}
	if err := read(ctx, l, s.page); err != nil {
		return 0, err
	}
	s.begun = true
	return int64(s.page.Since), nil
}

// Show prints the page.
func (s *eventStream) Show() (bool, error) {
	var text []byte
	for _, e := range s.page.Events {
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
	return objectLine(s.app, object{"event": recordOf(e), "job_id": e.JobID(), "next_since": e.Seq() + 1})
}

// objectLine returns one of the objects of a command that prints many.
func objectLine(a *app, fields object) ([]byte, error) {
	b, err := jcs.Marshal(a.success(fields))
	return append(b, '\n'), err
}
