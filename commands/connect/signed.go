package connect

import (
	"context"

	"gait/commands"
	"gait/projection"
)

// checkSigned checks the daemon's answer to a signed request. The authority may have changed
// since the ledger was opened, so it is then read again.
func (d *daemonLog) checkSigned(ctx context.Context, r commands.Request, answer commands.Result) error {
	if r.Signed == nil {
		return nil
	}
	states := projection.StatesOf(ctx, d)
	if leaf := answer.Event.Authority(); leaf != d.Head().Authority {
		now, err := d.client.Open(ctx)
		if err != nil {
			return err
		}
		states = projection.StatesOf(ctx, now)
	}
	in, err := states(answer.Event.Authority())
	if err != nil {
		return err
	}
	return commands.CheckAnswer(r, answer.Event, answer.Replayed, in)
}

// Outcome is commands.Outcome in the ledger: what a request id has led to. A client asks
// this before it signs a verdict, which would otherwise name what waits next.
func (l *Ledger) Outcome(ctx context.Context, r commands.Request) (commands.Result, bool, error) {
	return commands.Outcome(ctx, l.Log, r)
}

// FillVerdict is commands.FillVerdict for the job as it is, if the request is an approval or
// a denial. It fails as Job does too.
func (l *Ledger) FillVerdict(ctx context.Context, r commands.Request) (commands.Request, error) {
	if !commands.RowOf(r.Command).Verdict {
		return r, nil
	}
	job, err := l.Job(ctx, r.JobID)
	if err != nil {
		return r, err
	}
	return commands.FillVerdict(r, job)
}
