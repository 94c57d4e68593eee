package main

import (
	"fmt"

	"gait/packspec"
	"gait/packspec/finding"
)

// reportPack prints the report. given is the file with the only keys to trust, if
// one was named.
func reportPack(a *app, path, given string, report packspec.Report) error {
	if !a.json {
		s := a.screen()
		showReport(s, path, report)
		if _, err := a.stdout.Write([]byte(s.String())); err != nil {
			return err
		}
	}
	if report.Verified {
		if a.json {
			return a.print(object{"path": path, "report": report}, nil)
		}
		return nil
	}
	return notVerified(path, given, report)
}

func showReport(s *screen, path string, report packspec.Report) {
	s.add(s.bold(plain(path)))
	switch {
	case report.From != nil:
		fmt.Fprintf(s, "  events %d to %d", *report.From, *report.To)
	case report.JobID != "":
		fmt.Fprintf(s, "  job %s", plain(report.JobID))
		if report.Commitment != nil {
			fmt.Fprintf(s, " as of event %d", *report.Commitment)
		}
	}
	switch {
	case report.Format == packspec.FormatV1:
		s.add(" in a PackSpec v1 pack")
	case report.Origin != "":
		fmt.Fprintf(s, " of %s", report.Origin)
	}
	s.add("\n")
	rows := make([][]any, len(report.Levels))
	for i, l := range report.Levels {
		word := string(l.Status)
		switch l.Status {
		case finding.Proved:
			word = s.green("✓ " + word)
		case finding.Failed:
			word = s.red("✗ " + word)
		default:
			word = s.yellow("– " + word)
		}
		rows[i] = []any{l.Name, word, l.Detail}
	}
	s.table([]any{"level", "result", "what it means"}, rows)
	if report.Notice != "" {
		fmt.Fprintf(s, "%s %s\n", s.yellow("note:"), report.Notice)
	}
	if report.Verified {
		fmt.Fprintf(s, "%s\n", s.green("VERIFIED"))
		return
	}
	fmt.Fprintf(s, "%s: %s\n", s.red("NOT VERIFIED"), plain(report.Failure.Error()))
	for _, note := range report.Evidence {
		fmt.Fprintf(s, "\n%s", note)
	}
}
