package main

import (
	"github.com/spf13/cobra"
)

func ledgerCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "ledger",
		Short:   "Create, verify, back up, restore, move, cosign and retire the ledger itself",
		Example: "gait ledger init --origin example.com/payments\ngait ledger verify",
	})
	cmd.AddCommand(initCommand(a), ledgerInfoCommand(a), ledgerVerifyCommand(a), ledgerCheckpointCommand(a), ledgerProofCommand(a),
		commitIndexCommand(a), proveCommand(a), ledgerExportCommand(a), ledgerImportCommand(a), ledgerBackupCommand(a), ledgerRestoreCommand(a), ledgerMoveCommand(a),
		rebuildCommand(a), retireCommand(a), witnessCommand(a), cosignCommand(a))
	return cmd
}
