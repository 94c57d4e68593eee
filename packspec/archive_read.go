package packspec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// readArchive reads an archive: it takes only what archiveWriter writes. All
// sizes are checked before anything is allocated, and every content is read
// once for its CRC and digest. Each header is written again from what was
// read and compared, and entries follow each other without a gap, so the file
// is the only one with these contents. It fails with a *FormatError, or with
// the reader's own error.
func readArchive(r io.ReaderAt, size int64) ([]entry, error) {
	entries, err := readDirectory(r, size)
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // before contents are read
		if most := sizeLimit(e.name); e.size > most {
			return nil, &FormatError{*failure(LevelContainer, CodeEntries, e.name, "%d bytes, at most %d", e.size, most)}
		}
	}
	buf := make([]byte, min(size, 64<<10))
	for i := range entries {
		if err := readEntry(r, &entries[i], buf); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// readDirectory reads the end record and the directory, and places the entries.
func readDirectory(r io.ReaderAt, size int64) ([]entry, error) {
	if size < endSize+centralSize+localSize || size > maxArchive {
		return nil, malformed("", "a file of %d bytes is no pack", size)
	}
	end, err := readAt(r, size-endSize, endSize)
	if err != nil {
		return nil, err
	}
	count := int(binary.LittleEndian.Uint16(end[10:]))
	dirSize, dirAt := int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	switch {
	case !bytes.Equal(end, endRecord(count, dirSize, dirAt)):
		return nil, malformed("", "it does not end in the end record of a zip without a comment")
	case count < 1 || count > maxEntries:
		return nil, malformed("", "%d entries, not 1 to %d", count, maxEntries)
	case dirSize > int64(count)*(centralSize+maxName) || dirAt+dirSize+endSize != size:
		return nil, malformed("", "the directory is not right before the end record")
	}
	dir, err := readAt(r, dirAt, int(dirSize))
	if err != nil {
		return nil, err
	}
	return parseDirectory(dir, count, dirAt)
}

func parseDirectory(dir []byte, count int, dirAt int64) ([]entry, error) {
	entries := make([]entry, 0, count)
	at, rest := int64(0), dir
	for i := range count {
		e, problem := parseDirHeader(rest)
		if problem != "" {
			return nil, malformed("", "directory record %d: %s", i, problem)
		}
		e.at = at
		if !bytes.HasPrefix(rest, e.dirHeader()) {
			return nil, malformed(e.name, "its directory record is not as a pack's is")
		}
		if i > 0 && entries[i-1].name >= e.name {
			return nil, malformed(e.name, "it stands after %s: names are in order, each once", entries[i-1].name)
		}
		if e.end() > dirAt {
			return nil, malformed(e.name, "%d bytes reach into the directory", e.size)
		}
		rest = rest[len(e.dirHeader()):]
		at = e.end()
		entries = append(entries, e)
	}
	if len(rest) > 0 || at != dirAt {
		return nil, malformed("", "%d bytes between the last entry and the directory, %d after its last record", dirAt-at, len(rest))
	}
	return entries, nil
}

// parseDirHeader reads what differs from entry to entry, or returns a problem.
func parseDirHeader(b []byte) (entry, string) {
	if len(b) < centralSize {
		return entry{}, "cut off"
	}
	nameLen := int(binary.LittleEndian.Uint16(b[28:]))
	if nameLen > maxName || len(b) < centralSize+nameLen {
		return entry{}, fmt.Sprintf("a name of %d bytes", nameLen)
	}
	e := entry{crc: binary.LittleEndian.Uint32(b[16:]), size: int64(binary.LittleEndian.Uint32(b[20:])),
		name: string(b[centralSize : centralSize+nameLen])}
	return e, checkName(e.name)
}

// readEntry checks the local header and the content, which it reads through
// buf, and fills in the digest.
func readEntry(r io.ReaderAt, e *entry, buf []byte) error {
	want := e.localHeader()
	got, err := readAt(r, e.at, len(want))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return malformed(e.name, "its local header is not as the directory has it")
	}
	m := newMeter()
	if _, err := io.CopyBuffer(m, io.NewSectionReader(r, e.start(), e.size), buf); err != nil {
		return fmt.Errorf("reading %s: %w", e.name, err)
	}
	found := m.entry(e.name)
	if found.size != e.size || found.crc != e.crc {
		return &FormatError{Failure{Level: LevelContainer, Code: CodeArchive, Entry: e.name, Reason: "the content does not have the CRC-32 that the directory gives",
			Expected: fmt.Sprintf("%08x", e.crc), Found: fmt.Sprintf("%08x", found.crc)}}
	}
	e.sum = found.sum
	return nil
}

// readAt reads n bytes. A file that ends too early is a *FormatError; any
// other trouble is the reader's.
func readAt(r io.ReaderAt, at int64, n int) ([]byte, error) {
	b := make([]byte, n)
	read, err := r.ReadAt(b, at)
	switch {
	case read == n:
		return b, nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, malformed("", "it ends before byte %d", at+int64(n))
	}
	return nil, fmt.Errorf("reading the pack: %w", err)
}

func malformed(entry, format string, args ...any) error {
	return &FormatError{Failure{Level: LevelContainer, Code: CodeArchive, Entry: entry, Reason: fmt.Sprintf(format, args...)}}
}
