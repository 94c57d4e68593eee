package store

import (
	"bytes"
	"encoding/binary"
	"time"

	"gait/ledger"
)

// The first byte of a key says what it holds. See the package doc.
const (
	prefixAuthority = 'a'
	prefixBuild     = 'b'
	prefixCosigned  = 'c'
	prefixEvent     = 'e'
	prefixTags      = 'g'
	prefixHead      = 'h'
	prefixPage      = 'i'
	prefixIndex     = 'j'
	prefixRotation  = 'k'
	prefixCall      = 'l'
	prefixNumber    = 'n'
	prefixMeta      = 'm'
	prefixPartial   = 'p' // in format 1
	prefixRequest   = 'r'
	prefixTile      = 't'
	prefixView      = 'v' // in format 1
)

var (
	keyCheckpoint = []byte("m/checkpoint")
	keyEdge       = []byte("m/edge")
	keyFormat     = []byte("m/format")
	keyHead       = []byte(HeadKey)
	keyImported   = []byte("m/imported") // if the log is a copy, which signs nothing
	keyRecord     = []byte("m/index")
	keyTags       = []byte("m/tags")
	keyUpper      = []byte("m/upper")
)

// Versions of the key table in the package doc. What is written is format 5 once an event is
// about a call, format 4 if there is an authority event, and before that format 3, or format 2
// as long as its jobs have no tags.
const (
	format1 = "1"
	format2 = "2"
	format3 = "3"
	format4 = "4"
	format5 = "5"
)

func eventKey(seq ledger.Seq) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixEvent}, uint64(seq))
}

func buildKey(n int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixBuild}, uint64(n))
}

func headKey(job string) []byte { return append([]byte{prefixHead}, job...) }

func requestKey(id string) []byte { return append([]byte{prefixRequest}, id...) }

func indexKey(job string, jobSeq int64) []byte {
	k := append(append([]byte{prefixIndex}, job...), 0)
	return binary.BigEndian.AppendUint64(k, uint64(jobSeq))
}

// parseIndexKey reads what indexKey writes.
func parseIndexKey(k []byte) (job string, jobSeq int64, ok bool) {
	n := len(k) - 9
	if n < 1 || k[n] != 0 || bytes.IndexByte(k[:n], 0) >= 0 {
		return "", 0, false
	}
	return string(k[1:n]), int64(binary.BigEndian.Uint64(k[n+1:])), true
}

func tileKey(level int, n int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixTile, byte(level)}, uint64(n))
}

// parseRowKey reads what tileKey and partialKey write.
func parseRowKey(k []byte) (level int, n int64, ok bool) {
	if len(k) != 10 {
		return 0, 0, false
	}
	return int(k[1]), int64(binary.BigEndian.Uint64(k[2:])), true
}

// after returns the first key after all that begin with prefix.
func after(prefix byte) []byte { return []byte{prefix + 1} }

func encodeSeq(seq ledger.Seq) []byte { return binary.BigEndian.AppendUint64(nil, uint64(seq)) }

// decodeSeq reads what encodeSeq writes.
func decodeSeq(b []byte) (ledger.Seq, bool) {
	if len(b) != 8 {
		return 0, false
	}
	seq := ledger.Seq(binary.BigEndian.Uint64(b))
	return seq, seq >= 0
}

const headSize = 48

func encodeHead(h ledger.Head) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, headSize), uint64(h.Size))
	b = append(b, h.Leaf[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(h.Time.UnixMilli()))
}

func decodeHead(b []byte) (ledger.Head, bool) {
	if len(b) != headSize {
		return ledger.Head{}, false
	}
	h := ledger.Head{
		Size: int64(binary.BigEndian.Uint64(b)),
		Leaf: ledger.Hash(b[8:40]),
		Time: time.UnixMilli(int64(binary.BigEndian.Uint64(b[40:]))).UTC(),
	}
	return h, h.Size > 0
}
