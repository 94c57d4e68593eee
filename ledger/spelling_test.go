package ledger_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"gait/ledger"
)

// Change one byte or a run of bytes anywhere in an event: if the result still
// decodes, it is the encoding of its value.
func TestDecodeTakesOneSpelling(t *testing.T) {
	taken, tried := 0, 0
	try := func(b []byte) {
		tried++
		e, err := ledger.Decode(b)
		if err != nil {
			return
		}
		taken++
		again, err := ledger.Seal(e.Draft())
		if err != nil || !bytes.Equal(again.Bytes(), b) {
			t.Errorf("Decode takes %s\nSeal gives  %s, %v", b, again.Bytes(), err)
		}
	}
	forms := [][]byte{seal(t, fullEvent()).Bytes()}
	for _, form := range payloadForms() {
		forms = append(forms, seal(t, eventOf(form.payload)).Bytes())
	}
	for _, b := range forms {
		for i := range b {
			for _, c := range []byte(" \"\\,}]09-Aa=\xff") {
				changed := bytes.Clone(b)
				changed[i] = c
				try(changed)
				try(slices.Insert(bytes.Clone(b), i, c))
			}
			try(slices.Delete(bytes.Clone(b), i, i+1))
			try(slices.Insert(bytes.Clone(b), i, '\\', b[i]))
		}
		fields := bytes.Split(b, []byte(","))
		for i := range fields {
			try(bytes.Join(slices.Delete(slices.Clone(fields), i, i+1), []byte(",")))
			try(bytes.Join(slices.Insert(slices.Clone(fields), i, fields[i]), []byte(",")))
			for k := range i {
				swapped := slices.Clone(fields)
				swapped[i], swapped[k] = swapped[k], swapped[i]
				try(bytes.Join(swapped, []byte(",")))
			}
		}
	}
	if taken < 1000 {
		t.Errorf("%d of %d changed events decode: too few to tell anything", taken, tried)
	}
}

// wantTime requires ParseTime to accept exactly what package time reads and
// FormatTime writes.
func wantTime(t *testing.T, s string) {
	t.Helper()
	want, err := time.Parse(time.RFC3339, s)
	ok := err == nil && ledger.FormatTime(want) == s && !want.IsZero() && want.UTC().Year() >= 1
	got, err := ledger.ParseTime(s)
	if ok != (err == nil) || ok && (!got.Equal(want) || got.Location() != time.UTC) {
		t.Errorf("ParseTime(%q) = %s, %v; package time: %s, %t", s, got, err, want, ok)
	}
}

func TestParseTimeAgreesWithPackageTime(t *testing.T) {
	for _, s := range []string{"2026-11-22T20:32:58.058Z", "2024-02-29T23:59:59.999Z", "0001-01-01T00:00:00.001Z", "9999-12-31T23:59:59.999Z", "1900-02-28T00:00:00.000Z"} {
		wantTime(t, s)
		for i := range s {
			for c := range 256 {
				wantTime(t, s[:i]+string([]byte{byte(c)})+s[i+1:])
				wantTime(t, s[:i]+string([]byte{byte(c)})+s[i:])
			}
			wantTime(t, s[:i]+s[i+1:])
			for n := range 100 {
				if i+2 <= len(s) {
					wantTime(t, s[:i]+string([]byte{byte('0' + n/10), byte('0' + n%10)})+s[i+2:])
				}
			}
		}
	}
}
