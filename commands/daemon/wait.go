package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gait/ledger"
)

// silence is how long a stream may be silent, comments included, before its daemon counts as
// gone.
const silence = 3 * heartbeat

var errSilent = errors.New("it is silent")

// Wait returns when the ledger holds more than size events: it listens to the
// daemon's stream. It fails with an *Error, or with an *UnreachableError, whose
// cause is that of the context if the context has ended.
func (c *Client) Wait(ctx context.Context, size int64) error { return c.WaitJob(ctx, "", size) }

// WaitJob returns when one of the events after the first size ones is of a job, as Wait does
// for all jobs.
func (c *Client) WaitJob(ctx context.Context, job string, size int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	query := url.Values{"since": {strconv.FormatInt(size-1, 10)}}
	if job != "" {
		query.Set("job", job)
	}
	silent := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer silent.Stop()
	res, err := c.send(ctx, http.MethodGet, "/v1/events?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: the daemon answered %d", ledger.ErrMalformed, res.StatusCode)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 2*ledger.MaxEventSize)
	for lines.Scan() {
		silent.Reset(silence)
		id, ok := strings.CutPrefix(lines.Text(), "id: ")
		if seq, err := strconv.ParseInt(id, 10, 64); ok && err == nil && seq >= size {
			return nil
		}
	}
	err = lines.Err()
	if err == nil {
		err = fmt.Errorf("%w: the stream ended", ledger.ErrMalformed)
	}
	return unreachable(ctx, err)
}
