package v1

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"

	"gait/ledger"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// A pack of PackSpec v1 is a zip file by any writer: entries may be deflated and may
// have a time and a data descriptor. Everything else is as strict as in a pack of gait:
// entries are in order of name, each once, without gaps; the directory follows them, and
// the end record comes last.

// The limits of an archive of PackSpec v1. They keep a small file from holding a large
// amount of data.
const (
	maxArchive = 128 << 20
	maxTotal   = 256 << 20 // of all contents
	maxRatio   = 250       // of a content's size to that of its deflated form; contents up to maxFree are exempt
	maxFree    = 64 << 10
	maxExtra   = 64

	methodStored   = 0
	methodDeflated = 8

	flagDescriptor = 1 << 3
	flagsAllowed   = 1<<1 | 1<<2 | flagDescriptor | 1<<11 // the effort of deflating; names in UTF-8

	descriptorSize  = 16
	descriptorMagic = "PK\x07\x08"
)

// limits are the size limits of the entries that PackSpec v1 names.
var limits = map[string]int64{
	container.ManifestEntry: container.MaxJobManifest,
	PayloadEntry:            16 << 10,
	StateEntry:              4 << 20,
	EventsEntry:             100 << 20,
	recordsEntry:            256 << 10,
}

// maxEntry is the size limit of entries with other names.
const maxEntry = 100 << 20

// An entry is a file in an archive of PackSpec v1.
type entry struct {
	name   string
	size   int64
	crc    uint32
	sum    ledger.Hash // SHA-256 of the content
	at     int64       // of the local header
	method uint16
	packed int64  // the size of the content in the archive
	data   int64  // its offset
	header []byte // the record in the directory
}

// readDirectory reads the directory and checks each entry's local header against it.
// It does not read contents. It fails with a *finding.FormatError, or with the reader's
// own error.
func readDirectory(r io.ReaderAt, size int64) ([]entry, error) {
	if size > maxArchive {
		return nil, container.Malformed("", "%d bytes, at most %d in a pack without evidence", size, maxArchive)
	}
	if size < container.EndSize {
		return nil, container.Malformed("", "a file of %d bytes is no pack", size)
	}
	dir, err := container.ReadDirectory(r, size, container.CentralSize+container.MaxName+maxExtra)
	if err != nil {
		return nil, err
	}
	entries, err := parseDirectory(dir.Bytes, dir.Count)
	if err != nil {
		return nil, err
	}
	return entries, place(r, entries, dir.At)
}

func parseDirectory(dir []byte, count int) ([]entry, error) {
	entries := make([]entry, 0, count)
	var total int64
	for i := range count {
		e, problem := parseHeader(dir)
		if problem != "" {
			return nil, container.Malformed("", "directory record %d: %s", i, problem)
		}
		if i > 0 && entries[i-1].name >= e.name {
			return nil, container.Malformed(e.name, "it stands after %s: names are in order, each once", entries[i-1].name)
		}
		most, named := limits[e.name]
		if !named {
			most = maxEntry
		}
		total += e.size
		switch {
		case e.size > most:
			return nil, finding.AsFormat(finding.Failf(finding.LevelContainer, finding.CodeEntries, e.name, "%d bytes, at most %d", e.size, most))
		case total > maxTotal:
			return nil, container.Malformed(e.name, "more than %d bytes in all", maxTotal)
		case e.size > maxFree && e.size/maxRatio > e.packed:
			return nil, container.Malformed(e.name, "%d bytes hold %d, more than %d times as many", e.packed, e.size, maxRatio)
		}
		entries = append(entries, e)
		dir = dir[len(e.header):]
	}
	if len(dir) > 0 {
		return nil, container.Malformed("", "%d bytes after the directory's last record", len(dir))
	}
	return entries, nil
}

// parseHeader reads a record of the directory. If it cannot, it returns the problem.
func parseHeader(b []byte) (entry, string) {
	if len(b) < container.CentralSize || string(b[:4]) != container.DirMagic {
		return entry{}, "cut off, or none"
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
	u32 := func(at int) int64 { return int64(binary.LittleEndian.Uint32(b[at:])) }
	nameLen, extraLen := int(u16(28)), int(u16(30))
	if nameLen > container.MaxName || extraLen > maxExtra || len(b) < container.CentralSize+nameLen+extraLen {
		return entry{}, fmt.Sprintf("a name of %d bytes and %d extra ones", nameLen, extraLen)
	}
	e := entry{
		crc: uint32(u32(16)), size: u32(24), at: u32(42), name: string(b[container.CentralSize : container.CentralSize+nameLen]),
		method: u16(10), packed: u32(20), header: b[:container.CentralSize+nameLen+extraLen],
	}
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
	if problem := checkExtra(e.header[container.CentralSize+nameLen:]); problem != "" {
		return e, problem
	}
	return e, container.CheckName(e.name)
}

// checkExtra accepts times and owners. Other extra fields can give an entry another
// size or name than its header does.
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

// place finds each content through its local header. It requires that nothing else
// precedes the directory.
func place(r io.ReaderAt, entries []entry, dirAt int64) error {
	at := int64(0)
	for i := range entries {
		e := &entries[i]
		if e.at != at {
			return container.Malformed(e.name, "it begins at byte %d, and what comes before ends at %d", e.at, at)
		}
		next, err := e.place(r)
		if err != nil {
			return err
		}
		if next > dirAt {
			return container.Malformed(e.name, "%d bytes reach into the directory", e.packed)
		}
		at = next
	}
	if at != dirAt {
		return container.Malformed("", "%d bytes between the last entry and the directory", dirAt-at)
	}
	return nil
}

// place reads the local header, and the descriptor if there is one, and returns the
// offset behind the entry.
func (e *entry) place(r io.ReaderAt) (int64, error) {
	local, err := container.ReadAt(r, e.at, container.LocalSize)
	if err != nil {
		return 0, err
	}
	nameLen, extraLen := int64(binary.LittleEndian.Uint16(local[26:])), int64(binary.LittleEndian.Uint16(local[28:]))
	if nameLen != int64(len(e.name)) || extraLen > maxExtra {
		return 0, container.Malformed(e.name, "its local header is not as the directory has it")
	}
	rest, err := container.ReadAt(r, e.at+container.LocalSize, int(nameLen+extraLen))
	if err != nil {
		return 0, err
	}
	described := e.header[8]&flagDescriptor != 0
	sums := e.header[16:28] // CRC, packed, size
	same := bytes.Equal(local[14:26], sums) || described && bytes.Equal(local[14:26], make([]byte, 12))
	if string(local[:4]) != container.LocalMagic || !bytes.Equal(local[4:14], e.header[6:16]) || !same || string(rest[:nameLen]) != e.name {
		return 0, container.Malformed(e.name, "its local header is not as the directory has it")
	}
	if problem := checkExtra(rest[nameLen:]); problem != "" {
		return 0, container.Malformed(e.name, "its local header: %s", problem)
	}
	e.data = e.at + container.LocalSize + nameLen + extraLen
	end := e.data + e.packed
	if !described {
		return end, nil
	}
	descriptor, err := container.ReadAt(r, end, descriptorSize)
	if err != nil {
		return 0, err
	}
	if string(descriptor[:4]) != descriptorMagic || !bytes.Equal(descriptor[4:], sums) {
		return 0, container.Malformed(e.name, "its data descriptor is not as the directory has it")
	}
	return end + descriptorSize, nil
}

// open returns the content, to be read once. For deflated content that is broken,
// reading fails with an error of package flate.
func (e entry) open(r io.ReaderAt) *content {
	in := bufio.NewReader(io.NewSectionReader(r, e.data, e.packed))
	c := &content{in: in, Reader: in}
	if e.method == methodDeflated {
		c.Reader = flate.NewReader(in)
	}
	return c
}

// A content is the content of an entry, inflated as it is read.
type content struct {
	io.Reader
	in *bufio.Reader
}

// digest reads the content once, checks its size and CRC, and stores its SHA-256.
func (e *entry) digest(r io.ReaderAt) error {
	m := container.NewMeter()
	c := e.open(r)
	_, err := io.Copy(m, io.LimitReader(c, e.size+1))
	if _, broken := flateError(err); broken {
		return container.Malformed(e.name, "its content does not inflate: %s", err)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", e.name, err)
	}
	if m.Size != e.size || m.CRC != e.crc {
		return finding.AsFormat(finding.Differs(finding.LevelContainer, finding.CodeArchive, e.name, "the content does not have the size and CRC-32 that the directory gives",
			fmt.Sprintf("%d %08x", e.size, e.crc), fmt.Sprintf("%d %08x", m.Size, m.CRC)))
	}
	if n, err := c.in.Read(make([]byte, 1)); n > 0 || err == nil {
		return container.Malformed(e.name, "bytes after the end of its deflated content")
	}
	e.sum = m.Sum()
	return nil
}
