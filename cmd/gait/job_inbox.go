package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/projection"
)

func inboxCommand(a *app) *cobra.Command {
	flags := listFlags{sort: string(projection.ByUpdated), reverse: true}
	var mine bool
	var me string
	cmd := exits(&cobra.Command{
		Use:   "inbox",
		Short: "Show what waits for a verdict, the oldest first",
		Long: `Show what waits for a verdict: decisions, holds, and what was denied. The job that has not
changed for longest comes first. An approval must come from another actor than the one
who asked, and than the job's identity.`,
		Example: `gait job inbox
gait job inbox --label team=payments --limit 20
gait job inbox --mine --as cfo
gait job inbox --waiting-for decision --json`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	f := cmd.Flags()
	f.BoolVar(&mine, "mine", false, "only what you could approve now: as --as says, or GAIT_ACTOR, or your login name")
	f.StringVar(&me, "as", "", "with --mine: who you are")
	f.StringArrayVar(&flags.waiting, "waiting-for", nil, "only what waits for this: "+strings.Join(projection.WaitsForPeople, ", ")+"; repeatable, or several with commas")
	f.StringVar(&flags.actor, "actor", "", "only jobs that this actor submitted, or imported")
	f.StringArrayVar(&flags.labels, "label", nil, "only jobs with this label, KEY=VALUE; repeatable: with all of them")
	f.IntVar(&flags.limit, "limit", 100, "at most so many jobs, up to 1000")
	f.StringVar(&flags.after, "after", "", "only jobs after this one: what a page gives as the next one")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if me != "" && !mine {
			return &usageError{code: "invalid_usage", text: "--as says whose inbox --mine shows", hint: "add --mine"}
		}
		if mine {
			flags.mine = a.actor(me)
		}
		items, next, err := a.inbox(cmd.Context(), &flags)
		if err != nil {
			return err
		}
		fields := object{"inbox": items}
		if next != "" {
			fields["next"] = next
		}
		if mine {
			fields["mine"] = flags.mine
		}
		return a.print(fields, func(s *screen) {
			for _, item := range items {
				item.show(s, a.now())
			}
			switch {
			case next != "":
				s.next("gait job inbox --after " + next + flags.again(cmd, "limit") + mineAgain(flags.mine))
			case len(items) == 0 && flags.any():
				s.add("nothing that waits for a verdict matches" + plain(flags.again(cmd, "after")+mineAgain(flags.mine)) + "\n")
			case len(items) == 0 && mine:
				s.add("nothing waits that " + plain(flags.mine) + " could approve now; gait job inbox shows all that waits\n")
			case len(items) == 0:
				s.add("nothing waits for a verdict\n")
			}
		})
	}
	return cmd
}

// mineAgain is the flags that show the inbox of an actor; "" if all is shown.
func mineAgain(actor string) string {
	if actor == "" {
		return ""
	}
	return " --mine --as " + quoted(actor)
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
			items[i].Command = a.here(toDecide(item, flags.mine))
		}
	}
	return items, next, err
}

// toDecide is the command that decides what waits: an approval by its actor, if that is
// known, or another decision in the place of one that no approval lifts.
func toDecide(item projection.InboxItem, actor string) string {
	if item.Replace != "" {
		return toReplace(projection.Details{JobID: item.JobID, CheckpointID: item.Replace})
	}
	if item.Grant != "" {
		return settleCommand(item.Grant)
	}
	command := toApprove(item.JobID, item.CheckpointID)
	if item.Subject != nil { // no actor should approve what it has not seen
		command = strings.Replace(command, " --actor", " --show --actor", 1)
	}
	if actor != "" {
		command = strings.Replace(command, "--actor NAME", "--actor "+actor, 1)
	}
	return command
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
		[2]string{"asks", i.Summary}, [2]string{"required", i.RequiredAction}, [2]string{"about", subjectText(i.Progress)}, [2]string{"in place of", i.Replaces},
		[2]string{"waits for", i.WaitingFor}, [2]string{"approved", approvedText(i.Progress)}, [2]string{"denied", denied}, [2]string{"until", untilText(i.Progress)},
		[2]string{"asked", askedText(i.AskedByClaim)}, [2]string{"may decide", mayText(i.InboxItem)}, [2]string{"not by", strings.Join(i.NotBy, ", ")},
		[2]string{"progress", stepsOf(i.Steps)}, [2]string{"labels", labelText(i.Labels)}, [2]string{i.todo(), i.Command},
	)
}

// todo says what the command to paste does.
func (i inboxItem) todo() string {
	switch {
	case i.Grant != "":
		return "to settle"
	case i.Replace != "":
		return "to ask again"
	}
	return "to approve"
}

// subjectText says what a decision is about.
func subjectText(p projection.Progress) string {
	switch {
	case p.Amended != nil:
		return contentText(*p.Amended) + ", which an approver put in the place of " + contentText(*p.Subject)
	case p.Subject != nil:
		return contentText(*p.Subject)
	}
	return ""
}

// approvedText says how many approvals count, of how many, and whose.
func approvedText(p projection.Progress) string {
	if p.Needed <= 1 && len(p.Approvals) == 0 {
		return ""
	}
	var by []string
	for _, g := range p.Approvals {
		by = append(by, g.Actor)
	}
	text := fmt.Sprintf("%d of %d", len(by), p.Needed)
	if len(by) > 0 {
		text += ": " + strings.Join(by, ", ")
	}
	return text
}

func untilText(p projection.Progress) string {
	if p.Expired {
		return p.ExpiresAt + ", which has passed"
	}
	return p.ExpiresAt
}

func askedText(claim bool) string {
	if claim {
		return "by a claim: who asked is not proved, so two must approve where verdicts are signed"
	}
	return ""
}

// mayText says who may decide.
func mayText(i projection.InboxItem) string {
	may := slices.Clone(i.MayApprove)
	missing := i.Needed - int64(len(i.Approvals)+len(may))
	again := "; enroll an approver"
	if i.CheckpointID != "" {
		again += ", or ask again with --replaces"
	}
	switch {
	case i.Anyone || i.Replace != "":
	case len(may) == 0:
		return "nobody" + again
	case missing > 0:
		return strings.Join(may, ", ") + fmt.Sprintf(", and %d more must", missing) + again
	}
	if i.Anyone && len(may) > 0 {
		may = append(may, "others")
	}
	return strings.Join(may, ", ")
}
