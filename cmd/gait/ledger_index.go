package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
)

func commitIndexCommand(a *app) *cobra.Command {
	var dryRun bool
	cmd := exits(&cobra.Command{
		Use:   "commit-index",
		Short: "Put the root of the ledger's index into its signed tree",
		Long: `Write one event with the root of the ledger's index, by the actor gait. The index says
of each job which event is its newest, and which request ids were used. So a signed
checkpoint over that event vouches for this too: a pack of a job shows that none of its
events was left out, and gait ledger prove shows where a job ended, or that there was
no such job.

If no event follows the newest commitment, that is shown again, and nothing is written.
gait ledger cosign commits first.`,
		Example: "gait ledger commit-index\ngait ledger commit-index --dry-run --json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "decide, show what would be written, write nothing")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		r := commands.Request{Command: commands.CommitIndex{}, DryRun: dryRun}
		if dryRun {
			return commitIndexDry(cmd.Context(), a, r)
		}
		result, err := issue(cmd.Context(), a, order{Request: r})
		if err != nil {
			return err
		}
		fields := committedFields(result)
		fields["receipt"] = receiptOf(result)
		return a.print(fields, func(s *screen) {
			if result.Replayed {
				s.done("event %d commits to the index already; no event follows it", result.Event.Seq())
			} else {
				s.done("event %d commits to the index of the %s before it", result.Event.Seq(), count(int64(result.Event.Seq()), "event"))
			}
			s.fields([2]string{"index", indexOf(result.Event).String()}, [2]string{"leaf hash", result.Receipt.Leaf.String()})
			s.next("gait ledger prove --job JOB")
		})
	}
	return cmd
}

// commitIndexDry shows what a commitment would be.
func commitIndexDry(ctx context.Context, a *app, r commands.Request) error {
	var result commands.Result
	err := a.read(ctx, func(l *connect.Ledger) (err error) {
		if err := l.MayWrite(); err != nil {
			return err
		}
		result, err = a.do(ctx, l, r)
		return err
	})
	if err != nil {
		return err
	}
	payload, err := payloadOf(result.Event)
	if err != nil {
		return err
	}
	fields := committedFields(result)
	fields["dry_run"], fields["exit_code"], fields["payload"], fields["type"] = true, exitOK, payload, result.Event.Type()
	what := fmt.Sprintf("write %s as event %d", result.Event.Type(), result.Event.Seq())
	if result.Replayed {
		fields["receipt"] = receiptOf(result)
		what = fmt.Sprintf("answer with event %d, which commits to the index already,", result.Event.Seq())
	}
	return a.print(fields, func(s *screen) {
		fmt.Fprintf(s, "%s would %s and exit 0; nothing was written\n", s.bold("dry run:"), what)
		s.fields([2]string{"payload", string(payload)})
	})
}

func committedFields(r commands.Result) object {
	return object{"origin": r.Event.Origin(), "committed": committed(r.Event)}
}

// committed returns an index_committed event as outputs show it.
func committed(e ledger.Event) object {
	return object{"seq": e.Seq(), "created_at": ledger.FormatTime(e.Time()), "index": indexOf(e)}
}

// indexOf returns the root that an index_committed event commits to.
func indexOf(e ledger.Event) ledger.Hash {
	p, _ := e.Payload().(ledger.IndexCommitted)
	return p.Index
}
