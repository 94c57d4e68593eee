package packspec_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// longV1 returns the files of a pack of PackSpec v1, signed, whose events take about
// this number of bytes: its job is stopped and resumed again and again.
func longV1(t testing.TB, size int) []packspec.File {
	t.Helper()
	fs := files(t, v1Pack(t, "signed"))
	events := packtest.Find(fs, "job_events.jsonl")
	lines := bytes.SplitAfter(events.Data, []byte("\n"))
	var out bytes.Buffer
	out.Write(lines[0])
	for n := 2; out.Len() < size; n += 2 {
		fmt.Fprintf(&out, `{"actor":"a","created_at":"2026-11-24T16:19:01Z","job_id":"job_1","reason_code":"paused","revision":%d,"schema_id":"gait.job.event","schema_version":"1.0.0","type":"paused"}`+"\n", n)
		fmt.Fprintf(&out, `{"actor":"a","created_at":"2026-11-24T16:19:01Z","job_id":"job_1","reason_code":"resumed","revision":%d,"schema_id":"gait.job.event","schema_version":"1.0.0","type":"resumed"}`+"\n", n+1)
	}
	events.Data = out.Bytes()
	return fs
}

// A pack that no trusted key signed is not worked through if it holds much: a file of
// 1.3 MB can hold 100 MB of events.
func TestV1UnsignedCostsLittle(t *testing.T) {
	fs := longV1(t, 96<<20)
	key := testKey(t, 9)
	trusted := packspec.Options{Trusted: []packspec.TrustedKey{{Key: nameless(t, key), From: "test"}}}
	for _, tt := range []struct {
		name, code string
		sign       func() error
		o          packspec.Options
	}{
		{"by none", finding.CodeSignatureMissing, func() error { return packtest.Strip(fs) }, trusted},
		{"by another key", finding.CodeUntrustedKey, func() error { return packtest.Sign(fs, testKey(t, 8)) }, trusted},
		{"by a key of no trust", finding.CodeUntrustedKey, func() error { return packtest.Sign(fs, key) }, packspec.Options{}},
	} {
		if err := tt.sign(); err != nil {
			t.Fatal(err)
		}
		pack := deflated(t, fs)
		for name, read := range map[string]func() string{
			"Verify": func() string {
				r := verifyV1(t, pack, tt.o)
				if r.Verified {
					return "verified"
				}
				return r.Failure.Code
			},
			"Inspect": func() string {
				_, err := packspec.Inspect(bytes.NewReader(pack), int64(len(pack)))
				return codeOf(err)
			},
			"ReadClaim": func() string {
				_, err := packspec.ReadClaim(bytes.NewReader(pack), int64(len(pack)), tt.o)
				return codeOf(err)
			},
		} {
			want := tt.code
			if name == "Inspect" {
				want = "inspecting a pack of"
			}
			var code string
			took := ledgertest.CPU(t, func() { code = read() })
			if !strings.HasPrefix(code, want) {
				t.Errorf("%s of a pack that is signed %s: %s, want %s", name, tt.name, code, want)
			}
			if took > time.Second {
				t.Errorf("%s of a pack of %d bytes that is signed %s took %v, want little", name, len(pack), tt.name, took)
			}
		}
	}
}

// What no trusted key signed is worked through up to a bound, and what one signed whole.
func TestV1UnsignedUpToABound(t *testing.T) {
	key := testKey(t, 9)
	trusted := packspec.Options{Trusted: []packspec.TrustedKey{{Key: nameless(t, key), From: "test"}}}
	none := packspec.Options{Trusted: []packspec.TrustedKey{{Key: nameless(t, testKey(t, 8)), From: "test"}}}
	for _, tt := range []struct {
		size  int
		o     packspec.Options
		level string // that fails first
	}{
		{7 << 20, none, finding.LevelCanonical}, // its proof records are those of other events
		{9 << 20, none, finding.LevelContainer},
		{9 << 20, trusted, finding.LevelCanonical},
	} {
		fs := longV1(t, tt.size)
		if err := packtest.Sign(fs, key); err != nil {
			t.Fatal(err)
		}
		if r := verifyV1(t, deflated(t, fs), tt.o); r.Verified || r.Failure.Level != tt.level || r.KeyID == "" != (tt.level == finding.LevelCanonical) {
			t.Errorf("%d bytes of events: %+v, key %s, want %s to fail", tt.size, r.Failure, r.KeyID, tt.level)
		}
	}
}

func codeOf(err error) string {
	if f, ok := errors.AsType[*finding.FormatError](err); ok {
		return f.Code
	}
	return fmt.Sprint(err)
}
