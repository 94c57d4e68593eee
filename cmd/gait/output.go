package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// outputVersion is that of every output object.
const outputVersion = "1.0.0"

// output is stdout. What cannot be printed is an *outputError.
type output struct{ io.Writer }

func (o output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil {
		err = &outputError{err}
	}
	return n, err
}

// An outputError says that the outcome could not be printed.
type outputError struct{ err error }

func (e *outputError) Error() string { return "printing the outcome: " + e.err.Error() }

// An object is what a command prints with --json: its fields beside the common ones.
type object map[string]any

// print writes the result: with --json the object, else what human writes.
func (a *app) print(fields object, human func(*screen)) error {
	if !a.json {
		s := a.screen()
		human(s)
		_, err := io.WriteString(a.stdout, s.String())
		return err
	}
	return a.writeObject(a.success(fields))
}

// success returns the object of a command that succeeds.
func (a *app) success(fields object) object {
	out := object{"ok": true, "schema_id": schemaOf(a.running), "schema_version": outputVersion, "operation": operationOf(a.running)}
	for k, v := range fields {
		out[k] = v
	}
	return out
}

func (a *app) writeObject(out object) error {
	b, err := projection.Canonical(out)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(append(b, '\n'))
	return err
}

// schemaOf returns the schema id of a command's output: gait.<group>.output.
func schemaOf(cmd *cobra.Command) string {
	if names := strings.Fields(cmd.CommandPath()); len(names) > 1 && names[1] != "help" {
		return "gait." + names[1] + ".output"
	}
	return "gait.error.output"
}

// operationOf returns the command's name without its group: "checkpoint add".
func operationOf(cmd *cobra.Command) string {
	names := strings.Fields(cmd.CommandPath())
	if len(names) > 2 {
		names = names[1:]
	}
	return strings.Join(names[min(1, len(names)-1):], " ")
}

// fail reports err and returns the exit code.
func (a *app) fail(err error) int {
	f := classify(err)
	result, recorded := a.recorded(err)
	_, refused := errors.AsType[*commands.RefusedError](err)
	if recorded && !refused {
		err = fmt.Errorf("%s was recorded as event %d of job %s, but: %w", result.Event.Type(), result.Receipt.Seq, result.Job.ID, err)
		f.retryable, f.hint = false, "do not repeat it: gait job status --id "+result.Job.ID
	}
	f.hint = a.here(f.hint)
	if f.hint == helpHint {
		f.hint = a.running.CommandPath() + " --help"
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		fmt.Fprintf(a.stderr, "%s\n", p.stack)
	}
	if _, mute := errors.AsType[*outputError](err); mute || !a.json {
		a.failForPeople(err, f)
		return f.exit
	}
	out := object{"ok": false, "schema_id": schemaOf(a.running), "schema_version": outputVersion, "operation": operationOf(a.running),
		"error": err.Error(), "error_code": f.code, "error_category": f.category, "retryable": f.retryable, "hint": f.hint}
	if a.jobID != "" {
		out["job_id"] = a.jobID
	}
	if recorded {
		out["receipt"], out["job_id"] = receiptOf(result), result.Job.ID
	}
	if refused {
		out["job"] = result.Job.StatusView()
	}
	if notes := evidenceIn(err); notes != nil {
		list := []string{}
		for _, note := range notes {
			list = append(list, string(note))
		}
		out["evidence"] = list
	}
	if detailed, ok := errors.AsType[interface {
		error
		fields() object
	}](err); ok {
		for k, v := range detailed.fields() {
			out[k] = v
		}
	}
	if a.writeObject(out) != nil {
		a.failForPeople(err, f)
	}
	return f.exit
}

// recorded returns what is on the ledger although the command failed: a
// refusal, or an event after which something else went wrong.
func (a *app) recorded(err error) (commands.Result, bool) {
	if refused, ok := errors.AsType[*commands.RefusedError](err); ok {
		return refused.Result, refused.Result.Receipt.TreeSize > 0
	}
	if result := a.written.Load(); result != nil {
		return *result, true
	}
	return commands.Result{}, false
}

func (a *app) failForPeople(err error, f failure) {
	s := a.screenOn(a.stderr)
	text := err.Error()
	if no, ok := errors.AsType[*commands.RefusedError](err); ok {
		text = "refused: " + text
		if no.Result.Receipt.TreeSize > 0 {
			text += fmt.Sprintf(" (recorded as event %d)", no.Result.Receipt.Seq)
		}
	}
	fmt.Fprintf(s, "%s %s %s\n", s.red("gait:"), plain(strings.ReplaceAll(text, "\n", "; ")), s.dim("["+f.code+"]"))
	if f.hint != "" {
		fmt.Fprintf(s, "%s %s\n", s.bold("hint:"), plain(f.hint))
	}
	for _, note := range evidenceIn(err) {
		fmt.Fprintf(s, "\n%s", note)
	}
	io.WriteString(a.stderr, s.String())
}

// notice tells people something on stderr.
func (a *app) notice(text string) {
	fmt.Fprintln(a.stderr, "gait: "+plain(strings.ReplaceAll(text, "\n", "; ")))
}

// A receipt is what a write returns, as JSON shows it.
type receipt struct {
	Seq      ledger.Seq  `json:"seq"`
	LeafHash ledger.Hash `json:"leaf_hash"`
	Revision int64       `json:"revision"`
	TreeSize int64       `json:"tree_size"`
	Replayed bool        `json:"replayed"`
}

func receiptOf(r commands.Result) receipt {
	return receipt{Seq: r.Receipt.Seq, LeafHash: r.Receipt.Leaf, Revision: r.Receipt.Revision, TreeSize: r.Receipt.TreeSize,
		Replayed: r.Replayed}
}

// payloadOf returns an event's payload as JSON.
func payloadOf(e ledger.Event) (json.RawMessage, error) { return ledger.EncodePayload(e.Payload) }
