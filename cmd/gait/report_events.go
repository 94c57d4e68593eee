package main

import (
	"context"

	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
	"gait/projection/compliance"
)

// An eventGathering gives a report the events of a ledger that it is about.
type eventGathering struct {
	ctx context.Context
	*connect.Ledger
	end ledger.Seq // the events before it are those of the tree that the report names
	to  *compliance.Builder
}

// all gathers the events of the whole ledger.
func (g eventGathering) all() error { return g.add(g.Log.Events(g.ctx, 0)) }

// of gathers the events of a job or, if job is "", of the jobs with these labels, and those of
// the ledger.
func (g eventGathering) of(job string, labelled projection.Filter) error {
	if err := g.ledgerEvents(); err != nil {
		return err
	}
	if job != "" {
		if _, err := findJob(g.ctx, g.Log, job); err != nil {
			return err
		}
		return g.add(g.Log.JobEvents(g.ctx, job, 1))
	}
	q := projection.Query{Filter: labelled, Limit: maxPage}
	for {
		page, more, err := g.List(g.ctx, q)
		if err != nil {
			return err
		}
		for _, j := range page {
			if err := g.add(g.Log.JobEvents(g.ctx, j.ID, 1)); err != nil {
				return err
			}
		}
		if !more || len(page) == 0 {
			return nil
		}
		q.After = q.PlaceOf(page[len(page)-1])
	}
}

// add adds events of the tree.
func (g eventGathering) add(events ledger.Events) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		if e.Seq() < g.end {
			g.to.Add(e)
		}
	}
	return nil
}

// ledgerEvents adds the events about the ledger itself, and of commitments to the index the
// newest, without reading the events of other jobs.
func (g eventGathering) ledgerEvents() error {
	first, err := g.Log.Event(g.ctx, 0)
	if err != nil {
		return err
	}
	g.to.Add(first)
	rotations, err := g.Log.Rotations(g.ctx)
	if err != nil {
		return err
	}
	for _, r := range rotations {
		if r.Event.Seq() < g.end {
			g.to.Add(r.Event)
		}
	}
	commitment, found, err := ledger.NewestCommitment(g.ctx, g.Log, g.end)
	if err != nil {
		return err
	}
	if found {
		g.to.Add(commitment)
	}
	return g.add(g.Log.AuthorityEvents(g.ctx))
}
