package main

import (
	"fmt"
	"strings"

	"gait/packspec/regress"
)

// maxSummary keeps the summary below GitHub's limit of 1 MiB.
const maxSummary = 900 << 10

// stepSummary returns the results in Markdown.
func stepSummary(results []fixtureResult) string {
	var b strings.Builder
	b.WriteString("## gait regress\n\n| fixture | result | first divergence |\n|---|---|---|\n")
	for i, r := range results {
		row := fmt.Sprintf("| %s | %s | %s |\n", r.Name, r.Status, markdownCell(strings.Join(r.lines(), "; ")))
		if b.Len()+len(row) > maxSummary {
			fmt.Fprintf(&b, "\n%d more fixtures are left out.\n", len(results)-i)
			break
		}
		b.WriteString(row)
	}
	return b.String()
}

// markdownCell escapes and shortens text for a cell of a Markdown table.
func markdownCell(text string) string {
	text = shorten(plain(text), 2000)
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'", "\n", " ").Replace(text)
}

// annotateGitHub prints a GitHub annotation for each divergence, on stderr.
func annotateGitHub(a *app, results []fixtureResult) {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, r := range results {
		for _, line := range r.lines() {
			fmt.Fprintf(a.stderr, "::error file=%s/%s,line=1,title=%s::%s\n", escape.Replace(plain(r.path)), regress.ConfigFile, r.Name, escape.Replace(plain(line)))
		}
	}
}
