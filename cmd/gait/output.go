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
func (c *console) print(fields object, human func(*screen)) error {
	if !c.json {
		c.tellIndex()
		s := c.screen()
		human(s)
		_, err := io.WriteString(c.stdout, s.String())
		return err
	}
	return c.writeObject(c.success(fields))
}

// success returns the object of a command that succeeds.
func (c *console) success(fields object) object {
	out := c.envelope(true)
	if c.heldUp != nil {
		out["clock"] = c.heldUp
	}
	maps.Copy(out, fields)
	return out
}

// envelope returns what every output object has.
func (c *console) envelope(ok bool) object {
	out := object{"ok": ok, "schema_id": schemaOf(c.running), "schema_version": outputVersion, "operation": operationOf(c.running)}
	if c.index != "" {
		out["index"] = c.index
	}
	if c.restored != nil {
		out["restored"] = object{"size": c.restored.Size, "seen_size": c.restored.Seen}
	}
	return out
}

// opened notes of each ledger that is opened whether its index is proved, whether it is in
// an older state than was seen, and whether it can be written, for all that is printed:
// answers, lines and errors.
func (c *console) opened(l *connect.Ledger) {
	c.index, c.restored, c.readOnly = "", l.Restored(), nil
	if l.ReadOnly() {
		c.readOnly = l.Writable()
	}
	if state := l.Log.Index(); state != ledger.IndexProved {
		c.index = state.String()
	}
	if !c.json && !c.readsAll {
		c.tellIndex()
	}
}

// tellIndex says on stderr, once, that the index is not proved.
func (c *console) tellIndex() {
	if c.index == "" || c.indexNoticed {
		return
	}
	c.indexNoticed = true
	c.notice("index: " + c.index + ": what is shown of jobs is not proved by the ledger's index; gait ledger verify reads everything, and proves it")
}

func (c *console) writeObject(out object) error {
	b, err := jcs.Marshal(out)
	if err != nil {
		return err
	}
	_, err = c.stdout.Write(append(b, '\n'))
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
func (c *console) notice(text string) {
	text = c.here(text)
	if c.log != nil {
		c.log.Warn(text)
		return
	}
	fmt.Fprintln(c.stderr, "gait: "+plain(strings.ReplaceAll(text, "\n", "; ")))
}

func (c *console) screen() *screen { return c.screenOn(c.stdout) }

func (c *console) screenOn(w io.Writer) *screen {
	return &screen{colour: c.getenv("NO_COLOR") == "" && c.getenv("TERM") != "dumb" && isTerminal(w), here: c.here}
}

// here makes the commands in a hint commands for the same ledger as this one,
// if the command line named it.
func (f globalFlags) here(hint string) string { return withRoot(f.dir, hint) }
