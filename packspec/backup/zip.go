package backup

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"gait/ledger"
)

// The fixed parts of a zip (APPNOTE 6.3, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16).
const (
	localSize   = 30
	centralSize = 46
	endSize     = 22
	end64Size   = 56 + 20 // with its locator
	extraSize   = 4 + 8

	versionPlain = 10
	version64    = 45
	madeBy       = 3 << 8 // Unix, so that the mode means something
	fileDate     = 1<<5 | 1
	fileMode     = 0o100600 << 16

	maxName = 128
)

// A head is an entry of a zip, without its content.
type head struct {
	name string
	size int64 // below 4 GiB
	crc  uint32
	at   int64 // of its local header
}

// start returns where the content begins, and end where it ends.
func (h head) start() int64 { return h.at + localSize + int64(len(h.name)) }
func (h head) end() int64   { return h.start() + h.size }

// common appends the fields that both headers have, in their order.
func (h head) common(b []byte, version, extra uint16) []byte {
	b = binary.LittleEndian.AppendUint16(b, version)
	b = append(b, make([]byte, 6)...) // flags; method: stored; time
	b = binary.LittleEndian.AppendUint16(b, fileDate)
	b = binary.LittleEndian.AppendUint32(b, h.crc)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.size)) // compressed
	b = binary.LittleEndian.AppendUint32(b, uint32(h.size))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(h.name)))
	return binary.LittleEndian.AppendUint16(b, extra)
}

func (h head) local() []byte {
	return append(h.common([]byte("PK\x03\x04"), versionPlain, 0), h.name...)
}

// central returns the record of the directory.
func (h head) central() []byte {
	version, extra, at := uint16(versionPlain), uint16(0), uint32(min(h.at, math.MaxUint32))
	if h.at >= math.MaxUint32 {
		version, extra = version64, extraSize
	}
	b := binary.LittleEndian.AppendUint16([]byte("PK\x01\x02"), madeBy|version)
	b = h.common(b, version, extra)
	b = append(b, make([]byte, 6)...) // comment; disk; internal attributes
	b = binary.LittleEndian.AppendUint32(b, fileMode)
	b = append(binary.LittleEndian.AppendUint32(b, at), h.name...)
	if extra > 0 {
		b = binary.LittleEndian.AppendUint16(b, 1)
		b = binary.LittleEndian.AppendUint16(b, extra-4)
		b = binary.LittleEndian.AppendUint64(b, uint64(h.at))
	}
	return b
}

// A directory is where the records of a zip's entries are.
type directory struct{ count, size, at int64 }

// end returns what follows the directory.
func (d directory) end() []byte {
	var b []byte
	if d.is64() {
		b = append(b, "PK\x06\x06"...)
		b = binary.LittleEndian.AppendUint64(b, 56-12)
		b = binary.LittleEndian.AppendUint16(b, madeBy|version64)
		b = binary.LittleEndian.AppendUint16(b, version64)
		b = append(b, make([]byte, 8)...) // disks
		for _, n := range []int64{d.count, d.count, d.size, d.at} {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
		b = append(b, "PK\x06\x07\x00\x00\x00\x00"...)
		b = binary.LittleEndian.AppendUint64(b, uint64(d.at+d.size))
		b = binary.LittleEndian.AppendUint32(b, 1)
	}
	b = append(b, "PK\x05\x06\x00\x00\x00\x00"...)
	b = binary.LittleEndian.AppendUint16(b, uint16(min(d.count, math.MaxUint16)))
	b = binary.LittleEndian.AppendUint16(b, uint16(min(d.count, math.MaxUint16)))
	b = binary.LittleEndian.AppendUint32(b, uint32(min(d.size, math.MaxUint32)))
	b = binary.LittleEndian.AppendUint32(b, uint32(min(d.at, math.MaxUint32)))
	return append(b, 0, 0) // comment
}

// is64 reports whether a number does not fit into the end record.
func (d directory) is64() bool {
	return d.count >= math.MaxUint16 || d.size >= math.MaxUint32 || d.at >= math.MaxUint32
}

// An archive writes a zip.
type archive struct {
	w     *bufio.Writer
	at    int64
	heads []head
}

// add writes an entry, whose name must come after those before it. content has size
// bytes, of which crc is the CRC-32.
func (a *archive) add(name string, size int64, crc uint32, content io.Reader) error {
	if n := len(a.heads); checkName(name) != nil || n > 0 && a.heads[n-1].name >= name {
		panic("backup: entry " + name + " out of place")
	}
	h := head{name: name, size: size, crc: crc, at: a.at}
	if _, err := a.w.Write(h.local()); err != nil {
		return err
	}
	n, err := io.Copy(a.w, content)
	if err == nil && n != size {
		err = fmt.Errorf("%s changed while the backup was written", name)
	}
	a.at = h.end()
	a.heads = append(a.heads, h)
	return err
}

// close writes the directory, and returns the size of the zip.
func (a *archive) close() (int64, error) {
	d := directory{count: int64(len(a.heads)), at: a.at}
	for _, h := range a.heads {
		b := h.central()
		d.size += int64(len(b))
		if _, err := a.w.Write(b); err != nil {
			return 0, err
		}
	}
	end := d.end()
	if _, err := a.w.Write(end); err != nil {
		return 0, err
	}
	return d.at + d.size + int64(len(end)), a.w.Flush()
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: not a backup: %s", ledger.ErrMalformed, fmt.Sprintf(format, args...))
}

// readAt reads n bytes, all of them or none.
func readAt(r io.ReaderAt, at int64, n int) ([]byte, error) {
	b := make([]byte, n)
	switch got, err := r.ReadAt(b, at); {
	case got == n:
		return b, nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, malformed("it ends before byte %d", at+int64(n))
	default:
		return nil, fmt.Errorf("reading the backup: %w", err)
	}
}

// readDirectory reads where the directory of a zip of size bytes is. It must be what an
// archive writes.
func readDirectory(r io.ReaderAt, size int64) (directory, error) {
	if size < endSize {
		return directory{}, malformed("%d bytes", size)
	}
	tail, err := readAt(r, size-endSize, endSize)
	if err != nil {
		return directory{}, err
	}
	d := directory{
		count: int64(binary.LittleEndian.Uint16(tail[10:])), size: int64(binary.LittleEndian.Uint32(tail[12:])),
		at: int64(binary.LittleEndian.Uint32(tail[16:])),
	}
	if d.is64() {
		if size < end64Size+endSize {
			return directory{}, malformed("%d bytes", size)
		}
		record, err := readAt(r, size-endSize-end64Size, 56)
		if err != nil {
			return directory{}, err
		}
		number := func(at int) int64 { return int64(binary.LittleEndian.Uint64(record[at:]) & math.MaxInt64) }
		d = directory{count: number(32), size: number(40), at: number(48)}
	}
	end := d.end()
	if d.at > size || d.size > size || d.at+d.size+int64(len(end)) != size {
		return directory{}, malformed("its directory is not right before its end")
	}
	if tail, err = readAt(r, size-int64(len(end)), len(end)); err == nil && !bytes.Equal(tail, end) {
		err = malformed("it does not end as a zip without a comment ends")
	}
	if err == nil && d.count > maxEntries(size) {
		err = malformed("%d entries in %d bytes", d.count, size)
	}
	return d, err
}

// maxEntries bounds the number of entries of a zip of size bytes, and with it the memory
// that reading the directory takes: a backup has a few large entries for 256 events, and
// an entry for each content.
func maxEntries(size int64) int64 { return 1<<12 + size>>9 }

// readHeads reads the entries of a zip. Their headers must be what an archive writes.
func readHeads(r io.ReaderAt, size int64) ([]head, error) {
	d, err := readDirectory(r, size)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(io.NewSectionReader(r, d.at, d.size))
	var heads []head
	at, last := int64(0), ""
	for range d.count {
		h, err := readHead(r, in, at)
		if err == nil && h.name <= last {
			err = malformed("%s stands behind %s", h.name, last)
		}
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
		at, last = h.end(), h.name
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) || at != d.at {
		return nil, malformed("something stands between its entries and the end of its directory")
	}
	return heads, nil
}

// readHead reads the next record of the directory, of the entry that begins at an offset.
func readHead(r io.ReaderAt, directory io.Reader, at int64) (head, error) {
	fixed := make([]byte, centralSize)
	if _, err := io.ReadFull(directory, fixed); err != nil {
		return head{}, cut(err)
	}
	h := head{size: int64(binary.LittleEndian.Uint32(fixed[24:])), crc: binary.LittleEndian.Uint32(fixed[16:]), at: at}
	rest := make([]byte, int(binary.LittleEndian.Uint16(fixed[28:]))+int(binary.LittleEndian.Uint16(fixed[30:])))
	if len(rest) > maxName+extraSize {
		return head{}, malformed("a record of %d bytes in its directory", centralSize+len(rest))
	}
	if _, err := io.ReadFull(directory, rest); err != nil {
		return head{}, cut(err)
	}
	h.name = string(rest[:binary.LittleEndian.Uint16(fixed[28:])])
	if err := checkName(h.name); err != nil {
		return head{}, err
	}
	if !bytes.Equal(append(fixed, rest...), h.central()) {
		return head{}, malformed("the record of %s in its directory is not one of a backup", h.name)
	}
	want := h.local()
	local, err := readAt(r, h.at, len(want))
	if err == nil && !bytes.Equal(local, want) {
		err = malformed("the header of %s is not that in the directory", h.name)
	}
	return h, err
}

// cut returns the error of a directory that ended too early, or could not be read.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("its directory is cut off")
	}
	return fmt.Errorf("reading the backup: %w", err)
}

// checkName refuses the names that no backup has.
func checkName(name string) error {
	bad := len(name) > maxName || strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("._-/", c)
	})
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == "" || part[0] == '.'
	}
	if bad {
		return malformed("an entry is called %.80q", name)
	}
	return nil
}
