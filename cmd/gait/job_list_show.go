package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

// parseSince reads a time, or how long ago it is.
func parseSince(text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	return parseTime("--since", text, "7d")
}

// listed calls use with the first jobs of a list, and returns where its next page begins,
// or "".
func (a *app) listed(ctx context.Context, q projection.Query, use func(projection.Job, judging)) (next string, err error) {
	err = a.read(ctx, func(r *connect.Ledger) error {
		if q.Basis, err = r.Basis(ctx); err != nil {
			return err
		}
		jobs, more, err := r.List(ctx, q)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			at := judging{Basis: q.Basis}
			if j.Awaits() {
				if at.after, err = projection.Dependencies(ctx, r.Log, j); err != nil {
					return err
				}
			}
			use(j, at)
		}
		if more && len(jobs) > 0 {
			next = placeText(q.PlaceOf(jobs[len(jobs)-1]), q.Sort)
		}
		return nil
	})
	return next, err
}

// placeText returns how a place in a list is given to --after.
func placeText(p projection.Place, by projection.Sort) string {
	if by == projection.ByID {
		return p.ID
	}
	return ledger.FormatTime(time.UnixMilli(p.Time)) + "/" + p.ID
}

// parsePlace reads what placeText writes, for a list in an order.
func parsePlace(text string, by projection.Sort) (p projection.Place, err error) {
	at, id, dated := strings.Cut(text, "/")
	switch {
	case text == "":
		return p, nil
	case !dated:
		at, id = "", text
	}
	if dated {
		moment, err := ledger.ParseTime(at)
		if err != nil {
			return p, &usageError{code: "invalid_after", text: fmt.Sprintf("--after %.160q: %v", text, err), hint: "give --after what the page before shows as the next one"}
		}
		p.Time = moment.UnixMilli()
	}
	if dated != (by != projection.ByID) {
		return p, &usageError{code: "invalid_after", text: fmt.Sprintf("--after %.160q is no place in a list by %s", text, by), hint: "give --after what the page before of the same list shows as the next one"}
	}
	p.ID = id
	return p, nil
}

// showList shows jobs, without columns that would be empty.
func showList(s *screen, page []projection.StatusView, now time.Time) {
	header := []string{"job", "status", "progress", "rev", "age", "changed", "leased to", "waits for", "required action", "labels", "last checkpoint"}
	cells := make([][]string, len(page))
	used := map[int]bool{}
	for i, v := range page {
		last := ""
		if v.LastCheckpoint != nil {
			last = v.LastCheckpoint.ID + " " + v.LastCheckpoint.Summary
		}
		cells[i] = []string{
			v.JobID, s.status(v.Status), stepsShort(v.Steps), strconv.FormatInt(v.Revision, 10), ageOf(v.CreatedAt, now), ageOf(v.UpdatedAt, now), leasedTo(v.Lease), waitsFor(v),
			shorten(requiredAction(v), 40), shorten(labelText(v.Labels), 32), shorten(last, 40),
		}
		for column, cell := range cells[i] {
			used[column] = used[column] || cell != ""
		}
	}
	var names []any
	rows := make([][]any, len(cells))
	for column, name := range header {
		if !used[column] {
			continue
		}
		names = append(names, name)
		for i := range cells {
			rows[i] = append(rows[i], cells[i][column])
		}
	}
	s.table(names, rows)
}

// requiredAction returns what the first open decision of a job asks for.
func requiredAction(v projection.StatusView) string {
	for _, d := range v.OpenDecisions {
		if d.RequiredAction != "" {
			return d.RequiredAction
		}
	}
	return ""
}

// labelText returns labels as --label takes them, by key.
func labelText(labels map[string]string) string {
	var all []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, key+"="+labels[key])
	}
	return strings.Join(all, " ")
}

// ageOf returns how long ago a time was, in up to three characters.
func ageOf(text string, now time.Time) string {
	at, err := ledger.ParseTime(text)
	if err != nil {
		return ""
	}
	const day = 24 * time.Hour
	age := max(now.Sub(at), 0)
	for _, unit := range []struct {
		below, one time.Duration
		name       string
	}{{time.Minute, time.Second, "s"}, {time.Hour, time.Minute, "m"}, {day, time.Hour, "h"}, {100 * day, day, "d"}, {700 * day, 7 * day, "w"}} {
		if age < unit.below {
			return fmt.Sprintf("%d%s", age/unit.one, unit.name)
		}
	}
	return fmt.Sprintf("%dy", age/(365*day))
}
