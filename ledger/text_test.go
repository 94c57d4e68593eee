package ledger_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gait/ledger"
)

func TestFieldCheck(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		name    string
		field   ledger.Field
		takes   []string
		refuses []string
	}{
		{
			"actor", ledger.FieldActor,
			[]string{"a", "0", "os:ada", "a@b.example/x-y_z", "os:%5Cb", "os:caf%C3%A9", "os:100%25", "os:%255F", "a%00", "a%20b", "a%FF", "gait_", "Gait", "os:gait", x(128)},
			[]string{"", ":a", "_a", "-a", "a b", "a\n", "é", "a%", "a%4", "a%4g", "a%c3", "a%C", "%41", "gait", "worker%5F1", "os:%41b", "a%2D", "a%3a", "a%3A", "a%2F", "a%40", "a%30", "a%7A", "a%2E%20", "a%20%2E", "%67ait", "gai%74", x(129)},
		},
		{"job_id", ledger.FieldJobID, []string{"job_1", "0", "A:b.c-d", x(128)}, []string{"", ".a", "a/b", "a@b", "a%41", "a b", "a\x00", x(129)}},
		{"request_id", ledger.FieldRequestID, []string{"!", "~", `a"b\c`, x(128)}, []string{"", " ", "a b", "a\x7f", "é", x(129)}},
		{
			"origin", ledger.FieldOrigin,
			[]string{"a", "gait.example", "gait.local/01JD", "a/B_c-d.e/f", "-.", x(128)},
			[]string{"", "/", "a/", "/a", "a//b", "A", "a_b", "a b", "a+b", "a:80", "a/b+c", "é", x(129)},
		},
		{
			"checkpoint_id", ledger.FieldCheckpointID,
			[]string{"cp_0001", "cp_0999", "cp_9999", "cp_10000", "cp_9007199254740991"},
			[]string{"", "cp_", "cp_0", "cp_0000", "cp_1", "cp_001", "cp_00001", "cp_+001", "cp_-001", "cp_00 1", "CP_0001", "cp_000a", "cp_9007199254740992", "cp_0001 "},
		},
		{"label", ledger.FieldLabelKey, []string{"a", "a/b.c-d_e", x(63)}, []string{"", "/a", "a b", "a:b", "é", x(64)}},
		{"label", ledger.FieldLabelValue, []string{" ", "é ü", x(63)}, []string{"", "a\tb", x(64)}},
		{
			"summary", ledger.FieldSummary,
			[]string{" ", "a\u00a0b", "\u2028", "日本語", "👩‍💻", "\ufeff", x(512)},
			[]string{"", "\n", "\x00", "\x1b[31m", "\u009b", "\u202a", "\u202b", "\u202c", "\u202d", "\u202e", "\u2066", "\u2067", "\u2068", "\u2069", "\u200e", "\u200f", "\u061c", "\xff", "\xed\xa0\x80", x(513)},
		},
		{"reason", ledger.FieldReason, []string{x(1024)}, []string{"", x(1025)}},
		{"required_action", ledger.FieldRequiredAction, []string{x(512)}, []string{"", x(513)}},
		{"policy_ref", ledger.FieldPolicyRef, []string{x(256)}, []string{"", x(257)}},
		{"environment_fingerprint", ledger.FieldFingerprint, []string{x(256)}, []string{"", x(257)}},
		{"identity", ledger.FieldIdentity, []string{"bot@example", "gait", "b%20t"}, []string{"", "b t", "bot%40example"}},
	} {
		for _, s := range tt.takes {
			if err := tt.field.Check(s); err != nil {
				t.Errorf("%s takes no %.60q: %v", tt.name, s, err)
			}
		}
		for _, s := range tt.refuses {
			wantField(t, tt.field.Check(s), tt.name)
		}
	}
}

// What commands may no longer name stays readable, byte for byte.
func TestStoredNamesMayBeEncoded(t *testing.T) {
	d := eventOf(ledger.Submitted{EnvironmentFingerprint: "envfp:1", Identity: "bot%40example", ProducerVersion: "1.0.0"})
	d.Actor = "worker%5F1"
	e := seal(t, d)
	again, err := ledger.Decode(e.Bytes())
	if err != nil || again.Actor() != d.Actor {
		t.Errorf("an event by %s is decoded as one by %q, %v", d.Actor, again.Actor(), err)
	}
}

func TestOSActor(t *testing.T) {
	for login, want := range map[string]string{
		"ada": "os:ada", "": "os:", "EXAMPLE\\ada": "os:EXAMPLE%5Cada", "ada lovelace": "os:ada%20lovelace",
		"café": "os:caf%C3%A9", "100%": "os:100%25", "a\x00": "os:a%00", ".x": "os:.x",
		strings.Repeat("é", 100): "os:" + strings.Repeat("%C3%A9", 20) + "%C3",
	} {
		got := ledger.OSActor(login)
		if got != want {
			t.Errorf("OSActor(%q) = %q, want %q", login, got, want)
		}
		if err := ledger.FieldActor.Check(got); err != nil {
			t.Errorf("OSActor(%q) is no actor: %v", login, err)
		}
	}
}

func TestCheckpointID(t *testing.T) {
	for n, want := range map[int64]string{1: "cp_0001", 9999: "cp_9999", 10000: "cp_10000", 1<<53 - 1: "cp_9007199254740991"} {
		if got := ledger.CheckpointID(n); got != want || ledger.FieldCheckpointID.Check(got) != nil {
			t.Errorf("CheckpointID(%d) = %q, want %q, a checkpoint id", n, got, want)
		}
	}
}

func TestTimeText(t *testing.T) {
	for _, s := range []string{"2026-11-22T20:32:58.058Z", "0001-01-01T00:00:00.001Z", "9999-12-31T23:59:59.999Z", "2024-02-29T00:00:00.000Z"} {
		got, err := ledger.ParseTime(s)
		if err != nil || ledger.FormatTime(got) != s || got.Location() != time.UTC {
			t.Errorf("ParseTime(%q) = %v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "0001-01-01T00:00:00.000Z", "0000-12-31T00:00:00.000Z", "10000-01-01T00:00:00.000Z", "2026-11-22", "2023-02-29T00:00:00.000Z",
		"2026-11-22 20:32:58.058Z", "2026-11-22T20:32:58Z", "2026-11-22T20:32:58.58Z", "2026-11-22T20:32:58.0580Z", "2026-11-22T20:32:58,058Z",
		"2026-11-22T20:32:58.058+00:00", "2026-11-22t20:32:58.058z", "2026-11-22T24:00:00.000Z", "2026-11-22T20:32:60.000Z", " 2026-11-22T20:32:58.058Z", "2026-1-22T20:32:58.058Z",
	} {
		if got, err := ledger.ParseTime(s); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseTime(%q) = %v, %v, want ErrMalformed", s, got, err)
		}
	}
	cut := time.Date(2026, 1, 2, 3, 4, 5, 6_999_999, time.FixedZone("", -3600))
	if got := ledger.FormatTime(cut); got != "2026-01-02T04:04:05.006Z" {
		t.Errorf("FormatTime cuts to %s", got)
	}
}

func TestHashText(t *testing.T) {
	h := hashOf("x")
	if got, err := ledger.ParseHash(h.String()); err != nil || got != h {
		t.Errorf("ParseHash(%s) = %s, %v", h, got, err)
	}
	digits := h.String()
	for _, s := range []string{"", digits[1:], digits + "0", strings.ToUpper(digits), " " + digits[1:], "0x" + digits[2:], digits[:63] + "g", digits[:62] + "é", digits[:63] + "\n"} {
		if _, err := ledger.ParseHash(s); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseHash(%q) = %v, want ErrMalformed", s, err)
		}
	}
	type holder struct{ A, B ledger.Hash }
	b, err := json.Marshal(holder{A: h})
	if want := `{"A":"` + digits + `","B":""}`; err != nil || string(b) != want {
		t.Errorf("Marshal = %s, %v, want %s", b, err, want)
	}
	got := holder{B: h}
	if err := json.Unmarshal(b, &got); err != nil || got != (holder{A: h}) {
		t.Errorf("Unmarshal(%s) = %v, %v", b, got, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"ABC"}`), &got); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("Unmarshal of a bad hash = %v, want ErrMalformed", err)
	}
}
