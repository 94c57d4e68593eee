package main

import "github.com/spf13/cobra"

func contentCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:   "content",
		Short: "Read, list and erase the files that jobs bring with them",
		Long: `Read, list and erase the files that jobs bring with them: the subjects of decisions, and
what is attached to checkpoints. They are kept beside the ledger. The ledger names them by
digest, so they can be erased, and all that was proved stays proved.`,
		Example: `gait content list --id job_1
gait content get DIGEST --id job_1 --out subject.json
gait content erase DIGEST --id job_1 --reason "personal data"`,
	})
	cmd.AddCommand(contentGetCommand(a), contentListCommand(a), contentEraseCommand(a), contentGCCommand(a))
	return cmd
}
