package ledger_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"gait/ledger"
)

func TestCheckClock(t *testing.T) {
	at := func(s string) time.Time {
		t.Helper()
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, tt := range []struct {
		name, now, last string
		suspect         bool
	}{
		{"a new ledger", "2026-11-30T00:00:00Z", "", false},
		{"1963", "1963-11-22T00:00:00Z", "", true},
		{"1970", "1970-01-01T00:00:00Z", "2026-11-30T00:00:00Z", true},
		{"just too early", "2019-12-31T23:59:59Z", "", true},
		{"just late enough", "2020-01-01T00:00:00Z", "", false},
		{"early in another zone", "2020-01-01T01:00:00+02:00", "", true},
		{"the last year", "2199-12-31T23:59:59Z", "", false},
		{"2200", "2200-01-01T00:00:00Z", "2199-12-31T23:59:59Z", true},
		{"2400", "2400-01-01T00:00:00Z", "", true},
		{"an idle weekend", "2026-11-30T00:00:00Z", "2026-11-27T00:00:00Z", false},
		{"an idle year", "2026-11-30T00:00:00Z", "2025-11-30T00:00:00Z", false},
		{"400 days", "2027-01-04T00:00:00Z", "2025-11-30T00:00:00Z", false},
		{"and a second", "2027-01-04T00:00:01Z", "2025-11-30T00:00:00Z", true},
		{"stepped back", "2026-11-30T00:00:00Z", "2027-11-30T00:00:00Z", false},
		{"stepped back from 2400", "2026-11-30T00:00:00Z", "2400-01-01T00:00:00Z", false},
	} {
		last := time.Time{}
		if tt.last != "" {
			last = at(tt.last)
		}
		err := ledger.CheckClock(at(tt.now), last)
		if _, suspect := errors.AsType[*ledger.ClockError](err); suspect != tt.suspect || (err == nil) == tt.suspect {
			t.Errorf("%s: CheckClock(%s, %s) = %v, want suspect: %v", tt.name, tt.now, tt.last, err, tt.suspect)
		}
	}
}

// A time that no ULID can hold makes an id all the same.
func TestNewULID(t *testing.T) {
	for at, want := range map[time.Time]string{
		time.UnixMilli(0): "00000000000000000000000000",
		time.Date(1963, 11, 22, 0, 0, 0, 0, time.UTC): "00000000000000000000000000",
		time.UnixMilli(1): "00000000010000000000000000",
		time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC): "7ZZZZZZZZZ0000000000000000",
	} {
		if got, err := ledger.NewULID(at, bytes.NewReader(make([]byte, 16))); err != nil || got != want {
			t.Errorf("NewULID(%v) = %s, %v, want %s", at, got, err, want)
		}
	}
	if _, err := ledger.NewULID(time.UnixMilli(0), bytes.NewReader(nil)); err == nil {
		t.Error("a ULID without entropy")
	}
}
