package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gait/packspec"
	"gait/projection"
)

func (a *app) packDiffCommand() *cobra.Command {
	var ignore []string
	cmd := exits(&cobra.Command{
		Use:   "diff A B",
		Short: "Say what differs between two packs",
		Long: `Say what differs between two packs: facts that were added, removed or changed, each
by its JSON pointer. Nothing is verified. What may differ is named with --ignore: a
field, a JSON pointer in which * stands for any one step, or volatile, which is all
that says when and where something was written down and not what:
` + strings.Join(projection.Volatile, ", ") + `.`,
		Example: `gait pack diff before.zip after.zip
gait pack diff before.zip after.zip --ignore volatile --ignore actor
gait pack diff before.zip after.zip --ignore '/events/*/payload/summary' --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return &usageError{code: "invalid_usage", text: fmt.Sprintf("%s takes two files, not %d", cmd.CommandPath(), len(args)), hint: "gait pack diff <A> <B>"}
			}
			return nil
		},
	}, 0, 1, 2, 6)
	cmd.Flags().StringArrayVar(&ignore, "ignore", nil, "what may differ: a field's name, a JSON pointer, or volatile; repeatable")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		d, err := differ(ignore)
		if err != nil {
			return err
		}
		if err := a.diffPacks(args[0], args[1], d); err != nil {
			return err
		}
		return a.reportDiff("packs_differ", args[0], args[1], d.Found())
	}
	return cmd
}

// differ returns what compares two things, but for what --ignore names.
func differ(ignore []string) (*projection.Differ, error) {
	d := &projection.Differ{}
	for _, pattern := range ignore {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return nil, &usageError{code: "invalid_ignore", text: fmt.Sprintf("%.80q is neither a field nor a pointer", pattern), hint: "--ignore created_at, or --ignore '/events/*/created_at'"}
		}
		d.Ignore = append(d.Ignore, pattern)
	}
	if slices.Contains(ignore, "volatile") {
		d.Ignore = append(d.Ignore, projection.Volatile...)
	}
	return d, nil
}

func (a *app) diffPacks(first, second string, d *projection.Differ) error {
	one, sizeA, err := a.openPack(first)
	if err != nil {
		return err
	}
	defer one.Close()
	other, sizeB, err := a.openPack(second)
	if err != nil {
		return err
	}
	defer other.Close()
	return packspec.Diff(one, other, sizeA, sizeB, d)
}

// A diffError says that two things differ, and in what.
type diffError struct {
	code  string
	text  string
	found projection.Differences
	a, b  string
}

func (e *diffError) Error() string { return e.text }

func (e *diffError) fields() object {
	return object{"a": e.a, "b": e.b, "same": false, "differences": e.found.List, "omitted": e.found.Omitted}
}

func (a *app) reportDiff(code, one, other string, found projection.Differences) error {
	count := int64(len(found.List)) + found.Omitted
	if count == 0 {
		return a.print(object{"a": one, "b": other, "same": true, "differences": found.List, "omitted": 0}, func(s *screen) {
			s.done("%s and %s say the same", one, other)
		})
	}
	if !a.json {
		s := a.screen()
		showChanges(s, found.List)
		if found.Omitted > 0 {
			fmt.Fprintf(s, "and %d more\n", found.Omitted)
		}
		if _, err := a.stdout.Write([]byte(s.String())); err != nil {
			return err
		}
	}
	return &diffError{code: code, text: fmt.Sprintf("%s and %s differ in %d facts", one, other, count), found: found, a: one, b: other}
}

func showChanges(s *screen, list []projection.Change) {
	rows := make([][]any, len(list))
	for i, c := range list {
		mark := map[string]string{projection.Added: s.green("+"), projection.Removed: s.red("-"), projection.Changed: s.yellow("≠")}[c.Op]
		rows[i] = []any{mark, c.Path, cut(string(c.Before)), cut(string(c.After))}
	}
	s.table([]any{"", "fact", "before", "after"}, rows)
}

// cut makes a value fit into a table.
func cut(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}
