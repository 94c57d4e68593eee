package attest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/attest"
)

func key(t testing.TB, seed byte) ledger.PrivateKey {
	t.Helper()
	k, err := ledger.NewPrivateKey("gait.example/packs", [32]byte(bytes.Repeat([]byte{seed}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var digest = ledger.LeafHash([]byte("a pack"))

// job is the report of a job's pack that has verified.
func job(t testing.TB) packspec.Report {
	return packspec.Report{
		Verified: true, PackType: packspec.TypeJob, PackID: strings.Repeat("ab", 32), JobID: "job_1", Origin: "gait.example/packs",
		Size: 13, Root: strings.Repeat("cd", 32), Commitment: new(ledger.Seq(12)), Key: key(t, 1).VerifierKey().String(),
	}
}

// attested returns the attestation of the pack that a report is of.
func attested(t testing.TB, r packspec.Report, by byte) []byte {
	t.Helper()
	b, err := attest.Pack(digest, attest.OfReport(r), key(t, by))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The bytes of an attestation are as the package doc has them.
func TestBytes(t *testing.T) {
	b := attested(t, job(t), 1)
	var envelope struct {
		Payload     []byte
		PayloadType string
		Signatures  []struct{ KeyID, Sig string }
	}
	if err := json.Unmarshal(b, &envelope); err != nil {
		t.Fatal(err)
	}
	want := `{"_type":"https://in-toto.io/Statement/v1","predicate":{"commitment":12,"job_id":"job_1",` +
		`"key":"` + key(t, 1).VerifierKey().String() + `","origin":"gait.example/packs","pack_id":"` + strings.Repeat("ab", 32) +
		`","pack_type":"job","root":"` + strings.Repeat("cd", 32) + `","tree_size":13},"predicateType":"https://gait.example/attestation/pack/v1",` +
		`"subject":[{"digest":{"sha256":"` + digest.String() + `"},"name":"pack_job_1.zip"}]}`
	if diff := cmp.Diff(want, string(envelope.Payload)); diff != "" {
		t.Errorf("the payload differs (-want +got):\n%s", diff)
	}
	line := `{"payload":"` + base64.StdEncoding.EncodeToString(envelope.Payload) + `","payloadType":"application/vnd.in-toto+json",` +
		`"signatures":[{"keyid":"` + key(t, 1).VerifierKey().ID().String() + `","sig":"` + envelope.Signatures[0].Sig + `"}]}` + "\n"
	if diff := cmp.Diff(line, string(b)); diff != "" {
		t.Errorf("the envelope differs (-want +got):\n%s", diff)
	}
	if again := attested(t, job(t), 1); !bytes.Equal(b, again) {
		t.Errorf("the same pack has two attestations: %s and %s", b, again)
	}
}

// An attestation holds for its pack, also beside what others say, and for no other.
func TestCheck(t *testing.T) {
	r := job(t)
	mine := attested(t, r, 1)
	for _, bundle := range [][]byte{mine, bytes.TrimSpace(mine), append([]byte("{}\nnull\n[]\n\xff\n"), mine...), append(attested(t, r, 2), mine...)} {
		s, err := attest.Check(bundle, digest, r)
		if err != nil || s.Predicate.Name() != "pack_job_1.zip" {
			t.Errorf("Check(%s) = %+v, %v", bundle, s, err)
		}
	}
	ranged := r
	ranged.JobID, ranged.PackType, ranged.From, ranged.To = "", packspec.TypeRange, new(ledger.Seq(0)), new(ledger.Seq(12))
	if s, err := attest.Check(attested(t, ranged, 1), digest, ranged); err != nil || s.Predicate.Name() != "pack_range_0-12.zip" {
		t.Errorf("Check of a range = %+v, %v", s, err)
	}
	other := func(change func(*packspec.Report)) []byte {
		changed := job(t)
		change(&changed)
		return attested(t, changed, 1)
	}
	for name, tt := range map[string]struct {
		bundle     []byte
		code, what string
	}{
		"nothing":          {nil, attest.CodeMissing, ""},
		"another key":      {attested(t, r, 2), attest.CodeMissing, ""},
		"no signature":     {[]byte(`{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[]}`), attest.CodeMissing, ""},
		"another type":     {bytes.Replace(mine, []byte("in-toto+json"), []byte("in-toto+cbor"), 1), attest.CodeMissing, ""},
		"another payload":  {bytes.Replace(mine, []byte(`"payload":"ey`), []byte(`"payload":"eX`), 1), attest.CodeMissing, ""},
		"a test result":    {sealed(t, map[string]any{"_type": attest.StatementType, "predicateType": "https://in-toto.io/attestation/test-result/v0.1"}), attest.CodeMissing, ""},
		"an old statement": {sealed(t, map[string]any{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": attest.PredicateType}), attest.CodeMissing, ""},
		"job":              {other(func(r *packspec.Report) { r.JobID = "job_2" }), attest.CodeMismatch, "job"},
		"no commitment":    {other(func(r *packspec.Report) { r.Commitment = nil }), attest.CodeMismatch, "commitment to the index"},
		"pack id":          {other(func(r *packspec.Report) { r.PackID = strings.Repeat("00", 32) }), attest.CodeMismatch, "pack id"},
		"root":             {other(func(r *packspec.Report) { r.Root = strings.Repeat("00", 32) }), attest.CodeMismatch, "root"},
		"size":             {other(func(r *packspec.Report) { r.Size++ }), attest.CodeMismatch, "size of the tree"},
		"origin":           {other(func(r *packspec.Report) { r.Origin = "elsewhere" }), attest.CodeMismatch, "origin"},
		"from":             {other(func(r *packspec.Report) { r.From = new(ledger.Seq(1)) }), attest.CodeMismatch, "first event"},
		"to":               {other(func(r *packspec.Report) { r.To = new(ledger.Seq(1)) }), attest.CodeMismatch, "last event"},
		"key":              {other(func(r *packspec.Report) { r.Key = key(t, 2).VerifierKey().String() }), attest.CodeMismatch, "key"},
		"pack type":        {other(func(r *packspec.Report) { r.PackType = "heap" }), attest.CodeMismatch, "type of pack"},
	} {
		_, err := attest.Check(tt.bundle, digest, r)
		no, ok := errors.AsType[*attest.MismatchError](err)
		if !ok || no.Code != tt.code || no.What != tt.what || no.Fault().Code != tt.code {
			t.Errorf("%s: Check = %v, want %s about the %q", name, err, tt.code, tt.what)
		}
	}
	if _, err := attest.Check(mine, ledger.LeafHash(nil), r); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("Check of a file with other bytes = %v", err)
	}
}

// sealed returns a statement of any kind that the pack's key has signed.
func sealed(t testing.TB, statement any) []byte {
	t.Helper()
	b, err := attest.Seal(statement, key(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What a pack that has not verified says of its key counts for nothing.
func TestCheckNeedsAVerifiedPack(t *testing.T) {
	r := job(t)
	r.Verified = false
	if _, err := attest.Check(attested(t, r, 1), digest, r); err == nil {
		t.Error("Check takes the attestation of a pack that has not verified")
	}
}

// An envelope with one bit changed holds only if it says the same: the key's id and the spelling
// of JSON are not signed.
func TestEveryBit(t *testing.T) {
	r := job(t)
	mine := attested(t, r, 1)
	want, err := attest.Check(mine, digest, r)
	if err != nil {
		t.Fatal(err)
	}
	for i := range mine {
		for bit := range 8 {
			b := bytes.Clone(mine)
			b[i] ^= 1 << bit
			if got, err := attest.Check(b, digest, r); err == nil && !cmp.Equal(got, want) {
				t.Fatalf("with bit %d of byte %d changed it says %+v", bit, i, got)
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	r := job(f)
	f.Add(attested(f, r, 1))
	f.Add([]byte("{}\n"))
	f.Add(attested(f, r, 2))
	want, err := attest.Check(attested(f, r, 1), digest, r)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, bundle []byte) {
		for range attest.Statements(bundle) {
		}
		if got, err := attest.Check(bundle, digest, r); err == nil && !cmp.Equal(got, want) {
			t.Errorf("Check(%q) = %+v", bundle, got)
		}
	})
}

// A pack is of a job or of a range.
func TestPackOfNothing(t *testing.T) {
	if b, err := attest.Pack(digest, attest.Predicate{}, key(t, 1)); err == nil {
		t.Errorf("Pack of nothing = %s", b)
	}
}
