package packspec

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/mpt"
)

// ContentList is the file of an exported log that lists the contents that come with it, in
// the form that sha256sum writes and checks. A log without content has none.
const ContentList = "content.sha256"

const contentDir = "content/"

// ContentPath returns the path of content in an exported log.
func ContentPath(digest ledger.Hash) string { return contentDir + digest.String() }

// ListContents returns the list of contents, which are in ascending order of their
// digests and differ.
func ListContents(digests []ledger.Hash) []byte {
	var b bytes.Buffer
	for _, digest := range digests {
		b.WriteString(contentLine(digest))
	}
	return b.Bytes()
}

func contentLine(digest ledger.Hash) string {
	return digest.String() + "  " + ContentPath(digest) + "\n"
}

// maxContents is how many contents an exported log has at most: a list of them stays in
// memory. An event names at most maxNamed of them.
const (
	maxContents = 1 << 20
	maxNamed    = ledger.MaxAttachments + 1
)

// An ExportedContent is the content that an exported log brings.
type ExportedContent struct {
	Digests []ledger.Hash // in ascending order
	dir     fs.FS
}

// readContents reads the list of contents of a log of so many events, if there is one.
func readContents(dir fs.FS, events int64) (ExportedContent, error) {
	x := ExportedContent{dir: dir}
	f, err := openExported(dir, ContentList)
	if errors.Is(err, fs.ErrNotExist) {
		return x, nil
	}
	if err != nil {
		return x, err
	}
	defer func() { _ = f.Close() }()
	x.Digests, err = parseContents(f, min(events*maxNamed, maxContents))
	return x, err
}

func parseContents(from io.Reader, most int64) (all []ledger.Hash, err error) {
	r := bufio.NewReader(from)
	line := make([]byte, len(contentLine(ledger.Hash{})))
	for {
		_, err := io.ReadFull(r, line)
		switch {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all, nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("%w: %s ends within line %d", ledger.ErrMalformed, ContentList, len(all)+1)
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", ContentList, err)
		case int64(len(all)) == most:
			return nil, fmt.Errorf("%w: %s lists more than %d contents", ledger.ErrMalformed, ContentList, most)
		}
		digest, err := ledger.ParseHash(string(line[:2*len(ledger.Hash{})]))
		if err != nil || string(line) != contentLine(digest) {
			return nil, fmt.Errorf("%w: line %d of %s is not that of a content", ledger.ErrMalformed, len(all)+1, ContentList)
		}
		if len(all) > 0 && bytes.Compare(all[len(all)-1][:], digest[:]) >= 0 {
			return nil, fmt.Errorf("%w: line %d of %s is not in order", ledger.ErrMalformed, len(all)+1, ContentList)
		}
		all = append(all, digest)
	}
}

// find returns the place of content in the list.
func (x ExportedContent) find(digest ledger.Hash) (int, bool) {
	return slices.BinarySearchFunc(x.Digests, digest, func(a, b ledger.Hash) int { return bytes.Compare(a[:], b[:]) })
}

// hasFile reports whether a path is that of a file of content.
func (x ExportedContent) hasFile(path string) bool {
	if path == ContentList {
		return len(x.Digests) > 0
	}
	digest, err := ledger.ParseHash(strings.TrimPrefix(path, contentDir))
	_, listed := x.find(digest)
	return err == nil && listed && path == ContentPath(digest)
}

// Has reports whether the log brings content.
func (x ExportedContent) Has(digest ledger.Hash) (bool, error) {
	_, listed := x.find(digest)
	return listed, nil
}

// Read returns content that the log brings, of at most limit bytes. It fails with
// ledger.ErrContentMissing if the log does not list it, and with ledger.ErrUnverified if
// its bytes are others.
func (x ExportedContent) Read(digest ledger.Hash, limit int64) ([]byte, error) {
	if _, listed := x.find(digest); !listed {
		return nil, missingContent(digest)
	}
	b, err := readExported(x.dir, ContentPath(digest), int(limit))
	if err == nil && ledger.Hash(sha256.Sum256(b)) != digest {
		err = fmt.Errorf("%w: %s was changed: its bytes have another digest", ledger.ErrUnverified, ContentPath(digest))
	}
	return b, err
}

func missingContent(digest ledger.Hash) error {
	return fmt.Errorf("%s is not in the export: %w", ContentPath(digest), ledger.ErrContentMissing)
}

// Each calls use with each content that the log brings. Its bytes are those in the file,
// not verified.
func (x ExportedContent) Each(use func(ledger.Hash, io.ReadSeeker) error) error {
	for _, digest := range x.Digests {
		if err := x.open(digest, use); err != nil {
			return fmt.Errorf("reading %s: %w", ContentPath(digest), err)
		}
	}
	return nil
}

func (x ExportedContent) open(digest ledger.Hash, use func(ledger.Hash, io.ReadSeeker) error) error {
	f, err := openExported(x.dir, ContentPath(digest))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	in, ok := f.(io.ReadSeeker)
	if !ok {
		return errors.New("it cannot be read twice")
	}
	return use(digest, in)
}

// requests yields the request ids that event 0 names.
func (x ExportedContent) requests(r ledger.Requests) iter.Seq2[mpt.Key, error] {
	return func(yield func(mpt.Key, error) bool) {
		if _, listed := x.find(r.Digest); !listed {
			yield(mpt.Key{}, missingContent(r.Digest))
			return
		}
		f, err := openExported(x.dir, ContentPath(r.Digest))
		if err != nil {
			yield(mpt.Key{}, err)
			return
		}
		defer func() { _ = f.Close() }()
		ledger.ReadRequests(bufio.NewReader(f), r)(yield)
	}
}

// A namedContents notes which contents of an exported log its events name.
type namedContents struct {
	of   ExportedContent
	seen []bool
}

func (n *namedContents) add(e ledger.Event) {
	named := ledger.Policies(e)
	for _, c := range ledger.Contents(e) {
		named = append(named, c.Digest)
	}
	for _, digest := range named {
		if i, listed := n.of.find(digest); listed {
			n.seen[i] = true
		}
	}
}

// all requires that each content is named.
func (n *namedContents) all() error {
	if i := slices.Index(n.seen, false); i >= 0 {
		return fmt.Errorf("%w: no event names %s", ledger.ErrMalformed, ContentPath(n.of.Digests[i]))
	}
	return nil
}
