package daemon

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/content"
	"gait/projection"
)

// ErrNoContent says that the server keeps no content.
var ErrNoContent = ledger.NewError("the daemon keeps no content", ledger.Fault{Code: "content_missing", Category: ledger.CategoryDependency})

// uploadRate is how many bytes of content a client must send in a second, after the first
// bodyTimeout.
const uploadRate = 64 << 10

// A keptContent is content of a job that was put, on the wire.
type keptContent struct {
	Digest ledger.Hash `json:"digest"`
	Salt   string      `json:"salt"` // 16 bytes, hexadecimal
	Size   int64       `json:"size"`
}

func encodeSalted(c content.Salted) keptContent {
	return keptContent{Digest: c.Digest, Salt: hex.EncodeToString(c.Salt[:]), Size: c.Size}
}

func (k keptContent) salted() (c content.Salted, err error) {
	c.Entry = content.Entry{Digest: k.Digest, Size: k.Size}
	b, err := hex.DecodeString(k.Salt)
	if err == nil && len(b) != content.SaltSize {
		err = fmt.Errorf("a salt of %d bytes", len(b))
	}
	copy(c.Salt[:], b)
	return c, err
}

// putContent keeps content of a job.
func (s *Server) putContent(w http.ResponseWriter, q *http.Request) error {
	query := q.URL.Query()
	isNew := query.Get("new")
	if isNew != "" && isNew != "true" {
		return invalid("new", "%.40q is not true", isNew)
	}
	if isNew != "" {
		if err := mayAsk(q.Context(), commands.RowOf(commands.Submit{}).Roles...); err != nil {
			return err
		}
	}
	job, err := contentFor(q.Context(), s, query.Get("id"), isNew != "")
	if err != nil {
		return err
	}
	limit := s.MaxContent
	if limit <= 0 {
		limit = content.DefaultLimit
	}
	switch {
	case q.ContentLength < 0:
		return invalid("Content-Length", "content is sent with its length")
	case q.ContentLength > limit:
		return &content.TooLargeError{Limit: limit}
	}
	conn := http.NewResponseController(w)
	most := bodyTimeout + time.Duration(q.ContentLength/uploadRate)*time.Second
	_ = conn.SetReadDeadline(s.Now().Add(most)) // a connection that supports no deadlines has none
	kept, err := s.put(job, q.Body, query.Get("keep"), limit)
	if err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Time{}) // the body is complete
	return reply(w, http.StatusOK, encodeSalted(kept))
}

// How content is kept that is put.
const (
	keepNamed = ""     // durable once an event names it
	keepNow   = "now"  // durable when the answer comes
	keepNot   = "none" // not at all: the answer says what it would be
)

func (s *Server) put(job *content.JobStore, r io.Reader, keep string, limit int64) (content.Salted, error) {
	switch keep {
	case keepNot:
		return job.WouldSpool(&bodyReader{from: r}, s.Entropy, limit)
	case keepNamed, keepNow:
	default:
		return content.Salted{}, invalid("keep", "%.40q is neither %s nor %s", keep, keepNow, keepNot)
	}
	kept, err := job.PutFrom(&bodyReader{from: r}, s.Entropy, limit)
	if err == nil && keep == keepNow {
		err = s.Content.Flush()
	}
	return kept, err
}

// contentOf returns the content of a job, which must be there.
func (s *Server) contentOf(ctx context.Context, id string) (*content.JobStore, error) {
	if s.Content == nil {
		return nil, ErrNoContent
	}
	if err := ledger.FieldJobID.Check(id); err != nil {
		return nil, &commands.InvalidError{Err: err}
	}
	found, err := s.Log.Load(ctx, []string{id}, nil)
	if err != nil {
		return nil, err
	}
	if _, ok := found.Jobs[id]; !ok {
		return nil, fmt.Errorf("%w: %s", commands.ErrJobNotFound, id)
	}
	return s.Content.Job(id), nil
}

// contentFor is contentOf for what is to be put: it fails with ledger.ErrContentSecret if the
// job has a content key and its secret is not there. If isNew, there need not be such a job.
func contentFor(ctx context.Context, s *Server, id string, isNew bool) (*content.JobStore, error) {
	if s.Content == nil {
		return nil, ErrNoContent
	}
	if err := ledger.FieldJobID.Check(id); err != nil {
		return nil, &commands.InvalidError{Err: err}
	}
	job, _, ok, err := projection.LoadState(ctx, s.Log, id)
	switch {
	case err != nil:
		return nil, err
	case !ok && !isNew:
		return nil, fmt.Errorf("%w: %s", commands.ErrJobNotFound, id)
	}
	store := s.Content.Job(id)
	return store, store.CheckKey(job.ContentKey)
}

// A bodyReader is a body whose errors are those of its client.
type bodyReader struct{ from io.Reader }

func (r *bodyReader) Read(b []byte) (int, error) {
	n, err := r.from.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &commands.InvalidError{Err: fmt.Errorf("%w: %w", ledger.ErrMalformed, err)}
	}
	return n, err
}

// content answers with content of a job as it is kept: the salt and the bytes.
func (s *Server) content(w http.ResponseWriter, q *http.Request) error {
	query := q.URL.Query()
	job, err := s.contentOf(q.Context(), query.Get("id"))
	if err != nil {
		return err
	}
	digest, err := ledger.ParseHash(query.Get("digest"))
	if err != nil {
		return invalid("digest", "%.80q is not a digest", query.Get("digest"))
	}
	named, err := projection.Contents(q.Context(), s.Log, query.Get("id"))
	if err != nil {
		return err
	}
	r, err := job.GetKept(digest, projection.IsErased(named, digest))
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(content.SaltSize+r.Size, 10))
	w.WriteHeader(http.StatusOK)
	_, _ = io.Copy(w, r) // the client finds out by the digest that it has not got all
	return nil
}

// A keptList is the digests of what is kept of a job, on the wire.
type keptList struct {
	Kept []keptEntry `json:"kept"`
}

type keptEntry struct {
	Digest ledger.Hash `json:"digest"`
	Size   int64       `json:"size"`
}

// contents answers with what is kept of a job, named by events or not.
func (s *Server) contents(w http.ResponseWriter, q *http.Request) error {
	job, err := s.contentOf(q.Context(), q.URL.Query().Get("id"))
	if err != nil {
		return err
	}
	all, err := job.List()
	if err != nil {
		return err
	}
	list := keptList{Kept: []keptEntry{}}
	for _, e := range all {
		list.Kept = append(list.Kept, keptEntry{e.Digest, e.Size})
	}
	return reply(w, http.StatusOK, list)
}
