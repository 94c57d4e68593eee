package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/commands/gate"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

func policyReplayCommand(a *app) *cobra.Command {
	var policy, since, id string
	cmd := exits(&cobra.Command{
		Use:   "replay",
		Short: "Decide again, under another policy, what the gate decided",
		Long: `Decide again, under another policy, what the gate decided, and show which verdicts change.
Each intent is decided on the facts as they were: the job as it was then, the actor, what
the clock read. Each job is taken as bound to the policy. A decision whose intent was
erased, or is not kept, cannot be made again: it is shown, and does not count as the
same. Nothing is written. Exit 5 if a verdict changes, or the approval that one requires:
how many must approve, who may, and until when. Exit 6 if there is no decision to make
again.`,
		Example: "gait policy replay --policy new.cedar\ngait policy replay --policy new.cedar --since 24h --json\ngait policy replay --policy new.cedar --job job_1",
		Args:    noArgs,
	}, 0, 1, 2, 5, 6, 8)
	f := cmd.Flags()
	f.StringVar(&policy, "policy", "", "file with the policy (required)")
	f.StringVar(&since, "since", "", "only what was decided from then on: a time, a duration before now such as 24h, or a number of an event")
	f.StringVar(&id, "job", "", "only the decisions of this job")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if policy == "" {
			return &usageError{code: "invalid_usage", text: "under which policy? --policy is needed", hint: "--policy new.cedar"}
		}
		takes, err := sinceOf(since, a.now())
		if err != nil {
			return err
		}
		a.about(id)
		p, err := readGatePolicy(a, policy)
		if err != nil {
			return err
		}
		var done gate.Replayed
		err = a.read(cmd.Context(), func(l *connect.Ledger) (err error) {
			done, err = replayGate(cmd.Context(), l, id, gate.ReplayOptions{Policy: p, Takes: takes})
			return err
		})
		if err != nil {
			return err
		}
		if done.Decisions == 0 {
			return &usageError{code: "no_decisions", text: "there is no decision of the gate to make again" + within(id, since), hint: "gait policy test tests a policy without a ledger"}
		}
		return reportGateReplay(a, policy, p, done)
	}
	return cmd
}

// within says which decisions were asked for.
func within(id, since string) (text string) {
	if id != "" {
		text = " of job " + id
	}
	if since != "" {
		text += " since " + since
	}
	return text
}

// sinceOf returns which events a --since takes; nil: all.
func sinceOf(since string, now time.Time) (func(ledger.Event) bool, error) {
	if since == "" {
		return nil, nil
	}
	if seq, err := strconv.ParseUint(since, 10, 63); err == nil {
		return func(e ledger.Event) bool { return e.Seq() >= ledger.Seq(seq) }, nil
	}
	from, err := time.Parse(time.RFC3339, since)
	if d, notDuration := time.ParseDuration(since); notDuration == nil && d >= 0 {
		from, err = now.Add(-d), nil
	}
	if err != nil {
		return nil, &usageError{code: "invalid_since", text: fmt.Sprintf("--since %.80q is no time, no duration, and no number of an event", since), hint: "--since 24h"}
	}
	return func(e ledger.Event) bool { return !e.Reading().Before(from) }, nil
}

// replayGate replays the decisions of a ledger, or of one job.
func replayGate(ctx context.Context, l *connect.Ledger, id string, o gate.ReplayOptions) (gate.Replayed, error) {
	events := l.Log.Events(ctx, 0)
	if id != "" {
		if _, err := l.Job(ctx, id); err != nil {
			return gate.Replayed{}, err
		}
		events = l.Log.JobEvents(ctx, id, 1)
	}
	o.Keys, o.Workers = authority.KeysOf, runtime.GOMAXPROCS(0)
	o.Intent = func(job string, digest ledger.Hash) ([]byte, error) {
		r, err := l.KeptContent(ctx, job, digest)
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(io.LimitReader(r, ledger.MaxIntent+1))
	}
	return gate.Replay(events, projection.StatesOf(ctx, l.Log), o)
}

// reportGateReplay prints what changes. If anything does, that is an error.
func reportGateReplay(a *app, name string, p *gate.Policy, done gate.Replayed) error {
	changed := append([]gate.Change{}, done.Changed...)
	missing := append([]gate.Missing{}, done.Missing...)
	fields := object{"path": name, "policy_digest": p.Digest(), "decisions": done.Decisions, "same": done.Same, "changed": changed, "missing": missing}
	show := func(s *screen) {
		if len(changed) > 0 {
			rows := make([][]any, len(changed))
			for i, c := range changed {
				because := c.Now.Detail
				if c.Was.Verdict == c.Now.Verdict {
					because = "it was " + c.Was.Terms() + ", and is " + c.Now.Terms()
				}
				rows[i] = []any{c.Seq, c.JobID, c.Tool, c.Actor, string(c.Was.Verdict), string(c.Now.Verdict), because}
			}
			s.table([]any{"event", "job", "tool", "actor", "was", "is now", "because"}, rows)
		}
		for _, m := range missing {
			fmt.Fprintf(s, "event %d of job %s, %s: cannot be decided again: %s\n", m.Seq, plain(m.JobID), plain(m.Tool), plain(m.Why))
		}
		s.done("%s: %d the same, %d changed, %d that cannot be decided again", count(int64(done.Decisions), "decision"), done.Same, len(changed), len(missing))
	}
	if len(changed) == 0 {
		return a.print(fields, show)
	}
	if !a.json {
		if err := a.print(nil, show); err != nil {
			return err
		}
	}
	return &regressError{
		text: fmt.Sprintf("%d of %s change under %s", len(changed), count(int64(done.Decisions), "verdict"), name), code: "verdicts_change",
		category: ledger.CategoryRegress, done: fields, hint: "if that is meant, bind new jobs to it: gait job submit --policy " + quoted(name),
	}
}
