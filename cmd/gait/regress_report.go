package main

import (
	"errors"
	"fmt"
	"strings"

	"gait/ledger"
	"gait/packspec/finding"
	"gait/packspec/regress"
)

// A regressError says that fixtures did not pass. It is classified by the worst of
// them.
type regressError struct {
	text, code, hint string
	category         ledger.Category
	done             object
}

func (e *regressError) Error() string { return e.text }

// Fault returns the fault of the worst fixture.
func (e *regressError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.code, Category: e.category}
}

func (e *regressError) nextStep() string { return e.hint }

func (e *regressError) fields() object { return e.done }

// reportRegress prints the results, and writes the files that CI reads.
func reportRegress(a *app, flags runFlags, done regressRun) error {
	results := done.results
	written := writeResults(a, flags, done)
	passed := 0
	for _, r := range results {
		if r.Status == statusPass {
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
		if written != nil { // a fixture that failed matters more than a file that could not be written
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

// writeResults writes the results into the files that CI reads.
func writeResults(a *app, flags runFlags, done regressRun) (err error) {
	results := done.results
	if flags.junit != "" {
		text, made := junitXML(results)
		if err = made; err == nil {
			err = flags.junitAt.write(text)
		}
		if err != nil {
			err = fmt.Errorf("writing %s: %w", flags.junit, err)
		}
	}
	if flags.attest != "" {
		if failed := writeAttestation(flags, done); failed != nil {
			err = errors.Join(err, fmt.Errorf("writing %s: %w", flags.attest, failed))
		}
	}
	if flags.summaryAt.path != "" {
		if failed := flags.summaryAt.append(stepSummary(results)); failed != nil {
			err = errors.Join(err, fmt.Errorf("writing the step summary: %w", failed))
		}
	}
	if a.getenv("GITHUB_ACTIONS") == "true" {
		annotateGitHub(a, results)
	}
	return err
}

// worstOf returns the error for the results that did not pass.
func worstOf(results []fixtureResult, fields object) error {
	e := &regressError{code: "regression", category: ledger.CategoryRegress, done: fields, hint: "if the change is meant: make the fixture again from the newer job, or say in its regress.yaml what may differ (ignore, summaries)"}
	var failed []string
	for _, r := range results {
		switch r.Status {
		case statusPass:
			continue
		case statusBadFixture:
			if e.category != ledger.CategoryVerification {
				e.code, e.category, e.hint = "bad_fixture", ledger.CategoryInvalid, "compare it with one that gait regress init makes"
			}
		case statusNotVerified:
			e.code, e.category, e.hint = "fixture_not_verified", ledger.CategoryVerification, "its pack.zip is not the one that was recorded: restore it from where the fixture is kept"
			if r.code == finding.CodeUntrustedKey {
				e.hint = "trust its key, if it is from a source you trust: gait keys trust KEY, or --public-key KEY"
			}
		}
		failed = append(failed, r.Name)
		if len(r.Comparisons) > 0 && !r.Comparisons[0].Pass && e.category == ledger.CategoryRegress {
			e.hint = "if today's code is right: gait regress update NAME --reason \"WHY\""
		}
	}
	e.text = fmt.Sprintf("%d of %d fixtures did not pass: %s", len(failed), len(results), strings.Join(failed, ", "))
	return e
}

func showRegress(s *screen, results []fixtureResult, candidate string) {
	rows := make([][]any, len(results))
	for i, r := range results {
		word := s.green("✓ pass")
		if r.Status != statusPass {
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
		fmt.Fprintf(s, "%s only replay was compared; a candidate's behaviour: --candidate ROOT_OR_PACK\n", s.yellow("note:"))
	}
}
