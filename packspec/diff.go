package packspec

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// ErrNotComparable says that two packs are not of one type, or that one of them
// cannot be read.
var ErrNotComparable = errors.New("not comparable")

// Volatile names the fields that differ between two runs of the same work: when
// and where it was written down, not what.
var Volatile = []string{"clock", "consumes", "created_at", "event_id", "head_leaf_hash", "head_seq", "job_prev", "key", "key_id", "origin", "pack_id", "prev",
	"request_digest", "request_id", "root", "seq", "size", "source_ref", "target", "updated_at"}

// DiffOptions say what of two packs to compare.
type DiffOptions struct {
	// Ignore names what may differ: a field's name, or a JSON pointer, in which
	// * stands for any one step; what lies below it is ignored too.
	Ignore []string
	Limit  int // how many differences to list; 0: 1000
}

// Differences are what makes one pack of another, by JSON pointer: /manifest,
// /evidence, what is derived from the events, and /events, in order.
type Differences struct {
	List    []projection.Change
	Omitted int64 // differences that Limit left out
}

// Diff compares what two packs say, and verifies neither. It holds one event
// of each at a time. Errors wrap ErrNotComparable or
// ledger.ErrUnsupportedVersion, or are the readers'.
func Diff(a, b io.ReaderAt, sizeA, sizeB int64, o DiffOptions) (Differences, error) {
	d := differ{limit: o.Limit, ignore: o.Ignore, found: Differences{List: []projection.Change{}}}
	if d.limit == 0 {
		d.limit = 1000
	}
	one, err := readFacts(a, sizeA)
	if err != nil {
		return Differences{}, fmt.Errorf("the first pack: %w", err)
	}
	other, err := readFacts(b, sizeB)
	if err != nil {
		return Differences{}, fmt.Errorf("the second pack: %w", err)
	}
	if one.kind != other.kind {
		return Differences{}, fmt.Errorf("%w: the first is a %s pack, the second a %s pack", ErrNotComparable, one.kind, other.kind)
	}
	if err := d.compare("", one.head, other.head); err != nil {
		return Differences{}, err
	}
	return d.found, d.compareEvents(one.events, other.events)
}

// facts are what a pack says.
type facts struct {
	kind   string
	head   []byte                   // a canonical object of everything but the events
	events iter.Seq2[[]byte, error] // each a canonical object
}

func readFacts(r io.ReaderAt, size int64) (facts, error) {
	f, err := tryFacts(r, size)
	if _, broken := errors.AsType[*FormatError](asFormat(err)); broken {
		return facts{}, fmt.Errorf("%w: %s", ErrNotComparable, err.Error())
	}
	return f, err
}

func tryFacts(r io.ReaderAt, size int64) (facts, error) {
	old, err := isV1(r, size)
	if err != nil {
		return facts{}, err
	}
	if old {
		seen, err := inspectV1(r, size)
		if err != nil {
			return facts{}, err
		}
		return factsOf("PackSpec v1", seen.Manifest, map[string]any{"payload": seen.Payload, "state": seen.State}, func(yield func([]byte, error) bool) {
			for _, e := range seen.Events {
				if !yield(projection.Canonical(e)) {
					return
				}
			}
		})
	}
	v := &verifier{r: r, size: size}
	if _, err := v.container(); err != nil {
		return facts{}, err
	}
	if v.pack.manifest.PackType == TypeRange {
		return v.rangeFacts()
	}
	for _, check := range []func() (string, error){v.canonical, v.chain, v.stateMachine} {
		if _, err := check(); err != nil {
			return facts{}, err
		}
	}
	return factsOf(TypeJob, v.pack.manifest, map[string]any{"payload": payloadOf(v.fold.Job, v.head), "state": runtimeOf(v.fold.Job),
		"evidence": map[string]any{"origin": v.evidence.Origin, "size": v.evidence.Size, "root": v.evidence.Root, "key": v.report.Key, "event_count": v.count}},
		bytesOf(v.pack.Events()))
}

func (v *verifier) rangeFacts() (facts, error) {
	for _, check := range []func() (string, error){v.rangeCanonical, v.rangeChain, v.rangeInclusion, v.rangeStateMachine} {
		if _, err := check(); err != nil {
			return facts{}, err
		}
	}
	return factsOf(TypeRange, v.pack.manifest, map[string]any{"evidence": map[string]any{"origin": v.evidence.Origin, "size": v.evidence.Size,
		"root": v.evidence.Root, "key": v.report.Key, "event_count": v.count}}, bytesOf(v.rng.log.Events()))
}

// factsOf leaves out of the manifest what only repeats the rest as digests.
func factsOf(kind string, m Manifest, head map[string]any, events iter.Seq2[[]byte, error]) (facts, error) {
	m.Contents, m.Signatures = []Content{}, nil
	head["manifest"] = m
	b, err := projection.Canonical(head)
	return facts{kind: kind, head: b, events: events}, err
}

func bytesOf(events ledger.Events) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for e, err := range events {
			if !yield(e.Bytes(), err) {
				return
			}
		}
	}
}

// A differ collects the differences that count.
type differ struct {
	limit  int
	ignore []string
	found  Differences
}

// compare compares two values that stand at a pointer.
func (d *differ) compare(at string, a, b []byte) error {
	list, err := projection.Diff(a, b)
	for _, c := range list {
		c.Path = at + c.Path
		d.add(c)
	}
	return err
}

func (d *differ) add(c projection.Change) {
	switch {
	case d.ignored(c.Path):
	case len(d.found.List) >= d.limit:
		d.found.Omitted++
	default:
		d.found.List = append(d.found.List, c)
	}
}

// ignored reports whether a pointer, or one above it, is to be ignored.
func (d *differ) ignored(pointer string) bool {
	for ; pointer != ""; pointer = pointer[:strings.LastIndexByte(pointer, '/')] {
		name := pointer[strings.LastIndexByte(pointer, '/')+1:]
		if slices.ContainsFunc(d.ignore, func(pattern string) bool {
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

func (d *differ) compareEvents(a, b iter.Seq2[[]byte, error]) error {
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
		at := fmt.Sprintf("/events/%d", n)
		switch {
		case !more && !moreB:
			return nil
		case !moreB:
			d.add(projection.Change{Path: at, Op: projection.Removed, Before: one})
		case !more:
			d.add(projection.Change{Path: at, Op: projection.Added, After: other})
		default:
			if err := d.compare(at, one, other); err != nil {
				return err
			}
		}
	}
}
