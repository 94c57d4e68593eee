package store

import (
	"crypto/hmac"
	"encoding/binary"
	"time"

	"gait/ledger"
)

// A jobRow is the row of a job: where the job ends and, if there is one, its view
// and what authenticates it. The package doc has its bytes.
type jobRow struct {
	head ledger.JobHead
	view []byte // nil if there is none
	mac  [macSize]byte
}

const (
	jobHeadSize = 64
	macSize     = 32
)

func appendJobHead(b []byte, h ledger.JobHead) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(h.JobSeq))
	b = append(b, h.Leaf[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Revision))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Seq))
	return binary.BigEndian.AppendUint64(b, uint64(h.Time.UnixMilli()))
}

func encodeJobHead(h ledger.JobHead) []byte {
	return appendJobHead(make([]byte, 0, jobHeadSize), h)
}

// decodeJobHead reads what encodeJobHead writes.
func decodeJobHead(b []byte) (ledger.JobHead, bool) {
	if len(b) != jobHeadSize {
		return ledger.JobHead{}, false
	}
	h := ledger.JobHead{
		JobSeq:   int64(binary.BigEndian.Uint64(b)),
		Leaf:     ledger.Hash(b[8:40]),
		Revision: int64(binary.BigEndian.Uint64(b[40:])),
		Seq:      ledger.Seq(binary.BigEndian.Uint64(b[48:])),
		Time:     time.UnixMilli(int64(binary.BigEndian.Uint64(b[56:]))).UTC(),
	}
	return h, h.JobSeq > 0 && h.Revision >= 0 && h.Seq >= 0
}

// encodeJobRow returns the row of a job. It has no view if view is nil. macs is nil
// for a copy.
func encodeJobRow(job string, h ledger.JobHead, view []byte, macs *macs) []byte {
	if view == nil {
		return encodeJobHead(h)
	}
	b := appendJobHead(make([]byte, 0, jobHeadSize+macSize+len(view)), h)
	var mac [macSize]byte
	if macs != nil {
		mac = macs.ofView(job, b, view)
	}
	return append(append(b, mac[:]...), view...)
}

// decodeJobRow reads what encodeJobRow writes.
func decodeJobRow(job string, b []byte) (r jobRow, err error) {
	ok := len(b) == jobHeadSize
	if len(b) >= jobHeadSize+macSize {
		r.mac, r.view = [macSize]byte(b[jobHeadSize:]), b[jobHeadSize+macSize:]
		ok = true
	}
	if ok {
		r.head, ok = decodeJobHead(b[:jobHeadSize])
	}
	if !ok {
		return jobRow{}, corrupt(-1, "expected a head of job %s, found %.200x", job, b)
	}
	return r, nil
}

// authentic reports whether the view and the head are what a writer with the ledger's
// key has written.
func (r jobRow) authentic(job string, macs *macs) bool {
	if macs == nil || r.view == nil {
		return false
	}
	want := macs.ofView(job, encodeJobHead(r.head), r.view)
	return hmac.Equal(r.mac[:], want[:])
}
