package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"gait/commands"
)

// fail reports err and returns the exit code.
func (c *console) fail(err error) int {
	if hooks(c.running) {
		return failHook(c, err)
	}
	if answers(c.running) && !isTool(err) {
		return failGate(c, err)
	}
	f := classify(err)
	_, recorded := c.recorded(err)
	if result, ok := c.recorded(err); ok && !isRefusal(err) && !isTool(err) {
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

// afterRecording says that an event was recorded before the error, so that the
// command must not be repeated.
func afterRecording(f failure, err error, r commands.Result) (failure, error) {
	if r.Event.JobID() == "" { // to repeat it writes nothing
		return f, fmt.Errorf("%s was recorded as event %d, but: %w", r.Event.Type(), r.Receipt.Seq, err)
	}
	f.Retryable, f.hint = false, "do not repeat it: gait job status --id "+r.Job.ID
	return f, fmt.Errorf("%s was recorded as event %d of job %s, but: %w", r.Event.Type(), r.Receipt.Seq, r.Job.ID, err)
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
