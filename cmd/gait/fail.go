package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands"
)

// A detailedError adds fields to the object that reports it.
type detailedError interface {
	error
	fields() object
}

// fail reports err and returns the exit code.
func (c *console) fail(err error) int {
	f := classify(err)
	_, recorded := c.recorded(err)
	if result, ok := c.recorded(err); ok && !isRefusal(err) {
		f, err = afterRecording(f, err, result)
	}
	f.hint = c.pasteable(err, f.hint)
	printed := readerLeft(err) && !recorded // no process reads on, and nothing is to be said of the ledger
	if _, mute := errors.AsType[*outputError](err); c.json && !mute {
		printed = c.writeObject(c.failureObject(err, f)) == nil
	}
	switch {
	case c.log != nil:
		c.failInLog(err, f, printed)
	case !printed:
		c.failForPeople(err, f)
	}
	return f.exit
}

// failInLog logs why the process ends. printed says that stdout has it already.
func (c *console) failInLog(err error, f failure, printed bool) {
	defer c.log.flush()
	if !c.log.only.Load() {
		if !printed {
			c.failForPeople(err, f)
		}
		return
	}
	attrs := []slog.Attr{slog.String("code", f.Code), slog.Int("exit", f.exit), slog.Bool("retryable", f.Retryable), slog.String("hint", f.hint)}
	if p, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	for i, note := range evidenceIn(err) {
		attrs = append(attrs, slog.String(fmt.Sprint("evidence_", i+1), string(note)))
	}
	c.log.LogAttrs(context.Background(), slog.LevelError, textOf(err, f), attrs...)
}

func isRefusal(err error) bool {
	_, ok := errors.AsType[*commands.RefusedError](err)
	return ok
}

// afterRecording says that an event was recorded before the error, so that the
// command must not be repeated.
func afterRecording(f failure, err error, r commands.Result) (failure, error) {
	if r.Event.JobID() == "" { // to repeat it writes nothing
		return f, fmt.Errorf("%s was recorded as event %d, but: %w", r.Event.Type(), r.Receipt.Seq, err)
	}
	f.Retryable, f.hint = false, "do not repeat it: gait job status --id "+r.Job.ID
	return f, fmt.Errorf("%s was recorded as event %d of job %s, but: %w", r.Event.Type(), r.Receipt.Seq, r.Job.ID, err)
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

func (c *console) failForPeople(err error, f failure) {
	c.tellIndex()
	if p, ok := errors.AsType[*panicError](err); ok {
		fmt.Fprintf(c.stderr, "%s\n", p.stack)
	}
	s := c.screenOn(c.stderr)
	text := textOf(err, f)
	if no, ok := errors.AsType[*commands.RefusedError](err); ok {
		text = "refused: " + text
		if no.Result.Receipt.TreeSize > 0 {
			text += fmt.Sprintf(" (recorded as event %d)", no.Result.Receipt.Seq)
		}
	}
	fmt.Fprintf(s, "%s %s %s\n", s.red("gait:"), plain(strings.ReplaceAll(text, "\n", "; ")), s.dim("["+f.Code+"]"))
	if f.hint != "" {
		fmt.Fprintf(s, "%s %s\n", s.bold("hint:"), plain(f.hint))
	}
	for _, note := range evidenceIn(err) {
		fmt.Fprintf(s, "\n%s", note)
	}
	io.WriteString(c.stderr, s.String())
}

// textOf returns the text of an error. A canceled context means that the user
// interrupted the command.
func textOf(err error, f failure) string {
	if f.Code == "interrupted" {
		return strings.ReplaceAll(err.Error(), context.Canceled.Error(), "interrupted")
	}
	return err.Error()
}
