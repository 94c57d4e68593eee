package main

import (
	"gait/projection"
)

// leaseHints are the hints about leases, and about what a job waits for before it is leased.
var leaseHints = map[string]hintMaker{
	"command_not_started": say("look whether the command, its directory and the directory for what is temporary (TMPDIR) are there, and whether it may be run"),
	"guard_lost":          say("the process that ends commands for gait was killed; run the same command again"),
	"nothing_started":     say("look at the last error, and at the room in TMPDIR; then run it again"),

	"fenced":     ofDetails(fencedHint),
	"lease_held": ofDetails(heldHint),
	"not_due":    ofDetails(func(d projection.Details) string { return "try again at " + d.NotBefore }),
	"dependency_pending": ofDetails(func(d projection.Details) string {
		return "try again then: " + toShow(d.Dependencies)
	}),
	"dependency_failed": ofDetails(func(d projection.Details) string {
		return "it will never be leased; submit another job in its place, and end it: gait job cancel --id " + d.JobID
	}),
}

// fencedHint says how a worker that was fenced comes to act for the job again.
func fencedHint(d projection.Details) string {
	switch {
	case d.JobID == "":
		return "gait job lease show JOB shows who acts for the job now"
	case d.Epoch == 0:
		return "the job has no lease: leave --lease out and unset GAIT_LEASE, or take one: gait job lease take --id " + d.JobID
	}
	return "gait job lease show --id " + d.JobID + " shows who acts for the job now; who holds that lease names it with --lease or GAIT_LEASE, and others stop; once it has ended: gait job lease take --id " + d.JobID
}

// heldHint says when a lease that another worker holds ends.
func heldHint(d projection.Details) string {
	return "it ends at " + d.Until + " unless its holder goes on: try again then; if the holder is gone: gait job lease release --id " + d.JobID + " --actor NAME"
}

// toShow returns the command that shows the first of some jobs.
func toShow(jobs []string) string {
	if len(jobs) == 0 {
		return "gait job list"
	}
	return "gait job status --id " + jobs[0]
}
