package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gait/packspec"
	"gait/packspec/finding"
	"gait/projection"
)

func packDiffCommand(a *app) *cobra.Command {
	var ignore []string
	cmd := exits(&cobra.Command{
		Use:   "diff A B",
		Short: "Show what differs between two packs",
		Long: `Show what differs between two packs: facts that were added, removed or changed, each
by its JSON pointer. Nothing is verified, but if two packs of one ledger hold two
histories of a job or of the ledger, each signed by its key, that is job_forked. What
may differ is named with --ignore: a field, a JSON pointer in which * stands for any
one step, or volatile, which names the fields that say when and where something was
recorded, not what: ` + strings.Join(projection.Volatile, ", ") + `.`,
		Example: `gait pack diff before.zip after.zip
gait pack diff before.zip after.zip --ignore volatile --ignore actor
gait pack diff before.zip after.zip --ignore '/events/*/payload/summary' --json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return &usageError{code: "invalid_usage", text: fmt.Sprintf("%s takes two files, not %d", cmd.CommandPath(), len(args)), hint: "gait pack diff A B"}
			}
			return nil
		},
	}, 0, 1, 2, 6)
	cmd.Flags().StringArrayVar(&ignore, "ignore", nil, "what may differ: a field's name, a JSON pointer, or volatile; repeatable")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		d, err := newDiffer(ignore)
		if err != nil {
			return err
		}
		fork, err := diffPacks(a, args[0], args[1], d)
		if err != nil {
			return err
		}
		if fork == nil {
			return reportDiff(a, "packs_differ", args[0], args[1], d.Found())
		}
		if err := showDiff(a, d.Found()); err != nil {
			return err
		}
		return &diffError{
			code: finding.CodeForked, found: d.Found(), a: args[0], b: args[1],
			text: forkText(args[0], args[1], fork),
		}
	}
	return cmd
}

// forkText says which two histories two packs hold.
func forkText(one, other string, fork *packspec.Fork) string {
	of := "the ledger"
	if fork.Job != "" {
		of = "job " + fork.Job
	}
	text := fmt.Sprintf("%s and %s hold two histories of %s, both signed by keys of %s: ", one, other, of, fork.Key.Name())
	switch {
	case !fork.OneEvent():
		return text + fmt.Sprintf("in one, %s; in the other, %s", fork.Seen, fork.Found)
	case fork.Job != "":
		return text + fmt.Sprintf("event %d of the job is %s in one and %s in the other", fork.Seen.Number, fork.Seen.Leaf, fork.Found.Leaf)
	}
	return text + fmt.Sprintf("its event %d is %s in one and %s in the other", fork.Seen.Number, fork.Seen.Leaf, fork.Found.Leaf)
}

func diffPacks(a *app, first, second string, d *projection.Differ) (*packspec.Fork, error) {
	one, sizeA, err := openPack(a, first)
	if err != nil {
		return nil, err
	}
	defer one.Close()
	other, sizeB, err := openPack(a, second)
	if err != nil {
		return nil, err
	}
	defer other.Close()
	err = packspec.Diff(one, other, sizeA, sizeB, d)
	if err != nil && !errors.Is(err, packspec.ErrNotComparable) {
		return nil, err
	}
	fork, forkErr := packspec.FindFork(one, other, sizeA, sizeB)
	if fork != nil { // packs of two kinds can show it too
		return fork, nil
	}
	return nil, cmp.Or(err, forkErr)
}
