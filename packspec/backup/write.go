package backup

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"gait/ledger"
	"gait/ledger/content"
	"gait/packspec"
)

// A Source is the ledger that a backup is made of. It may grow meanwhile.
type Source interface {
	ledger.HeadReader
	ledger.ProofReader
}

// Options say what goes into a backup beside the ledger.
type Options struct {
	Content   *content.Store // beside the ledger; nil: none
	SealedKey []byte         // as home.SealKey seals it; nil: none
}

// A Writer writes the backup of a ledger as the ledger was when Begin was called. It does
// so part by part, so that the caller can let others use the ledger in between.
type Writer struct {
	Summary
	archive archive
	content *content.Store
	parts   []part
	next    int
}

// A part is an entry of a backup that is still to be written.
type part struct {
	name string
	read func(context.Context, Source) ([]byte, error) // nil: the content that name says
}

// Begin begins the backup of a ledger, which is written to w.
func Begin(ctx context.Context, w io.Writer, log Source, o Options) (*Writer, error) {
	b := &Writer{archive: archive{w: bufio.NewWriterSize(w, 1<<20)}, content: o.Content}
	if err := b.plan(ctx, log, o); err != nil {
		return nil, fmt.Errorf("backing up %s: %w", log.Origin(), err)
	}
	return b, nil
}

func (b *Writer) plan(ctx context.Context, log Source, o Options) error {
	c, signed := log.Checkpoint()
	signed = bytes.Clone(signed)
	b.Summary = Summary{Checkpoint: c, Key: log.Keys().Current(), AsOf: log.Head().Time, WithKey: o.SealedKey != nil}
	all, err := log.Cosigned(ctx)
	if err != nil {
		return err
	}
	b.Cosigned = slices.DeleteFunc(all, func(k ledger.CosignedCheckpoint) bool { return k.Size > c.Size })
	contents, err := b.planContent()
	if err != nil {
		return err
	}
	text, err := b.encode()
	if err != nil {
		return err
	}
	b.add(entrySummary, text)
	b.parts = append(b.parts, contents...)
	rotations, err := log.Rotations(ctx)
	if err != nil {
		return err
	}
	b.add(dirLedger+ledger.CheckpointFile, signed)
	for _, file := range packspec.RotationFiles(rotations) {
		b.add(dirLedger+file.Path, file.Content)
	}
	for _, path := range ledger.Cover(c.Size, 0, ledger.Seq(c.Size-1)).Files() {
		name, err := ledger.ParseTileName(path)
		if err != nil {
			return err
		}
		b.parts = append(b.parts, part{dirLedger + path, func(ctx context.Context, log Source) ([]byte, error) { return log.File(ctx, name) }})
	}
	if o.SealedKey != nil {
		b.add(entryKey, o.SealedKey)
	}
	return nil
}

func (b *Writer) add(name string, text []byte) {
	b.parts = append(b.parts, part{name, func(context.Context, Source) ([]byte, error) { return text, nil }})
}

// planContent plans all content there is now, of jobs with their secrets. It is at least
// what the events name, but for what is missing or was erased.
func (b *Writer) planContent() (parts []part, err error) {
	if b.content == nil {
		return nil, nil
	}
	all, err := b.content.List()
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		parts = append(parts, part{name: dirContent + e.Digest.String()})
	}
	ofJobs, err := b.content.Carry()
	for _, c := range ofJobs {
		parts = append(parts, part{name: dirContent + c.Path()})
	}
	b.OfJobs = len(ofJobs) > 0
	return parts, err
}

// Continue writes part after part, until all are written or more returns false, and
// reports whether all are. log is the ledger that Begin was called with, or the same one,
// opened again. Continue fails with a *ledger.CorruptError if the ledger does not have the
// events any more that it had.
func (b *Writer) Continue(ctx context.Context, log Source, more func() bool) (done bool, err error) {
	if err = b.check(ctx, log); err == nil {
		done, err = b.write(ctx, log, more)
	}
	if err != nil {
		return false, fmt.Errorf("backing up %s: %w", b.Origin, err)
	}
	return done, nil
}

// check requires that a ledger continues the one that Begin was called with.
func (b *Writer) check(ctx context.Context, log Source) error {
	root := ledger.Hash{}
	if c, _ := log.Checkpoint(); c.Origin == b.Origin && c.Size >= b.Size {
		var err error
		if root, err = log.RootAt(ctx, b.Size); err != nil {
			return err
		}
	}
	if root != b.Root {
		return &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("another ledger, or another history, took the place of the one that had %d events", b.Size)}
	}
	return nil
}

func (b *Writer) write(ctx context.Context, log Source, more func() bool) (bool, error) {
	for ; b.next < len(b.parts); b.next++ {
		if !more() {
			return false, nil
		}
		p := b.parts[b.next]
		if p.read == nil {
			if err := b.writeContent(p.name); err != nil && !errors.Is(err, ledger.ErrContentMissing) { // it was erased meanwhile
				return false, err
			}
			continue
		}
		text, err := p.read(ctx, log)
		if err == nil {
			err = b.archive.add(p.name, int64(len(text)), crc32.ChecksumIEEE(text), bytes.NewReader(text))
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	size, err := b.archive.close()
	b.Bytes = size
	return err == nil, err
}

// Progress returns how many parts are written, and how many there are.
func (b *Writer) Progress() (done, total int64) { return int64(b.next), int64(len(b.parts)) }

// writeContent writes content, which is read twice: its header comes first.
func (b *Writer) writeContent(name string) error {
	sum := crc32.NewIEEE()
	size, err := b.copyContent(sum, name)
	if err != nil {
		return err
	}
	from, err := b.openContent(name)
	if err != nil {
		return err
	}
	defer from.Close()
	if err := b.archive.add(name, size, sum.Sum32(), from); err != nil {
		return err
	}
	if c, ofJob := content.ParseCarried(name[len(dirContent):]); !ofJob || !c.IsSecret() {
		b.Contents++
	}
	return nil
}

func (b *Writer) copyContent(w io.Writer, name string) (int64, error) {
	from, err := b.openContent(name)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	return io.Copy(w, from)
}

func (b *Writer) openContent(name string) (io.ReadCloser, error) {
	name = name[len(dirContent):]
	if c, ok := content.ParseCarried(name); ok {
		return b.content.OpenCarried(c)
	}
	digest, err := ledger.ParseHash(name)
	if err != nil {
		return nil, err
	}
	return b.content.Get(digest)
}
