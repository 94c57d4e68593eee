package main

import (
	"context"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
)

// complete fills in what a signed request says and the command line does not: what a
// verdict is about. If the request id was used before, that is what it was about then, so
// that the same command line is the same command.
func complete(ctx context.Context, l *connect.Ledger, r commands.Request, again bool) (commands.Request, error) {
	if !isVerdict(r.Command) {
		return r, nil
	}
	if again {
		before, used, err := usedFor(ctx, l, r.RequestID)
		if err != nil {
			return r, err
		}
		if used {
			return asBefore(r, before), nil
		}
	}
	job, err := l.Job(ctx, r.JobID)
	if err != nil {
		return r, err
	}
	return commands.FillVerdict(r, job)
}

func isVerdict(c commands.Command) bool {
	return c.Verb() == commands.Approve{}.Verb() || c.Verb() == commands.Deny{}.Verb()
}

// usedFor returns the event that has used a request id.
func usedFor(ctx context.Context, l *connect.Ledger, id string) (ledger.Event, bool, error) {
	found, err := l.Log.Load(ctx, nil, []string{id})
	e, used := found.Requests[id]
	return e, used, err
}

// asBefore returns a verdict about what an event of the same request id was about.
func asBefore(r commands.Request, e ledger.Event) commands.Request {
	var target, subject ledger.Hash
	switch p := e.Payload().(type) {
	case ledger.Approved:
		target, subject = p.Target, p.Subject
	case ledger.Denied:
		target, subject = p.Target, p.Subject
	default: // the engine says that it was another command
		target = e.LeafHash()
	}
	switch c := r.Command.(type) {
	case commands.Approve:
		c.Target, c.Subject = target, subject
		r.Command = c
	case commands.Deny:
		c.Target, c.Subject = target, subject
		r.Command = c
	default:
	}
	return r
}
