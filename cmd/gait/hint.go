package main

import (
	"regexp"
	"strings"
)

// onLedger finds the commands in a hint that work on the ledger of --root.
var onLedger = regexp.MustCompile(`\bgait (serve( token [a-z]+)?|doctor|gate [a-z]+|policy replay|keys (show|rotate|export)|pack build|(job|ledger)( checkpoint| witness| lease| attempt)? [a-z]+(-[a-z]+)*)\b`)

// withRoot adds --root dir to the commands in a hint that work on a ledger,
// unless dir is "". Up to the next semicolon, the commands after "there: " are for another
// place, and those beside one that names a root are for that: they stay as they are.
func withRoot(dir, hint string) string {
	if dir == "" {
		return hint
	}
	clauses := strings.Split(hint, ";")
	for i, clause := range clauses {
		if strings.Contains(clause, " --root ") {
			continue
		}
		here, there, elsewhere := strings.Cut(clause, "there: ")
		clauses[i] = onLedger.ReplaceAllStringFunc(here, func(command string) string { return command + " --root " + quoted(dir) })
		if elsewhere {
			clauses[i] += "there: " + there
		}
	}
	return strings.Join(clauses, ";")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// quoted returns a word as it is written in a shell.
func quoted(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
