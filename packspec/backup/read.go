package backup

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/mpt"
	"gait/packspec"
	"gait/packspec/container"
	"gait/projection"
)

// A Backup is a backup that was opened. Its checkpoint is signed by the keys that must
// sign it; whether to trust those is the caller's decision. Only Verify reads its events.
type Backup struct {
	Summary
	Log       packspec.ExportedLog
	SealedKey []byte // the private key, or nil

	// Lacking has the digests of the contents that events name and the backup does not
	// have, once all events were read.
	Lacking []ledger.Hash

	// LacksRequests says that what event 0 names is among them: the index cannot be made.
	LacksRequests bool

	file     io.ReaderAt
	contents []container.Header
}

// Open opens a backup of size bytes. It reads all but events, tiles and contents. Errors
// wrap ledger.ErrMalformed, ledger.ErrUnverified or ledger.ErrUnsupportedVersion, or are
// those of r.
func Open(r io.ReaderAt, size int64) (*Backup, error) {
	b, err := open(r, size)
	if err != nil {
		return nil, fmt.Errorf("opening the backup: %w", err)
	}
	return b, nil
}

func open(r io.ReaderAt, size int64) (*Backup, error) {
	heads, err := readHeads(r, size)
	if err != nil {
		return nil, err
	}
	zipped, err := zip.NewReader(r, size)
	if err != nil {
		return nil, malformed("%v", err)
	}
	b := &Backup{file: r}
	all := files{zipped}
	if b.Summary, err = readSummary(all); err != nil {
		return nil, err
	}
	b.Bytes = size
	if err := b.sort(all, heads); err != nil {
		return nil, err
	}
	exported, err := fs.Sub(all, strings.TrimSuffix(dirLedger, "/"))
	if err != nil {
		return nil, err
	}
	if b.Log, err = packspec.OpenExport(exported); err != nil {
		return nil, err
	}
	b.Log.Inherited = b.Inherited
	if len(b.Log.Content.Digests) > 0 {
		return nil, malformed("%s is not a file of one", dirLedger+packspec.ContentList)
	}
	if err := b.Log.CheckFiles(); err != nil {
		return nil, err
	}
	return b, b.checkSummary()
}

func readSummary(all fs.FS) (Summary, error) {
	text, err := readAll(all, entrySummary, maxSummary)
	if err != nil {
		return Summary{}, err
	}
	return decodeSummary(text)
}

// sort finds the entries that are not the ledger's, and refuses those that no backup has.
func (b *Backup) sort(all fs.FS, heads []container.Header) (err error) {
	for _, h := range heads {
		digest, isContent := strings.CutPrefix(h.Name, dirContent)
		switch {
		case isContent:
			if _, err := ledger.ParseHash(digest); err != nil || h.Size > content.MaxSize {
				return malformed("%s with %d bytes is no content", h.Name, h.Size)
			}
			b.contents = append(b.contents, h)
		case h.Name == entryKey:
			if b.SealedKey, err = readAll(all, entryKey, maxSealedKey); err != nil {
				return err
			}
		case h.Name != entrySummary && !strings.HasPrefix(h.Name, dirLedger):
			return malformed("%s is not a file of one", h.Name)
		}
	}
	b.Contents, b.WithKey = len(b.contents), b.SealedKey != nil
	return nil
}

// maxSealedKey bounds a sealed key; package home reads it.
const maxSealedKey = 4 << 10

// checkSummary requires that the summary is of the ledger.
func (b *Backup) checkSummary() error {
	if b.Checkpoint != b.Log.Checkpoint || b.Key != b.Log.Keys.Current() {
		return malformed("%s is of another ledger, or of another state of it", entrySummary)
	}
	for _, c := range b.Cosigned {
		if _, err := b.Log.Keys.Open(c.Signed); err != nil || c.Size > b.Size {
			return fmt.Errorf("%w: what %s cosigned is not of this ledger", ledger.ErrUnverified, c.Key.Name())
		}
		if ok, err := b.Log.Continues(c.Checkpoint); err != nil || !ok {
			return errors.Join(err, fmt.Errorf("%w: what %s cosigned is not of this history", ledger.ErrUnverified, c.Key.Name()))
		}
	}
	return nil
}

// Verify reads everything: each event, as gait ledger import does, each content and the
// order of events of each job. progress may be nil, and an error of it ends the work. What
// does not hold is a *ledger.CorruptError or an *ledger.IndexError.
func (b *Backup) Verify(progress func(done, total int64) error) error {
	for entry, err := range projection.Entries(b.Events()) {
		if err != nil {
			return fmt.Errorf("verifying the backup: %w", err)
		}
		if seq := entry.Event.Seq(); progress != nil && seq%ledger.TileWidth == 0 {
			if err := progress(int64(seq), b.Size); err != nil {
				return err
			}
		}
		if last := entry.Event; int64(last.Seq()) == b.Size-1 && !last.Time().Equal(b.AsOf) {
			return fmt.Errorf("verifying the backup: %w", malformed("%s says another time than the last event", entrySummary))
		}
	}
	return b.EachContent(func(e content.Entry, from io.ReadSeeker) error {
		found, err := content.Digest(from)
		if err == nil && found != e {
			err = fmt.Errorf("%w: content %s of the backup was changed", ledger.ErrUnverified, e.Digest)
		}
		return err
	})
}

// Events returns all events, each checked, as those of the log, and sets Lacking.
func (b *Backup) Events() ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		b.Lacking, b.LacksRequests = nil, false
		for e, err := range b.Log.Events() {
			if err == nil {
				b.noteLacking(e)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// noteLacking notes which contents an event names and the backup does not have.
func (b *Backup) noteLacking(e ledger.Event) {
	for _, c := range ledger.Contents(e) {
		name := dirContent + c.Digest.String()
		if _, there := slices.BinarySearchFunc(b.contents, name, func(h container.Header, name string) int { return strings.Compare(h.Name, name) }); !there {
			b.Lacking, b.LacksRequests = append(b.Lacking, c.Digest), b.LacksRequests || e.Seq() == 0
		}
	}
}

// EachContent calls use with each content. Its bytes are those in the file, not verified.
func (b *Backup) EachContent(use func(content.Entry, io.ReadSeeker) error) error {
	for _, h := range b.contents {
		digest, err := ledger.ParseHash(h.Name[len(dirContent):])
		if err == nil {
			err = use(content.Entry{Digest: digest, Size: h.Size}, io.NewSectionReader(b.file, h.Start(), h.Size))
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", h.Name, err)
		}
	}
	return nil
}

// Inherited yields the request ids that event 0 names, from the contents of the backup. It
// fails with ledger.ErrContentMissing if they are not there.
func (b *Backup) Inherited(r ledger.Requests) iter.Seq2[mpt.Key, error] {
	for _, h := range b.contents {
		if h.Name == dirContent+r.Digest.String() {
			return ledger.ReadRequests(io.NewSectionReader(b.file, h.Start(), h.Size), r)
		}
	}
	return func(yield func(mpt.Key, error) bool) {
		yield(mpt.Key{}, fmt.Errorf("request ids of the ledgers before, %s: %w", r.Digest, ledger.ErrContentMissing))
	}
}

// files is the entries of a backup as an fs.FS. An entry that does not have its CRC-32
// cannot be read.
type files struct{ *zip.Reader }

// Open opens an entry, or a directory of entries.
func (f files) Open(name string) (fs.File, error) {
	file, err := f.Reader.Open(name)
	if err != nil {
		return nil, err
	}
	if st, err := file.Stat(); err != nil || st.IsDir() {
		return file, err
	}
	return checkedFile{file, name}, nil
}

type checkedFile struct {
	fs.File
	name string
}

func (f checkedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if errors.Is(err, zip.ErrChecksum) {
		err = fmt.Errorf("%w: %s of the backup was changed: its CRC-32 is another", ledger.ErrUnverified, f.name)
	}
	return n, err
}

// readAll reads an entry of at most limit bytes.
func readAll(all fs.FS, name string, limit int64) ([]byte, error) {
	f, err := all.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, malformed("%s is missing", name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = malformed("%s has more than %d bytes", name, limit)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return text, nil
}
