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
	out := object{"ok": true, "schema_id": schemaOf(a.running), "schema_version": outputVersion, "operation": operationOf(a.running)}
	for k, v := range fields {
		out[k] = v
	}
	return a.writeObject(out)
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
	if names := strings.Fields(cmd.CommandPath()); len(names) > 1 {
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
	if f.hint == helpHint {
		f.hint = a.running.CommandPath() + " --help"
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		fmt.Fprintf(a.stderr, "%s\n", p.stack)
	}
	if !a.json {
		a.failForPeople(err, f)
		return f.exit
	}
	out := object{"ok": false, "schema_id": schemaOf(a.running), "schema_version": outputVersion, "operation": operationOf(a.running),
		"error": err.Error(), "error_code": f.code, "error_category": f.category, "retryable": f.retryable, "hint": f.hint}
	if result, ok := a.recorded(err); ok {
		out["receipt"], out["job_id"] = receiptOf(result), result.Job.ID
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
	if err := a.writeObject(out); err != nil {
		fmt.Fprintln(a.stderr, "gait:", err)
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
	if _, ok := errors.AsType[*commands.RefusedError](err); ok {
		text = "refused: " + text
	}
	if result, ok := a.recorded(err); ok {
		text += fmt.Sprintf(" (recorded as event %d)", result.Receipt.Seq)
	}
	fmt.Fprintf(s, "%s %s %s\n", s.red("gait:"), text, s.dim("["+f.code+"]"))
	if f.hint != "" {
		fmt.Fprintf(s, "%s %s\n", s.bold("hint:"), f.hint)
	}
	for _, note := range evidenceIn(err) {
		fmt.Fprintf(s, "\n%s", note)
	}
	io.WriteString(a.stderr, s.String())
}

// notice tells people something on stderr.
func (a *app) notice(text string) { fmt.Fprintln(a.stderr, "gait: "+text) }

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
