package container_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"gait/packspec/container"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// The directory is read only if the end record is in its one form and follows the
// directory directly.
func TestReadDirectory(t *testing.T) {
	zip := packtest.Archive([]packtest.File{{Name: "a", Data: []byte("one")}, {Name: "b", Data: []byte("two")}})
	const record = container.CentralSize + container.MaxName
	d, err := container.ReadDirectory(bytes.NewReader(zip), int64(len(zip)), record)
	if err != nil || d.Count != 2 || d.At+int64(len(d.Bytes))+container.EndSize != int64(len(zip)) {
		t.Fatalf("ReadDirectory = %+v, %v", d, err)
	}
	if _, err := container.ReadDirectory(bytes.NewReader(zip), int64(len(zip)), container.CentralSize); err == nil {
		t.Error("ReadDirectory takes records that are larger than allowed")
	}
	for i := len(zip) - container.EndSize; i < len(zip); i++ {
		changed := slices.Clone(zip)
		changed[i]++
		_, err := container.ReadDirectory(bytes.NewReader(changed), int64(len(changed)), record)
		if _, ok := errors.AsType[*finding.FormatError](err); !ok {
			t.Errorf("with byte %d of the file changed, ReadDirectory = %v, want a FormatError", i, err)
		}
	}
}

// The bytes of headers and of what follows a directory stay. Numbers are of 64 bits only
// where they need to be.
func TestHeadersAndEnds(t *testing.T) {
	small := container.Header{Name: "ab", Size: 0x1234, CRC: 0xc0ffee, At: 7}
	large := small
	large.At = 1<<32 - 1
	const common = "0000 0000 0000 2100 eeffc000 34120000 34120000 0200 "
	for _, tt := range []struct {
		name string
		got  []byte
		want string
	}{
		{"local header", small.Local(), "504b0304 0a00" + common + "0000 6162"},
		{"local header of a far entry", large.Local(), "504b0304 0a00" + common + "0000 6162"},
		{"record of a pack", small.Record(0o644), "504b0102 0a03 0a00" + common + "0000 0000 0000 0000 0000a481 07000000 6162"},
		{"record of a backup", small.Record(0o600), "504b0102 0a03 0a00" + common + "0000 0000 0000 0000 00008081 07000000 6162"},
		{"record of a far entry", large.Record(0o600), "504b0102 2d03 2d00" + common + "0c00 0000 0000 0000 00008081 ffffffff 6162 0100 0800 ffffffff00000000"},
		{"end", container.End{Count: 2, Size: 96, At: 0x50}.Records(), "504b0506 0000 0000 0200 0200 60000000 50000000 0000"},
		{
			"far end", container.End{Count: 2, Size: 96, At: 1 << 32}.Records(), "504b0606 2c00000000000000 2d03 2d00 00000000 00000000 " +
				"0200000000000000 0200000000000000 6000000000000000 0000000001000000 504b0607 00000000 6000000001000000 01000000" +
				"504b0506 0000 0000 0200 0200 60000000 ffffffff 0000",
		},
	} {
		want, err := hex.DecodeString(strings.ReplaceAll(tt.want, " ", ""))
		if err != nil || !bytes.Equal(tt.got, want) {
			t.Errorf("%s = %x, want %x (%v)", tt.name, tt.got, want, err)
		}
	}
}
