package daemon

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"gait/ledger"
)

// authority answers with a page of the authority events from a seq on.
func (s *Server) authority(w http.ResponseWriter, q *http.Request) error {
	return sendFrom(s, w, q, func(from ledger.Seq) ledger.Events {
		return eventsFrom(s.Log.AuthorityEvents(q.Context()), from)
	})
}

// eventsFrom returns those of some events whose seq is from or more.
func eventsFrom(events ledger.Events, from ledger.Seq) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range events {
			if (err != nil || e.Seq() >= from) && !yield(e, err) {
				return
			}
		}
	}
}

// AuthorityEvents returns all authority events, oldest first. It may be ranged over more
// than once. They are verified: the newest is the one that the ledger's last event names,
// which is in the tree of the signed checkpoint, and each names the one before it.
func (l *Ledger) AuthorityEvents(ctx context.Context) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		newest, err := newestAuthority(ctx, l)
		if err == nil && !newest.IsZero() {
			err = authorityEvents(ctx, l, newest, yield)
		}
		if err != nil {
			yield(ledger.Event{}, fmt.Errorf("reading the authority: %w", err))
		}
	}
}

// newestAuthority returns the leaf hash of the newest authority event, as the last event
// says.
func newestAuthority(ctx context.Context, l *Ledger) (ledger.Hash, error) {
	last, err := l.Event(ctx, ledger.Seq(l.checkpoint.Size-1))
	if err != nil {
		return ledger.Hash{}, err
	}
	return ledger.HeadAfter(last).Authority, hasEvent(ctx, l, last)
}

// authorityEvents reads page after page.
func authorityEvents(ctx context.Context, l *Ledger, newest ledger.Hash, yield func(ledger.Event, error) bool) error {
	query, before, from, limit := l.size(), ledger.Hash{}, ledger.Seq(0), firstPage
	for more := true; more; limit = min(8*limit, pageLines) {
		query.Set("from", strconv.FormatInt(int64(from), 10))
		query.Set("limit", strconv.Itoa(limit))
		lines, rest, err := l.page(ctx, "/v1/authority", query)
		if err != nil {
			return err
		}
		for _, line := range lines {
			e, err := ledger.Decode(line)
			if err != nil {
				return err
			}
			if !e.Type().OfAuthority() || e.Origin() != l.Origin() || e.Authority() != before || before == newest {
				return fmt.Errorf("%w: event %d is not the authority event after %s", ledger.ErrUnverified, e.Seq(), before)
			}
			if before, from = e.LeafHash(), e.Seq()+1; !yield(e, nil) {
				return nil
			}
		}
		more = rest
	}
	if before != newest {
		return fmt.Errorf("%w: the authority events end with %s, and not with %s", ledger.ErrUnverified, before, newest)
	}
	return nil
}
