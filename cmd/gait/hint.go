package main

import (
	"regexp"
	"strings"
)

// onLedger finds the commands in a hint that work on the ledger of --root.
var onLedger = regexp.MustCompile(`\bgait (serve|doctor|keys (show|rotate)|pack build|(job|ledger)( checkpoint| witness)? [a-z]+)\b`)

// here makes the commands in a hint commands for the same ledger as this one,
// where the command line named it.
func (a *app) here(hint string) string {
	if a.dir == "" || strings.Contains(hint, " --root ") { // which names another
		return hint
	}
	return onLedger.ReplaceAllStringFunc(hint, func(command string) string { return command + " --root " + quoted(a.dir) })
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// quoted spells a word so that a shell reads it back.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
