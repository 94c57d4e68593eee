package ledger

import (
	"encoding/hex"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A Hash is a SHA-256 hash: a leaf or node of the ledger's Merkle tree
// (RFC 6962, section 2.1), or the digest of a file or command.
// As text it is 64 lower-case hexadecimal digits.
type Hash [32]byte

// LeafHash returns the RFC 6962 leaf hash of an event's exact bytes,
// SHA-256(0x00 ‖ event).
func LeafHash(event []byte) Hash { return Hash(tlog.RecordHash(event)) }

// ParseHash reads 64 lower-case hexadecimal digits. Anything else is ErrMalformed.
func ParseHash(s string) (h Hash, err error) {
	if len(s) != 2*len(h) {
		return Hash{}, fmt.Errorf("%w: a hash is 64 hexadecimal digits, not %d bytes", ErrMalformed, len(s))
	}
	if !h.parse(s) {
		return Hash{}, fmt.Errorf("%w: a hash is lower-case hexadecimal", ErrMalformed)
	}
	return h, nil
}

// parse sets h to the hash that s spells, and reports whether s is 64 lower-case
// hexadecimal digits. If it is not, h is not a hash.
func (h *Hash) parse(s string) bool {
	if len(s) != 2*len(h) {
		return false
	}
	s = s[:2*len(h)] // the compiler checks no index below
	all := byte(0)
	for i := range h {
		hi, lo := nibbles[s[2*i]], nibbles[s[2*i+1]]
		h[i] = hi<<4 | lo
		all |= hi | lo
	}
	return all <= 15
}

// nibbles is the value of each hexadecimal digit, and 0xff for any other byte.
var nibbles = func() (values [256]byte) {
	for c := range values {
		values[c] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		values[c] = byte(i)
	}
	return values
}()

// String returns h as 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// OrEmpty returns what String returns, but "" for the zero hash.
func (h Hash) OrEmpty() string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

// IsZero reports whether h is all zero, which stands for "no hash".
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText returns what String returns, but nothing for the zero hash.
func (h Hash) MarshalText() ([]byte, error) {
	return []byte(h.OrEmpty()), nil
}

// AppendText appends to b what MarshalText returns.
func (h Hash) AppendText(b []byte) ([]byte, error) {
	if h.IsZero() {
		return b, nil
	}
	return hex.AppendEncode(b, h[:]), nil
}

// UnmarshalText reads what MarshalText writes.
func (h *Hash) UnmarshalText(b []byte) (err error) {
	*h = Hash{}
	if len(b) > 0 {
		*h, err = ParseHash(string(b))
	}
	return err
}
