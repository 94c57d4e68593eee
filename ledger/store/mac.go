package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// MACKeys are secrets that only the holder of a ledger's key can make. The log
// authenticates with them what its signed tree does not prove by itself: the record
// of its index, and the cached views.
type MACKeys struct{ Record, View [32]byte }

// macs makes the MACs under MACKeys. A hash that is used again saves most of what a
// MAC costs.
type macs struct{ record, view macPool }

func newMACs(k MACKeys) *macs {
	return &macs{record: newMACPool(k.Record), view: newMACPool(k.View)}
}

// ofRecord returns the MAC of the record of an index, without its MAC.
func (m *macs) ofRecord(record []byte) [macSize]byte { return m.record.sum(record) }

// ofView returns the MAC of a job's head and view. No job id holds a zero byte.
func (m *macs) ofView(job string, head, view []byte) [macSize]byte {
	return m.view.sum([]byte(job), []byte{0}, head, view)
}

// A macPool makes MACs under one key.
type macPool struct {
	key    [32]byte
	hashes *sync.Pool
}

func newMACPool(key [32]byte) macPool { return macPool{key, new(sync.Pool)} }

// sum returns the HMAC-SHA-256 of parts, one after another.
func (p macPool) sum(parts ...[]byte) (mac [macSize]byte) {
	h, ok := p.hashes.Get().(hash.Hash)
	if !ok {
		h = hmac.New(sha256.New, p.key[:])
	}
	defer p.hashes.Put(h)
	h.Reset()
	for _, part := range parts {
		h.Write(part)
	}
	h.Sum(mac[:0])
	return mac
}
