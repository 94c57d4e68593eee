package main

import "github.com/spf13/cobra"

// maxPage is the greatest number of entries on a page.
const maxPage = 1000

// flagsAgain returns flags as they were given, for the next page's command.
func flagsAgain(cmd *cobra.Command, names ...string) (flags string) {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			flags += " --" + name + " " + quoted(f.Value.String())
		}
	}
	return flags
}
