package sshkey

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/crypto/ssh"

	"gait/ledger"
)

// MaxBlob bounds the wire form of a key.
const MaxBlob = 512

// applicationPrefix begins the application of each key that ssh-keygen makes on a token.
const applicationPrefix = "ssh:"

// The wire forms of the keys. One of them holds all that is in a blob.
type (
	wireEd25519 struct {
		Type   string
		Public []byte
	}
	wireTokenEd25519 struct {
		Type        string
		Public      []byte
		Application string
	}
	wireECDSA struct {
		Type, Curve string
		Point       []byte
	}
	wireTokenECDSA struct {
		Type, Curve string
		Point       []byte
		Application string
	}
)

// ParseBlob reads the wire form of a key of the given type. The type in the blob must be the
// same, and nothing may follow.
func ParseBlob(typ string, blob []byte) (Key, error) {
	if err := checkType(typ); err != nil {
		return Key{}, err
	}
	if len(blob) > MaxBlob {
		return Key{}, fmt.Errorf("%w: a key of %d bytes, not of at most %d", ledger.ErrMalformed, len(blob), MaxBlob)
	}
	if err := checkBlob(typ, blob); err != nil {
		return Key{}, err
	}
	return Key{typ: typ, blob: string(blob)}, nil
}

// typeInside returns the type that a blob names.
func typeInside(blob []byte) (string, error) {
	var w struct {
		Type string
		Rest []byte `ssh:"rest"`
	}
	if err := ssh.Unmarshal(blob, &w); err != nil {
		return "", fmt.Errorf("%w: not the wire form of a key", ledger.ErrMalformed)
	}
	return w.Type, nil
}

// checkBlob refuses a blob that is not the one form of a strong key of the type.
func checkBlob(typ string, blob []byte) error {
	inside, err := typeInside(blob)
	if err != nil {
		return err
	}
	if inside != typ {
		if err := checkType(inside); err != nil {
			return fmt.Errorf("a key that names itself %s: %w", typ, err)
		}
		return fmt.Errorf("%w: a key of type %s that names itself %s", ledger.ErrMalformed, inside, typ)
	}
	switch typ {
	case TypeEd25519:
		var w wireEd25519
		if err := unmarshal(blob, &w); err != nil {
			return err
		}
		return checkEd25519(w.Public)
	case TypeTokenEd25519:
		var w wireTokenEd25519
		if err := unmarshal(blob, &w); err != nil {
			return err
		}
		if err := checkApplication(w.Application); err != nil {
			return err
		}
		return checkEd25519(w.Public)
	case TypeECDSA:
		var w wireECDSA
		if err := unmarshal(blob, &w); err != nil {
			return err
		}
		return checkP256(w.Curve, w.Point)
	}
	var w wireTokenECDSA
	if err := unmarshal(blob, &w); err != nil {
		return err
	}
	if err := checkApplication(w.Application); err != nil {
		return err
	}
	return checkP256(w.Curve, w.Point)
}

// unmarshal reads a wire form, all of it.
func unmarshal(blob []byte, w any) error {
	if err := ssh.Unmarshal(blob, w); err != nil || !bytes.Equal(ssh.Marshal(w), blob) {
		return fmt.Errorf("%w: not the wire form of a key, or not of that alone", ledger.ErrMalformed)
	}
	return nil
}

// checkApplication refuses the keys of a token that are not for SSH, such as those of a
// web page.
func checkApplication(application string) error {
	if !strings.HasPrefix(application, applicationPrefix) {
		return fmt.Errorf("%w: the key of a token for application %.60q, which does not begin with %q", ErrUnsupported, application, applicationPrefix)
	}
	for _, c := range []byte(application) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("%w: the key of a token for application %.60q, which is not printable ASCII", ledger.ErrMalformed, application)
		}
	}
	return nil
}

func checkEd25519(public []byte) error {
	if len(public) != ed25519.PublicKeySize {
		return fmt.Errorf("%w: an Ed25519 key of %d bytes", ledger.ErrMalformed, len(public))
	}
	point := [ed25519.PublicKeySize]byte(public)
	if err := ledger.CheckStrong(point); err != nil {
		return err
	}
	if !isPoint(point) {
		return fmt.Errorf("%w: %x is not a point of the curve", ledger.ErrWeakKey, public)
	}
	return nil
}

// prime is the field of edwards25519, 2^255-19, and edwardsD its parameter d = -121665/121666.
var prime, edwardsD = func() (p, d *big.Int) {
	p = new(big.Int).Lsh(big.NewInt(1), 255)
	p.Sub(p, big.NewInt(19))
	d = new(big.Int).ModInverse(big.NewInt(121666), p)
	d.Mul(d, big.NewInt(-121665))
	return p, d.Mod(d, p)
}()

// onEdwards25519 reports whether the point has an x: whether x² = (y²-1)/(dy²+1) is a square
// (RFC 8032, section 5.1.3). No signature verifies under what is no point.
func onEdwards25519(public []byte) bool {
	b := bytes.Clone(public)
	b[31] &= 0x7f // the other bit is the sign of x
	for i := range len(b) / 2 {
		b[i], b[len(b)-1-i] = b[len(b)-1-i], b[i]
	}
	y2 := new(big.Int).SetBytes(b)
	y2.Mul(y2, y2).Mod(y2, prime)
	u := new(big.Int).Sub(y2, big.NewInt(1))
	v := y2.Mul(y2, edwardsD)
	v.Add(v, big.NewInt(1))
	u.Mul(u, v).Mod(u, prime) // u/v is a square if uv is
	return big.Jacobi(u, prime) >= 0
}

func checkP256(curve string, point []byte) error {
	if curve != "nistp256" {
		return fmt.Errorf("%w: a key on the curve %.20q", ErrUnsupported, curve)
	}
	if _, err := ecdh.P256().NewPublicKey(point); err != nil {
		return fmt.Errorf("%w: %.80x is not the uncompressed form of a point of P-256", ledger.ErrWeakKey, point)
	}
	return nil
}
