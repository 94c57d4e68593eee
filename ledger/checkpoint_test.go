package ledger_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"gait/ledger"
)

// The example of C2SP signed-note, section "Verifier keys".
const (
	c2spKey  = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
	c2spText = "This is an example message.\n"
	c2spNote = c2spText + "\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

// The example of C2SP tlog-checkpoint, whose key the specification does not give.
const c2spCheckpoint = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n" +
	"— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"

func TestSignedNoteVector(t *testing.T) {
	key, err := ledger.ParseVerifierKey(c2spKey)
	if err != nil {
		t.Fatal(err)
	}
	if key.Name() != "example.com/foo" || key.KeyHash() != 0x530d903a || key.String() != c2spKey {
		t.Errorf("key = %s, name %s, id %08x", key, key.Name(), key.KeyHash())
	}
	n, err := note.Open([]byte(c2spNote), note.VerifierList(key))
	if err != nil || n.Text != c2spText {
		t.Errorf("note.Open with our key = %+v, %v", n, err)
	}
	if _, err := note.Open([]byte(strings.Replace(c2spNote, "This", "Thus", 1)), note.VerifierList(key)); err == nil {
		t.Error("note.Open with our key takes another text")
	}
}

func TestCheckpointVector(t *testing.T) {
	c, err := ledger.PeekCheckpoint([]byte(c2spCheckpoint))
	root, _ := base64.StdEncoding.DecodeString("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
	want := ledger.Checkpoint{Origin: "example.com/behind-the-sofa", Size: 20852163, Root: ledger.Hash(root)}
	if err != nil || c != want {
		t.Errorf("PeekCheckpoint = %+v, %v, want %+v", c, err, want)
	}
	key := testKey(t, want.Origin).VerifierKey()
	if _, err := ledger.OpenCheckpoint([]byte(c2spCheckpoint), key); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("OpenCheckpoint with another key of that name = %v, want ErrUnverified", err)
	}
}

func signedCheckpoint(t testing.TB) (ledger.Checkpoint, []byte, ledger.PrivateKey) {
	t.Helper()
	key := testKey(t, testOrigin)
	c := ledger.Checkpoint{Origin: testOrigin, Size: 42, Root: hashOf("root")}
	signed, err := c.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	return c, signed, key
}

// golang.org/x/mod/sumdb/note reads our notes with its own verifier, made from
// our key's text, and its signer, made from our private key's text, signs the same
// bytes as ours.
func TestNoteReadsOurs(t *testing.T) {
	c, signed, key := signedCheckpoint(t)
	verifier, err := note.NewVerifier(key.VerifierKey().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil || n.Text != c.Text() || len(n.Sigs) != 1 || n.Sigs[0].Name != testOrigin {
		t.Errorf("note.Open = %+v, %v", n, err)
	}
	signer, err := note.NewSigner(key.Secret())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	if err != nil || !bytes.Equal(theirs, signed) {
		t.Errorf("note.Sign with our key's text = %q, %v, want %q", theirs, err, signed)
	}
	if want := testOrigin + "\n42\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"; c.Text() != want {
		t.Errorf("Text = %q, want %q", c.Text(), want)
	}
}

func TestOpenCheckpoint(t *testing.T) {
	c, signed, key := signedCheckpoint(t)
	if got, err := ledger.OpenCheckpoint(signed, key.VerifierKey()); err != nil || got != c {
		t.Fatalf("OpenCheckpoint = %+v, %v, want %+v", got, err, c)
	}
	body, own, _ := strings.Cut(string(signed), "\n\n")
	witness := "— witness.example " + base64.StdEncoding.EncodeToString(make([]byte, 76)) + "\n"
	quantum := "— witness.example " + base64.StdEncoding.EncodeToString(make([]byte, 4900)) + "\n"
	for _, tt := range []struct {
		name, note string
		want       error
	}{
		{"a witness after", body + "\n\n" + own + witness, nil},
		{"a witness before", body + "\n\n" + witness + own, nil},
		{"15 large witnesses", body + "\n\n" + strings.Repeat(quantum, 13) + own, nil},
		{"its signature twice", body + "\n\n" + own + own, ledger.ErrUnverified},
		{"its signature, and one that does not hold", body + "\n\n" + own + own[:len(own)-9] + "AAAAAAA=\n", ledger.ErrUnverified},
		{"only a witness", body + "\n\n" + witness, ledger.ErrUnverified},
		{"another size", strings.Replace(string(signed), "\n42\n", "\n43\n", 1), ledger.ErrUnverified},
		{"another root", strings.Replace(string(signed), body[len(body)-10:], "AAAAAAAAA=", 1), ledger.ErrUnverified},
		{"a signature too short", body + "\n\n" + own[:len(own)-9] + "\n", ledger.ErrUnverified},
		{"no signature", body + "\n\n", ledger.ErrMalformed},
		{"no empty line", body + "\n" + own, ledger.ErrMalformed},
		{"no final newline", strings.TrimSuffix(string(signed), "\n"), ledger.ErrMalformed},
		{"text after", string(signed) + "more\n", ledger.ErrMalformed},
		{"empty line after", string(signed) + "\n", ledger.ErrMalformed},
		{"carriage returns", strings.ReplaceAll(string(signed), "\n", "\r\n"), ledger.ErrMalformed},
		{"control character", strings.Replace(string(signed), "42", "42\x01", 1), ledger.ErrMalformed},
		{"bad UTF-8", strings.Replace(string(signed), "42", "42\xff", 1), ledger.ErrMalformed},
		{"a hyphen for the dash", strings.Replace(string(signed), "— ", "- ", 1), ledger.ErrMalformed},
		{"signature name with a plus", body + "\n\n" + own + strings.Replace(witness, "witness", "wit+ness", 1), ledger.ErrMalformed},
		{"signature name with a no-break space", body + "\n\n" + own + strings.Replace(witness, "witness", "wit\u00a0ness", 1), ledger.ErrMalformed},
		{"signature without a name", body + "\n\n" + own + strings.Replace(witness, "witness.example", "", 1), ledger.ErrMalformed},
		{"signature of four bytes", body + "\n\n" + own + "— witness.example AAAAAA==\n", ledger.ErrMalformed},
		{"signature with stray bits", body + "\n\n" + own + "— witness.example AAAAAAB=\n", ledger.ErrMalformed},
		{"too large", body + "\n\n" + own + strings.Repeat(quantum, 20), ledger.ErrMalformed},
		{"empty", "", ledger.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ledger.OpenCheckpoint([]byte(tt.note), key.VerifierKey())
			if !errors.Is(err, tt.want) || tt.want == nil && got != c {
				t.Errorf("OpenCheckpoint(%q) = %+v, %v, want error %v", tt.note, got, err, tt.want)
			}
			if peeked, err := ledger.PeekCheckpoint([]byte(tt.note)); errors.Is(tt.want, ledger.ErrMalformed) != (err != nil) {
				t.Errorf("PeekCheckpoint = %+v, %v, want an error: %t", peeked, err, tt.want == ledger.ErrMalformed)
			}
		})
	}
}

// Every bit of a signed checkpoint counts: no checkpoint with a flipped bit
// verifies.
func TestOpenCheckpointDamage(t *testing.T) {
	_, signed, key := signedCheckpoint(t)
	for i := range len(signed) * 8 {
		b := bytes.Clone(signed)
		b[i/8] ^= 1 << (i % 8)
		if c, err := ledger.OpenCheckpoint(b, key.VerifierKey()); !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("bit %d flipped: %+v, %v, want ErrMalformed or ErrUnverified", i, c, err)
		}
	}
}

// A key signs, and is trusted, for its own origin only.
func TestCheckpointOfAnotherOrigin(t *testing.T) {
	c, _, _ := signedCheckpoint(t)
	other := testKey(t, "gait.example/log2")
	if signed, err := c.Sign(other); err == nil {
		t.Errorf("Sign with the key of %s = %q, want an error", other.Name(), signed)
	}
	forged, err := note.Sign(&note.Note{Text: c.Text()}, other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.OpenCheckpoint(forged, other.VerifierKey()); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("OpenCheckpoint of %s signed by %s = %v, want ErrUnverified", c.Origin, other.Name(), err)
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	root := base64.StdEncoding.EncodeToString(make([]byte, 32))
	good := "gait.example/log1\n42\n" + root + "\n"
	if c, err := ledger.ParseCheckpoint(good); err != nil || c.Text() != good {
		t.Errorf("ParseCheckpoint(%q) = %+v, %v", good, c, err)
	}
	for _, size := range []string{"", "042", "00", "+42", "-1", "-0", "4 2", " 42", "42 ", "0x2a", "4_2", "4e1", "42.0", "٤٢", "9007199254740992", "18446744073709551616"} {
		text := "gait.example/log1\n" + size + "\n" + root + "\n"
		if _, err := ledger.ParseCheckpoint(text); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseCheckpoint with size %q = %v, want ErrMalformed", size, err)
		}
	}
	for _, bad := range []string{"", root[:43], root[:40], root + "A", "B" + root, root[:42] + "B=", root[:20] + "\r" + root[20:], strings.Repeat("A", 48)} {
		text := "gait.example/log1\n42\n" + bad + "\n"
		if _, err := ledger.ParseCheckpoint(text); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseCheckpoint with root %q = %v, want ErrMalformed", bad, err)
		}
	}
	for _, bad := range []string{"", "Gait.example", "gait.example/", "/log1", "gait example", "gait.example//log1", "gait+example", strings.Repeat("x", 129)} {
		if _, err := ledger.ParseCheckpoint(bad + "\n42\n" + root + "\n"); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseCheckpoint with origin %q = %v, want ErrMalformed", bad, err)
		}
	}
	for _, text := range []string{"", "\n", "\n\n\n", good + "extension\n", good + "\n", strings.TrimSuffix(good, "\n"), "\n" + good, strings.ReplaceAll(good, "\n", "\r\n")} {
		if _, err := ledger.ParseCheckpoint(text); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseCheckpoint(%q) = %v, want ErrMalformed", text, err)
		}
	}
}
