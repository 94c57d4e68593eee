package packspec

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"gait/ledger"
)

// What an archive may hold. A file is below 4 GiB, so that no field of a zip
// needs its 64-bit form.
const (
	maxArchive = 1<<32 - 1
	maxEntries = 1 << 14
	maxName    = 128
)

// The fixed parts of a zip (APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16).
const (
	localSize   = 30
	centralSize = 46
	endSize     = 22

	zipVersion = 10             // 1.0, which is all that stored entries need
	zipMadeBy  = 3<<8 | 10      // Unix, so that the mode means something
	zipDate    = 1<<5 | 1       // 1980-01-01, and the time is 00:00:00
	zipMode    = 0o100644 << 16 // a plain file, rw-r--r--
	localMagic = "PK\x03\x04"
	dirMagic   = "PK\x01\x02"
	endMagic   = "PK\x05\x06"
)

// An entry is a file in an archive. Its name, size, CRC and place say
// everything that its two headers hold.
type entry struct {
	name string
	size int64
	crc  uint32
	sum  ledger.Hash // SHA-256 of the content
	at   int64       // of the local header
}

// start returns where the content begins, and end where it ends.
func (e entry) start() int64 { return e.at + localSize + int64(len(e.name)) }
func (e entry) end() int64   { return e.start() + e.size }

// common is what both headers of an entry say, in the same order.
func (e entry) common(b []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, zipVersion)
	b = binary.LittleEndian.AppendUint16(b, 0) // flags
	b = binary.LittleEndian.AppendUint16(b, 0) // method: stored
	b = binary.LittleEndian.AppendUint16(b, 0) // time
	b = binary.LittleEndian.AppendUint16(b, zipDate)
	b = binary.LittleEndian.AppendUint32(b, e.crc)
	b = binary.LittleEndian.AppendUint32(b, uint32(e.size)) // compressed
	b = binary.LittleEndian.AppendUint32(b, uint32(e.size))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(e.name)))
	return binary.LittleEndian.AppendUint16(b, 0) // extra field
}

func (e entry) localHeader() []byte {
	return append(e.common([]byte(localMagic)), e.name...)
}

func (e entry) dirHeader() []byte {
	b := binary.LittleEndian.AppendUint16([]byte(dirMagic), zipMadeBy)
	b = e.common(b)
	b = binary.LittleEndian.AppendUint16(b, 0) // comment
	b = binary.LittleEndian.AppendUint16(b, 0) // disk
	b = binary.LittleEndian.AppendUint16(b, 0) // internal attributes
	b = binary.LittleEndian.AppendUint32(b, zipMode)
	b = binary.LittleEndian.AppendUint32(b, uint32(e.at))
	return append(b, e.name...)
}

func endRecord(count int, size, at int64) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(endMagic), 0) // disks
	b = binary.LittleEndian.AppendUint16(b, uint16(count))
	b = binary.LittleEndian.AppendUint16(b, uint16(count))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(at))
	return binary.LittleEndian.AppendUint16(b, 0) // comment
}

// A content writes a file. It is asked twice, first to measure and then to
// write, and writes the same bytes each time.
type content func(w io.Writer) error

// text is a content that is at hand.
func text(b []byte) content {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// A meter counts and digests what is written to it.
type meter struct {
	size int64
	crc  uint32
	sha  interface {
		io.Writer
		Sum([]byte) []byte
	}
}

func newMeter() *meter { return &meter{sha: sha256.New()} }

func (m *meter) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	m.crc = crc32.Update(m.crc, crc32.IEEETable, p)
	return m.sha.Write(p)
}

func (m *meter) entry(name string) entry {
	return entry{name: name, size: m.size, crc: m.crc, sum: ledger.Hash(m.sha.Sum(nil))}
}

// measure returns the entry that c makes, without a place.
func measure(name string, c content) (entry, error) {
	m := newMeter()
	if err := c(m); err != nil {
		return entry{}, fmt.Errorf("making %s: %w", name, err)
	}
	return m.entry(name), nil
}

// An archiveWriter writes an archive, entry by entry in order of name.
type archiveWriter struct {
	w       io.Writer
	at      int64
	entries []entry
}

// add writes an entry that measure returned for c.
func (a *archiveWriter) add(e entry, c content) error {
	if n := len(a.entries); checkName(e.name) != "" || n > 0 && a.entries[n-1].name >= e.name {
		panic("packspec: entry " + e.name + " out of place")
	}
	e.at = a.at
	if e.end() > maxArchive {
		return fmt.Errorf("writing %s: a pack ends below 4 GiB", e.name)
	}
	if err := a.write(e.localHeader()); err != nil {
		return err
	}
	m := newMeter()
	if err := c(io.MultiWriter(a.w, m)); err != nil {
		return fmt.Errorf("writing %s: %w", e.name, err)
	}
	if m.entry(e.name).sum != e.sum {
		return fmt.Errorf("writing %s: it changed while the pack was made", e.name)
	}
	a.at += e.size
	a.entries = append(a.entries, e)
	return nil
}

func (a *archiveWriter) write(b []byte) error {
	a.at += int64(len(b))
	if _, err := a.w.Write(b); err != nil {
		return fmt.Errorf("writing the pack: %w", err)
	}
	return nil
}

// close writes the directory.
func (a *archiveWriter) close() error {
	dir := directory(a.entries)
	if a.at+int64(len(dir))+endSize > maxArchive {
		return fmt.Errorf("writing the pack: it ends below 4 GiB")
	}
	end := endRecord(len(a.entries), int64(len(dir)), a.at)
	return a.write(append(dir, end...))
}

func directory(entries []entry) []byte {
	var dir []byte
	for _, e := range entries {
		dir = append(dir, e.dirHeader()...)
	}
	return dir
}

// checkName returns what is wrong with an entry's name, or "": parts of
// letters, digits and ._- that begin with a letter or digit, with / between.
func checkName(name string) string {
	if name == "" || len(name) > maxName {
		return fmt.Sprintf("a name of %d bytes, not 1 to %d", len(name), maxName)
	}
	first := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && (first || c != '.' && c != '_' && c != '-' && c != '/') {
			return fmt.Sprintf("byte %d of the name %.60q cannot stand there", i, name)
		}
		first = c == '/'
	}
	if first {
		return fmt.Sprintf("the name %.60q ends in /", name)
	}
	return ""
}
