package main

import (
	"encoding/xml"
	"strings"
)

// JUnit XML, within the common schema: a suite for each fixture, a case for each
// comparison.
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

func junitXML(results []fixtureResult) ([]byte, error) {
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
