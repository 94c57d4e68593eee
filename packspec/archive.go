package packspec

import (
	"bufio"
	"fmt"
	"io"

	"gait/ledger"
	"gait/packspec/container"
)

// maxArchive is how large an archive may be: below 4 GiB, so that no field of a zip
// needs its 64-bit form.
const maxArchive = 1<<32 - 1

// permissions are those of every file in an archive.
const permissions = 0o644

// An entry is a file in an archive.
type entry struct {
	container.Header
	sum ledger.Hash // SHA-256 of the content
}

func (e entry) record() []byte { return e.Record(permissions) }

// An archiveWriter writes an archive. Its entries stand in order of name. Their
// contents may be written at the same time, since each has its place before it is
// written; headers and directory come last.
type archiveWriter struct {
	w        io.WriterAt
	at       int64 // of the next entry
	sections []*section
}

// A section is the place of an entry's content in an archive. What is written to it is
// measured.
type section struct {
	entry
	*container.Meter // of the content up to the next byte
	out              *bufio.Writer
}

// sectionBuffer is the size of the writes to an archive.
const sectionBuffer = 64 << 10

// reserve returns the section of the next entry, whose content has this size.
func (a *archiveWriter) reserve(name string, size int64) (*section, error) {
	return a.resume(name, size, container.NewMeter())
}

// resume is reserve for an entry whose first bytes are measured by m and written by
// another writer.
func (a *archiveWriter) resume(name string, size int64, m *container.Meter) (*section, error) {
	if n := len(a.sections); container.CheckName(name) != "" || n > 0 && a.sections[n-1].Name >= name {
		panic("packspec: entry " + name + " out of place")
	}
	s := &section{entry: entry{Header: container.Header{Name: name, Size: size, At: a.at}}, Meter: m}
	if s.End() > maxArchive {
		return nil, fmt.Errorf("writing %s: a pack ends below 4 GiB", name)
	}
	s.out = bufio.NewWriterSize(a.from(s.Start()+m.Size), int(min(size, sectionBuffer)))
	a.at = s.End()
	a.sections = append(a.sections, s)
	return s, nil
}

// from returns a writer that begins at an offset.
func (a *archiveWriter) from(at int64) io.Writer { return io.NewOffsetWriter(a.w, at) }

// Write writes the next bytes of the content.
func (s *section) Write(p []byte) (int, error) {
	if s.Meter.Size+int64(len(p)) > s.entry.Size {
		return 0, s.changed()
	}
	_, _ = s.Meter.Write(p) // hashing does not fail
	n, err := s.out.Write(p)
	if err != nil {
		err = fmt.Errorf("writing %s: %w", s.Name, err)
	}
	return n, err
}

// changed is the error of a content that does not have the size it had before.
func (s *section) changed() error {
	return fmt.Errorf("writing %s: it changed while the pack was made", s.Name)
}

// done ends the content. The section's entry then has its digests.
func (s *section) done() error {
	if s.Meter.Size != s.entry.Size {
		return s.changed()
	}
	s.entry.CRC, s.sum = s.Meter.CRC, s.Sum()
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("writing %s: %w", s.Name, err)
	}
	return nil
}

// add writes a whole entry.
func (a *archiveWriter) add(name string, content []byte) error {
	s, err := a.reserve(name, int64(len(content)))
	if err != nil {
		return err
	}
	if _, err := s.Write(content); err != nil {
		return err
	}
	return s.done()
}

// entries returns the entries, in order. Those that are not done have no digests yet.
func (a *archiveWriter) entries() []entry {
	list := make([]entry, len(a.sections))
	for i, s := range a.sections {
		list[i] = s.entry
	}
	return list
}

// close writes the headers and the directory behind the entries, which are all done. It
// returns the size of the archive.
func (a *archiveWriter) close() (int64, error) {
	entries := a.entries()
	for _, e := range entries {
		if _, err := a.w.WriteAt(e.Local(), e.At); err != nil {
			return 0, fmt.Errorf("writing the pack: %w", err)
		}
	}
	dir := directory(entries)
	end := append(dir, container.End{Count: int64(len(entries)), Size: int64(len(dir)), At: a.at}.Record()...)
	if a.at+int64(len(end)) > maxArchive {
		return 0, fmt.Errorf("writing the pack: it ends below 4 GiB")
	}
	if _, err := a.w.WriteAt(end, a.at); err != nil {
		return 0, fmt.Errorf("writing the pack: %w", err)
	}
	return a.at + int64(len(end)), nil
}

func directory(entries []entry) []byte {
	var dir []byte
	for _, e := range entries {
		dir = append(dir, e.record()...)
	}
	return dir
}

// listed returns entries in the form that a manifest lists.
func listed(entries []entry) []container.Entry {
	var list []container.Entry
	for _, e := range entries {
		list = append(list, container.Entry{Name: e.Name, Sum: e.sum})
	}
	return list
}

// A Buffer is a pack in memory, to be written by BuildJob or BuildRange. The zero Buffer
// is empty.
type Buffer struct{ b []byte }

// WriteAt implements io.WriterAt. It makes room for what it writes.
func (b *Buffer) WriteAt(p []byte, at int64) (int, error) {
	if end := int(at) + len(p); end > len(b.b) {
		b.b = append(b.b, make([]byte, end-len(b.b))...)
	}
	return copy(b.b[at:], p), nil
}

// Bytes returns the pack.
func (b *Buffer) Bytes() []byte { return b.b }
