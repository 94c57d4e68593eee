package main

import (
	"fmt"
	"strings"
	"time"

	"gait/ledger"
	"gait/projection"
)

// barWidth is how many characters a bar of progress has.
const barWidth = 20

// stepsText shows how far a job has come, as a bar; "" if no checkpoint says.
func stepsText(c ledger.StepCount) string {
	if c.Total == 0 {
		return ""
	}
	full := int(c.Done * barWidth / c.Total)
	return fmt.Sprintf("%s%s %d/%d, %d%%", strings.Repeat("█", full), strings.Repeat("░", barWidth-full), c.Done, c.Total, c.Done*100/c.Total)
}

// stepsOf is stepsText; "" for nil.
func stepsOf(c *ledger.StepCount) string {
	if c == nil {
		return ""
	}
	return stepsText(*c)
}

// stepsShort is stepsText without the bar; "" for nil.
func stepsShort(c *ledger.StepCount) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf("%d/%d", c.Done, c.Total)
}

// leaseText says who acts for a job, and until when, if a clock reads a time; "" if it was
// never leased.
func leaseText(l *projection.Lease, reading time.Time) string {
	if l == nil {
		return ""
	}
	text := fmt.Sprintf("epoch %d", l.Epoch)
	if l.Worker != "" {
		text += fmt.Sprintf(" of %s (%s)", l.Worker, l.By)
	} else {
		text += ", in the ledger before this one"
	}
	switch {
	case l.Ended == projection.LeaseReleased:
		return text + ", released: " + strings.ReplaceAll(string(l.Outcome), "_", " ")
	case l.Ended != "":
		return text + ", ended when the job stopped running"
	case !reading.IsZero() && !l.Lives(reading):
		return text + ", ended at " + l.Until + ", since its holder was silent"
	}
	return text + ", until " + l.Until
}

// attemptsText says how many attempts of the job's workers have ended; "" if none.
func attemptsText(j projection.Job) string {
	if j.Attempts == 0 {
		return ""
	}
	return fmt.Sprintf("%d ended", j.Attempts)
}

// inputText says what content a job works on; "" if it was submitted without.
func inputText(j projection.Job) string {
	if j.Input == (ledger.Content{}) {
		return ""
	}
	return contentText(j.Input)
}

// afterText names the jobs that a job comes after, with their status if they were looked up.
func afterText(j projection.Job, after []projection.Dependency) string {
	if after == nil {
		return strings.Join(j.After, ", ")
	}
	var names []string
	for _, d := range after {
		status := string(d.Status)
		if status == "" {
			status = "not found"
		}
		names = append(names, d.JobID+" ("+status+")")
	}
	return strings.Join(names, ", ")
}

// unmet returns the ids of the jobs that a job comes after and that are not completed: all of
// them if they were not looked up.
func unmet(all []string, after []projection.Dependency) (ids []string) {
	for _, d := range after {
		if d.Status != projection.Completed {
			ids = append(ids, d.JobID)
		}
	}
	if ids == nil {
		return all
	}
	return ids
}

// leasedTo returns who acts under a lease that no event has ended, and whose time is not over;
// "" if no one does.
func leasedTo(l *projection.LeaseView) string {
	if l == nil || l.Ended != "" || l.Expired {
		return ""
	}
	return l.Worker
}

// waitsFor says in short what a job waits for: other jobs by their id, and a time.
func waitsFor(v projection.StatusView) string {
	switch v.WaitingFor {
	case projection.WaitsForTime:
		return v.WaitingFor + " " + v.NotBefore
	case projection.WaitsForDependency:
		ids := unmet(v.After, v.Dependencies)
		more := ""
		if len(ids) > 1 {
			more = fmt.Sprintf(" and %d more", len(ids)-1)
		}
		return v.WaitingFor + " " + shorten(ids[0], 32) + more
	}
	return v.WaitingFor
}
