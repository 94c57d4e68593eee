package store

import (
	"crypto/hmac"
	"encoding/binary"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
)

// A record is what the row m/index says of the log's index. The package doc has its
// bytes.
type record struct {
	state     recordState
	size      int64 // the number of events that the index is of
	tree      ledger.Hash
	index     mpt.Hash
	jobs      int64
	flushed   int64 // the number of events that the page rows are of
	pages     mpt.Hash
	committed int64 // 1 and the seq of the newest index_committed, or 0
	origin    string
	reason    string     // why the index was refused
	seq       ledger.Seq // of the damaged event then, or -1
}

type recordState byte

const (
	recordProved   recordState = 1 // the index is that of all events
	recordBuilding recordState = 2 // an old ledger gets an index; see buildProgress
	recordRefused  recordState = 3 // an old ledger gets none, since it is damaged
)

const (
	recordVersion = 1
	recordFixed   = 2 + 8 + 32 + 32 + 8 + 8 + 32 + 8
	maxReason     = 1 << 10
)

// encode returns the row with its MAC. macs is nil for a copy.
func (r record) encode(macs *macs) []byte {
	b := make([]byte, 0, recordFixed+1+len(r.origin)+2+len(r.reason)+8+macSize)
	b = append(b, recordVersion, byte(r.state))
	b = binary.BigEndian.AppendUint64(b, uint64(r.size))
	b = append(append(b, r.tree[:]...), r.index[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.jobs))
	b = binary.BigEndian.AppendUint64(b, uint64(r.flushed))
	b = append(b, r.pages[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(r.committed))
	b = append(append(b, byte(len(r.origin))), r.origin...)
	reason := r.reason[:min(len(r.reason), maxReason)]
	b = binary.BigEndian.AppendUint16(b, uint16(len(reason)))
	b = append(b, reason...)
	if r.state == recordRefused {
		b = binary.BigEndian.AppendUint64(b, uint64(r.seq))
	}
	var mac [macSize]byte
	if macs != nil {
		mac = macs.ofRecord(b)
	}
	return append(b, mac[:]...)
}

// decodeRecord reads what encode writes, and reports whether its MAC is that of macs.
func decodeRecord(b []byte, macs *macs) (r record, authentic bool, err error) {
	if len(b) < recordFixed+1+2+macSize {
		return record{}, false, fmt.Errorf("a record of %d bytes", len(b))
	}
	rest := b[:len(b)-macSize]
	take := func(n int) (part []byte) {
		if n > len(rest) {
			rest = nil
			return make([]byte, n)
		}
		part, rest = rest[:n], rest[n:]
		return part
	}
	number := func() int64 { return int64(binary.BigEndian.Uint64(take(8))) }
	take(1)
	r.state = recordState(take(1)[0])
	r.size = number()
	r.tree, r.index = ledger.Hash(take(32)), mpt.Hash(take(32))
	r.jobs, r.flushed = number(), number()
	r.pages = mpt.Hash(take(32))
	r.committed = number()
	r.origin = string(take(int(take(1)[0])))
	r.reason = string(take(int(binary.BigEndian.Uint16(take(2)))))
	if r.state == recordRefused {
		r.seq = ledger.Seq(number())
	}
	var mac []byte
	if macs != nil {
		want := macs.ofRecord(b[:len(b)-macSize])
		mac = want[:]
	}
	again := r.encode(nil)
	if string(again[:len(again)-macSize]) != string(b[:len(b)-macSize]) || !r.plausible() {
		return record{}, false, fmt.Errorf("expected a record, found %.400x", b)
	}
	return r, hmac.Equal(mac, b[len(b)-macSize:]), nil
}

// plausible reports whether the numbers can be those of one ledger.
func (r record) plausible() bool {
	return r.state >= recordProved && r.state <= recordRefused &&
		r.flushed >= 0 && r.size >= r.flushed && r.jobs >= 0 && r.jobs < max(r.size, 1) &&
		r.committed >= 0 && r.committed <= r.size
}
