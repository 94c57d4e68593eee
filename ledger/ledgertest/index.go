package ledgertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"gait/ledger"
	"gait/ledger/mpt"
)

// An indexLeaf is a key of a ledger's index and its value.
type indexLeaf struct{ key, value ledger.Hash }

// IndexRoot returns the root of a ledger's index after these events, all from event
// 0 on. It shares no code with the index that it judges: it sorts the keys, and
// hashes all of the tree from nothing. inherited are the keys of the request ids that
// event 0 says were used before.
func IndexRoot(events []ledger.Event, inherited ...mpt.Key) ledger.Hash {
	newest := map[ledger.Hash]ledger.Hash{}
	for _, key := range inherited {
		newest[ledger.Hash(key)] = events[0].LeafHash()
	}
	for _, e := range events {
		if e.JobID() != "" {
			newest[sha256.Sum256([]byte("job/"+e.JobID()))] = e.LeafHash()
		}
		if e.RequestID() != "" {
			newest[sha256.Sum256([]byte("request/"+e.RequestID()))] = e.LeafHash()
		}
		if call, ok := ledger.CallOf(e.Payload()); ok {
			newest[sha256.Sum256([]byte("call/"+e.JobID()+"\x00"+call.ID))] = e.LeafHash()
		}
		if e.Type().OfAuthority() {
			newest[sha256.Sum256([]byte("authority"))] = e.LeafHash()
		}
	}
	leaves := make([]indexLeaf, 0, len(newest))
	for key, value := range newest {
		leaves = append(leaves, indexLeaf{key, value})
	}
	slices.SortFunc(leaves, func(a, b indexLeaf) int { return bytes.Compare(a.key[:], b.key[:]) })
	if len(leaves) == 0 {
		return sha256.Sum256(nil)
	}
	return indexNode(leaves, 0)
}

// indexNode returns the hash of the node above leaves, whose keys agree in all bits
// before bit.
func indexNode(leaves []indexLeaf, bit int) ledger.Hash {
	if len(leaves) == 1 {
		l := leaves[0]
		return sha256.Sum256(slices.Concat([]byte{0, 32}, l.key[:], []byte{32}, l.value[:]))
	}
	right := slices.IndexFunc(leaves, func(l indexLeaf) bool { return l.key[bit/8]>>(7-bit%8)&1 == 1 })
	if right <= 0 {
		return indexNode(leaves, bit+1) // all keys have the same bit
	}
	l, r := indexNode(leaves[:right], bit+1), indexNode(leaves[right:], bit+1)
	return sha256.Sum256(slices.Concat(binary.AppendUvarint([]byte{1}, uint64(bit)), l[:], r[:]))
}
