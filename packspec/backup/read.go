package backup

import (
	"archive/zip"
	"errors"
	"fmt"
	"hash/crc32"
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
	contents []container.Header // plain ones
	ofJobs   []carried
	kept     map[content.Name]bool
}

// A carried is an entry that has content of a job, or a secret.
type carried struct {
	content.Carried
	container.Header
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
	b := &Backup{file: r, kept: map[content.Name]bool{}}
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
			if !b.addContent(digest, h) {
				return malformed("%s with %d bytes is no content", h.Name, h.Size)
			}
		case h.Name == entryKey:
			if b.SealedKey, err = readAll(all, entryKey, maxSealedKey); err != nil {
				return err
			}
		case h.Name != entrySummary && !strings.HasPrefix(h.Name, dirLedger):
			return malformed("%s is not a file of one", h.Name)
		}
	}
	b.Contents, b.WithKey = len(b.kept), b.SealedKey != nil
	return nil
}

// addContent adds content, or a secret, of a name. It reports whether it is one.
func (b *Backup) addContent(name string, h container.Header) bool {
	if digest, err := ledger.ParseHash(name); err == nil {
		b.contents = append(b.contents, h)
		b.kept[content.Name{Digest: digest}] = true
		return h.Size <= content.MaxSize
	}
	c, ok := content.ParseCarried(name)
	if !ok || !b.OfJobs {
		return false
	}
	b.ofJobs = append(b.ofJobs, carried{c, h})
	if c.IsSecret() {
		return h.Size == content.SecretSize
	}
	b.kept[content.Name(c)] = true
	return h.Size >= content.SaltSize && h.Size <= content.MaxSize
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
	same := func(e content.Entry, from io.ReadSeeker) error {
		found, err := content.Digest(from)
		if err == nil && found != e {
			err = fmt.Errorf("%w: content %s of the backup was changed", ledger.ErrUnverified, e.Digest)
		}
		return err
	}
	if err := b.EachContent(same); err != nil {
		return err
	}
	return b.EachOfJobs(func(c content.Carried, size int64, from io.ReadSeeker) error {
		if c.IsSecret() {
			return nil
		}
		return same(content.Entry{Digest: c.Digest, Size: size}, from)
	})
}

// Events returns all events, each checked, as those of the log, and sets Lacking.
func (b *Backup) Events() ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		b.Lacking, b.LacksRequests = nil, false
		var lacking []content.Name
		var named content.Named
		for e, err := range b.Log.Events() {
			if err == nil {
				lacking = append(lacking, b.lackingOf(e, &named)...)
				named.Add(e)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
		for _, name := range lacking {
			if _, erased := named.Has(name); !erased {
				b.Lacking = append(b.Lacking, name.Digest)
			}
		}
	}
}

// lackingOf returns the contents that an event names, and none before it, and that the
// backup does not have.
func (b *Backup) lackingOf(e ledger.Event, before *content.Named) (lacking []content.Name) {
	for _, name := range content.Names(e) {
		if known, _ := before.Has(name); b.kept[name] || known || slices.Contains(lacking, name) {
			continue
		}
		lacking, b.LacksRequests = append(lacking, name), b.LacksRequests || e.Seq() == 0
	}
	return lacking
}

// EachOfJobs calls use with each content of a job, as it is kept, and each secret. Its bytes
// are those in the file, not verified but for secrets, which no digest names.
func (b *Backup) EachOfJobs(use func(c content.Carried, size int64, from io.ReadSeeker) error) error {
	for _, c := range b.ofJobs {
		from := io.NewSectionReader(b.file, c.Start(), c.Size)
		err := c.check(from)
		if err == nil {
			err = use(c.Carried, c.Size, from)
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", c.Name, err)
		}
	}
	return nil
}

// check requires that a secret has its CRC-32, and goes back to its beginning.
func (c carried) check(from io.ReadSeeker) error {
	if !c.IsSecret() {
		return nil
	}
	sum := crc32.NewIEEE()
	if _, err := io.Copy(sum, from); err != nil {
		return err
	}
	if sum.Sum32() != c.CRC {
		return fmt.Errorf("%w: it was changed: its CRC-32 is another", ledger.ErrUnverified)
	}
	_, err := from.Seek(0, io.SeekStart)
	return err
}

// EachContent calls use with each plain content. Its bytes are those in the file, not
// verified.
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
