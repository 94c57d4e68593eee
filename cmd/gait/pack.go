package main

import (
	"github.com/spf13/cobra"
)

func packCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "pack",
		Short:   "Export a job with its proofs, and check what others exported",
		Example: "gait pack build --type job --from job_1\ngait pack verify ./gait-out/pack_job_1.zip",
	})
	cmd.AddCommand(packBuildCommand(a), packVerifyCommand(a), packInspectCommand(a), packDiffCommand(a))
	return cmd
}
