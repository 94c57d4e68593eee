package packspec_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gait/packspec"
	"gait/projection"
)

func diff(a, b []byte, d projection.Differ) (projection.Differences, error) {
	err := packspec.Diff(bytes.NewReader(a), bytes.NewReader(b), int64(len(a)), int64(len(b)), &d)
	return d.Found(), err
}

// A pack of any kind equals itself and is not comparable to another kind. Differences
// between packs of PackSpec v1 are found too.
func TestDiffOfEveryKind(t *testing.T) {
	key := testKey(t, 1)
	kinds := map[string][]byte{"job": build(t, history(t, key), "job_1"), "range": buildRange(t, long(t, 3), 0, -1)}
	old, err := filepath.Glob("../fixtures/packs/packspec-v1/*.zip")
	if err != nil || len(old) < 2 {
		t.Fatal(old, err)
	}
	var v1 [][]byte
	for _, name := range old {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		v1 = append(v1, b)
	}
	kinds["v1"] = v1[0]
	for name, a := range kinds {
		for other, b := range kinds {
			d, err := diff(a, b, projection.Differ{})
			switch {
			case name == other && (err != nil || len(d.List) > 0):
				t.Errorf("%s and itself: %v, %v", name, d.List, err)
			case name != other && !errors.Is(err, packspec.ErrNotComparable):
				t.Errorf("%s and %s: %v, want ErrNotComparable", name, other, err)
			}
		}
	}
	if d, err := diff(v1[0], v1[1], projection.Differ{}); err != nil || len(d.List) == 0 {
		t.Errorf("two packs of PackSpec v1: %v, %v", d, err)
	}
}

// Only a limited number of differences is listed; the rest are counted.
func TestDiffLimit(t *testing.T) {
	a, b := buildRange(t, long(t, 3), 0, -1), buildRange(t, long(t, 600), 0, -1)
	all, err := diff(a, b, projection.Differ{})
	if err != nil || all.Omitted != 0 {
		t.Fatal(all.Omitted, err)
	}
	few, err := diff(a, b, projection.Differ{Limit: 5})
	if err != nil || len(few.List) != 5 || few.Omitted != int64(len(all.List)-5) {
		t.Errorf("5 of %d: %d listed, %d left out (%v)", len(all.List), len(few.List), few.Omitted, err)
	}
}

// A reader's error is returned and is no difference.
func TestDiffReadError(t *testing.T) {
	a := buildRange(t, long(t, 3), 0, -1)
	for left := int64(0); ; left += 997 {
		err := packspec.Diff(breakAfter(bytes.NewReader(a), left), bytes.NewReader(a), int64(len(a)), int64(len(a)), &projection.Differ{})
		if err == nil {
			break
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("after %d bytes: %v", left, err)
		}
	}
}
