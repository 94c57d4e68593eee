package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/packspec"
	"gait/packspec/regress"
	"gait/projection"
)

// candidates finds the job to compare with a recorded one.
type candidates struct {
	job     func(recorded string) (job string, h regress.History, err error) // nil if there is no candidate
	close   func()
	subject []regress.Resource // the candidate, for an attestation
}

// openCandidate opens the candidate. With alone there is one fixture, which is
// compared with a pack's job even if that has another id.
func openCandidate(ctx context.Context, a *app, flags runFlags, trusted []packspec.TrustedKey, alone bool) (candidates, error) {
	info, err := os.Stat(packAt(flags.candidate))
	if err != nil && flags.candidate != fromStdin {
		return candidates{}, &usageError{code: "file_not_found", text: flags.candidate + " does not exist", hint: "name a ledger's directory, or a pack"}
	}
	if flags.candidate == fromStdin || !info.IsDir() {
		pack, report, err := packFor(ctx, a, flags.candidate, "", trusted)
		return candidates{close: func() {}, subject: []regress.Resource{resource(flags.candidate, pack)}, job: func(recorded string) (string, regress.History, error) {
			if !alone && report.JobID != recorded && flags.match != "job="+report.JobID {
				return "", regress.History{}, fmt.Errorf("the pack is of job %s, not of %s; name one fixture, or --match job=%s", report.JobID, recorded, report.JobID)
			}
			h, err := regress.HistoryOf(pack)
			return report.JobID, h, err
		}}, err
	}
	o, err := a.optionsIn(flags.candidate)
	if err != nil {
		return candidates{}, err
	}
	a.readsAll = true
	r, err := connect.Open(ctx, o)
	if err != nil {
		return candidates{}, inDir(flags.candidate, err)
	}
	_, signed := r.Log.Checkpoint()
	checkpoint := resource("checkpoint of "+r.Log.Origin(), signed)
	checkpoint.Content = signed
	c := candidates{
		close: func() { _ = r.Close() }, subject: []regress.Resource{checkpoint},
		job: func(recorded string) (string, regress.History, error) {
			job, events, err := matchJob(ctx, r, flags.match, recorded)
			if err != nil {
				return "", regress.History{}, err
			}
			by, err := authorityIn(ctx, r)
			return job, regress.History{Events: events, Authority: by}, err
		},
	}
	var computed *wholeIndex
	if _, err = trustedIn(r.Log.Keys(), trusted, flags.keyFile); err == nil {
		computed, err = verifyEvents(a, r)
	}
	if err == nil {
		a.wasVerified(r, computed)
	}
	if err != nil {
		c.close()
		return candidates{}, inDir(flags.candidate, err)
	}
	return c, nil
}

// matchJob finds the job that --match names, or the one of the recorded id.
func matchJob(ctx context.Context, r *connect.Ledger, match, recorded string) (string, ledger.Events, error) {
	key, value, _ := strings.Cut(match, "=")
	if match == "" {
		key, value = "job", recorded
	}
	if key == "job" {
		_, err := findJob(ctx, r.Log, value)
		return value, r.Log.JobEvents(ctx, value, 1), err
	}
	var found []string
	for entry, err := range r.Log.Jobs(ctx, "") {
		if err != nil {
			return "", nil, err
		}
		job, _, _, err := projection.Load(ctx, r.Log, entry.ID)
		if err != nil {
			return "", nil, err
		}
		if job.StatusView().Labels[key] == value {
			found = append(found, entry.ID)
		}
	}
	if len(found) != 1 {
		return "", nil, &usageError{code: "invalid_match", text: fmt.Sprintf("%d jobs are labelled %s, not one", len(found), match), hint: "name the job: --match job=ID"}
	}
	return found[0], r.Log.JobEvents(ctx, found[0], 1), nil
}

// compare adds comparisons with the candidate's job, if there is a candidate, and
// returns the job's events.
func (r *fixtureResult) compare(f *regress.Fixture, candidate candidates) (h regress.History, err error) {
	if candidate.job == nil {
		return h, nil
	}
	job, h, err := candidate.job(r.JobID)
	if err != nil {
		return h, err
	}
	more, err := f.Behave(h)
	if err != nil {
		return h, err
	}
	r.Candidate, r.Comparisons = job, append(r.Comparisons, more...)
	return h, nil
}

// authorityIn returns all authority events of a ledger.
func authorityIn(ctx context.Context, r *connect.Ledger) (*authority.Chain, error) {
	chain := &authority.Chain{}
	for e, err := range r.Log.AuthorityEvents(ctx) {
		if err == nil {
			err = chain.Add(e)
		}
		if err != nil {
			return nil, err
		}
	}
	return chain, nil
}
