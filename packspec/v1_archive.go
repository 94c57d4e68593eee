package packspec

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
)

// A pack of PackSpec v1 is a zip of whatever writer its producer had: entries
// may be deflated, carry a time and a data descriptor. All else is held as
// tight as in a pack of ours: entries in order of name, each once, one right
// after the other, the directory right behind them, and the end record last.

// What an archive of PackSpec v1 may hold, so that a small file is no large one.
const (
	maxV1Archive = 128 << 20
	maxV1Total   = 256 << 20 // of all contents
	maxV1Ratio   = 250       // of a content to its deflated form, from maxV1Free bytes on
	maxV1Free    = 64 << 10
	maxExtra     = 64

	methodStored   = 0
	methodDeflated = 8

	flagDescriptor = 1 << 3
	flagsAllowed   = 1<<1 | 1<<2 | flagDescriptor | 1<<11 // how well it is deflated; names in UTF-8

	descriptorSize  = 16
	descriptorMagic = "PK\x07\x08"
)

// v1Limits are the size limits of the entries PackSpec v1 names.
var v1Limits = map[string]int64{
	entryManifest:  maxJobManifest,
	entryPayload:   16 << 10,
	entryState:     4 << 20,
	entryJobEvents: 100 << 20,
	entryRecords:   256 << 10,
}

// maxV1Entry limits entries of other names.
const maxV1Entry = 100 << 20

// A v1Entry is a file in an archive of PackSpec v1. at is where its header is.
type v1Entry struct {
	entry
	method uint16
	packed int64  // how many bytes hold the content
	data   int64  // where they begin
	header []byte // the directory's record
}

// readV1Directory reads the end record and the directory, and holds each
// entry's local header to it. Contents are not read. It fails with a
// *FormatError, or with the reader's own error.
func readV1Directory(r io.ReaderAt, size int64) ([]v1Entry, error) {
	if size > maxV1Archive {
		return nil, malformed("", "%d bytes, at most %d in a pack without evidence", size, maxV1Archive)
	}
	if size < endSize {
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
	case dirSize > int64(count)*(centralSize+maxName+maxExtra) || dirAt+dirSize+endSize != size:
		return nil, malformed("", "the directory is not right before the end record")
	}
	dir, err := readAt(r, dirAt, int(dirSize))
	if err != nil {
		return nil, err
	}
	entries, err := parseV1Directory(dir, count)
	if err != nil {
		return nil, err
	}
	return entries, placeV1(r, entries, dirAt)
}

func parseV1Directory(dir []byte, count int) ([]v1Entry, error) {
	entries := make([]v1Entry, 0, count)
	var total int64
	for i := range count {
		e, problem := parseV1Header(dir)
		if problem != "" {
			return nil, malformed("", "directory record %d: %s", i, problem)
		}
		if i > 0 && entries[i-1].name >= e.name {
			return nil, malformed(e.name, "it stands after %s: names are in order, each once", entries[i-1].name)
		}
		most, named := v1Limits[e.name]
		if !named {
			most = maxV1Entry
		}
		total += e.size
		switch {
		case e.size > most:
			return nil, &FormatError{*failure(LevelContainer, CodeEntries, e.name, "%d bytes, at most %d", e.size, most)}
		case total > maxV1Total:
			return nil, malformed(e.name, "more than %d bytes in all", maxV1Total)
		case e.size > maxV1Free && e.size/maxV1Ratio > e.packed:
			return nil, malformed(e.name, "%d bytes hold %d, more than %d times as many", e.packed, e.size, maxV1Ratio)
		}
		entries = append(entries, e)
		dir = dir[len(e.header):]
	}
	if len(dir) > 0 {
		return nil, malformed("", "%d bytes after the directory's last record", len(dir))
	}
	return entries, nil
}

// parseV1Header reads a record of the directory, or returns a problem.
func parseV1Header(b []byte) (v1Entry, string) {
	if len(b) < centralSize || string(b[:4]) != dirMagic {
		return v1Entry{}, "cut off, or none"
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
	u32 := func(at int) int64 { return int64(binary.LittleEndian.Uint32(b[at:])) }
	nameLen, extraLen := int(u16(28)), int(u16(30))
	if nameLen > maxName || extraLen > maxExtra || len(b) < centralSize+nameLen+extraLen {
		return v1Entry{}, fmt.Sprintf("a name of %d bytes and %d extra ones", nameLen, extraLen)
	}
	e := v1Entry{entry: entry{crc: uint32(u32(16)), size: u32(24), at: u32(42), name: string(b[centralSize : centralSize+nameLen])},
		method: u16(10), packed: u32(20), header: b[:centralSize+nameLen+extraLen]}
	switch kind := u32(38) >> 16 & 0o170000; {
	case u16(8)&^flagsAllowed != 0:
		return e, fmt.Sprintf("flags %#x", u16(8))
	case e.method != methodStored && e.method != methodDeflated:
		return e, fmt.Sprintf("compression method %d", e.method)
	case e.method == methodStored && e.packed != e.size:
		return e, "stored in another size than its own"
	case u16(32) != 0 || u16(34) != 0:
		return e, "a comment, or another disk"
	case kind != 0 && kind != 0o100000:
		return e, "not a plain file"
	}
	if problem := checkExtra(e.header[centralSize+nameLen:]); problem != "" {
		return e, problem
	}
	return e, checkName(e.name)
}

// checkExtra takes times and owners. Other extra fields can say that an entry
// is longer, or named otherwise, than its header says.
func checkExtra(b []byte) string {
	const times, owners = 0x5455, 0x7875
	for len(b) > 0 {
		if len(b) < 4 || len(b) < 4+int(binary.LittleEndian.Uint16(b[2:])) {
			return "an extra field that is cut off"
		}
		if id := binary.LittleEndian.Uint16(b); id != times && id != owners {
			return fmt.Sprintf("an extra field %#04x", id)
		}
		b = b[4+int(binary.LittleEndian.Uint16(b[2:])):]
	}
	return ""
}

// placeV1 finds each content by its local header, and requires that what
// stands before the directory is those and nothing else.
func placeV1(r io.ReaderAt, entries []v1Entry, dirAt int64) error {
	at := int64(0)
	for i := range entries {
		e := &entries[i]
		if e.at != at {
			return malformed(e.name, "it begins at byte %d, and what comes before ends at %d", e.at, at)
		}
		next, err := e.place(r)
		if err != nil {
			return err
		}
		if next > dirAt {
			return malformed(e.name, "%d bytes reach into the directory", e.packed)
		}
		at = next
	}
	if at != dirAt {
		return malformed("", "%d bytes between the last entry and the directory", dirAt-at)
	}
	return nil
}

// place reads the local header, and the descriptor if there is one, and
// returns where the entry ends.
func (e *v1Entry) place(r io.ReaderAt) (int64, error) {
	local, err := readAt(r, e.at, localSize)
	if err != nil {
		return 0, err
	}
	nameLen, extraLen := int64(binary.LittleEndian.Uint16(local[26:])), int64(binary.LittleEndian.Uint16(local[28:]))
	if nameLen != int64(len(e.name)) || extraLen > maxExtra {
		return 0, malformed(e.name, "its local header is not as the directory has it")
	}
	rest, err := readAt(r, e.at+localSize, int(nameLen+extraLen))
	if err != nil {
		return 0, err
	}
	described := e.header[8]&flagDescriptor != 0
	sums := e.header[16:28] // CRC, packed, size
	same := bytes.Equal(local[14:26], sums) || described && bytes.Equal(local[14:26], make([]byte, 12))
	if string(local[:4]) != localMagic || !bytes.Equal(local[4:14], e.header[6:16]) || !same || string(rest[:nameLen]) != e.name {
		return 0, malformed(e.name, "its local header is not as the directory has it")
	}
	if problem := checkExtra(rest[nameLen:]); problem != "" {
		return 0, malformed(e.name, "its local header: %s", problem)
	}
	e.data = e.at + localSize + nameLen + extraLen
	end := e.data + e.packed
	if !described {
		return end, nil
	}
	descriptor, err := readAt(r, end, descriptorSize)
	if err != nil {
		return 0, err
	}
	if string(descriptor[:4]) != descriptorMagic || !bytes.Equal(descriptor[4:], sums) {
		return 0, malformed(e.name, "its data descriptor is not as the directory has it")
	}
	return end + descriptorSize, nil
}

// open returns the content, to be read once. Deflated content that is broken is
// an error of package flate.
func (e v1Entry) open(r io.ReaderAt) *v1Content {
	in := bufio.NewReader(io.NewSectionReader(r, e.data, e.packed))
	c := &v1Content{in: in, Reader: in}
	if e.method == methodDeflated {
		c.Reader = flate.NewReader(in)
	}
	return c
}

// A v1Content is the content of an entry, inflated as it is read.
type v1Content struct {
	io.Reader
	in *bufio.Reader
}

// digest reads the content once, checks its size and CRC, and notes its SHA-256.
func (e *v1Entry) digest(r io.ReaderAt) error {
	m := newMeter()
	c := e.open(r)
	_, err := io.Copy(m, io.LimitReader(c, e.size+1))
	if _, broken := flateError(err); broken {
		return malformed(e.name, "its content does not inflate: %s", err)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", e.name, err)
	}
	found := m.entry(e.name)
	if found.size != e.size || found.crc != e.crc {
		return &FormatError{*differs(LevelContainer, CodeArchive, e.name, "the content does not have the size and CRC-32 that the directory gives",
			fmt.Sprintf("%d %08x", e.size, e.crc), fmt.Sprintf("%d %08x", found.size, found.crc))}
	}
	if n, err := c.in.Read(make([]byte, 1)); n > 0 || err == nil {
		return malformed(e.name, "bytes after the end of its deflated content")
	}
	e.sum = found.sum
	return nil
}
