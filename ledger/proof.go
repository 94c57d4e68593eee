package ledger

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// proofMagic is the first line of a C2SP tlog-proof.
const proofMagic = "c2sp.org/tlog-proof@v1"

// maxProofHashes is the longest inclusion proof: that of a tree of 2^63 leaves.
const maxProofHashes = 63

// MaxProofSize bounds a proof with its checkpoint.
const MaxProofSize = MaxNoteSize + 8<<10

// A Proof says that one event is in the tree of a signed checkpoint (C2SP tlog-proof).
type Proof struct {
	Seq        Seq    // the event's leaf index
	Path       []Hash // RFC 6962, section 2.1.1: from the leaf's sibling up
	Checkpoint []byte // the signed note, byte for byte
}

// Prove returns the proof that event seq is in the tree of the checkpoint. It
// checks every tile against the root; one that does not fit is a *CorruptError.
func Prove(seq Seq, c Checkpoint, signed []byte, tiles Tiles) (Proof, error) {
	if seq < 0 || int64(seq) >= c.Size {
		return Proof{}, fmt.Errorf("ledger: proving event %d of %d", seq, c.Size)
	}
	path, err := tlog.ProveRecord(c.Size, int64(seq), tiles.hashes(c.Size, c.Root))
	if err != nil {
		return Proof{}, &CorruptError{Seq: seq, Reason: "no proof of inclusion", Err: err}
	}
	return Proof{Seq: seq, Path: fromTlog(path), Checkpoint: signed}, nil
}

// ProveConsistency returns the proof that the tree of size old is a prefix of
// the checkpoint's (RFC 6962, section 2.1.2).
func ProveConsistency(old int64, c Checkpoint, tiles Tiles) ([]Hash, error) {
	if old < 1 || old > c.Size {
		return nil, fmt.Errorf("ledger: proving that a tree of %d holds one of %d", c.Size, old)
	}
	path, err := tlog.ProveTree(c.Size, old, tiles.hashes(c.Size, c.Root))
	if err != nil {
		return nil, &CorruptError{Seq: -1, Reason: "no proof of consistency", Err: err}
	}
	return fromTlog(path), nil
}

// CheckConsistency verifies a proof that the tree of older is a prefix of that
// of newer. Errors wrap ErrUnverified.
func CheckConsistency(path []Hash, older, newer Checkpoint) error {
	if older.Size < 1 || older.Size > newer.Size || older.Origin != newer.Origin {
		return fmt.Errorf("%w: size %d of %s is not before size %d of %s", ErrUnverified, older.Size, older.Origin, newer.Size, newer.Origin)
	}
	if err := tlog.CheckTree(toTlog(path), newer.Size, tlog.Hash(newer.Root), older.Size, tlog.Hash(older.Root)); err != nil {
		return fmt.Errorf("%w: the tree of size %d is not in that of size %d", ErrUnverified, older.Size, newer.Size)
	}
	return nil
}

// RootAt returns the root that the tree of the checkpoint had at size old.
func RootAt(old int64, c Checkpoint, tiles Tiles) (Hash, error) {
	if old < 0 || old > c.Size {
		return Hash{}, fmt.Errorf("ledger: the root at size %d of a tree of %d", old, c.Size)
	}
	h, err := tlog.TreeHash(old, tiles.hashes(c.Size, c.Root))
	if err != nil {
		return Hash{}, &CorruptError{Seq: -1, Reason: fmt.Sprintf("no root at size %d", old), Err: err}
	}
	return Hash(h), nil
}

// Check verifies that leaf is at the proof's place in the tree of c, which the
// caller got from OpenCheckpoint on the proof's own Checkpoint. Errors wrap ErrUnverified.
func (p Proof) Check(leaf Hash, c Checkpoint) error {
	if p.Seq < 0 || int64(p.Seq) >= c.Size {
		return fmt.Errorf("%w: event %d is not in a tree of %d", ErrUnverified, p.Seq, c.Size)
	}
	if err := tlog.CheckRecord(toTlog(p.Path), c.Size, tlog.Hash(c.Root), int64(p.Seq), tlog.Hash(leaf)); err != nil {
		return fmt.Errorf("%w: event %d with leaf hash %s is not in the tree of size %d", ErrUnverified, p.Seq, leaf, c.Size)
	}
	return nil
}

// String returns the proof as a .tlog-proof file.
func (p Proof) String() string {
	var b strings.Builder
	b.WriteString(proofMagic + "\nindex " + strconv.FormatInt(int64(p.Seq), 10) + "\n")
	for _, h := range p.Path {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return b.String()
}

// ParseProof reads a .tlog-proof file. It takes only what String writes: no
// extra line, no leading zero in the index. It verifies nothing. Errors wrap ErrMalformed.
func ParseProof(b []byte) (Proof, error) {
	if len(b) > MaxProofSize {
		return Proof{}, fmt.Errorf("%w: a proof of %d bytes, at most %d", ErrMalformed, len(b), MaxProofSize)
	}
	head, signed, found := strings.Cut(string(b), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || len(lines) > 2+maxProofHashes || lines[0] != proofMagic {
		return Proof{}, fmt.Errorf("%w: not a %s", ErrMalformed, proofMagic)
	}
	digits, ok := strings.CutPrefix(lines[1], "index ")
	seq, err := parseDecimal(digits)
	if !ok || err != nil {
		return Proof{}, fmt.Errorf("%w: the second line of a proof is its index, not %.40q", ErrMalformed, lines[1])
	}
	p := Proof{Seq: Seq(seq), Checkpoint: []byte(signed)}
	for _, line := range lines[2:] {
		h, err := parseHash64(line)
		if err != nil {
			return Proof{}, fmt.Errorf("proof: %w", err)
		}
		p.Path = append(p.Path, h)
	}
	if _, err := PeekCheckpoint(p.Checkpoint); err != nil {
		return Proof{}, fmt.Errorf("proof: %w", err)
	}
	return p, nil
}

func fromTlog(path []tlog.Hash) []Hash {
	out := make([]Hash, len(path))
	for i, h := range path {
		out[i] = Hash(h)
	}
	return out
}

func toTlog(path []Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(path))
	for i, h := range path {
		out[i] = tlog.Hash(h)
	}
	return out
}
