package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

// noteUsed notes which approvals about content a resume has used up, and about what: the
// amended content, if an approver has amended it.
func (a *app) noteUsed(ctx context.Context, l *connect.Ledger, result commands.Result) error {
	p, resumed := result.Event.Payload().(ledger.Resumed)
	if !resumed || len(p.Consumes) == 0 {
		return nil
	}
	named, err := projection.Contents(ctx, l.Log, result.Event.JobID())
	if err != nil || len(named) == 0 {
		return err
	}
	a.used = nil
	for e, err := range l.Log.JobEvents(ctx, result.Event.JobID(), 1) {
		if err != nil {
			return err
		}
		if approved, ok := e.Payload().(ledger.Approved); ok && slices.Contains(p.Consumes, e.LeafHash()) {
			a.used = append(a.used, usedOf(e, approved, named)...)
		}
	}
	return nil
}

// noteErased says on standard error that what was approved can no longer be read, since it
// was erased. The approval stands: if that cannot be found out, nothing is said.
func (a *app) noteErased(ctx context.Context, l *connect.Ledger, result commands.Result) {
	p, ok := result.Event.Payload().(ledger.Approved)
	if !ok || p.Subject.IsZero() || !p.Amended.Digest.IsZero() {
		return
	}
	named, err := projection.Contents(ctx, l.Log, result.Event.JobID())
	if err == nil && projection.IsErased(named, p.Subject) {
		fmt.Fprintf(a.stderr, "note: the subject %s was erased: nobody can read any longer what was approved\n", p.Subject)
	}
}

// usedOf returns what an approval was about, if it was about content.
func usedOf(e ledger.Event, p ledger.Approved, named []projection.NamedContent) []usedApproval {
	digest := p.Subject
	if !p.Amended.Digest.IsZero() {
		digest = p.Amended.Digest
	}
	c, ok := projection.NamedAs(named, digest)
	if !ok {
		return nil
	}
	isAmended := func(u projection.ContentUse) bool {
		return u.As == projection.AsAmended && u.CheckpointID == p.CheckpointID
	}
	return []usedApproval{{
		Leaf: e.LeafHash(), Seq: e.Seq(), Actor: e.Actor(), CheckpointID: p.CheckpointID,
		Subject: digest, Amended: slices.ContainsFunc(c.Uses, isAmended), Name: c.Name,
	}}
}

// showUsed shows the approvals that a resume has used up.
func showUsed(s *screen, used []usedApproval) {
	for _, u := range used {
		what := "subject"
		if u.Amended {
			what = "amended subject"
		}
		s.fields([2]string{"used", fmt.Sprintf("%s by %s, about the %s %s %s", cmp.Or(u.CheckpointID, "approval"), u.Actor, what, u.Name, u.Subject)})
	}
}
