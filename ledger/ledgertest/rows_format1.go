package ledgertest

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"gait/ledger"
)

// Format1 returns the rows of a ledger of store format 1 that has the same events: no
// index, the views by themselves, and a row for each hash of a tile that is not full.
func (r Rows) Format1() Rows {
	old := Rows{}
	size := uint64(0)
	for key, value := range r.Format2() {
		switch {
		case key[0] == 'i' || key == "m/index" || key == "m/upper":
		case key[0] == 'h':
			old[key] = value[:64]
			if len(value) > 96 {
				old["v"+key[1:]] = value[96:]
			}
		default:
			old[key] = value
		}
		if key[0] == 'e' {
			size = max(size, binary.BigEndian.Uint64([]byte(key[1:]))+1)
		}
	}
	old["m/format"] = []byte("1")
	for seq := size / ledger.TileWidth * ledger.TileWidth; seq < size; seq++ {
		leaf := sha256.Sum256(append([]byte{0}, r[string(binary.BigEndian.AppendUint64([]byte{'e'}, seq))]...))
		old[string(binary.BigEndian.AppendUint64([]byte{'p', 0}, seq))] = leaf[:]
	}
	upper := r["m/upper"]
	if len(upper) > 0 {
		upper = upper[8:]
	}
	for level := byte(1); len(upper) > 0; level++ {
		end := size >> (8 * level)
		for n := end / ledger.TileWidth * ledger.TileWidth; n < end; n++ {
			old[string(binary.BigEndian.AppendUint64([]byte{'p', level}, n))] = upper[:32]
			upper = upper[32:]
		}
	}
	return old
}

// Format2 returns the rows of a ledger of store format 2 that has the same events: jobs
// have no tags.
func (r Rows) Format2() Rows {
	old := Rows{}
	for key, value := range r {
		if key[0] != 'g' && key[0] != 'n' && key != "m/tags" {
			old[key] = value
		}
	}
	old["m/format"] = []byte("2")
	return old
}

// Views returns how many views the rows hold, of either format.
func (r Rows) Views() (n int) {
	for key, value := range r {
		if strings.HasPrefix(key, "v") || strings.HasPrefix(key, "h") && len(value) > 64 {
			n++
		}
	}
	return n
}
