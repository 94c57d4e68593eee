package daemon

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"gait/ledger"
	"gait/ledger/content"
)

// Put has the daemon keep content of a job, and returns what it has kept: its caller
// compares that with the bytes. Keep says when it is durable, isNew that there need not be
// such a job.
func (l *Ledger) Put(ctx context.Context, job string, b []byte, keep string, isNew bool) (content.Salted, error) {
	query := url.Values{"id": {job}}
	if isNew {
		query.Set("new", "true")
	}
	if keep != keepNamed {
		query.Set("keep", keep)
	}
	var kept keptContent
	if err := l.client.ask(ctx, http.MethodPost, "/v1/job/contents/put?"+query.Encode(), b, &kept); err != nil {
		return content.Salted{}, err
	}
	c, err := kept.salted()
	if err != nil {
		return c, fmt.Errorf("reading the daemon's answer: %w: %w", ledger.ErrMalformed, err)
	}
	return c, nil
}

// GetKept reads content of a job as the daemon keeps it, the salt and the bytes. Its caller
// compares them with the digest.
func (l *Ledger) GetKept(ctx context.Context, job string, digest ledger.Hash) (io.ReadCloser, error) {
	query := url.Values{"id": {job}, "digest": {digest.String()}}
	res, err := l.client.send(ctx, http.MethodGet, "/v1/job/content?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxReply))
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return nil, readError(res.StatusCode, b)
}

// Kept returns what the daemon keeps of a job.
func (l *Ledger) Kept(ctx context.Context, job string) ([]content.Entry, error) {
	var list keptList
	if err := l.get(ctx, "/v1/job/contents", url.Values{"id": {job}}, &list); err != nil {
		return nil, err
	}
	all := make([]content.Entry, len(list.Kept))
	for i, e := range list.Kept {
		all[i] = content.Entry{Digest: e.Digest, Size: e.Size}
	}
	return all, nil
}
