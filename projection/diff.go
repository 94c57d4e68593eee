package projection

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"gait/ledger/jcs"
)

// The operations of a Change: what was done to the value before.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// A Change is one difference between two JSON values.
type Change struct {
	Path   string          `json:"path"`             // JSON pointer (RFC 6901); "" is the whole value
	Op     string          `json:"op"`               // Added, Removed or Changed
	Before json.RawMessage `json:"before,omitempty"` // canonical; none if added
	After  json.RawMessage `json:"after,omitempty"`  // canonical; none if removed
}

// Diff returns what changed from one JSON value to another, in the order of the
// values: members by name, elements by index. It compares lists index by index,
// since the lists of views only grow at their end, and numbers as they are
// written. It fails if either text is not JSON, or has a number that is not an
// integer.
func Diff(before, after []byte) ([]Change, error) {
	a, err := jcs.Decode(before)
	if err != nil {
		return nil, err
	}
	b, err := jcs.Decode(after)
	if err != nil {
		return nil, err
	}
	r := &changes{list: []Change{}}
	cmp.Equal(&a, &b, byPlace, cmp.Reporter(r))
	return r.list, r.err
}

// byPlace makes cmp align lists by index. The alignment that cmp would choose
// differs from one process to the next.
var byPlace = cmp.Transformer("elements", func(list []any) map[int]any { return maps.Collect(slices.All(list)) })

// changes is a cmp.Reporter that collects the leaves that differ.
type changes struct {
	path cmp.Path
	list []Change
	err  error
}

func (c *changes) PushStep(s cmp.PathStep) { c.path = append(c.path, s) }
func (c *changes) PopStep()                { c.path = c.path[:len(c.path)-1] }

func (c *changes) Report(r cmp.Result) {
	if r.Equal() || c.err != nil {
		return
	}
	before, after := c.path.Last().Values()
	found := Change{Path: pointer(c.path), Op: Changed, Before: c.text(before), After: c.text(after)}
	switch {
	case !before.IsValid():
		found.Op = Added
	case !after.IsValid():
		found.Op = Removed
	}
	c.list = append(c.list, found)
}

func (c *changes) text(v reflect.Value) json.RawMessage {
	if !v.IsValid() {
		return nil
	}
	b, err := jcs.AppendValue(nil, v.Interface())
	if err != nil && c.err == nil {
		c.err = err
	}
	return b
}

// pointer returns path as a JSON pointer (RFC 6901).
func pointer(path cmp.Path) string {
	var b strings.Builder
	for _, step := range path {
		if m, ok := step.(cmp.MapIndex); ok {
			b.WriteString(PointerStep(fmt.Sprint(m.Key())))
		}
	}
	return b.String()
}

// PointerStep returns the part of a JSON pointer that leads to the member or element
// with that name, one step down (RFC 6901, section 3).
func PointerStep(name string) string { return "/" + pointerEscapes.Replace(name) }

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")
