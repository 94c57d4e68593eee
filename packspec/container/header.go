package container

import (
	"encoding/binary"
	"math"
)

// What the headers of all entries say (APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.5.3).
const (
	version   = 10       // 1.0, which is all that stored entries need
	version64 = 45       // 4.5, for numbers of 64 bits
	madeBy    = 3 << 8   // Unix, so that the mode means something
	fileDate  = 1<<5 | 1 // 1980-01-01, and the time is 00:00:00
	plainFile = 0o100000

	extraID = 1 // of numbers of 64 bits
)

// ExtraSize is the size of what a record of the directory has after the name if the offset
// does not fit into it.
const ExtraSize = 4 + 8

// A Header says of an entry of a zip all but its content, which is stored as it is. It
// determines both what stands before the content and the record in the directory.
type Header struct {
	Name string
	Size int64 // of the content, below 4 GiB
	CRC  uint32
	At   int64 // where the local header begins
}

// Start returns where the content begins.
func (h Header) Start() int64 { return h.At + LocalSize + int64(len(h.Name)) }

// End returns where what follows the content begins.
func (h Header) End() int64 { return h.Start() + h.Size }

// common appends the fields that both headers of an entry have, in their order.
func (h Header) common(b []byte, version, extra uint16) []byte {
	b = binary.LittleEndian.AppendUint16(b, version)
	b = binary.LittleEndian.AppendUint16(b, 0) // flags
	b = binary.LittleEndian.AppendUint16(b, 0) // method: stored
	b = binary.LittleEndian.AppendUint16(b, 0) // time
	b = binary.LittleEndian.AppendUint16(b, fileDate)
	b = binary.LittleEndian.AppendUint32(b, h.CRC)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Size)) // compressed
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Size))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(h.Name)))
	return binary.LittleEndian.AppendUint16(b, extra)
}

// Local returns the header before the content.
func (h Header) Local() []byte {
	return append(h.common([]byte(LocalMagic), version, 0), h.Name...)
}

// Record returns the record in the directory of a file with these permissions. An offset
// of 4 GiB or more is in an extra field, as zip64 has it.
func (h Header) Record(permissions uint32) []byte {
	needs, extra := uint16(version), uint16(0)
	if h.At >= math.MaxUint32 {
		needs, extra = version64, ExtraSize
	}
	b := binary.LittleEndian.AppendUint16([]byte(DirMagic), madeBy|needs)
	b = h.common(b, needs, extra)
	b = binary.LittleEndian.AppendUint16(b, 0) // comment
	b = binary.LittleEndian.AppendUint16(b, 0) // disk
	b = binary.LittleEndian.AppendUint16(b, 0) // internal attributes
	b = binary.LittleEndian.AppendUint32(b, (plainFile|permissions)<<16)
	b = binary.LittleEndian.AppendUint32(b, uint32(min(h.At, math.MaxUint32)))
	b = append(b, h.Name...)
	if extra > 0 {
		b = binary.LittleEndian.AppendUint16(b, extraID)
		b = binary.LittleEndian.AppendUint16(b, extra-4)
		b = binary.LittleEndian.AppendUint64(b, uint64(h.At))
	}
	return b
}

// ParseRecord reads the fixed part of a record in the directory, of CentralSize bytes: all
// of the Header but its name and its offset, and the lengths of the name and of the extra
// field that follow. The caller compares Record with what it has read.
func ParseRecord(fixed []byte) (h Header, name, extra int) {
	h.CRC, h.Size = binary.LittleEndian.Uint32(fixed[16:]), int64(binary.LittleEndian.Uint32(fixed[20:]))
	return h, int(binary.LittleEndian.Uint16(fixed[28:])), int(binary.LittleEndian.Uint16(fixed[30:]))
}
