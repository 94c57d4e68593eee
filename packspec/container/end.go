package container

import (
	"encoding/binary"
	"math"
)

const (
	endMagic     = "PK\x05\x06"
	end64Magic   = "PK\x06\x06"
	locatorMagic = "PK\x06\x07"

	record64Size = 56

	// End64Size is the size of what zip64 has before the end record.
	End64Size = record64Size + 20
)

// An End says where the directory of a zip is.
type End struct{ Count, Size, At int64 }

// Is64 reports whether a number does not fit into the end record.
func (e End) Is64() bool {
	return e.Count >= math.MaxUint16 || e.Size >= math.MaxUint32 || e.At >= math.MaxUint32
}

// Record returns the end record. A number that does not fit is the largest that does.
func (e End) Record() []byte {
	b := binary.LittleEndian.AppendUint32([]byte(endMagic), 0) // disks
	b = binary.LittleEndian.AppendUint16(b, uint16(min(e.Count, math.MaxUint16)))
	b = binary.LittleEndian.AppendUint16(b, uint16(min(e.Count, math.MaxUint16)))
	b = binary.LittleEndian.AppendUint32(b, uint32(min(e.Size, math.MaxUint32)))
	b = binary.LittleEndian.AppendUint32(b, uint32(min(e.At, math.MaxUint32)))
	return binary.LittleEndian.AppendUint16(b, 0) // comment
}

// Records returns what follows the directory of a zip that may be of any size: the end
// record, and those of zip64 before it if a number does not fit.
func (e End) Records() []byte {
	if !e.Is64() {
		return e.Record()
	}
	b := binary.LittleEndian.AppendUint64([]byte(end64Magic), record64Size-12)
	b = binary.LittleEndian.AppendUint16(b, madeBy|version64)
	b = binary.LittleEndian.AppendUint16(b, version64)
	b = binary.LittleEndian.AppendUint64(b, 0) // disks
	for _, n := range []int64{e.Count, e.Count, e.Size, e.At} {
		b = binary.LittleEndian.AppendUint64(b, uint64(n))
	}
	b = binary.LittleEndian.AppendUint32(append(b, locatorMagic...), 0) // disk
	b = binary.LittleEndian.AppendUint64(b, uint64(e.At+e.Size))
	b = binary.LittleEndian.AppendUint32(b, 1) // of disks
	return append(b, e.Record()...)
}

// ParseEnd reads an end record, of EndSize bytes. The caller compares Record, or Records,
// with what it has read.
func ParseEnd(b []byte) End {
	return End{
		Count: int64(binary.LittleEndian.Uint16(b[10:])), Size: int64(binary.LittleEndian.Uint32(b[12:])),
		At: int64(binary.LittleEndian.Uint32(b[16:])),
	}
}

// ParseEnd64 is ParseEnd for what zip64 has before the end record, of End64Size bytes.
func ParseEnd64(b []byte) End {
	number := func(at int) int64 { return int64(binary.LittleEndian.Uint64(b[at:]) & math.MaxInt64) }
	return End{Count: number(32), Size: number(40), At: number(48)}
}
