package mpt

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A PageID names a page by the prefix that its keys have.
type PageID struct {
	Depth  uint8 // how many nibbles the prefix has, at most 63
	Prefix Key   // the nibbles after the prefix are 0
}

// A Row is a page as it is stored. Package doc has its bytes.
type Row struct {
	Page  PageID
	Bytes []byte
}

// ErrPageID says that bytes are not the key of a page's row.
var ErrPageID = errors.New("not the key of a page of the index")

// A PageError says that a row is missing, is malformed, or does not hash to what
// the page above it, or the root, says.
type PageError struct {
	Page   PageID
	Reason string
}

func (e *PageError) Error() string {
	return fmt.Sprintf("page %v of the index: %s", e.Page, e.Reason)
}

// String returns the prefix as hexadecimal digits. It is "root" for the root's page.
func (id PageID) String() string {
	if id.Depth == 0 {
		return "root"
	}
	return id.Prefix.String()[:id.Depth]
}

// AppendKey appends the key of the page's row to dst: the depth in one byte, and
// the prefix in whole bytes.
func (id PageID) AppendKey(dst []byte) []byte {
	return append(append(dst, id.Depth), id.Prefix[:(id.Depth+1)/2]...)
}

// ParsePageID reads what AppendKey appended. Other bytes are ErrPageID.
func ParsePageID(b []byte) (PageID, error) {
	if len(b) == 0 || int(b[0]) >= keyNibbles || len(b) != 1+(int(b[0])+1)/2 {
		return PageID{}, fmt.Errorf("%w: %d bytes", ErrPageID, len(b))
	}
	id := PageID{Depth: b[0]}
	copy(id.Prefix[:], b[1:])
	if id.Depth%2 == 1 && id.Prefix.nibble(int(id.Depth)) != 0 {
		return PageID{}, fmt.Errorf("%w: a nibble after the prefix is set", ErrPageID)
	}
	return id, nil
}

// below returns the ID of the child page in a slot.
func (id PageID) below(slot int) PageID { return PageID{id.Depth + 1, id.withNibble(slot)} }

// withNibble returns the prefix and one more nibble.
func (id PageID) withNibble(nibble int) Key {
	id.Prefix[id.Depth/2] |= byte(nibble) << (4 * (1 - id.Depth%2))
	return id.Prefix
}

// The kinds of slots in a row, 2 bits each.
const (
	kindNone = iota
	kindLeaves
	kindChild
)

// row returns the page as it is stored.
func (p *page) row(depth int) []byte {
	known := (depth + 1) / 2 // whole bytes of each key that the slot's prefix has
	b := make([]byte, 4, 4+len(Hash{})*len(p.kids)+fanout+(len(Leaf{}.Key)+len(Leaf{}.Value)-known)*len(p.leaves))
	kinds := uint32(0)
	for i := range fanout {
		kinds <<= 2
		switch n := p.slots.at(i); n {
		case 0:
		case child:
			kinds |= kindChild
			b = append(b, p.slotHash(i)[:]...)
		default:
			kinds |= kindLeaves
			b = append(b, byte(n))
			for _, l := range p.slotLeaves(i) {
				b = append(append(b, l.Key[known:]...), l.Value[:]...)
			}
		}
	}
	binary.BigEndian.PutUint32(b, kinds)
	return b
}

// parseRow reads the row of a page whose hash is want, or returns a *PageError.
// The page's children are not loaded.
func parseRow(id PageID, row []byte, want Hash) (*page, error) {
	p, reason := readRow(id, row)
	if reason != "" {
		return nil, &PageError{id, reason}
	}
	if got := p.hash(); got != want {
		return nil, &PageError{id, fmt.Sprintf("its hash is %v, not %v", got, want)}
	}
	return p, nil
}

// readRow reads a row that may be of any hash. It returns what is wrong with it, or "".
func readRow(id PageID, row []byte) (*page, string) {
	if row == nil {
		return nil, "it is missing"
	}
	r := rowReader{draft: draft{page: &page{}}, id: id, rest: row}
	if reason := r.read(); reason != "" {
		return nil, reason
	}
	p := r.finish(int(id.Depth))
	if id.Depth > 0 && p.small() {
		return nil, "it has too few keys to be a page"
	}
	return p, ""
}

// A rowReader makes a page of its row.
type rowReader struct {
	draft
	id   PageID
	rest []byte
}

// read reads all slots of the row. It returns what is wrong with the row, or "".
func (r *rowReader) read() string {
	if len(r.rest) < 4 {
		return "it is cut off"
	}
	kinds := binary.BigEndian.Uint32(r.rest)
	r.rest = r.rest[4:]
	for slot := range fanout {
		reason := ""
		switch kinds >> (2 * (fanout - 1 - slot)) & 3 {
		case kindNone:
		case kindLeaves:
			reason = r.readLeaves(slot)
		case kindChild:
			reason = r.readChild(slot)
		default:
			reason = "a slot is of an unknown kind"
		}
		if reason != "" {
			return reason
		}
	}
	if len(r.rest) > 0 {
		return "bytes follow its last slot"
	}
	if r.page.slots == 0 {
		return "it has no keys"
	}
	return ""
}

// readChild reads the hash of a child page.
func (r *rowReader) readChild(slot int) string {
	if int(r.id.Depth) == keyNibbles-1 {
		return "it has a child page below the last nibble"
	}
	if len(r.rest) < len(Hash{}) {
		return "it is cut off"
	}
	hash := Hash(r.rest)
	r.rest = r.rest[len(hash):]
	r.putChild(slot, nil, &hash)
	return ""
}

// readLeaves reads the leaves of a slot.
func (r *rowReader) readLeaves(slot int) string {
	if len(r.rest) == 0 {
		return "it is cut off"
	}
	n := int(r.rest[0])
	r.rest = r.rest[1:]
	if n == 0 || n > maxInline {
		return "a slot has a wrong number of keys"
	}
	prefix := r.id.withNibble(slot)
	known := (int(r.id.Depth) + 1) / 2
	size := len(Key{}) - known + len(Value{})
	if len(r.rest) < n*size {
		return "it is cut off"
	}
	var leaves [maxInline]Leaf
	for i := range n {
		l := &leaves[i]
		l.Key = prefix
		copy(l.Key[known:], r.rest)
		l.Value = Value(r.rest[size-len(l.Value):])
		r.rest = r.rest[size:]
		if l.Key.nibble(int(r.id.Depth)) != slot {
			return "a key is in another slot than its own"
		}
		if i > 0 && !leaves[i-1].Key.less(&l.Key) {
			return "its keys do not rise"
		}
	}
	r.put(slot, leaves[:n])
	return ""
}
