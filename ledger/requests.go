package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"gait/ledger/mpt"
)

// Requests names a content: the request ids that a retired ledger and those before it
// used, each as its RequestKey of 32 bytes, in ascending order.
type Requests struct {
	Count  int64 // of request ids
	Digest Hash  // SHA-256 of the content
}

// Size returns the size of the content in bytes.
func (r Requests) Size() int64 { return r.Count * int64(len(mpt.Key{})) }

// UsedBy returns which of all events of a log used a request id, and whether one did. It
// is for a log whose index is not proved, where a job can still be ended. So if an event
// is damaged, an id that none before it used counts as unused.
func UsedBy(all Events, id string) (e Event, found bool, err error) {
	for e, err := range all {
		if _, damaged := errors.AsType[*CorruptError](err); damaged {
			break
		}
		if err != nil {
			return Event{}, false, err
		}
		if e.RequestID() == id {
			return e, true, nil
		}
	}
	return Event{}, false, nil
}

// requests walks an object that names used request ids, absent if nil.
func (c *coder) requests(name string, v **Requests) {
	if !c.key(name, *v != nil) {
		return
	}
	r := &Requests{}
	if c.writing {
		r = *v
	}
	c.object(name, func() {
		c.int("count", &r.Count, 1)
		c.hash("digest", &r.Digest, required)
	})
	*v = r
}

// RequestsOf sorts the keys of request ids and returns what event 0 says of them, and
// the content. It returns nil for no keys. Equal keys count once.
func RequestsOf(keys []mpt.Key) (*Requests, []byte) {
	if len(keys) == 0 {
		return nil, nil
	}
	slices.SortFunc(keys, func(a, b mpt.Key) int { return bytes.Compare(a[:], b[:]) })
	keys = slices.Compact(keys)
	content := make([]byte, 0, len(keys)*len(mpt.Key{}))
	for _, key := range keys {
		content = append(content, key[:]...)
	}
	return &Requests{Count: int64(len(keys)), Digest: sha256.Sum256(content)}, content
}

// ReadRequests yields the keys in a content that r names. The caller may rely on them
// only if it reads to the end and gets no error. It fails with an error that wraps
// ErrUnverified if the content is another one.
func ReadRequests(content io.Reader, r Requests) iter.Seq2[mpt.Key, error] {
	return func(yield func(mpt.Key, error) bool) {
		sum := sha256.New()
		from := io.TeeReader(content, sum)
		var last mpt.Key
		for n := range r.Count + 1 {
			var key mpt.Key
			_, err := io.ReadFull(from, key[:])
			switch {
			case n == r.Count && errors.Is(err, io.EOF):
				if Hash(sum.Sum(nil)) != r.Digest {
					yield(mpt.Key{}, otherRequests("it has another digest"))
				}
				return
			case n == r.Count && (err == nil || errors.Is(err, io.ErrUnexpectedEOF)):
				err = otherRequests("it is longer than %d keys", r.Count)
			case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
				err = otherRequests("it ends within key %d of %d", n, r.Count)
			case err == nil && n > 0 && bytes.Compare(last[:], key[:]) >= 0:
				err = otherRequests("key %d is not above the one before", n)
			}
			if !yield(key, err) || err != nil {
				return
			}
			last = key
		}
	}
}

// A RequestUsedError says that a request id was used in a ledger before this one.
type RequestUsedError struct {
	RequestID string
	Origin    string // of the ledger that this one continues; that or one before it used the id
}

func (e *RequestUsedError) Error() string {
	return fmt.Sprintf("request id %s was used before, in the ledger %s or one that it continued", e.RequestID, e.Origin)
}

// Fault returns what kind of error it is.
func (*RequestUsedError) Fault() Fault {
	return Fault{Code: "request_id_used_before", Category: CategoryInvalid}
}

// InheritedRequests returns the used request ids that event 0 names, or nil.
func InheritedRequests(created Event) *Requests {
	if p, ok := created.Payload().(LedgerCreated); ok && p.Predecessor != nil {
		return p.Predecessor.Requests
	}
	return nil
}

func otherRequests(format string, args ...any) error {
	return fmt.Errorf("%w: the content of used request ids: %s", ErrUnverified, fmt.Sprintf(format, args...))
}
