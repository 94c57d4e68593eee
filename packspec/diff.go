package packspec

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"gait/ledger"
	"gait/projection"
)

// ErrNotComparable says that two packs are not of one type, or that one of them
// cannot be read.
var ErrNotComparable = errors.New("not comparable")

// Diff has d compare what two packs say, and verifies neither: /manifest,
// /evidence and what is derived from the events, and /events, in order. It holds
// one event of each at a time. Errors wrap ErrNotComparable or
// ledger.ErrUnsupportedVersion, or are the readers'.
func Diff(a, b io.ReaderAt, sizeA, sizeB int64, d *projection.Differ) error {
	one, err := readFacts(a, sizeA)
	if err != nil {
		return fmt.Errorf("the first pack: %w", err)
	}
	other, err := readFacts(b, sizeB)
	if err != nil {
		return fmt.Errorf("the second pack: %w", err)
	}
	if one.kind != other.kind {
		return fmt.Errorf("%w: the first is a %s pack, the second a %s pack", ErrNotComparable, one.kind, other.kind)
	}
	if err := d.Compare("", one.head, other.head); err != nil {
		return err
	}
	return d.CompareLists("/events", one.events, other.events)
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
