package ledger

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/sumdb/note"
)

// algCosignature is the signature type of timestamped Ed25519 cosignatures
// (C2SP signed-note, "Signature types").
const algCosignature = 0x04

// MaxSignatures is how many signatures a note that gait writes holds at most:
// the number that C2SP signed-note asks every reader to take.
const MaxSignatures = 16

// maxCosignTime is the last second that can be written as a time: the end of
// the year 9999. tlog-cosignature lets verifiers refuse times in the future.
const maxCosignTime = 253402300799

// A WitnessKey is a named public key of a witness, which makes timestamped
// Ed25519 cosignatures (C2SP tlog-cosignature), as a verifier key of C2SP
// signed-note with signature type 0x04. It is a note.Verifier of cosignatures.
type WitnessKey struct {
	name   string
	public [ed25519.PublicKeySize]byte
}

var _ note.Verifier = WitnessKey{}

// ParseWitnessKey reads a witness's verifier key, in the one spelling String
// gives it. Anything else is ErrMalformed.
func ParseWitnessKey(s string) (WitnessKey, error) {
	name, public, err := parseVkey(s, algCosignature, witnessRule)
	return WitnessKey{name: name, public: public}, err
}

// isKeyName reports whether C2SP signed-note allows s as a key name.
func isKeyName(s string) bool {
	return s != "" && !strings.Contains(s, "+") && !strings.ContainsFunc(s, unicode.IsSpace) && cleanText(s) == ""
}

// Name returns the witness's name.
func (k WitnessKey) Name() string { return k.name }

// KeyHash returns the key id of C2SP tlog-cosignature: the first four bytes of
// SHA-256(name ‖ 0x0A ‖ 0x04 ‖ key).
func (k WitnessKey) KeyHash() uint32 { return vkeyID(k.name, algCosignature, k.public) }

// IsZero reports whether k is the zero key.
func (k WitnessKey) IsZero() bool { return k == WitnessKey{} }

// SameKey reports whether two keys differ at most in their names.
func (k WitnessKey) SameKey(other WitnessKey) bool { return k.public == other.public }

// String returns the key as text.
func (k WitnessKey) String() string { return vkeyText(k.name, algCosignature, k.public) }

// Verify reports whether sig, a timestamp of eight bytes and an Ed25519
// signature, is the witness's cosignature of the checkpoint whose note text is
// msg.
func (k WitnessKey) Verify(msg, sig []byte) bool {
	at, ok := cosignedAt(sig)
	return ok && ed25519.Verify(k.public[:], CosignedMessage(string(msg), at), sig[8:])
}

// cosignedAt reads the time of a cosignature, which must not be zero.
func cosignedAt(sig []byte) (time.Time, bool) {
	if len(sig) != 8+ed25519.SignatureSize {
		return time.Time{}, false
	}
	seconds := binary.BigEndian.Uint64(sig)
	return time.Unix(int64(min(seconds, maxCosignTime)), 0).UTC(), 0 < seconds && seconds <= maxCosignTime
}

// CosignedMessage returns the bytes that a witness signs to cosign a checkpoint
// at a time, in whole seconds: C2SP tlog-cosignature, "Ed25519 signed message".
func CosignedMessage(text string, at time.Time) []byte {
	return []byte("cosignature/v1\ntime " + strconv.FormatInt(at.Unix(), 10) + "\n" + text)
}

// A Cosignature is a witness's statement about a checkpoint: it is the largest
// consistent one of its ledger that the witness had seen at that time.
type Cosignature struct {
	Key  WitnessKey
	Time time.Time
	line string // of the note, without its newline
}

// Line returns the note's signature line with the cosignature, with its newline.
func (c Cosignature) Line() string { return c.line + "\n" }

// Cosignatures returns the cosignatures of a signed checkpoint by the witnesses
// with the given keys, in the order of keys: for each key the newest one.
// Signatures by other keys, the ledger's among them, are ignored. If a
// cosignature by one of the keys does not verify, the whole note is refused, as
// C2SP signed-note says. Errors wrap ErrMalformed or ErrUnverified.
func Cosignatures(signed []byte, keys []WitnessKey) ([]Cosignature, error) {
	text, sigs, err := splitNote(signed)
	if err != nil {
		return nil, err
	}
	if _, err := ParseCheckpoint(text); err != nil {
		return nil, err
	}
	type id struct {
		name string
		id   uint32
	}
	byID := map[id][]noteSignature{}
	for _, s := range sigs {
		byID[id{s.name, s.id}] = append(byID[id{s.name, s.id}], s)
	}
	var found []Cosignature
	for _, key := range keys {
		var newest Cosignature
		for _, s := range byID[id{key.name, key.KeyHash()}] {
			if !key.Verify([]byte(text), s.sig) {
				return nil, fmt.Errorf("%w: the cosignature of %s is not of this checkpoint", ErrUnverified, key.name)
			}
			if at, _ := cosignedAt(s.sig); at.After(newest.Time) {
				newest = Cosignature{Key: key, Time: at, line: s.line}
			}
		}
		if !newest.Key.IsZero() {
			found = append(found, newest)
		}
	}
	return found, nil
}

// Signers returns the key names of a signed checkpoint's signatures, each once,
// in the order of their first signatures. It verifies nothing. Errors wrap
// ErrMalformed.
func Signers(signed []byte) ([]string, error) {
	_, sigs, err := splitNote(signed)
	var names []string
	for _, s := range sigs {
		if !slices.Contains(names, s.name) {
			names = append(names, s.name)
		}
	}
	return names, err
}

// Cosign returns the signed checkpoint with cosignatures below its own
// signatures, in the order given. A note holds at most MaxSignatures.
func Cosign(signed []byte, cosignatures ...Cosignature) ([]byte, error) {
	_, sigs, err := splitNote(signed)
	if err != nil {
		return nil, err
	}
	if n := len(sigs) + len(cosignatures); n > MaxSignatures {
		return nil, fmt.Errorf("cosigning a checkpoint: %d signatures, at most %d", n, MaxSignatures)
	}
	out := bytes.Clone(signed)
	for _, c := range cosignatures {
		out = append(out, c.Line()...)
	}
	return out, nil
}

// A noteSignature is one signature line of a note.
type noteSignature struct {
	name string
	id   uint32
	sig  []byte
	line string
}

// by reports whether the line claims to be by key.
func (s noteSignature) by(key VerifierKey) bool { return s.name == key.Name() && s.id == key.KeyHash() }

// parseSigLine reads a signature line, in its only spelling.
func parseSigLine(line string) (noteSignature, error) {
	rest, ok := strings.CutPrefix(line, "— ")
	name, sig, two := strings.Cut(rest, " ")
	if !ok || !two || !isKeyName(name) {
		return noteSignature{}, fmt.Errorf("%w: not a note signature line: %.60q", ErrMalformed, line)
	}
	b, err := base64.StdEncoding.Strict().DecodeString(sig)
	if err != nil || len(b) < 5 || strings.ContainsAny(sig, "\r\n") {
		return noteSignature{}, fmt.Errorf("%w: the signature of %.60s is not base64", ErrMalformed, name)
	}
	return noteSignature{name: name, id: binary.BigEndian.Uint32(b), sig: b[4:], line: line}, nil
}
