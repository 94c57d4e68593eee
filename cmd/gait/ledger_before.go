package main

import (
	"context"
	"fmt"
	"strings"

	"gait/commands/connect"
	"gait/commands/recall"
	"gait/ledger"
	"gait/packspec"
)

// A beforeCheck checks what a ledger says of the ledgers that it continues: of each job
// that one of them held, and of the request ids that they used.
type beforeCheck struct {
	packspec.ContinuedJobs
	has      func(ledger.Hash) (bool, error) // whether content is there
	requests *ledger.Requests                // that event 0 names, or nil
	lacking  bool                            // their content is not there
}

// A contentSource has content: a *content.Store or a *packspec.ExportedLog.
type contentSource interface {
	Has(digest ledger.Hash) (bool, error)
	Read(digest ledger.Hash, limit int64) ([]byte, error)
}

// checkBefore returns the check of a ledger with content, on behalf of a user who trusts
// these keys.
func checkBefore(memory recall.Memory, kept contentSource, trusted []packspec.TrustedKey) *beforeCheck {
	return &beforeCheck{ContinuedJobs: packspec.ContinuedJobs{
		Options: packspec.Options{Trusted: trusted, Before: memory.Jobs, Seen: memory.Checkpoints},
		Content: kept.Read,
	}, has: kept.Has}
}

// event checks the next event of the ledger, from event 0 on.
func (b *beforeCheck) event(e ledger.Event) error {
	if err := b.Add(e); err != nil || e.Seq() > 0 {
		return err
	}
	if b.requests = ledger.InheritedRequests(e); b.requests == nil {
		return nil
	}
	there, err := b.has(b.requests.Digest)
	b.lacking = !there
	return err
}

// checked returns the events of a whole ledger, up to one that fails the check.
func (b *beforeCheck) checked(events ledger.Events) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range events {
			if err == nil {
				err = b.event(e)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// missing returns the error about proofs that are not there, or nil.
func (b *beforeCheck) missing() error {
	var jobs []string
	for _, from := range b.Ledgers {
		jobs = append(jobs, from.Missing...)
	}
	if len(jobs) == 0 {
		return nil
	}
	return fmt.Errorf("every event holds, and the proof that a ledger before had it is not there for %s: %w", someOf("job", jobs), ledger.ErrContentMissing)
}

// tell adds to the output what the check has found.
func (b *beforeCheck) tell(a *app, fields object) (lines [][2]string) {
	if b.Ledgers != nil {
		fields["continued"] = b.Ledgers
	}
	for _, from := range b.Ledgers {
		lines = append(lines, [2]string{"before", summaryOf(from)})
		if len(from.Missing) > 0 {
			a.notice(fmt.Sprintf("the proof that %s had it before is not there for %s", from.Origin, someOf("job", from.Missing)))
		}
		if len(from.Newer) > 0 {
			a.notice(fmt.Sprintf("you have seen a newer event there, which is not continued, of %s", someOf("job", from.Newer)))
		}
		if len(from.Incomplete) > 0 {
			a.notice(fmt.Sprintf("event 0 says that not all events of %s were found, so that some may be lost of %s", from.Origin, someOf("job", from.Incomplete)))
		}
	}
	if b.requests != nil {
		fields["requests"] = object{"count": b.requests.Count, "digest": b.requests.Digest, "missing": b.lacking}
	}
	if b.lacking {
		a.index, a.indexNoticed = ledger.IndexUnchecked.String(), true
		a.notice(fmt.Sprintf("the index is unchecked: the request ids that the ledgers before used, content %s, are not there", b.requests.Digest))
	}
	return lines
}

// tellLacking says which contents a backup, or an export, lacks that the events in it name.
func (c *console) tellLacking(where string, lacking []ledger.Hash) {
	if len(lacking) == 0 {
		return
	}
	var names []string
	for _, digest := range lacking {
		names = append(names, digest.String())
	}
	c.notice(fmt.Sprintf("the %s does not have %s, which its events name: gait ledger verify says what that means", where, someOf("content", names)))
}

// summaryOf says what was found of the jobs that a ledger held before.
func summaryOf(from *packspec.LedgerBefore) string {
	text := fmt.Sprintf("%s, %s: %d proved", from.Origin, count(from.Jobs, "job"), from.Proved)
	if n := int64(len(from.Missing)); n > 0 {
		text += fmt.Sprintf(", %d without proof", n)
	}
	if n := int64(len(from.Newer)); n > 0 {
		text += fmt.Sprintf(", %d older than seen", n)
	}
	if n := int64(len(from.Incomplete)); n > 0 {
		text += fmt.Sprintf(", %d from a ledger not found whole", n)
	}
	if n := int64(len(from.Partly)); n > 0 {
		text += fmt.Sprintf(", %d by the last event alone", n)
	}
	if n := from.Jobs - from.Proved - int64(len(from.Missing)+len(from.Newer)+len(from.Incomplete)+len(from.Partly)); n > 0 {
		text += fmt.Sprintf(", %d in a tree that no key you trust has signed", n)
	}
	return text
}

// someOf names things, and counts them if they are many.
func someOf(what string, names []string) string {
	const most = 5
	switch n := len(names); {
	case n == 1:
		return what + " " + names[0]
	case n > most:
		return fmt.Sprintf("%ss %s and %d more", what, strings.Join(names[:most], ", "), n-most)
	}
	return what + "s " + strings.Join(names, ", ")
}

// A lackingError says that a ledger holds, and what is kept beside it is not all there.
type lackingError struct {
	error
	found object
}

// Unwrap returns what classifies the error.
func (e *lackingError) Unwrap() error { return e.error }

func (e *lackingError) fields() object { return e.found }

// holdsToSeen requires that a ledger is the one that was seen in packs and proofs, and
// passes each event to use.
func holdsToSeen(ctx context.Context, memory recall.Memory, r *connect.Ledger, use func(ledger.Event) error) error {
	seen, err := memory.Ledger(r.Log.Keys())
	if err != nil {
		return err
	}
	for e, err := range seen.Checked(r.Log.Events(ctx, 0)) {
		if err == nil {
			err = use(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
