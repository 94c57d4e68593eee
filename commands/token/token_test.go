package token_test

import (
	"bytes"
	"strings"
	"testing"

	"gait/commands/token"
	"gait/ledger"
)

const origin = "gait.example/payments"

func someToken(t testing.TB, seed byte) token.Token {
	tok, err := token.New(bytes.NewReader(bytes.Repeat([]byte{seed}, 32)), origin, "approver", "reviewer_1")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func someKey(t testing.TB, name string, seed byte) ledger.PrivateKey {
	k, err := ledger.NewPrivateKey(name, [32]byte{seed})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var nonces = struct{ client, daemon string }{strings.Repeat("c1", token.ClientNonceSize), strings.Repeat("d2", token.NonceSize)}

// A token reads back from its text, and is in no text but that.
func TestToken(t *testing.T) {
	tok := someToken(t, 7)
	again, err := token.Parse(tok.Text())
	if err != nil || again.ID() != tok.ID() || again.Actor != "reviewer_1" || again.Role != "approver" || again.Origin != origin {
		t.Errorf("Parse(Text) = %v, %v", again, err)
	}
	if secret := tok.Text()[strings.LastIndex(tok.Text(), "+")+1:]; strings.Contains(tok.String(), secret) {
		t.Errorf("%v shows the secret", tok)
	}
	for _, text := range []string{
		"", "x", tok.Text() + " ", strings.ToUpper(tok.Text()), strings.Replace(tok.Text(), "approver", "admin", 1),
		strings.Replace(tok.Text(), "reviewer_1", "gait", 1), strings.Replace(tok.Text(), "+token+", "+", 1), tok.Text()[:len(tok.Text())-2],
	} {
		if got, err := token.Parse(text); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", text, got)
		}
	}
	if _, err := token.New(bytes.NewReader(nil), origin, "auditor", "a"); err == nil {
		t.Error("a token was made without entropy")
	}
	if _, err := token.New(bytes.NewReader(make([]byte, 32)), origin, "admin", "a"); err == nil {
		t.Error("a token for an admin was made")
	}
}

// A client takes the challenge of the ledger's key, unchanged, and no other.
func TestChallenge(t *testing.T) {
	key := someKey(t, origin, 1)
	c := token.Challenge{Origin: origin, Address: "127.0.0.1:7070", Client: nonces.client, Nonce: nonces.daemon}
	signed, err := c.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := token.OpenChallenge(signed, key.VerifierKey()); err != nil || got != c {
		t.Errorf("OpenChallenge = %v, %v, want %v", got, err, c)
	}
	for name, by := range map[string]ledger.PrivateKey{"another key": someKey(t, origin, 2), "another ledger's": someKey(t, "gait.example/other", 1)} {
		if _, err := token.OpenChallenge(signed, by.VerifierKey()); err == nil {
			t.Errorf("a challenge opens with %s", name)
		}
	}
	for i := range signed {
		changed := bytes.Clone(signed)
		changed[i] ^= 1
		if got, err := token.OpenChallenge(changed, key.VerifierKey()); err == nil && got != c {
			t.Errorf("with byte %d changed it opens as %v", i, got)
		}
	}
	for name, bad := range map[string]token.Challenge{
		"no nonce":              {Origin: origin, Address: c.Address, Client: c.Client},
		"a line of the clients": {Origin: origin, Address: c.Address, Client: "x\n" + c.Client, Nonce: c.Nonce},
		"an address of lines":   {Origin: origin, Address: "a\nb", Client: c.Client, Nonce: c.Nonce},
	} {
		if _, err := bad.Sign(key); err == nil {
			t.Errorf("a challenge with %s is signed", name)
		}
	}
}

// What the ledger's key signs for a connection is no checkpoint, and no checkpoint is
// a challenge.
func TestChallengesAreNoCheckpoints(t *testing.T) {
	key := someKey(t, origin, 1)
	for _, address := range []string{"127.0.0.1:7070", "", "1", "@"} {
		signed, err := token.Challenge{Origin: origin, Address: address, Client: nonces.client, Nonce: nonces.daemon}.Sign(key)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := ledger.OpenCheckpoint(signed, key.VerifierKey()); err == nil {
			t.Errorf("a challenge is the checkpoint %v", c)
		}
	}
	checkpoint, err := ledger.Checkpoint{Origin: origin, Size: 1}.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := token.OpenChallenge(checkpoint, key.VerifierKey()); err == nil {
		t.Errorf("a checkpoint is the challenge %v", c)
	}
	if problem := ledger.FieldOrigin.Check("gait challenge v1"); problem == nil {
		t.Error("an origin may be the first line of a challenge")
	}
}

// A proof counts for the request that it is about, by the token that made it.
func TestProof(t *testing.T) {
	tok := someToken(t, 7)
	r := token.Request{Origin: origin, Nonce: nonces.daemon, Number: 1, Method: "POST", URI: "/v1/commands", Body: ledger.Hash{1}}
	text, _ := strings.CutPrefix(tok.Prove(r), token.Scheme+" ")
	p, err := token.ParseProof(text)
	if err != nil || p.ID != tok.ID() || p.Of(origin, "POST", "/v1/commands") != r || !p.Proves(r, tok.Public()) {
		t.Fatalf("ParseProof = %v, %v", p, err)
	}
	for name, other := range map[string]token.Request{
		"ledger": p.Of("gait.example/other", r.Method, r.URI), "method": p.Of(origin, "GET", r.URI), "address": p.Of(origin, r.Method, r.URI+"?"),
		"nonce":  {Origin: origin, Nonce: strings.Repeat("00", token.NonceSize), Number: 1, Method: r.Method, URI: r.URI, Body: r.Body},
		"number": {Origin: origin, Nonce: r.Nonce, Number: 2, Method: r.Method, URI: r.URI, Body: r.Body},
		"body":   {Origin: origin, Nonce: r.Nonce, Number: 1, Method: r.Method, URI: r.URI, Body: ledger.Hash{2}},
	} {
		if p.Proves(other, tok.Public()) {
			t.Errorf("a proof counts for another %s", name)
		}
	}
	if p.Proves(r, someToken(t, 8).Public()) {
		t.Error("a proof counts for another token")
	}
	if p.ID = someToken(t, 8).ID(); p.Proves(r, tok.Public()) {
		t.Error("a proof that names another token counts")
	}
}

// An answer counts for the request that it answers, by the ledger's key.
func TestAnswer(t *testing.T) {
	key, to, body := someKey(t, origin, 1), ledger.Hash{1}, ledger.Hash{2}
	trailer, err := token.SignAnswer(key, to, 200, body)
	if err != nil || !token.CheckAnswer(key.VerifierKey(), trailer, to, 200, body) {
		t.Fatalf("SignAnswer = %q, %v", trailer, err)
	}
	by := key.VerifierKey()
	for name, ok := range map[string]bool{
		"request": token.CheckAnswer(by, trailer, ledger.Hash{9}, 200, body), "status": token.CheckAnswer(by, trailer, to, 403, body),
		"body": token.CheckAnswer(by, trailer, to, 200, ledger.Hash{}), "key": token.CheckAnswer(someKey(t, origin, 2).VerifierKey(), trailer, to, 200, body),
		"trailer": token.CheckAnswer(by, "", to, 200, body),
	} {
		if ok {
			t.Errorf("an answer counts with another %s", name)
		}
	}
}

func FuzzParseProof(f *testing.F) {
	tok := someToken(f, 7)
	r := token.Request{Origin: origin, Nonce: nonces.daemon, Number: 1, Method: "GET", URI: "/"}
	proof := strings.TrimPrefix(tok.Prove(r), token.Scheme+" ")
	f.Add(proof)
	f.Add(strings.Replace(proof, tok.ID(), someToken(f, 8).ID(), 1))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := token.ParseProof(text)
		if err != nil || !p.Proves(p.Of(origin, "GET", "/"), tok.Public()) {
			return
		}
		if again := tok.Prove(p.Of(origin, "GET", "/")); again != token.Scheme+" "+text {
			t.Errorf("%q is a proof, and so is %q", text, again)
		}
	})
}
