package regress

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// The limits of what one regress.yaml may make its reader do. A pattern of few bytes
// can compile to a program of many megabytes, so its size is computed before it is
// compiled.
const (
	maxPatterns     = 64     // in Summaries, and as many in Intents
	maxPattern      = 1024   // bytes
	maxPatternsCost = 50_000 // of all of them together: see patternCost
	maxIgnore       = 256    // entries of Ignore
	maxIgnoreEntry  = 1024   // bytes
	foldedRangeCost = 1000   // of a range in a class that may ignore case
)

// mayFold matches in a pattern that may set the flag i, which ignores case.
var mayFold = regexp.MustCompile(`\(\?[a-zA-Z-]*i`)

// checkSizes returns an error if a list is too long to be worked through.
func (c Config) checkSizes() error {
	if len(c.Compare) > len(Scopes) {
		return fmt.Errorf("%w: compare names %d scopes, and there are %d", ErrFixture, len(c.Compare), len(Scopes))
	}
	if len(c.Ignore) > maxIgnore {
		return fmt.Errorf("%w: ignore has %d entries, more than %d", ErrFixture, len(c.Ignore), maxIgnore)
	}
	for _, entry := range c.Ignore {
		if len(entry) > maxIgnoreEntry {
			return fmt.Errorf("%w: ignore: %.80q… is over %d bytes", ErrFixture, entry, maxIgnoreEntry)
		}
	}
	for _, list := range []struct {
		name string
		size int
	}{{"summaries", len(c.Summaries)}, {"intents", len(c.Intents)}} {
		if list.size > maxPatterns {
			return fmt.Errorf("%w: %s has %d patterns, more than %d", ErrFixture, list.name, list.size, maxPatterns)
		}
	}
	return nil
}

// compile compiles the patterns of Summaries and Intents. Each must match a whole text.
func (c Config) compile() (summaries, intents map[string]*regexp.Regexp, err error) {
	left := maxPatternsCost
	if summaries, err = compileAll("summaries", c.Summaries, &left); err == nil {
		intents, err = compileAll("intents", c.Intents, &left)
	}
	return summaries, intents, err
}

// compileAll compiles the patterns of a list, which may cost what is left.
func compileAll(list string, patterns map[string]string, left *int) (map[string]*regexp.Regexp, error) {
	all := map[string]*regexp.Regexp{}
	for _, id := range slices.Sorted(maps.Keys(patterns)) {
		bad := func(err error) error { return inFixture(fmt.Sprintf("%s: %.80s", list, id), err) }
		cost, err := patternCost(patterns[id], *left)
		if err != nil {
			return nil, bad(err)
		}
		*left -= cost
		// The pattern is complete by itself, so it cannot end the group that anchors it.
		if all[id], err = regexp.Compile(`^(?:` + patterns[id] + `)$`); err != nil {
			return nil, bad(err)
		}
	}
	return all, nil
}

// patternCost returns about how many instructions a pattern compiles to, with one for
// each range of characters in its classes. It returns an error, and has not done much
// work, if that is more than limit, or if the pattern by itself is not one.
func patternCost(pattern string, limit int) (int, error) {
	if len(pattern) > maxPattern {
		return 0, fmt.Errorf("a pattern of %d bytes is too long: at most %d", len(pattern), maxPattern)
	}
	tooMuch := errors.New("too much to compile: shorten the classes and repetitions of the patterns")
	cost := 0
	if mayFold.MatchString(pattern) { // then the parser tries each character of a range
		cost = foldedRangeCost * strings.Count(pattern, "-")
	}
	if cost > limit {
		return 0, tooMuch
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	if cost += programSize(tree); cost > limit {
		return 0, tooMuch
	}
	return cost, nil
}

// programSize returns about how many instructions and ranges of characters a parsed
// pattern compiles to. The parser has refused repetitions of over 1000, also nested
// ones, so the size fits in an int.
func programSize(tree *syntax.Regexp) int {
	size := 2 // its own, and the edge that leads out of it
	for _, sub := range tree.Sub {
		size += programSize(sub)
	}
	size += len(tree.Rune) / 2 // the characters of a literal, or the two ends of each range
	if tree.Op == syntax.OpRepeat {
		size *= max(tree.Max, tree.Min+1) // Max is -1 if there is none
	}
	return size
}
