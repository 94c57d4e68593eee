package daemon

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"gait/projection"
)

// Routes returns all routes, each with the names of its query, sorted.
func Routes() (all []string) {
	for _, r := range routes {
		all = append(all, strings.Join(append([]string{strings.ToLower(r.method), r.path}, r.query...), " "))
	}
	slices.Sort(all)
	return all
}

// Hints returns the hint of each code.
func Hints(d projection.Details) map[string]string {
	all := map[string]string{}
	for code := range hints {
		all[code] = hintOf(code, d)
	}
	return all
}

// Answered has tokens answer challenges of their own at a door, n each, until one fails, and
// forgets those that are over when the clock goes on by a challenge's life. It returns how
// many were taken before, how many are remembered then, and the error.
func Answered(tokens []string, n int, entropy io.Reader) (taken, remembered int, err error) {
	now := time.UnixMilli(0)
	p, err := newProofs(entropy, func() time.Time { return now })
	if err != nil {
		return 0, 0, err
	}
	for _, id := range tokens {
		for range n {
			nonce, err := p.nonce()
			if err != nil {
				return taken, 0, err
			}
			if err := p.take(nonce, id, 1); err != nil {
				now = now.Add(challengeLife)
				p.forget(now)
				return taken, len(p.answered) + len(p.by), err
			}
			taken++
		}
	}
	return taken, len(p.answered), nil
}

// Post sends a body, and returns the status and the bytes of the answer.
func (c *Client) Post(ctx context.Context, path string, b []byte) (status int, text []byte, err error) {
	res, err := c.send(ctx, http.MethodPost, path, b)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

// Follows reports whether a goroutine follows the ledger for those who wait for jobs.
func (s *Server) Follows() bool {
	s.queues.mu.Lock()
	defer s.queues.mu.Unlock()
	return s.queues.following
}
