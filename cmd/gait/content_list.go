package main

import (
	"context"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
)

func contentListCommand(a *app) *cobra.Command {
	var id string
	cmd := exits(&cobra.Command{
		Use:   "list",
		Short: "List the content that a job's events name, or that of all jobs",
		Long: `List the content that a job's events name, or that of all jobs, which reads the whole
ledger. Each is present, absent if its bytes are not here, or erased.`,
		Example: "gait content list --id job_1\ngait content list --json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().StringVar(&id, "id", "", "the job's id (default: all jobs)")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		list := []listedContent{}
		a.about(id)
		err := a.read(cmd.Context(), func(l *connect.Ledger) (err error) {
			list, err = listContent(cmd.Context(), l, id)
			return err
		})
		if err != nil {
			return err
		}
		return a.print(object{"contents": list}, func(s *screen) {
			if len(list) == 0 {
				s.add("no events name content\n")
				return
			}
			rows := make([][]any, len(list))
			for i, c := range list {
				rows[i] = []any{c.Job, c.Uses[len(c.Uses)-1].As, c.State, c.Size, c.Name, c.Digest}
			}
			s.table([]any{"job", "as", "bytes are", "size", "name", "digest"}, rows)
		})
	}
	return cmd
}

// A listedContent is content of a job.
type listedContent struct {
	Job string `json:"job_id"`
	connect.JobContent
}

// listContent lists the content of a job, or of all jobs if id is "".
func listContent(ctx context.Context, l *connect.Ledger, id string) ([]listedContent, error) {
	jobs := []string{id}
	if id == "" {
		var err error
		if jobs, err = jobsNaming(ctx, l, ledger.Hash{}); err != nil {
			return nil, err
		}
	}
	list := []listedContent{}
	for _, job := range jobs {
		all, err := l.ListContent(ctx, job)
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			list = append(list, listedContent{Job: job, JobContent: c})
		}
	}
	return list, nil
}
