package ledger_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A cosignature that filippo.io/torchwood v0.9.0 made of the checkpoint in the
// example of C2SP tlog-cosignature, with the key whose seed is 09…09.
const (
	witnessText   = "witness.example/w1+24b5d9fe+BP0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY"
	witnessLine   = "— witness.example/w1 JLXZ/gAAAABrBbO4L1BnC5a3Qfz+0PEJZqQNiAgNWtc8xf2bPift8MHUMZzO3RjFbYWoWkdEeyKwBAc20DCqs29KBEJAgJKd0WPtBg==\n"
	witnessedTime = 1795535800
)

// The example of C2SP tlog-cosignature, and its signed message. The
// specification does not give the keys.
const (
	c2spText2    = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
	c2spCosigned = c2spCheckpoint +
		"— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)

func witnessKey(t testing.TB, text string) ledger.WitnessKey {
	t.Helper()
	k, err := ledger.ParseWitnessKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestCosignatureExample(t *testing.T) {
	if _, err := ledger.PeekCheckpoint([]byte(c2spCosigned)); err != nil {
		t.Errorf("PeekCheckpoint of the specification's example = %v", err)
	}
	want := "cosignature/v1\ntime 1679315147\n" + c2spText2
	if got := ledger.CosignedMessage(c2spText2, time.Unix(1679315147, 999)); string(got) != want {
		t.Errorf("CosignedMessage = %q, want %q", got, want)
	}
	// The time of the example is in its signature line, after four bytes of key id.
	_, line, _ := strings.Cut(c2spCosigned, "w1 ")
	b, _ := base64.StdEncoding.DecodeString(strings.TrimSuffix(line, "\n"))
	if at := binary.BigEndian.Uint64(b[4:]); at != 1679315147 {
		t.Errorf("the example was cosigned at %d", at)
	}
}

func TestCosignatureVector(t *testing.T) {
	key := witnessKey(t, witnessText)
	if key.Name() != "witness.example/w1" || key.KeyHash() != 0x24b5d9fe || key.String() != witnessText {
		t.Errorf("key = %s, name %s, id %08x", key, key.Name(), key.KeyHash())
	}
	signed := []byte(c2spCheckpoint + witnessLine)
	got, err := ledger.Cosignatures(signed, []ledger.WitnessKey{key})
	if err != nil || len(got) != 1 || got[0].Key != key || got[0].Time.Unix() != witnessedTime || got[0].Line() != witnessLine {
		t.Errorf("Cosignatures = %+v, %v", got, err)
	}
	if n, err := note.Open(signed, note.VerifierList(key)); err != nil || n.Text != c2spText2 {
		t.Errorf("note.Open with our key = %+v, %v", n, err)
	}
	again, err := ledger.Cosign([]byte(c2spCheckpoint), got...)
	if err != nil || !bytes.Equal(again, signed) {
		t.Errorf("Cosign = %q, %v, want %q", again, err, signed)
	}
}

func TestParseWitnessKeyRefuses(t *testing.T) {
	for _, s := range []string{
		"", "+", "++", c2spKey, // a ledger's
		strings.Replace(witnessText, "+24b5d9fe+", "+24B5D9FE+", 1),
		strings.Replace(witnessText, "+24b5d9fe+", "+24b5d9ff+", 1),
		strings.Replace(witnessText, "w1+", "w2+", 1),
		strings.Replace(witnessText, "+BP0X", "+AP0X", 1),
		strings.Replace(witnessText, "+BP0X", "+Bv0X", 1),
		strings.Replace(witnessText, "/w1", "/w 1", 1),
		strings.Replace(witnessText, "/w1", "/w\u00a01", 1),
		witnessText + "\n", witnessText[:len(witnessText)-4], witnessText + "AAAA",
		"w+00000000+BA==", "w+00000000+" + strings.Repeat("B", 8<<10),
	} {
		if k, err := ledger.ParseWitnessKey(s); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseWitnessKey(%.80q) = %s, %v, want ErrMalformed", s, k, err)
		}
	}
}

func TestCosignatures(t *testing.T) {
	_, signed, log := signedCheckpoint(t)
	other, err := ledger.Checkpoint{Origin: testOrigin, Size: 41, Root: hashOf("older")}.Sign(log)
	if err != nil {
		t.Fatal(err)
	}
	a, b := ledgertest.NewWitness("a.example"), ledgertest.NewWitness("b.example")
	at := func(s int64) time.Time { return time.Unix(s, 0).UTC() }
	for _, tt := range []struct {
		name, lines string
		want        []int64 // the times of a and of b, 0 for none
		err         error
	}{
		{"none", "", []int64{0, 0}, nil},
		{"one", a.Line(signed, at(5)), []int64{5, 0}, nil},
		{"both, in another order", b.Line(signed, at(6)) + a.Line(signed, at(5)), []int64{5, 6}, nil},
		{"twice, the newest counts", a.Line(signed, at(7)) + a.Line(signed, at(5)), []int64{7, 0}, nil},
		{"a stranger's", ledgertest.NewWitness("c.example").Line(signed, at(5)), []int64{0, 0}, nil},
		{"of another checkpoint", a.Line(other, at(5)), nil, ledger.ErrUnverified},
		{"of another checkpoint, beside its own", a.Line(signed, at(5)) + a.Line(other, at(5)), nil, ledger.ErrUnverified},
		{"without a time", a.Line(signed, at(0)), nil, ledger.ErrUnverified},
		{"after the year 9999", a.Line(signed, at(253402300800)), nil, ledger.ErrUnverified},
		{"in the last second there is", a.Line(signed, at(253402300799)), []int64{253402300799, 0}, nil},
		{"not a line", "a.example signs\n", nil, ledger.ErrMalformed},
	} {
		got, err := ledger.Cosignatures(append(bytes.Clone(signed), tt.lines...), []ledger.WitnessKey{a.Key, b.Key})
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: Cosignatures = %+v, %v, want %v", tt.name, got, err, tt.err)
			continue
		}
		times := []int64{0, 0}
		for _, c := range got {
			times[map[ledger.WitnessKey]int{a.Key: 0, b.Key: 1}[c.Key]] = c.Time.Unix()
		}
		if tt.err == nil && (times[0] != tt.want[0] || times[1] != tt.want[1]) {
			t.Errorf("%s: cosigned at %d, want %d", tt.name, times, tt.want)
		}
	}
}

// Flip any bit of the cosigned text or of the cosignature, and it does not verify.
func TestCosignatureDamage(t *testing.T) {
	key := witnessKey(t, witnessText)
	signed := []byte(c2spText2 + "\n" + witnessLine)
	for i := range len(signed) * 8 {
		b := bytes.Clone(signed)
		b[i/8] ^= 1 << (i % 8)
		if got, err := ledger.Cosignatures(b, []ledger.WitnessKey{key}); err == nil && len(got) > 0 {
			t.Errorf("bit %d flipped: %+v", i, got)
		}
	}
}

func TestCosignIsBounded(t *testing.T) {
	_, signed, _ := signedCheckpoint(t)
	w := ledgertest.NewWitness("a.example")
	c, err := ledger.Cosignatures(append(bytes.Clone(signed), w.Line(signed, testTime)...), []ledger.WitnessKey{w.Key})
	if err != nil {
		t.Fatal(err)
	}
	for range ledger.MaxSignatures - 1 {
		if signed, err = ledger.Cosign(signed, c[0]); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ledger.Cosign(signed, c[0]); err == nil {
		t.Error("Cosign makes a note of 17 signatures")
	}
}
