package main

import (
	"github.com/spf13/cobra"

	"gait/commands"
)

func contentEraseCommand(a *app) *cobra.Command {
	var flags writeFlags
	var digest string
	cmd := exits(&cobra.Command{
		Use:   "erase DIGEST",
		Short: "Delete the bytes of a content, and record that they are erased",
		Long: `Delete the bytes of a content of a job, and record that they are erased, by whom and why.
What names it stays, and every proof stays valid. Backups, exports and packs made before
keep what they have. The bytes are not overwritten: on most disks that would promise
nothing.`,
		Example: `gait content erase 3f0c…  --id job_1 --reason "personal data"`,
	}, 0, 1, 2, 3, 6, 7, 8)
	cmd.Flags().StringVar(&digest, "digest", "", "the digest; may also be given as the argument")
	flags.add(cmd)
	cmd.Flags().Lookup("id").Usage = "the job's id (required)"
	cmd.Flags().Lookup("reason").Usage += " (required)"
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if flags.signing.given() {
			if err := flags.signing.alone(cmd, args); err != nil {
				return err
			}
			return carryOut(cmd.Context(), a, flags.order(commands.Request{Command: commands.EraseContent{}, DryRun: flags.dryRun}))
		}
		d, err := oneDigest(digest, args)
		if err != nil {
			return err
		}
		if flags.reason == "" {
			return &usageError{code: "invalid_reason", text: "why is it erased? --reason is missing", hint: `add --reason "WHY"`}
		}
		r, err := flags.request(a, cmd, nil, commands.EraseContent{Digest: d})
		if err != nil {
			return err
		}
		return carryOut(cmd.Context(), a, flags.order(r))
	}
	return cmd
}
