package ledger

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// PlainText returns the text of a file that a person wrote, without the byte-order mark
// that some editors and shells put before it. A text that is marked as UTF-16 becomes
// UTF-8. The texts of events, checkpoints and proofs are never read by it: each has one
// spelling.
func PlainText(b []byte) []byte {
	if text, ok := bytes.CutPrefix(b, []byte("\ufeff")); ok {
		return text
	}
	var order binary.ByteOrder
	switch {
	case len(b)%2 != 0:
		return b
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	default:
		return b
	}
	units := make([]uint16, 0, len(b)/2)
	for at := 2; at < len(b); at += 2 {
		units = append(units, order.Uint16(b[at:]))
	}
	return []byte(string(utf16.Decode(units)))
}
