package main

import (
	"regexp"
	"strings"
)

// onLedger finds the commands in a hint that work on the ledger of --root, and those that
// are for another place.
var onLedger = regexp.MustCompile(`(there: )?\bgait (serve|doctor|keys (show|rotate)|pack build|(job|ledger)( checkpoint| witness)? [a-z]+)\b`)

// withRoot adds --root dir to the commands in a hint that work on a ledger,
// unless dir is "" or the hint names another root. A command after "there: " is for
// another place, and stays as it is.
func withRoot(dir, hint string) string {
	if dir == "" || strings.Contains(hint, " --root ") {
		return hint
	}
	return onLedger.ReplaceAllStringFunc(hint, func(command string) string {
		if strings.HasPrefix(command, "there: ") {
			return command
		}
		return command + " --root " + quoted(dir)
	})
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// quoted returns a word as it is written in a shell.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
