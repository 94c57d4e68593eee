package daemon

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"gait/ledger"
)

// Wait returns when the ledger holds more than size events: it listens to the
// daemon's stream. It fails with an *Error, or with an *UnreachableError, whose
// cause is that of the context if the context has ended.
func (c *Client) Wait(ctx context.Context, size int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := c.send(ctx, http.MethodGet, fmt.Sprintf("/v1/events?since=%d", size-1), nil)
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
