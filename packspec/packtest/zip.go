package packtest

import (
	"encoding/binary"
	"hash/crc32"
)

// A File is an entry's name and content.
type File struct {
	Name string
	Data []byte
}

// A Header has the fields that a zip file has twice for an entry (APPNOTE 6.3, section
// 4.3.7).
type Header struct {
	Version, Flags, Method, Time, Date uint16
	CRC, Packed, Size                  uint32
	Name                               string
	Extra                              []byte
}

// An Entry is a file in a zip: its local header, its content and what follows
// it, and the record of the directory (section 4.3.12).
type Entry struct {
	Local Header
	Data  []byte
	After []byte // a data descriptor, or a gap

	Dir            Header
	MadeBy         uint16
	Comment        string
	Disk, Internal uint16
	External, At   uint32
}

// A Zip is an archive in which every field can be wrong. Bytes writes the fields
// unchanged; Settle corrects offsets, sizes and counts.
type Zip struct {
	Before  []byte
	Entries []Entry
	Listed  []Entry // the directory, if it is not that of Entries
	Gap     []byte  // between the entries and the directory
	PreEnd  []byte  // between the directory and the end record
	End     End
	After   []byte
}

// An End is the record at a zip's end (section 4.3.16).
type End struct {
	Disk, DirDisk, Here, Total uint16
	Size, At                   uint32
	Comment                    string
}

// New returns the archive of files in a pack's form.
func New(files []File) *Zip {
	z := &Zip{}
	for _, f := range files {
		h := Header{Version: 10, Date: 1<<5 | 1, CRC: crc32.ChecksumIEEE(f.Data), Packed: uint32(len(f.Data)), Size: uint32(len(f.Data)), Name: f.Name}
		z.Entries = append(z.Entries, Entry{Local: h, Data: f.Data, Dir: h, MadeBy: 3<<8 | 10, External: 0o100644 << 16})
	}
	return z.Settle()
}

// Archive returns the bytes of New.
func Archive(files []File) []byte { return New(files).Bytes() }

// Settle corrects every offset, count and size of the directory.
func (z *Zip) Settle() *Zip {
	at := len(z.Before)
	for i := range z.Entries {
		e := &z.Entries[i]
		e.At = uint32(at)
		at += len(e.Local.append(nil, false)) + 4 + len(e.Data) + len(e.After)
	}
	n := uint16(len(z.listed()))
	z.End = End{Here: n, Total: n, Size: uint32(len(z.directory())), At: uint32(at + len(z.Gap)), Comment: z.End.Comment}
	return z
}

// Bytes returns the archive, with all fields unchanged.
func (z *Zip) Bytes() []byte {
	b := append([]byte{}, z.Before...)
	for _, e := range z.Entries {
		b = e.Local.append(append(b, "PK\x03\x04"...), false)
		b = append(append(b, e.Data...), e.After...)
	}
	b = append(append(append(b, z.Gap...), z.directory()...), z.PreEnd...)
	return append(z.End.append(b), z.After...)
}

func (z *Zip) listed() []Entry {
	if z.Listed != nil {
		return z.Listed
	}
	return z.Entries
}

func (z *Zip) directory() []byte {
	var b []byte
	for _, e := range z.listed() {
		b = append16(append(b, "PK\x01\x02"...), e.MadeBy)
		b = e.Dir.append(b, true)
		b = append16(b, uint16(len(e.Comment)), e.Disk, e.Internal)
		b = append32(b, e.External, e.At)
		b = append(append(append(b, e.Dir.Name...), e.Dir.Extra...), e.Comment...)
	}
	return b
}

// append appends the part of a header after its magic. For the directory's header, that
// is only the part that both kinds of header have.
func (h Header) append(b []byte, dir bool) []byte {
	b = append16(b, h.Version, h.Flags, h.Method, h.Time, h.Date)
	b = append32(b, h.CRC, h.Packed, h.Size)
	b = append16(b, uint16(len(h.Name)), uint16(len(h.Extra)))
	if dir {
		return b
	}
	return append(append(b, h.Name...), h.Extra...)
}

func (e End) append(b []byte) []byte {
	b = append16(append(b, "PK\x05\x06"...), e.Disk, e.DirDisk, e.Here, e.Total)
	return append(append16(append32(b, e.Size, e.At), uint16(len(e.Comment))), e.Comment...)
}

func append16(b []byte, fields ...uint16) []byte {
	for _, f := range fields {
		b = binary.LittleEndian.AppendUint16(b, f)
	}
	return b
}

func append32(b []byte, fields ...uint32) []byte {
	for _, f := range fields {
		b = binary.LittleEndian.AppendUint32(b, f)
	}
	return b
}
