package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gait/commands/gate"
	"gait/ledger"
)

// A caseResult is what came of a test case, as it is printed.
type caseResult struct {
	Suite        string             `json:"suite"`
	Name         string             `json:"name"`
	Pass         bool               `json:"pass"`
	Verdict      ledger.GateVerdict `json:"verdict"`
	ReasonCode   string             `json:"reason_code"`
	DeterminedBy []string           `json:"determined_by,omitempty"`
	Problem      string             `json:"problem,omitempty"`
}

func policyTestCommand(a *app) *cobra.Command {
	var policy, junit string
	cmd := exits(&cobra.Command{
		Use:   "test DIR",
		Short: "Ask the gate the test cases of a policy",
		Long: `Ask the gate the test cases in the files of a directory whose names end in .json. A case is
an intent and facts, and what the gate has to answer:

{"policy": "../policy.cedar", "cases": [
  {"name": "a small refund goes through",
   "intent": {"tool": "refund", "arguments": {"amount_cents": 500}},
   "job": {"labels": {"team": "payments"}},
   "expect": {"verdict": "allow", "determined_by": ["small_refund"]}}]}

Optional facts are actor, proven, roles, job, environment, time, and cleared (the intent
was approved). The policy is that of --policy, or the one that the file names, or
policy.cedar in the directory.`,
		Example: "gait policy test policy_test\ngait policy test cases --policy new.cedar --junit policy.xml",
		Args:    oneFile,
	}, 0, 1, 5, 6, 8)
	cmd.Flags().StringVar(&policy, "policy", "", "file with the policy to test, in the place of what the cases name")
	cmd.Flags().StringVar(&junit, "junit", "", "write the results as JUnit XML to this file; "+outForms)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		var to *outFile
		if junit != "" {
			f, err := a.outFile("--junit", junit)
			if err != nil {
				return err
			}
			to = &f
		}
		results, err := runCases(a, args[0], policy)
		if err != nil {
			return err
		}
		if to != nil {
			text, err := casesXML(results)
			if err == nil {
				err = to.write(text)
			}
			if err != nil {
				return fmt.Errorf("writing %s: %w", junit, err)
			}
		}
		return reportCases(a, args[0], results)
	}
	return cmd
}

// runCases runs all cases of a directory.
func runCases(a *app, dir, policy string) (results []caseResult, err error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, &usageError{code: "file_not_found", text: dir + " is no directory", hint: "gait policy init writes one"}
	}
	suites, err := gate.LoadCases(os.DirFS(dir))
	switch {
	case err != nil:
		return nil, &usageError{code: "invalid_cases", text: dir + ": " + err.Error(), hint: "gait policy test --help shows a case"}
	case len(suites) == 0:
		return nil, &usageError{code: "file_not_found", text: dir + " has no file of cases: no name ends in .json", hint: "gait policy init writes one"}
	}
	policies := map[string]*gate.Policy{}
	for _, suite := range suites {
		file := policy
		switch {
		case file != "":
		case suite.Policy != "":
			file = filepath.Join(dir, filepath.FromSlash(suite.Policy))
		default:
			file = filepath.Join(dir, "policy.cedar")
		}
		if policies[file] == nil {
			if policies[file], err = readGatePolicy(a, file); err != nil {
				return nil, err
			}
		}
		for _, r := range gate.RunCases(policies[file], suite) {
			d := r.Decision
			results = append(results, caseResult{r.Suite, r.Name, r.Problem == "", d.Verdict, d.ReasonCode, d.DeterminedBy, r.Problem})
		}
	}
	return results, nil
}

// reportCases prints the results. A case that failed is an error.
func reportCases(a *app, dir string, results []caseResult) error {
	failed := 0
	first := caseResult{}
	for _, r := range results {
		if !r.Pass {
			if failed++; failed == 1 {
				first = r
			}
		}
	}
	fields := object{"path": dir, "cases": results, "passed": len(results) - failed, "failed": failed}
	show := func(s *screen) {
		for _, r := range results {
			mark := s.green("✓")
			if !r.Pass {
				mark = s.red("✗")
			}
			fmt.Fprintf(s, "%s %s  %s\n", mark, plain(r.Name), s.dim(string(r.Verdict)+" "+r.ReasonCode))
			if !r.Pass {
				fmt.Fprintf(s, "  %s\n", plain(r.Problem))
			}
		}
	}
	if failed == 0 {
		return a.print(fields, func(s *screen) {
			show(s)
			s.done("%s passed", count(int64(len(results)), "case"))
		})
	}
	if !a.json {
		if err := a.print(nil, show); err != nil {
			return err
		}
	}
	return &regressError{
		text: fmt.Sprintf("%d of %s failed: %s: %s", failed, count(int64(len(results)), "case"), first.Name, first.Problem), code: "cases_failed",
		category: ledger.CategoryRegress, done: fields, hint: "if the policy is right, change what the case expects; else mend the policy",
	}
}

// casesXML returns results as JUnit XML.
func casesXML(results []caseResult) ([]byte, error) {
	all := junitSuites{}
	at := map[string]int{}
	for _, r := range results {
		if _, known := at[r.Suite]; !known {
			at[r.Suite] = len(all.Suites)
			all.Suites = append(all.Suites, junitSuite{Name: r.Suite})
		}
		suite := &all.Suites[at[r.Suite]]
		test := junitCase{Name: r.Name, Class: "policy." + r.Suite}
		if !r.Pass {
			suite.Failures, all.Failures = suite.Failures+1, all.Failures+1
			test.Failure = &junitProblem{Message: plain(r.Problem), Type: "policy", Text: plain(r.Problem)}
		}
		suite.Cases = append(suite.Cases, test)
		suite.Tests, all.Tests = suite.Tests+1, all.Tests+1
	}
	b, err := xml.MarshalIndent(all, "", "  ")
	return append([]byte(xml.Header), append(b, '\n')...), err
}
