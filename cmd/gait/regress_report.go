package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/renameio/v2"

	"gait/packspec"
	"gait/packspec/regress"
)

// A regressError says that fixtures did not pass. It counts as the worst of them.
type regressError struct {
	text, code, hint string
	exit             int
	done             object
}

func (e *regressError) Error() string { return e.text }

func (e *regressError) fields() object { return e.done }

// reportRegress prints the results, and writes them to where CI looks.
func (a *app) reportRegress(flags runFlags, done regressRun) error {
	results := done.results
	written := a.writeResults(flags, done)
	passed := 0
	for _, r := range results {
		if r.Status == "pass" {
			passed++
		}
	}
	fields := object{"fixtures": results, "passed": passed, "failed": len(results) - passed, "masked": regress.Masked, "candidate": flags.candidate}
	if !a.json {
		s := a.screen()
		showRegress(s, results, flags.candidate)
		if _, err := a.stdout.Write([]byte(s.String())); err != nil {
			return err
		}
	}
	if passed < len(results) {
		if written != nil { // what failed matters more than where it could not be written
			a.notice(written.Error())
		}
		return worstOf(results, fields)
	}
	if written != nil {
		return written
	}
	if a.json {
		return a.print(fields, nil)
	}
	return nil
}

// writeResults writes the results to where CI looks.
func (a *app) writeResults(flags runFlags, done regressRun) (err error) {
	results := done.results
	if flags.junit != "" {
		text, made := junit(results)
		if err = made; err == nil {
			err = renameio.WriteFile(flags.junit, text, 0o644)
		}
		if err != nil {
			err = fmt.Errorf("writing %s: %w", flags.junit, err)
		}
	}
	if flags.attest != "" {
		if failed := attest(flags, done); failed != nil {
			err = errors.Join(err, fmt.Errorf("writing %s: %w", flags.attest, failed))
		}
	}
	if summary := a.getenv("GITHUB_STEP_SUMMARY"); summary != "" {
		err = errors.Join(err, appendFile(summary, stepSummary(results)))
	}
	if a.getenv("GITHUB_ACTIONS") == "true" {
		annotate(a, results)
	}
	return err
}

// worstOf makes an error of the results that did not pass.
func worstOf(results []fixtureResult, fields object) error {
	e := &regressError{code: "regression", exit: exitRegress, done: fields, hint: "where that is meant: make the fixture anew from the newer job, or say in its regress.yaml what may differ (ignore, summaries)"}
	var failed []string
	for _, r := range results {
		switch r.Status {
		case "pass":
			continue
		case "bad_fixture":
			if e.exit != exitVerify {
				e.code, e.exit, e.hint = "bad_fixture", exitInvalid, "compare it with one that gait regress init makes"
			}
		case "not_verified":
			e.code, e.exit, e.hint = "fixture_not_verified", exitVerify, "its pack.zip is not the one that was recorded: take it from where the fixture is kept"
			if r.code == packspec.CodeUntrustedKey {
				e.hint = "trust its key, if it is from somebody you trust: gait keys trust <KEY>, or --public-key <KEY>"
			}
		}
		failed = append(failed, r.Name)
		if len(r.Comparisons) > 0 && !r.Comparisons[0].Pass && e.exit == exitRegress {
			e.hint = "if today's code is right: gait regress update <NAME> --reason <WHY>"
		}
	}
	e.text = fmt.Sprintf("%d of %d fixtures did not pass: %s", len(failed), len(results), strings.Join(failed, ", "))
	return e
}

// lines says what is wrong with a result, a line for each comparison.
func (r fixtureResult) lines() (lines []string) {
	if r.Error != "" {
		return []string{r.Error}
	}
	for _, c := range r.Comparisons {
		if c.Divergence != nil {
			lines = append(lines, c.Name+": "+c.Divergence.String())
		}
	}
	return lines
}

func showRegress(s *screen, results []fixtureResult, candidate string) {
	rows := make([][]any, len(results))
	for i, r := range results {
		word := s.green("✓ pass")
		if r.Status != "pass" {
			word = s.red("✗ " + strings.ReplaceAll(r.Status, "_", " "))
		}
		names := make([]string, len(r.Comparisons))
		for k, c := range r.Comparisons {
			names[k] = c.Name
		}
		rows[i] = []any{r.Name, word, strings.Join(names, ", "), inShort(r.Why)}
	}
	s.table([]any{"fixture", "result", "compared", "why it exists"}, rows)
	for _, r := range results {
		if r.Error != "" {
			fmt.Fprintf(s, "%s %s: %s\n", s.red("✗"), s.bold(r.Name), plain(r.Error))
		}
		for _, c := range r.Comparisons {
			if c.Divergence == nil {
				continue
			}
			fmt.Fprintf(s, "%s %s: %s: %s\n", s.red("✗"), s.bold(r.Name), c.Name, plain(c.Divergence.String()))
			if len(c.Divergence.Context) > 0 {
				fmt.Fprintf(s, "    %s\n", s.dim(plain("after "+strings.Join(c.Divergence.Context, "; "))))
			}
		}
	}
	if candidate != "" {
		fmt.Fprintf(s, "%s\n", s.dim("masked on both sides: "+strings.Join(regress.Masked, "; ")))
	} else {
		fmt.Fprintf(s, "%s only replay was compared; a candidate's behaviour: --candidate <ROOT|PACK>\n", s.yellow("note:"))
	}
}

// JUnit XML, as far as the common schema has it: a suite a fixture, a case a comparison.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Failure *junitProblem `xml:"failure"`
		Error   *junitProblem `xml:"error"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

func junit(results []fixtureResult) ([]byte, error) {
	all := junitSuites{}
	for _, r := range results {
		suite := junitSuite{Name: r.Name}
		for _, c := range r.Comparisons {
			test := junitCase{Name: c.Name, Class: "regress." + r.Name}
			if c.Divergence != nil {
				suite.Failures++
				text := plain(c.Divergence.String())
				test.Failure = &junitProblem{Message: text, Type: "regression", Text: text + "\nafter: " + plain(strings.Join(c.Divergence.Context, "; "))}
			}
			suite.Cases = append(suite.Cases, test)
		}
		if r.Error != "" {
			suite.Errors++
			suite.Cases = append(suite.Cases, junitCase{Name: "fixture", Class: "regress." + r.Name, Error: &junitProblem{Message: plain(r.Error), Type: r.Status, Text: plain(r.Error)}})
		}
		suite.Tests = len(suite.Cases)
		all.Tests, all.Failures, all.Errors = all.Tests+suite.Tests, all.Failures+suite.Failures, all.Errors+suite.Errors
		all.Suites = append(all.Suites, suite)
	}
	b, err := xml.MarshalIndent(all, "", "  ")
	return append([]byte(xml.Header), append(b, '\n')...), err
}

// maxSummary keeps the summary under what GitHub takes.
const maxSummary = 900 << 10

// stepSummary is the results in Markdown.
func stepSummary(results []fixtureResult) string {
	var b strings.Builder
	b.WriteString("## gait regress\n\n| fixture | result | first divergence |\n|---|---|---|\n")
	for i, r := range results {
		row := fmt.Sprintf("| %s | %s | %s |\n", r.Name, r.Status, cell(strings.Join(r.lines(), "; ")))
		if b.Len()+len(row) > maxSummary {
			fmt.Fprintf(&b, "\n%d more fixtures are left out.\n", len(results)-i)
			break
		}
		b.WriteString(row)
	}
	return b.String()
}

// cell makes text fit into a cell of a Markdown table.
func cell(text string) string {
	text = shorten(plain(text), 2000)
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "`", "'", "\n", " ").Replace(text)
}

func appendFile(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("writing the step summary: %w", err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the step summary: %w", err)
	}
	return nil
}

// annotate prints a GitHub annotation a divergence, on stderr.
func annotate(a *app, results []fixtureResult) {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, r := range results {
		for _, line := range r.lines() {
			fmt.Fprintf(a.stderr, "::error file=%s/%s,line=1,title=%s::%s\n", escape.Replace(r.path), regress.ConfigFile, r.Name, escape.Replace(plain(line)))
		}
	}
}
