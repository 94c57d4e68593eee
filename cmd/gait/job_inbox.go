package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/projection"
)

func inboxCommand(a *app) *cobra.Command {
	flags := listFlags{sort: string(projection.ByUpdated), reverse: true}
	cmd := exits(&cobra.Command{
		Use:   "inbox",
		Short: "Show what waits for a verdict, the oldest first",
		Long: `Show what waits for a verdict: decisions, holds, and what was denied. The job that has not
changed for longest comes first. An approval must come from another actor than the one
who asked, and than the job's identity.`,
		Example: `gait job inbox
gait job inbox --label team=payments --limit 20
gait job inbox --waiting-for decision --json`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.StringArrayVar(&flags.waiting, "waiting-for", nil, "only what waits for this: "+strings.Join(projection.WaitsForPeople, ", ")+"; repeatable, or several with commas")
	f.StringVar(&flags.actor, "actor", "", "only jobs that this actor submitted, or imported")
	f.StringArrayVar(&flags.labels, "label", nil, "only jobs with this label, KEY=VALUE; repeatable: with all of them")
	f.IntVar(&flags.limit, "limit", 100, "at most so many jobs, up to 1000")
	f.StringVar(&flags.after, "after", "", "only jobs after this one: what a page gives as the next one")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		items, next, err := a.inbox(cmd.Context(), &flags)
		if err != nil {
			return err
		}
		fields := object{"inbox": items}
		if next != "" {
			fields["next"] = next
		}
		return a.print(fields, func(s *screen) {
			for _, item := range items {
				item.show(s, a.now())
			}
			switch {
			case next != "":
				s.next("gait job inbox --after " + next + flags.again(cmd, "limit"))
			case len(items) == 0 && flags.any():
				s.add("nothing that waits for a verdict matches" + plain(flags.again(cmd, "after")) + "\n")
			case len(items) == 0:
				s.add("nothing waits for a verdict\n")
			}
		})
	}
	return cmd
}

// inbox returns what waits for a verdict, and where the next page begins, or "".
func (a *app) inbox(ctx context.Context, flags *listFlags) (items []inboxItem, next string, err error) {
	verdicts, err := namesOf(flags.waiting, projection.WaitsForPeople, "invalid_waiting_for", "is nothing that a verdict gives")
	if err != nil {
		return nil, "", err
	}
	if verdicts == nil {
		verdicts = projection.WaitsForPeople
	}
	q, err := flags.query(a.now())
	if err != nil {
		return nil, "", err
	}
	var found []projection.InboxItem
	err = a.read(ctx, func(r *connect.Ledger) error {
		if q.Basis, err = r.Basis(ctx); err != nil {
			return err
		}
		var after *projection.Place
		found, after, err = projection.Inbox(ctx, r.List, q, verdicts)
		if after != nil {
			next = placeText(*after, q.Sort)
		}
		return err
	})
	items = make([]inboxItem, len(found))
	for i, item := range found {
		items[i].InboxItem = item
		if a.readOnly == nil {
			items[i].Command = a.here(toApprove(item.JobID, item.CheckpointID))
		}
	}
	return items, next, err
}

// An inboxItem is something that waits for a verdict, with the command that approves it:
// none if the ledger is only read.
type inboxItem struct {
	projection.InboxItem
	Command string `json:"command"`
}

// show shows an item and the command to paste.
func (i inboxItem) show(s *screen, now time.Time) {
	what := cmp.Or(i.CheckpointID, "the "+string(i.Kind))
	fmt.Fprintf(s, "%s  %s  %s ago by %s\n", s.bold(plain(i.JobID)), plain(what), ageOf(i.Since, now), plain(cmp.Or(i.AskedBy, "an actor that an import does not name")))
	denied := ""
	if i.DeniedBy != "" {
		denied = "by " + i.DeniedBy
	}
	s.fields(
		[2]string{"asks", i.Summary}, [2]string{"required", i.RequiredAction}, [2]string{"waits for", i.WaitingFor}, [2]string{"denied", denied},
		[2]string{"not by", strings.Join(i.NotBy, ", ")}, [2]string{"labels", labelText(i.Labels)}, [2]string{"to approve", i.Command},
	)
}
