package main

import (
	"fmt"
	"io"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/jcs"
)

// outputVersion is the schema_version of every output object.
const outputVersion = "1.0.0"

// An object holds the fields of a JSON output.
type object map[string]any

// print writes the result: the object with --json, else what human writes.
func (a *app) print(fields object, human func(*screen)) error {
	if !a.json {
		a.tellIndex()
		s := a.screen()
		human(s)
		_, err := io.WriteString(a.stdout, s.String())
		return err
	}
	return a.writeObject(a.success(fields))
}

// success returns the object of a command that succeeds.
func (a *app) success(fields object) object {
	out := a.envelope(true)
	if a.heldUp != nil {
		out["clock"] = a.heldUp
	}
	maps.Copy(out, fields)
	return out
}

// envelope returns what every output object has.
func (a *app) envelope(ok bool) object {
	out := object{"ok": ok, "schema_id": schemaOf(a.running), "schema_version": outputVersion, "operation": operationOf(a.running)}
	if a.index != "" {
		out["index"] = a.index
	}
	if a.restored != nil {
		out["restored"] = object{"size": a.restored.Size, "seen_size": a.restored.Seen}
	}
	return out
}

// opened notes of each ledger that is opened whether its index is proved, whether it is in
// an older state than was seen, and whether it can be written, for all that is printed:
// answers, lines and errors.
func (a *app) opened(l *connect.Ledger) {
	a.index, a.restored, a.readOnly = "", l.Restored(), nil
	if l.ReadOnly() {
		a.readOnly = l.Writable()
	}
	if state := l.Log.Index(); state != ledger.IndexProved {
		a.index = state.String()
	}
	if !a.json && !a.readsAll {
		a.tellIndex()
	}
}

// tellIndex says on stderr, once, that the index is not proved.
func (a *app) tellIndex() {
	if a.index == "" || a.indexTold {
		return
	}
	a.indexTold = true
	a.notice("index: " + a.index + ": what is shown of jobs is not proved by the ledger's index; gait ledger verify reads everything, and proves it")
}

func (a *app) writeObject(out object) error {
	b, err := jcs.Marshal(out)
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

// notice prints a line for people on stderr, or logs it. Commands in it are for the ledger
// that the command line named.
func (a *app) notice(text string) {
	text = a.here(text)
	if a.log != nil {
		a.log.Warn(text)
		return
	}
	fmt.Fprintln(a.stderr, "gait: "+plain(strings.ReplaceAll(text, "\n", "; ")))
}

func (a *app) screen() *screen { return a.screenOn(a.stdout) }

func (a *app) screenOn(w io.Writer) *screen {
	return &screen{colour: a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && isTerminal(w), here: a.here}
}

// here makes the commands in a hint commands for the same ledger as this one,
// if the command line named it.
func (f globalFlags) here(hint string) string { return withRoot(f.dir, hint) }
