package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// MaxNoteSize bounds a signed checkpoint: its text and at least 16 signatures,
// the number C2SP signed-note asks readers to take.
const MaxNoteSize = 96 << 10

// A Checkpoint is the state of a ledger's tree at one size (C2SP tlog-checkpoint).
type Checkpoint struct {
	Origin string
	Size   int64
	Root   Hash
}

// Text returns the note text: origin, size and base64 root, a line each.
func (c Checkpoint) Text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// ParseCheckpoint reads the text of a checkpoint: exactly three lines, no sign
// and no leading zero in the size, a root of exactly 32 bytes. It verifies
// nothing. Anything else, extension lines included, is ErrMalformed.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint has three lines", ErrMalformed)
	}
	if problem := originRule.check(lines[0]); problem != "" {
		return Checkpoint{}, fmt.Errorf("%w: checkpoint origin: %s", ErrMalformed, problem)
	}
	size, err := parseDecimal(lines[1])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint size: %w", err)
	}
	root, err := parseHash64(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint root: %w", err)
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: root}, nil
}

// parseHash64 reads a hash as C2SP formats spell it: base64 of exactly 32
// bytes with nothing left over.
func parseHash64(s string) (Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(Hash{}) || len(s) != 44 {
		return Hash{}, fmt.Errorf("%w: %.50q is not the base64 of a hash", ErrMalformed, s)
	}
	return Hash(b), nil
}

// Sign returns the checkpoint as a signed note (C2SP signed-note), with the
// signatures of all signers in their order. A signer's name must be the origin.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	for _, s := range signers {
		if s.Name() != c.Origin {
			return nil, fmt.Errorf("signing a checkpoint of %s: the key is that of %s", c.Origin, s.Name())
		}
	}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signers...)
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint of %s: %w", c.Origin, err)
	}
	return signed, nil
}

// Countersign adds a signature to a signed checkpoint. It verifies nothing. The signer's
// name must be the origin.
func Countersign(signed []byte, by note.Signer) ([]byte, error) {
	c, err := PeekCheckpoint(signed)
	if err != nil {
		return nil, err
	}
	alone, err := c.Sign(by)
	if err != nil {
		return nil, err
	}
	return slices.Concat(signed, alone[len(c.Text())+1:]), nil
}

// PeekCheckpoint reads a signed checkpoint without verifying anything. The
// caller learns from it whose key to verify with. Errors wrap ErrMalformed.
func PeekCheckpoint(signed []byte) (Checkpoint, error) {
	text, _, err := splitNote(signed)
	if err != nil {
		return Checkpoint{}, err
	}
	return ParseCheckpoint(text)
}

// OpenCheckpoint reads a signed checkpoint that key has signed under its own
// name. Signatures by unknown keys are ignored, as C2SP signed-note says.
// Errors wrap ErrMalformed or ErrUnverified.
func OpenCheckpoint(signed []byte, key VerifierKey) (Checkpoint, error) {
	_, sigs, err := splitNote(signed)
	if err != nil {
		return Checkpoint{}, err
	}
	by := 0
	for _, s := range sigs {
		if s.by(key) {
			by++
		}
	}
	if by > 1 {
		return Checkpoint{}, fmt.Errorf("%w: the checkpoint has %d signatures by %s", ErrUnverified, by, key)
	}
	n, err := note.Open(signed, note.VerifierList(key))
	if err != nil {
		if _, unknown := errors.AsType[*note.UnverifiedNoteError](err); unknown {
			return Checkpoint{}, fmt.Errorf("%w: the checkpoint is not signed by %s", ErrUnverified, key)
		}
		return Checkpoint{}, fmt.Errorf("%w: opening a checkpoint: %w", ErrUnverified, err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != key.Name() {
		return Checkpoint{}, fmt.Errorf("%w: a checkpoint of %s signed by the key of %s", ErrUnverified, c.Origin, key.Name())
	}
	return c, nil
}

// HasSignature reports whether a signed checkpoint has a signature line that
// claims to be by one of the keys. OpenCheckpoint verifies signatures.
func HasSignature(signed []byte, keys ...VerifierKey) bool {
	_, sigs, err := splitNote(signed)
	return err == nil && slices.ContainsFunc(sigs, func(s noteSignature) bool {
		return slices.ContainsFunc(keys, s.by)
	})
}

// splitNote checks a note's form, more strictly than note.Open does, and
// returns its text and signatures.
func splitNote(signed []byte) (text string, sigs []noteSignature, err error) {
	if len(signed) > MaxNoteSize {
		return "", nil, fmt.Errorf("%w: a note of %d bytes, at most %d", ErrMalformed, len(signed), MaxNoteSize)
	}
	s := string(signed)
	i := strings.LastIndex(s, "\n\n")
	if i < 0 || !strings.HasSuffix(s, "\n") {
		return "", nil, fmt.Errorf("%w: not a signed note", ErrMalformed)
	}
	text, s = s[:i+1], s[i+2:]
	if problem := cleanText(strings.ReplaceAll(text, "\n", "")); problem != "" {
		return "", nil, fmt.Errorf("%w: note: %s", ErrMalformed, problem)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		sig, err := parseSigLine(line)
		if err != nil {
			return "", nil, err
		}
		sigs = append(sigs, sig)
	}
	return text, sigs, nil
}
