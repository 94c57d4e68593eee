package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
)

// carryOutLedger carries out a command about the ledger, and prints what its event says.
func carryOutLedger(cmd *cobra.Command, a *app, o order, show func(*screen, ledger.Event)) error {
	ctx := cmd.Context()
	if o.DryRun {
		return decideLedgerOnly(ctx, a, o)
	}
	result, err := issue(ctx, a, o)
	if printed, ok := isPrinted(err); ok {
		return a.printCommand(printed)
	}
	if err != nil {
		return err
	}
	payload, err := payloadOf(result.Event)
	if err != nil {
		return err
	}
	fields := object{"origin": result.Event.Origin(), "type": result.Event.Type(), "payload": payload, "receipt": receiptOf(result)}
	return a.print(fields, func(s *screen) {
		show(s, result.Event)
		again := ""
		if result.Replayed {
			again = ", already done before"
		}
		s.fields([2]string{"event", fmt.Sprintf("%d%s", result.Receipt.Seq, again)}, [2]string{"leaf hash", result.Receipt.Leaf.String()})
		s.next("gait authority show")
	})
}

// decideLedgerOnly decides a command about the ledger and shows what would be written.
func decideLedgerOnly(ctx context.Context, a *app, o order) error {
	var result commands.Result
	err := a.read(ctx, func(l *connect.Ledger) (err error) {
		if err := l.MayWrite(); err != nil {
			return err
		}
		result, err = a.issueIn(ctx, l, o)
		return err
	})
	if printed, ok := isPrinted(err); ok {
		return a.printCommand(printed)
	}
	if err != nil {
		return err
	}
	payload, err := payloadOf(result.Event)
	if err != nil {
		return err
	}
	fields := object{"origin": result.Event.Origin(), "dry_run": true, "exit_code": exitOK, "payload": payload, "type": result.Event.Type()}
	return a.print(fields, func(s *screen) {
		fmt.Fprintf(s, "%s would write %s as event %d and exit 0; nothing was written\n", s.bold("dry run:"), result.Event.Type(), result.Event.Seq())
		s.fields([2]string{"payload", string(payload)})
	})
}
