package connect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"gait/ledger"
	"gait/ledger/content"
	"gait/projection"
)

// An Upload is content to keep for a job.
type Upload struct {
	Name      string // of its file; may be ""
	MediaType string // may be ""
	Bytes     io.ReadSeeker
	Keep      Keep
	Limit     int64 // how many bytes at most; 0 stands for content.DefaultLimit

	// NewJob says that there need not be such a job: the event that begins it names the
	// content.
	NewJob bool
}

// A Keep says when content that is put is durable.
type Keep string

// When content is durable.
const (
	KeepNamed Keep = ""     // once an event names it
	KeepNow   Keep = "now"  // at once: the event may come from another process
	KeepNot   Keep = "none" // never: nothing is kept, and the digest may become another one
)

// An Uploaded is content that was put, as an event names it, and its salt.
type Uploaded struct {
	ledger.Content

	Salt [content.SaltSize]byte
}

// PutContent keeps content of a job, and compares the digest with the bytes: an event that
// names it can be signed. The first event of the job that names content also gets the
// job's content key, from the process that keeps it. If the job has that key and its secret is
// not there, PutContent fails with ledger.ErrContentSecret.
func (l *Ledger) PutContent(ctx context.Context, job string, u Upload) (Uploaded, error) {
	if l.readOnly && u.Keep != KeepNot {
		return Uploaded{}, ErrReadOnly
	}
	if err := l.mayPut(ctx, job, u.NewJob); err != nil {
		return Uploaded{}, err
	}
	limit := u.Limit
	if limit <= 0 {
		limit = content.DefaultLimit
	}
	kept, err := l.put(ctx, job, u, limit)
	if err != nil {
		return Uploaded{}, err
	}
	is, err := content.DigestSalted(u.Bytes, kept.Salt)
	if err == nil && is != kept.Entry {
		err = &content.DamagedError{Digest: kept.Digest}
	}
	if err != nil {
		return Uploaded{}, fmt.Errorf("comparing what was kept with what was sent: %w", err)
	}
	return Uploaded{Content: ledger.Content{Digest: kept.Digest, MediaType: u.MediaType, Name: u.Name, Size: kept.Size}, Salt: kept.Salt}, nil
}

func (l *Ledger) put(ctx context.Context, job string, u Upload, limit int64) (content.Salted, error) {
	if l.daemon != nil {
		b, err := io.ReadAll(io.LimitReader(u.Bytes, limit+1))
		if err == nil && int64(len(b)) > limit {
			err = &content.TooLargeError{Limit: limit}
		}
		if err != nil {
			return content.Salted{}, err
		}
		return l.daemon.Put(ctx, job, b, string(u.Keep), u.NewJob)
	}
	store := l.root.Content()
	if u.Keep == KeepNot {
		return store.Job(job).Would(u.Bytes, l.engine.Entropy, limit)
	}
	kept, err := store.Job(job).PutFrom(u.Bytes, l.engine.Entropy, limit)
	if err == nil && u.Keep == KeepNow {
		err = store.Flush()
	}
	return kept, err
}

// mayPut fails if there is no such job and it is not new, and with ledger.ErrContentSecret if
// the secret of its content is not here. A daemon finds that out itself.
func (l *Ledger) mayPut(ctx context.Context, job string, isNew bool) error {
	if l.daemon != nil && !isNew {
		return l.hasJob(ctx, job)
	}
	if err := checkID(job); err != nil || l.daemon != nil {
		return err
	}
	is, _, ok, err := projection.LoadState(ctx, l.Log, job)
	if err := found(job, ok || isNew, err); err != nil {
		return err
	}
	return l.root.Content().Job(job).CheckKey(is.ContentKey)
}

// hasJob fails if there is no such job.
func (l *Ledger) hasJob(ctx context.Context, job string) error {
	if err := checkID(job); err != nil {
		return err
	}
	records, err := l.Log.Load(ctx, []string{job}, nil)
	_, ok := records.Jobs[job]
	return found(job, ok, err)
}

// A ContentState says whether the bytes of a content are there.
type ContentState string

// The states of content that an event names. Whether bytes that are there are whole is
// found out by reading them.
const (
	ContentPresent ContentState = "present"
	ContentAbsent  ContentState = "absent" // they are not kept here
	ContentErased  ContentState = "erased" // an event says so
)

// A JobContent is content that events of a job name.
type JobContent struct {
	projection.NamedContent

	State ContentState `json:"state"`
}

// ListContent returns the content that the events of a job name, in the order in which they
// first name it.
func (l *Ledger) ListContent(ctx context.Context, job string) ([]JobContent, error) {
	named, err := l.namedContent(ctx, job)
	if err != nil {
		return nil, err
	}
	list := make([]JobContent, len(named))
	if len(named) == 0 {
		return list, nil
	}
	kept, err := l.kept(ctx, job)
	if err != nil {
		return nil, err
	}
	for i, c := range named {
		state := ContentAbsent
		switch {
		case c.Erased():
			state = ContentErased
		case kept[c.Digest]:
			state = ContentPresent
		}
		list[i] = JobContent{NamedContent: c, State: state}
	}
	return list, nil
}

// namedContent is projection.Contents for a job that must be there.
func (l *Ledger) namedContent(ctx context.Context, job string) ([]projection.NamedContent, error) {
	if err := l.hasJob(ctx, job); err != nil {
		return nil, err
	}
	return projection.Contents(ctx, l.Log, job)
}

// kept returns the digests of what is kept of a job.
func (l *Ledger) kept(ctx context.Context, job string) (map[ledger.Hash]bool, error) {
	list := func() ([]content.Entry, error) { return l.daemon.Kept(ctx, job) }
	if l.daemon == nil {
		list = l.root.Content().Job(job).List
	}
	all, err := list()
	kept := make(map[ledger.Hash]bool, len(all))
	for _, e := range all {
		kept[e.Digest] = true
	}
	return kept, err
}

// An UnnamedError says that no event of a job names a digest.
type UnnamedError struct {
	Job    string
	Digest ledger.Hash
}

func (e *UnnamedError) Error() string {
	return fmt.Sprintf("no event of job %s names the content %s", e.Job, e.Digest)
}

// Fault returns the error's code, content_not_found.
func (*UnnamedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "content_not_found", Category: ledger.CategoryInvalid}
}

// A ContentReader reads content of a job. All of it was compared with its digest.
type ContentReader struct {
	io.ReadCloser

	Content projection.NamedContent // zero but for digest and size if no event names it
}

// GetContent opens content of a job, once all of it was compared with its digest. It fails
// with an *UnnamedError if no event of the job names it and it is not there, with a
// *content.MissingError or *content.ErasedError if it is not there, and with a
// *content.DamagedError if it was changed; a daemon's errors have the same codes.
func (l *Ledger) GetContent(ctx context.Context, job string, digest ledger.Hash) (*ContentReader, error) {
	named, err := l.namedContent(ctx, job)
	if err != nil {
		return nil, err
	}
	c, ok := projection.NamedAs(named, digest)
	if !ok {
		c.Digest = digest
	}
	r, size, err := l.openContent(ctx, job, digest, c.Erased())
	if missing, _ := ledger.FaultOf(err); err != nil && !ok && missing.Code == "content_missing" {
		return nil, &UnnamedError{Job: job, Digest: digest}
	}
	if err != nil {
		return nil, err
	}
	c.Size = size
	return &ContentReader{ReadCloser: r, Content: c}, nil
}

// KeptContent opens content of a job that the caller has found in an event: it does not look
// for the event itself. It fails with a *content.MissingError if the bytes are not there,
// erased or not.
func (l *Ledger) KeptContent(ctx context.Context, job string, digest ledger.Hash) (io.ReadCloser, error) {
	r, _, err := l.openContent(ctx, job, digest, false)
	return r, err
}

func (l *Ledger) openContent(ctx context.Context, job string, digest ledger.Hash, erased bool) (io.ReadCloser, int64, error) {
	if erased {
		return nil, 0, &content.ErasedError{Digest: digest}
	}
	if l.daemon == nil {
		r, err := l.root.Content().Job(job).Get(digest, erased)
		if err != nil {
			return nil, 0, err
		}
		return r, r.Size, nil
	}
	from, err := l.daemon.GetKept(ctx, job, digest)
	if err != nil {
		return nil, 0, err
	}
	r, size, err := compared(from, digest)
	return r, size, errors.Join(err, from.Close())
}

// inMemory is how many bytes of content are kept in memory until they were compared.
const inMemory = 1 << 20

// compared reads all of a file of content, and returns its bytes once they were compared.
func compared(from io.Reader, digest ledger.Hash) (io.ReadCloser, int64, error) {
	h, start := sha256.New(), new(bytes.Buffer)
	if _, err := io.Copy(io.MultiWriter(h, start), io.LimitReader(from, inMemory)); err != nil {
		return nil, 0, fmt.Errorf("reading content: %w", err)
	}
	if start.Len() < inMemory {
		b := start.Bytes()
		if len(b) < content.SaltSize || ledger.Hash(h.Sum(nil)) != digest {
			return nil, 0, &content.DamagedError{Digest: digest}
		}
		return io.NopCloser(bytes.NewReader(b[content.SaltSize:])), int64(len(b) - content.SaltSize), nil
	}
	f, err := os.CreateTemp("", "gait-content-")
	if err != nil {
		return nil, 0, err
	}
	size, err := spool(f, start.Bytes(), io.TeeReader(io.LimitReader(from, content.MaxSize+1), h))
	if err == nil && ledger.Hash(h.Sum(nil)) != digest {
		err = &content.DamagedError{Digest: digest}
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, size - content.SaltSize, nil
}

// spool writes a file that has no name, and goes to where the bytes of the content begin.
func spool(f *os.File, start []byte, rest io.Reader) (int64, error) {
	if err := os.Remove(f.Name()); err != nil {
		return 0, err
	}
	if _, err := f.Write(start); err != nil {
		return 0, err
	}
	n, err := io.Copy(f, rest)
	if err == nil {
		_, err = f.Seek(content.SaltSize, io.SeekStart)
	}
	return n + int64(len(start)), err
}
