package ledger_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
)

func TestProofText(t *testing.T) {
	_, signed, _ := signedCheckpoint(t)
	a, b := ledger.Hash{1}, ledger.Hash{2}
	p := ledger.Proof{Seq: 41, Path: []ledger.Hash{a, b}, Checkpoint: signed}
	want := "c2sp.org/tlog-proof@v1\nindex 41\n" + base64.StdEncoding.EncodeToString(a[:]) + "\n" + base64.StdEncoding.EncodeToString(b[:]) + "\n\n" + string(signed)
	if diff := cmp.Diff(want, p.String()); diff != "" {
		t.Errorf("String (-want +got):\n%s", diff)
	}
	alone := ledger.Proof{Checkpoint: signed} // of the only event of a ledger
	long := ledger.Proof{Seq: 1<<53 - 1, Path: make([]ledger.Hash, 63), Checkpoint: signed}
	for _, p := range []ledger.Proof{p, alone, long} {
		again, err := ledger.ParseProof([]byte(p.String()))
		if err != nil {
			t.Errorf("ParseProof(%s): %v", p, err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Errorf("parsing changed the proof (-made +parsed):\n%s", diff)
		}
	}
}

func TestParseProofRefuses(t *testing.T) {
	_, signed, _ := signedCheckpoint(t)
	hash := base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"
	const head = "c2sp.org/tlog-proof@v1\n"
	tail := "\n" + string(signed)
	for name, text := range map[string]string{
		"empty":                       "",
		"only a checkpoint":           string(signed),
		"another version":             "c2sp.org/tlog-proof@v2\nindex 41\n" + hash + tail,
		"a space after the version":   "c2sp.org/tlog-proof@v1 \nindex 41\n" + hash + tail,
		"carriage returns":            strings.ReplaceAll(head+"index 41\n"+hash, "\n", "\r\n") + tail,
		"extra data":                  head + "extra AAAA\nindex 41\n" + hash + tail,
		"no index":                    head + hash + tail,
		"no index value":              head + "index \n" + hash + tail,
		"two indexes":                 head + "index 41\nindex 41\n" + hash + tail,
		"index with a leading zero":   head + "index 041\n" + hash + tail,
		"index with a sign":           head + "index +41\n" + hash + tail,
		"negative index":              head + "index -1\n" + hash + tail,
		"hexadecimal index":           head + "index 0x29\n" + hash + tail,
		"index 2^53":                  head + "index 9007199254740992\n" + hash + tail,
		"index and two spaces":        head + "index  41\n" + hash + tail,
		"index in capitals":           head + "Index 41\n" + hash + tail,
		"64 hashes":                   head + "index 41\n" + strings.Repeat(hash, 64) + tail,
		"hash of 31 bytes":            head + "index 41\n" + base64.StdEncoding.EncodeToString(make([]byte, 31)) + "\n" + tail,
		"hash of 33 bytes":            head + "index 41\n" + base64.StdEncoding.EncodeToString(make([]byte, 33)) + "\n" + tail,
		"hash without padding":        head + "index 41\n" + hash[:43] + "\n" + tail,
		"hash with stray bits":        head + "index 41\n" + hash[:42] + "B=\n" + tail,
		"a space after a hash":        head + "index 41\n" + hash[:44] + " \n" + tail,
		"no empty line":               head + "index 41\n" + hash + tail[1:],
		"two empty lines":             head + "index 41\n" + hash + "\n" + tail,
		"no checkpoint":               head + "index 41\n" + hash + "\n",
		"a checkpoint without a text": head + "index 41\n" + hash + "\n" + string(signed)[strings.Index(string(signed), "— "):],
		"an unsigned checkpoint":      head + "index 41\n" + hash + "\n" + string(signed)[:strings.Index(string(signed), "— ")],
		"an empty line at the end":    head + "index 41\n" + hash + tail + "\n",
		"too large":                   head + "index 41\n" + hash + tail + strings.Repeat("— w AAAAAAA=\n", 9000),
	} {
		if p, err := ledger.ParseProof([]byte(text)); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseProof of a proof with %s = %+v, %v, want ErrMalformed", name, p, err)
		}
	}
}
