package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/root"
)

func retireCommand(a *app) *cobra.Command {
	var reason, origin string
	var successor, althoughMoved, dryRun bool
	var from []string
	cmd := exits(&cobra.Command{
		Use:   "retire",
		Short: "Give up a ledger that was lost or rolled back, and continue its jobs in another one",
		Long: `Give up a ledger that was lost, damaged or rolled back: its directory is renamed and
kept, and nothing is ever signed under its origin again. The next ledger here names
it as its predecessor.

With --successor that ledger is made at once, and continues the jobs under the same ids:
each in its last state, with the proof of it. What was stopped is still stopped, what was
final is final, and decisions that were open are asked for again. Approvals that no resume
has used, of decisions and of holds, are given again too. Request ids that were used are
refused. The ledger needs no private key for that, may be in an older state than was seen,
and may be damaged: then the events before the damage count, what was lost is
said, and each job that a later event may have stopped is put on hold. The ledger is
untouched until its successor is whole, and the same command finishes what a crash
interrupted.

With --from, exports, backups, retired ledgers and packs of jobs count too, even if the
ledger is gone, and in any root that has held none: each job is continued from the source
that has the most of it, and request ids that no source has are forgotten. Nothing is given
up if the ledger goes on in another root that you use.

No admin has to sign: retiring writes no event of the ledger. A successor begins without
authority, whatever the ledger before had, and its first admin enrolls again.

A ledger that moved away is given up only with --although-moved, if the place where it
went is lost: it can then not come back, and that place must write it no more.`,
		Example: `gait ledger retire --reason "disk replaced, restored from last night's backup" --successor
gait ledger retire --reason "disk lost" --successor --from export-2026-11 --from pack_job_7.zip
gait ledger retire --reason "the project is over" --dry-run
gait ledger retire --reason "the project is over"`,
		Args: noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&reason, "reason", "", "why (required)")
	cmd.Flags().BoolVar(&successor, "successor", false, "continue its jobs in a new ledger, here")
	cmd.Flags().StringArrayVar(&from, "from", nil, "with --successor: continue from this too, an export, a backup, a retired ledger, or the pack of a job; may be repeated")
	cmd.Flags().BoolVar(&althoughMoved, "although-moved", false, "it moved away, and the place where it went is lost")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be given up, and write nothing")
	cmd.Flags().StringVar(&origin, "origin", "", "the successor's name in every checkpoint (default gait.local/ULID)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkRetireReason(reason); err != nil {
			return err
		}
		if (origin != "" || len(from) > 0) && !successor {
			return &usageError{code: "invalid_usage", text: "--origin and --from are about a successor", hint: "add --successor, or leave them out"}
		}
		switch {
		case dryRun && successor:
			return &usageError{code: "invalid_usage", text: "--dry-run says what would be given up, without a successor", hint: "leave --successor out; with it, the ledger is untouched until its successor is whole"}
		case dryRun:
			return planRetire(cmd.Context(), a, reason, althoughMoved)
		case successor:
			return retireForSuccessor(cmd.Context(), a, heir{a: a, reason: reason, origin: origin, from: from, althoughMoved: althoughMoved})
		}
		return retire(cmd.Context(), a, reason, althoughMoved)
	}
	return cmd
}

func checkRetireReason(reason string) error {
	if reason == "" {
		return &usageError{code: "invalid_reason", text: "why? --reason is missing", hint: `add --reason "restored from last night's backup"`}
	}
	return ledger.FieldReason.Check(reason)
}

func retire(ctx context.Context, a *app, reason string, althoughMoved bool) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	o.AlthoughMoved = althoughMoved
	was, err := root.Retire(ctx, o.Options, reason)
	if err != nil {
		return err
	}
	fields := object{"origin": was.Origin, "path": was.Path, "seen": sizeAndRoot(was.Seen), "found": sizeAndRoot(was.Found)}
	return a.print(fields, func(s *screen) {
		s.done("retired %s", s.bold(was.Origin))
		lines := [][2]string{{"kept as", was.Path}, {"seen", count(was.Seen.Size, "event")}, {"found", count(was.Found.Size, "event")}}
		if was.Reason != reason { // it was retired before
			lines = append(lines, [2]string{"reason", was.Reason})
		}
		s.fields(lines...)
		next := "gait job submit --id job_1, which begins a new ledger that names this one"
		if !was.Successor.IsZero() { // in another root, of which this one is a copy
			next = was.Successor.Name() + " continues its jobs, in a root that is not known here"
			if was.Goes != "" {
				next = fmt.Sprintf("gait job list --root %s: %s continues its jobs", quoted(was.Goes), was.Successor.Name())
			}
		} else if was.Path != "" {
			next += `; to continue its jobs instead: gait ledger retire --reason "WHY" --successor --from ` + quoted(was.Path)
		}
		s.next(next)
	})
}

// planRetire says what would be given up.
func planRetire(ctx context.Context, a *app, reason string, althoughMoved bool) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	o.AlthoughMoved = althoughMoved
	n, err := root.PlanRetire(ctx, o.Options, reason)
	if err != nil {
		return err
	}
	fields := object{"dry_run": true, "origin": n.Origin, "path": "", "seen": sizeAndRoot(n.Seen), "found": sizeAndRoot(n.Found)}
	return a.print(fields, func(s *screen) {
		fmt.Fprintf(s, "%s %s would be retired; nothing was written\n", s.bold("dry run:"), s.bold(n.Origin))
		s.fields([2]string{"seen", count(n.Seen.Size, "event")}, [2]string{"found", count(n.Found.Size, "event")}, [2]string{"reason", n.Reason})
	})
}

// retireForSuccessor retires the ledger of the root, and continues its jobs in a new one.
func retireForSuccessor(ctx context.Context, a *app, h heir) error {
	did, err := h.succeed(ctx)
	if err != nil {
		return err
	}
	return a.print(did.fields(), func(s *screen) {
		s.done("retired %s; %s continues it", s.bold(did.Origin), s.bold(did.Successor.Name()))
		did.show(s)
	})
}
