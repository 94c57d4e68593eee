package ledger_test

import (
	"bytes"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"gait/ledger"
)

// Each fuzz test checks the same: input that decodes is the encoding of its value.

func FuzzDecode(f *testing.F) {
	for _, form := range payloadForms() {
		f.Add(seal(f, eventOf(form.payload)).Bytes())
	}
	for _, d := range []ledger.Draft{signedEvent(), eventOf(ledger.Paused{}), eventOf(leaseForms(hashOf("a"), hashOf("b"))[4].payload)} {
		d.Lease, d.Trace = 1<<53-1, testTrace
		f.Add(seal(f, d).Bytes())
	}
	full := seal(f, fullEvent()).Bytes()
	f.Add(full)
	signed := seal(f, signedEvent()).Bytes()
	f.Add(signed)
	f.Add(seal(f, signedByTwo()).Bytes())
	for _, s := range signedSpellings {
		f.Add(bytes.Replace(signed, []byte(s.old), []byte(s.new), 1))
	}
	for _, s := range spellings {
		if b := bytes.Replace(full, []byte(s.old), []byte(s.new), 1); len(b) < 4<<10 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ledger.Decode(b)
		if err != nil {
			return
		}
		again, err := ledger.Seal(e.Draft())
		if err != nil || !bytes.Equal(again.Bytes(), b) || again.LeafHash() != e.LeafHash() {
			t.Fatalf("Decode takes %s\nSeal gives  %s, %v", b, again.Bytes(), err)
		}
		wantCanonical(t, b)
	})
}

func FuzzDecodePayload(f *testing.F) {
	for _, form := range payloadForms() {
		b, err := ledger.EncodePayload(form.payload)
		if err != nil {
			f.Fatal(err)
		}
		if p, err := ledger.DecodePayload(form.payload.Type(), b); err != nil || !reflect.DeepEqual(p, form.payload) {
			f.Errorf("DecodePayload of %s = %#v, %v, want %#v", b, p, err, form.payload)
		}
		f.Add(string(form.payload.Type()), b)
		f.Add(string(form.payload.Type()), append(b, ' '))
	}
	f.Add("nothing", []byte("{}"))
	f.Fuzz(func(t *testing.T, kind string, b []byte) {
		p, err := ledger.DecodePayload(ledger.Type(kind), b)
		if err != nil {
			if !errors.Is(err, ledger.ErrMalformed) {
				if _, field := errors.AsType[*ledger.FieldError](err); !field {
					t.Fatalf("DecodePayload(%q, %s) = %v, want a malformed one", kind, b, err)
				}
			}
			return
		}
		again, err := ledger.EncodePayload(p)
		if err != nil || !bytes.Equal(again, b) || string(p.Type()) != kind {
			t.Fatalf("DecodePayload takes %s\nEncodePayload gives %s, %v", b, again, err)
		}
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add(hashOf("x").String())
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := ledger.ParseHash(s); err == nil && h.String() != s {
			t.Fatalf("ParseHash takes %q for %s", s, h)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	f.Add("2026-11-22T20:32:58.058Z")
	f.Add("0001-01-01T00:00:00.001Z")
	f.Add("2026-11-22T20:32:58,058Z")
	f.Fuzz(func(t *testing.T, s string) {
		wantTime(t, s)
		at, err := ledger.ParseTime(s)
		if err != nil {
			return
		}
		e := eventOf(ledger.Paused{})
		e.Time = at
		if seal(t, e); ledger.FormatTime(at) != s {
			t.Fatalf("ParseTime takes %q for %s", s, ledger.FormatTime(at))
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	c, _, _ := signedCheckpoint(f)
	f.Add(c.Text())
	f.Add("a\n0\n" + c.Text())
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ledger.ParseCheckpoint(s); err == nil && c.Text() != s {
			t.Fatalf("ParseCheckpoint takes %q for %q", s, c.Text())
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	c, signed, key := signedCheckpoint(f)
	f.Add(signed)
	f.Add([]byte(c2spNote))
	f.Add([]byte(c2spCheckpoint))
	f.Add(append(bytes.Clone(signed), "— witness.example AAAAAAAAAAA=\n"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		peeked, err := ledger.PeekCheckpoint(b)
		if err == nil && !bytes.HasPrefix(b, []byte(peeked.Text()+"\n— ")) {
			t.Fatalf("PeekCheckpoint takes %q for %q", b, peeked.Text())
		}
		opened, openErr := ledger.OpenCheckpoint(b, key.VerifierKey())
		if openErr == nil && (err != nil || opened != peeked || opened != c) {
			t.Fatalf("OpenCheckpoint takes %q, which was never signed; PeekCheckpoint = %v", b, err)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	_, signed, _ := signedCheckpoint(f)
	f.Add([]byte(ledger.Proof{Seq: 41, Path: []ledger.Hash{{1}, {2}}, Checkpoint: signed}.String()))
	f.Add([]byte(ledger.Proof{Checkpoint: []byte(c2spCheckpoint)}.String()))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ledger.ParseProof(b)
		if err == nil && p.String() != string(b) {
			t.Fatalf("ParseProof takes %q for %q", b, p)
		}
	})
}

func FuzzVerifierKey(f *testing.F) {
	f.Add(c2spKey)
	f.Add(vkeyText)
	f.Add(witnessText)
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := ledger.ParseVerifierKey(s); err == nil && k.String() != s {
			t.Fatalf("ParseVerifierKey takes %q for %q", s, k)
		}
		if k, err := ledger.ParseWitnessKey(s); err == nil && k.String() != s {
			t.Fatalf("ParseWitnessKey takes %q for %q", s, k)
		}
	})
}

// For any policy, a checkpoint that no witness has cosigned meets only "quorum
// none", and white space changes nothing.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte(policyText(f)))
	f.Add([]byte("# none\nquorum none\n"))
	f.Add([]byte("witness W " + witnessText + " https://witness.example/\nquorum W\n"))
	_, signed, _ := signedCheckpoint(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ledger.ParsePolicy(b)
		if err != nil {
			if _, named := errors.AsType[*ledger.PolicyError](err); !named || !errors.Is(err, ledger.ErrMalformed) {
				t.Fatalf("ParsePolicy(%q) = %v, want a *PolicyError", b, err)
			}
			return
		}
		p.Logs = nil
		v, err := p.Judge(signed)
		if none := regexp.MustCompile(`(?m)^[ \t]*quorum[ \t]+none[ \t]*$`).Match(b); err != nil || (v.Missing == "") != none {
			t.Fatalf("Judge under %q = %+v, %v; quorum none: %t", b, v, err, none)
		}
		spaced := "#\n\t" + strings.ReplaceAll(string(b), "\n", " \n \t\n\t")
		if _, err := ledger.ParsePolicy([]byte(strings.TrimSuffix(spaced, "\t"))); err != nil && len(spaced) <= ledger.MaxPolicySize {
			t.Fatalf("ParsePolicy takes %q and not %q: %v", b, spaced, err)
		}
	})
}

func FuzzParsePrivateKey(f *testing.F) {
	f.Add(testKey(f, testOrigin).Secret())
	f.Add(testKey(f, "a").Secret())
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := ledger.ParsePrivateKey(s); err == nil && k.Secret() != s {
			t.Fatalf("ParsePrivateKey takes %q", s)
		}
	})
}

func FuzzTreeUnmarshal(f *testing.F) {
	var tree ledger.Tree
	for range 6 {
		b, err := tree.MarshalBinary()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		tree.Append(hashOf("leaf"), nil)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var tree ledger.Tree
		if tree.UnmarshalBinary(b) != nil {
			return
		}
		again, err := tree.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("UnmarshalBinary takes %x, MarshalBinary gives %x, %v", b, again, err)
		}
		tree.Root() // any edge has a root and can grow
		tree.Append(ledger.Hash{1}, nil)
	})
}
