package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

func checkpointCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "checkpoint",
		Short:   "Record a worker's progress, and read it",
		Example: `gait job checkpoint add --id job_1 --summary "step 1 complete"`,
	})
	cmd.AddCommand(checkpointAddCommand(a), checkpointListCommand(a), checkpointShowCommand(a))
	return cmd
}

func checkpointListCommand(a *app) *cobra.Command {
	var id string
	cmd := exits(&cobra.Command{
		Use:     "list [JOB]",
		Short:   "List a job's checkpoints in order",
		Example: "gait job checkpoint list --id job_1",
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		list, id, err := checkpointsOfJob(a, cmd, id, args)
		if err != nil {
			return err
		}
		return a.print(object{"job_id": id, "checkpoints": list}, func(s *screen) {
			rows := make([][]any, len(list))
			for i, cp := range list {
				rows[i] = []any{cp.ID, cp.Type, cp.Created, cp.Actor, cp.Summary}
			}
			if len(rows) == 0 {
				fmt.Fprintf(s, "job %s has no checkpoints yet\n", id)
				return
			}
			s.table([]any{"id", "type", "created", "actor", "summary"}, rows)
		})
	}
	return cmd
}

func checkpointShowCommand(a *app) *cobra.Command {
	var id, checkpoint string
	cmd := exits(&cobra.Command{
		Use:     "show [JOB]",
		Short:   "Show one checkpoint",
		Example: "gait job checkpoint show --id job_1 --checkpoint cp_0001",
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id; may also be given as the argument")
	cmd.Flags().StringVar(&checkpoint, "checkpoint", "", "the checkpoint's id (required)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if checkpoint == "" {
			return &usageError{code: "invalid_checkpoint_id", text: "which checkpoint? --checkpoint is missing", hint: "gait job checkpoint list shows them"}
		}
		if err := ledger.FieldCheckpointID.Check(checkpoint); err != nil {
			return err
		}
		list, id, err := checkpointsOfJob(a, cmd, id, args)
		if err != nil {
			return err
		}
		for _, cp := range list {
			if cp.ID == checkpoint {
				return printCheckpoint(a, cmd, id, cp)
			}
		}
		return &usageError{code: "checkpoint_not_found", text: fmt.Sprintf("job %s has no checkpoint %s", id, checkpoint), hint: "gait job checkpoint list --id " + id}
	}
	return cmd
}

// printCheckpoint prints a checkpoint with the content that it brought.
func printCheckpoint(a *app, cmd *cobra.Command, id string, cp projection.Checkpoint) error {
	contents := []connect.JobContent{}
	err := a.read(cmd.Context(), func(l *connect.Ledger) error {
		all, err := l.ListContent(cmd.Context(), id)
		for _, c := range all {
			c.Uses = slices.DeleteFunc(c.Uses, func(u projection.ContentUse) bool { return u.CheckpointID != cp.ID })
			if len(c.Uses) > 0 {
				contents = append(contents, c)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	fields := object{"job_id": id, "checkpoint": cp}
	if len(contents) > 0 {
		fields["contents"] = contents
	}
	return a.print(fields, func(s *screen) {
		showCheckpoint(s, cp)
		for _, c := range contents {
			for _, u := range c.Uses {
				s.fields([2]string{u.As, fmt.Sprintf("%s, %d bytes, %s", cmp.Or(c.Name, "no name"), c.Size, c.State)}, [2]string{"digest", c.Digest.String()})
			}
		}
	})
}

func showCheckpoint(s *screen, cp projection.Checkpoint) {
	fmt.Fprintf(s, "%s  %s\n", s.bold(cp.ID), cp.Type)
	claim := ""
	if cp.Claimed {
		claim = "of the pack that the job was imported from"
	}
	s.fields([2]string{"claim", claim}, [2]string{"summary", cp.Summary}, [2]string{"required action", cp.RequiredAction}, [2]string{"actor", cp.Actor}, [2]string{"created", cp.Created})
}

// checkpointsOfJob replays a job and returns its checkpoints in order.
func checkpointsOfJob(a *app, cmd *cobra.Command, flag string, args []string) ([]projection.Checkpoint, string, error) {
	id, err := existingJob(a, flag, args)
	if err != nil {
		return nil, id, err
	}
	list := []projection.Checkpoint{}
	err = a.read(cmd.Context(), func(r *connect.Ledger) error {
		return r.History(cmd.Context(), id, func(_ projection.Job, e ledger.Event) error {
			list = append(list, projection.CheckpointsOf(e)...)
			return nil
		})
	})
	return list, id, err
}
