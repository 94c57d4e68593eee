package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"gait/commands"

	"github.com/spf13/cobra"
)

// A detailedError adds fields to the object that reports it.
type detailedError interface {
	error
	fields() object
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*commands.RefusedError](err)
	return ok
}

// failureObject returns the object that reports an error with --json.
func (c *console) failureObject(err error, f failure) object {
	out := c.envelope(false)
	out["error"], out["error_code"], out["error_category"], out["retryable"], out["hint"] = textOf(err, f), f.Code, f.Category, f.Retryable, f.hint
	if c.jobID != "" {
		out["job_id"] = c.jobID
	}
	if c.heldUp != nil {
		out["clock"] = c.heldUp
	}
	result, recorded := c.recorded(err)
	if recorded {
		out["receipt"] = receiptOf(result)
	}
	if recorded && result.Job.ID != "" {
		out["job_id"] = result.Job.ID
	}
	if isRefusal(err) {
		out["job"] = result.Job.StatusView()
	}
	if notes := evidenceIn(err); notes != nil {
		list := make([]string, len(notes))
		for i, note := range notes {
			list[i] = string(note)
		}
		out["evidence"] = list
	}
	if detailed, ok := errors.AsType[detailedError](err); ok {
		maps.Copy(out, detailed.fields())
	}
	return out
}

// recorded returns the event that is on the ledger although the command failed:
// a refusal, or an event that was written before something else failed.
func (c *console) recorded(err error) (commands.Result, bool) {
	if refused, ok := errors.AsType[*commands.RefusedError](err); ok {
		return refused.Result, refused.Result.Receipt.TreeSize > 0
	}
	if result := c.written.Load(); result != nil {
		return *result, true
	}
	return commands.Result{}, false
}

// textOf returns the text of an error. A canceled context means that the user
// interrupted the command.
func textOf(err error, f failure) string {
	if f.Code == "interrupted" {
		return strings.ReplaceAll(err.Error(), context.Canceled.Error(), "interrupted")
	}
	return err.Error()
}

// pasteable completes the commands in the hint of an error: with the directory
// of the ledger that it is about, and with the command that failed for its help.
func (c *console) pasteable(err error, hint string) string {
	dir := c.dir
	if e, ok := errors.AsType[*dirError](err); ok {
		dir = e.dir
	}
	switch hint {
	case helpHint:
		return c.running.CommandPath() + " --help"
	case againHint:
		hint = howToRepeat(c.running)
	case otherNameHint:
		hint = howToRename(c.running)
	}
	return strings.ReplaceAll(withRoot(dir, hint), " gait …", " "+c.running.CommandPath()+" …")
}

// onceOnly are the commands that have no request id, and write nothing if what they
// would write is on the ledger already.
var onceOnly = []string{"gait ledger commit-index", "gait ledger cosign", "gait pack build"}

// howToRepeat says how a command is repeated whose outcome is unknown.
func howToRepeat(cmd *cobra.Command) string {
	switch {
	case cmd.Flags().Lookup("request-id") != nil:
		return "try again with the same --request-id, which settles it without doing it twice; if there was none, look first: gait job status"
	case slices.Contains(onceOnly, cmd.CommandPath()):
		return "run it again: what it has written is not written twice"
	case cmd.CommandPath() == "gait keys rotate":
		return "look before you run it again: gait keys show names the key that signs now"
	}
	return "look before you run it again: gait ledger info shows what is on the ledger"
}

// howToRename says how another name is chosen for a ledger, whose name is in use.
func howToRename(cmd *cobra.Command) string {
	switch cmd.CommandPath() {
	case "gait ledger retire", "gait ledger restore":
		return "run it again with another name: add --origin ORIGIN"
	case "gait keys import":
		return "gait keys list shows the key of that ledger which is here already; if that ledger was rotated to this one: gait ledger verify, where it is, then import it again"
	}
	return "choose another name: gait ledger init --origin ORIGIN"
}
