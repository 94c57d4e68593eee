package main

import (
	"fmt"
	"strings"

	"gait/ledger"
)

// count returns a number of things: 1 job, 2 jobs.
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// shorten cuts text to n characters.
func shorten(text string, n int) string {
	runes := []rune(text)
	if len(runes) <= n {
		return text
	}
	return strings.TrimSpace(string(runes[:n-1])) + "…"
}

// inShort returns the first sentence of a text.
func inShort(text string) string {
	if first, _, more := strings.Cut(text, ". "); more {
		return first + "."
	}
	return text
}

// contentText names content, in short.
func contentText(c ledger.Content) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s, %s", c.Name, c.Digest.String()[:16], count(c.Size, "byte")))
}
