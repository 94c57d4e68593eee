package main

import (
	"fmt"

	"gait/ledger/home"
	"gait/packspec"
	"gait/packspec/finding"
)

// goesOnOnce compares a pack of a job that verifies with where the job was seen to go on: a
// job goes on in one ledger, and its ledger before has no more of it. It remembers where
// this pack's job goes on, if a key that the user trusts has signed the ledger before.
func goesOnOnce(a *app, report packspec.Report) (packspec.Report, error) {
	dir, err := a.homeIfAny()
	if err != nil || dir == "" || !report.Verified || report.PackType != packspec.TypeJob {
		return report, err
	}
	goes, known, err := home.SeenContinued(dir, report.Origin, report.JobID)
	if err != nil {
		return report, err
	}
	if no := goes.EndsBefore(report.EventCount); known && no != "" {
		report.Fail(forkOfContinued(no))
		return report, nil
	}
	from := report.Continued
	if from == nil || from.Key == "" {
		return report, nil
	}
	no, err := goesOnElsewhere(dir, from.Origin, report.JobID, report.Origin)
	switch {
	case err != nil:
		return report, err
	case no != "":
		report.Fail(forkOfContinued(no))
		return report, nil
	}
	err = home.NoteContinued(dir, home.ContinuedSeen{JobID: report.JobID, JobSeq: from.JobSeq, Origin: from.Origin, Successor: report.Origin})
	if err != nil {
		a.notice(fmt.Sprintf("where the job goes on is not remembered, so another ledger that continues it would not be noticed: %v", err))
	}
	return report, nil
}

func forkOfContinued(text string) *finding.Failure {
	return finding.Failf(finding.LevelFreshness, finding.CodeForked, "", "%s", text)
}

// goesOnElsewhere says in which other ledger a job was seen to go on, or returns "".
func goesOnElsewhere(dir, origin, job, successor string) (string, error) {
	goes, known, err := home.SeenContinued(dir, origin, job)
	if err != nil || !known {
		return "", err
	}
	return goes.Contradicts(successor), nil
}
