package ledgertest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"gait/ledger"
)

// A Witness cosigns any checkpoint. Its key follows from its name.
type Witness struct {
	Key     ledger.WitnessKey
	private ed25519.PrivateKey
}

// NewWitness returns the witness with that name.
func NewWitness(name string) Witness {
	seed := sha256.Sum256([]byte(name))
	private := ed25519.NewKeyFromSeed(seed[:])
	material := append([]byte{0x04}, private[ed25519.SeedSize:]...)
	id := sha256.Sum256(append([]byte(name+"\n"), material...))
	key, err := ledger.ParseWitnessKey(fmt.Sprintf("%s+%x+%s", name, id[:4], base64.StdEncoding.EncodeToString(material)))
	if err != nil {
		panic("ledgertest: " + err.Error())
	}
	return Witness{Key: key, private: private}
}

// Line returns the signature line with which the witness cosigns a signed
// checkpoint at a time.
func (w Witness) Line(signed []byte, at time.Time) string {
	text := string(signed[:strings.Index(string(signed), "\n\n")+1])
	sig := binary.BigEndian.AppendUint32(nil, w.Key.KeyHash())
	sig = binary.BigEndian.AppendUint64(sig, uint64(at.Unix()))
	sig = append(sig, ed25519.Sign(w.private, ledger.CosignedMessage(text, at))...)
	return "— " + w.Key.Name() + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}
