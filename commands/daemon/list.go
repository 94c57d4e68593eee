package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"gait/ledger"
	"gait/projection"
)

// maxList is how many jobs one request may ask for.
const maxList = 1000

// A listQuestion is a projection.Query on the wire.
type listQuestion struct {
	Statuses []projection.Status `json:"statuses,omitempty"`
	Waiting  []string            `json:"waiting_for,omitempty"`
	Actor    string              `json:"actor,omitempty"`
	Labels   []ledger.Label      `json:"labels,omitempty"`
	Since    string              `json:"since,omitempty"`
	Sort     projection.Sort     `json:"sort,omitempty"`
	Reverse  bool                `json:"reverse,omitempty"`
	After    *place              `json:"after,omitempty"`
	Limit    int                 `json:"limit"`

	Unsettled bool `json:"unsettled,omitempty"`
}

// A place is a projection.Place on the wire.
type place struct {
	Time int64  `json:"time"`
	ID   string `json:"id"`
}

// A listAnswer is a page of jobs on the wire, each as projection.EncodeState writes it
// for the zero hash.
type listAnswer struct {
	States [][]byte `json:"states"`
	More   bool     `json:"more"`
}

func encodeQuery(q projection.Query) listQuestion {
	ask := listQuestion{
		Statuses: q.Statuses, Waiting: q.Waiting, Actor: q.Actor, Labels: q.Labels, Unsettled: q.Unsettled,
		Sort: q.Sort, Reverse: q.Reverse, Limit: min(q.Limit, maxList),
	}
	if !q.Since.IsZero() {
		ask.Since = ledger.FormatTime(q.Since)
	}
	if q.After.ID != "" {
		ask.After = &place{q.After.Time, q.After.ID}
	}
	return ask
}

// query reads what encodeQuery writes.
func (ask *listQuestion) query() (q projection.Query, err error) {
	q = projection.Query{Sort: ask.Sort, Reverse: ask.Reverse, Limit: ask.Limit}
	q.Filter = projection.Filter{Statuses: ask.Statuses, Waiting: ask.Waiting, Actor: ask.Actor, Labels: ask.Labels, Unsettled: ask.Unsettled}
	for _, s := range q.Statuses {
		if !slices.Contains(projection.Statuses, s) {
			return q, invalid("statuses", "%.40q is not a status", s)
		}
	}
	for _, w := range q.Waiting {
		if !slices.Contains(projection.WaitsFor, w) {
			return q, invalid("waiting_for", "%.40q is nothing that jobs wait for", w)
		}
	}
	if q.Sort != "" && !slices.Contains(projection.Sorts, q.Sort) {
		return q, invalid("sort", "%.40q is no order", q.Sort)
	}
	if q.Limit < 1 || q.Limit > maxList {
		return q, invalid("limit", "%d is not from 1 to %d", q.Limit, maxList)
	}
	if ask.After != nil {
		q.After = projection.Place{Time: ask.After.Time, ID: ask.After.ID}
	}
	if ask.Since != "" {
		var at time.Time
		if at, err = ledger.ParseTime(ask.Since); err != nil {
			return q, invalid("since", "%s", err)
		}
		q.Since = at
	}
	return q, nil
}

// list answers with the first jobs of a list, fewer than asked for if they are long.
func (s *Server) list(w http.ResponseWriter, r *http.Request) error {
	var ask listQuestion
	if err := decodeBody(w, r, &ask); err != nil {
		return err
	}
	q, err := ask.query()
	if err != nil {
		return err
	}
	if q.Basis, err = projection.BasisOf(r.Context(), s.Log, s.Now()); err != nil {
		return err
	}
	jobs, more, err := projection.List(r.Context(), s.Log, q)
	if err != nil {
		return err
	}
	a, size := listAnswer{States: [][]byte{}, More: more}, 0
	for i, j := range jobs {
		state := projection.EncodeState(j, ledger.Hash{})
		a.States = append(a.States, state)
		if size += len(state); size >= pageBytes && i < len(jobs)-1 {
			a.More = true
			break
		}
	}
	return reply(w, http.StatusOK, a)
}

// List is projection.List of the daemon's ledger, as it is now.
func (l *Ledger) List(ctx context.Context, q projection.Query) (jobs []projection.Job, more bool, err error) {
	for more = true; more && len(jobs) < q.Limit; {
		rest := q
		rest.Limit -= len(jobs)
		var a listAnswer
		err := l.post(ctx, "/v1/jobs/list", encodeQuery(rest), &a)
		if old, ok := errors.AsType[*Error](err); ok && old.Kind.Code == noRoute.Code { // an older daemon
			return projection.ListAll(ctx, l, q)
		}
		if err != nil {
			return nil, false, err
		}
		if a.More && len(a.States) == 0 {
			return nil, false, fmt.Errorf("%w: an empty page of jobs that is not the last", ledger.ErrMalformed)
		}
		for _, state := range a.States {
			j, ok := projection.DecodeState(state, ledger.Hash{})
			if !ok {
				return nil, false, fmt.Errorf("the state of a listed job: %w", ledger.ErrUnsupportedVersion)
			}
			jobs, q.After = append(jobs, j), q.PlaceOf(j)
		}
		more = a.More
	}
	return jobs, more, nil
}

// noRoute is the fault with which a daemon reports that it does not know an address.
var noRoute, _ = ledger.FaultOf(ErrNoRoute)
