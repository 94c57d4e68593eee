package daemon

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"

	"gait/commands/gate"
	"gait/ledger"
	"gait/ledger/content"
)

// MaxPolicy is how many bytes a policy that is kept has at most.
const MaxPolicy = gate.MaxPolicy

// A keptPolicy is a policy that was put, on the wire.
type keptPolicy struct {
	Digest ledger.Hash `json:"digest"` // SHA-256 of the bytes
	Size   int64       `json:"size"`
}

// servePutPolicy keeps a policy, durably. It binds no job to it.
func servePutPolicy(s *Server, w http.ResponseWriter, q *http.Request) error {
	if s.Content == nil {
		return ErrNoContent
	}
	b, err := bodyOf(w, q, MaxPolicy)
	if err != nil {
		return err
	}
	kept, err := s.Content.Put(b)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, keptPolicy{kept.Digest, kept.Size})
}

// servePolicy answers with the bytes of a policy.
func servePolicy(s *Server, w http.ResponseWriter, q *http.Request) error {
	if s.Content == nil {
		return ErrNoContent
	}
	digest, err := ledger.ParseHash(q.URL.Query().Get("digest"))
	if err != nil {
		return invalid("digest", "%.80q is not a digest", q.URL.Query().Get("digest"))
	}
	b, err := s.Content.Read(digest, MaxPolicy)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, "application/octet-stream", b)
}

// PutPolicy has the daemon keep a policy, and returns its digest. It fails if the daemon has
// kept something else.
func (c *Client) PutPolicy(ctx context.Context, b []byte) (ledger.Hash, error) {
	if len(b) > MaxPolicy {
		return ledger.Hash{}, &content.TooLargeError{Limit: MaxPolicy}
	}
	var kept keptPolicy
	if err := c.ask(ctx, http.MethodPost, "/v1/policies/put", b, &kept); err != nil {
		return ledger.Hash{}, err
	}
	if want := ledger.Hash(sha256.Sum256(b)); kept.Digest != want || kept.Size != int64(len(b)) {
		return ledger.Hash{}, fmt.Errorf("comparing what was kept with what was sent: %w", &content.DamagedError{Digest: want})
	}
	return kept.Digest, nil
}

// ReadPolicy returns the bytes of a policy that the daemon keeps, compared with the digest.
func (c *Client) ReadPolicy(ctx context.Context, digest ledger.Hash) ([]byte, error) {
	b, err := c.read(ctx, http.MethodGet, "/v1/policy?"+url.Values{"digest": {digest.String()}}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	is, err := content.Digest(bytes.NewReader(b))
	if err == nil && is.Digest != digest {
		err = &content.DamagedError{Digest: digest}
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}
