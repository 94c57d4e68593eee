package daemon

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// Bounds of what is asked for.
const (
	maxCandidates = 64
	maxCandidWait = 10 * time.Minute
)

// claimedStatuses are those of jobs that can be claimed: the running ones are leased, and the
// others are resumed first.
var claimedStatuses = []projection.Status{projection.Running, projection.PausedStatus, projection.DecisionNeeded, projection.Blocked}

// A CandidateQuery says which jobs a worker could claim: those that it could lease now, or
// that were approved and wait only for a resume.
type CandidateQuery struct {
	Labels   []ledger.Label      // a job has all of them
	Statuses []projection.Status // and one of these; nil stands for running. Others were approved and wait only for a resume
	Limit    int                 // of jobs; 0 stands for 1

	// Wait is how long to wait for a job if there is none. Only a daemon waits.
	Wait time.Duration

	// Skip reports whether the caller does not want a job now; nil: it wants all. A daemon does
	// not know of it: it may answer with nothing but such jobs, and tells of others when it is
	// asked again.
	Skip func(job string) bool
}

// Skips reports whether the caller does not want a job.
func (q CandidateQuery) Skips(job string) bool { return q.Skip != nil && q.Skip(job) }

// A candidateQuestion is a CandidateQuery on the wire.
type candidateQuestion struct {
	Labels   []ledger.Label      `json:"labels,omitempty"`
	Statuses []projection.Status `json:"statuses,omitempty"`
	Limit    int                 `json:"limit,omitempty"`
	WaitMS   int64               `json:"wait_ms,omitempty"`
}

// A candidateAnswer is the ids of jobs, the oldest first.
type candidateAnswer struct {
	Jobs []string `json:"jobs"`
}

// Filter returns which jobs are meant. It fails if no job could be.
func (q CandidateQuery) Filter() (projection.Filter, error) {
	f := projection.Filter{Statuses: slices.Clone(q.Statuses), Labels: slices.Clone(q.Labels)}
	if len(f.Statuses) == 0 {
		f.Statuses = claimedStatuses[:1:1]
	}
	for _, s := range f.Statuses {
		if !slices.Contains(claimedStatuses, s) {
			return f, invalid("statuses", "%.40q is none of %s", s, ledger.OneOf(claimedStatuses))
		}
	}
	if len(f.Labels) > ledger.MaxLabels {
		return f, invalid("labels", "%d labels, at most %d", len(f.Labels), ledger.MaxLabels)
	}
	slices.Sort(f.Statuses)
	slices.SortFunc(f.Labels, func(a, b ledger.Label) int { return strings.Compare(a.Key+"="+a.Value, b.Key+"="+b.Value) })
	f.Statuses, f.Labels = slices.Compact(f.Statuses), slices.Compact(f.Labels)
	return f, nil
}

// query reads a question, and what the queue for it is kept under.
func (ask *candidateQuestion) query() (q CandidateQuery, f projection.Filter, key string, err error) {
	q = CandidateQuery{Labels: ask.Labels, Statuses: ask.Statuses, Limit: max(ask.Limit, 1), Wait: time.Duration(ask.WaitMS) * time.Millisecond}
	if f, err = q.Filter(); err != nil {
		return q, f, "", err
	}
	switch {
	case ask.Limit < 0 || ask.Limit > maxCandidates:
		err = invalid("limit", "%d is not from 0 to %d", ask.Limit, maxCandidates)
	case ask.WaitMS < 0 || ask.WaitMS > maxCandidWait.Milliseconds():
		err = invalid("wait_ms", "%d is not from 0 to %d", ask.WaitMS, maxCandidWait.Milliseconds())
	}
	if err != nil {
		return q, f, "", err
	}
	b, err := jcs.Marshal(candidateQuestion{Labels: f.Labels, Statuses: f.Statuses})
	return q, f, string(b), err
}

// serveCandidates answers with jobs that the caller could claim. For a while no other caller
// is told of them.
func serveCandidates(s *Server, w http.ResponseWriter, r *http.Request) error {
	var ask candidateQuestion
	if err := decodeBody(w, r, &ask); err != nil {
		return err
	}
	q, f, key, err := ask.query()
	if err != nil {
		return err
	}
	s.Metrics.queues.add(f.Labels)
	jobs, err := s.queues.ask(r.Context(), key, f, q.Limit, q.Wait)
	if err != nil {
		return err
	}
	if !isStillAdmitted(r.Context()) {
		return ErrToken
	}
	return reply(w, http.StatusOK, candidateAnswer{Jobs: append([]string{}, jobs...)})
}

// Candidates returns the ids of jobs that a worker could claim, the oldest first; none if
// there is none within q.Wait, or those that there are are skipped. For two seconds the daemon tells no other client of them.
func (c *Client) Candidates(ctx context.Context, q CandidateQuery) ([]string, error) {
	b, err := jcs.Marshal(candidateQuestion{Labels: q.Labels, Statuses: q.Statuses, Limit: q.Limit, WaitMS: q.Wait.Milliseconds()})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, q.Wait+grace, errSilent)
	defer cancel()
	var a candidateAnswer
	if err := c.ask(ctx, http.MethodPost, "/v1/candidates", b, &a); err != nil {
		return nil, err
	}
	for _, id := range a.Jobs {
		if err := ledger.FieldJobID.Check(id); err != nil {
			return nil, fmt.Errorf("reading the daemon's answer: %w: %w", ledger.ErrMalformed, err)
		}
	}
	return slices.DeleteFunc(a.Jobs, q.Skips), nil
}
