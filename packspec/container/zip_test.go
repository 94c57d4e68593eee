package container_test

import (
	"bytes"
	"errors"
	"slices"
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
