package projection

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
)

// Volatile names the fields that differ between two runs of the same work: they say
// when and where it was recorded, not what was done.
var Volatile = []string{
	"call_prev", "clearance", "clock", "consumes", "created_at", "event_id", "grant", "head_leaf_hash", "head_seq", "job_prev", "key", "key_id", "leaf_hash", "origin", "pack_id", "prev",
	"request_digest", "request_id", "root", "seq", "since", "size", "source_ref", "target", "trace", "until", "updated_at", "worker",
}

// A Differ collects the differences between two sides that are not ignored, one part
// at a time. The zero Differ lists up to 1000 and ignores nothing.
type Differ struct {
	// Ignore names what may differ, with everything below it: a field's name, or
	// a JSON pointer in which * stands for any one step.
	Ignore []string
	Limit  int // how many differences to list; 0 means 1000

	found Differences
}

// Differences are the changes from one side to the other, by JSON pointer.
type Differences struct {
	List    []Change
	Omitted int64 // differences that the limit left out
}

// Found returns the differences found so far.
func (d *Differ) Found() Differences {
	if d.found.List == nil {
		d.found.List = []Change{}
	}
	return d.found
}

// Compare compares two JSON values, in canonical form, at a pointer.
func (d *Differ) Compare(at string, a, b []byte) error {
	if bytes.Equal(a, b) {
		return nil
	}
	list, err := Diff(a, b)
	for _, c := range list {
		c.Path = at + c.Path
		d.add(c)
	}
	return err
}

// CompareLists compares two lists at a pointer, index by index. It holds one value
// of each at a time. Errors are those of the lists and of Compare.
func (d *Differ) CompareLists(at string, a, b iter.Seq2[[]byte, error]) error {
	nextA, stopA := iter.Pull2(a)
	defer stopA()
	nextB, stopB := iter.Pull2(b)
	defer stopB()
	for n := 0; ; n++ {
		one, err, more := nextA()
		other, errB, moreB := nextB()
		if err := errors.Join(err, errB); err != nil {
			return err
		}
		at := fmt.Sprintf("%s/%d", at, n)
		switch {
		case !more && !moreB:
			return nil
		case !moreB:
			d.add(Change{Path: at, Op: Removed, Before: one})
		case !more:
			d.add(Change{Path: at, Op: Added, After: other})
		default:
			if err := d.Compare(at, one, other); err != nil {
				return err
			}
		}
	}
}

func (d *Differ) add(c Change) {
	limit := d.Limit
	if limit == 0 {
		limit = 1000
	}
	switch {
	case d.Ignores(c.Path):
	case len(d.found.List) >= limit:
		d.found.Omitted++
	default:
		d.found.List = append(d.found.List, c)
	}
}

// Ignores reports whether a pointer, or one above it, is ignored.
func (d *Differ) Ignores(pointer string) bool {
	for ; pointer != ""; pointer = pointer[:strings.LastIndexByte(pointer, '/')] {
		name := pointer[strings.LastIndexByte(pointer, '/')+1:]
		if slices.ContainsFunc(d.Ignore, func(pattern string) bool {
			if !strings.HasPrefix(pattern, "/") {
				return pattern == name
			}
			match, err := path.Match(pattern, pointer)
			return err == nil && match
		}) {
			return true
		}
	}
	return false
}
