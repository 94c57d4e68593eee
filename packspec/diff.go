package packspec

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/packspec/finding"
	"gait/projection"
)

// ErrNotComparable says that two packs have different types, or that one of them
// cannot be read.
var ErrNotComparable = ledger.NewError("not comparable", ledger.Fault{Code: "not_comparable", Category: ledger.CategoryInvalid})

// Diff compares what two packs say with d, and verifies neither of them. It compares
// /manifest, /evidence, what is derived from the events, and then /events in order.
// It holds one event of each pack at a time. Errors wrap ErrNotComparable or
// ledger.ErrUnsupportedVersion, or are the readers' own.
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
	if _, broken := errors.AsType[*finding.FormatError](finding.AsFormat(err)); broken {
		return facts{}, fmt.Errorf("%w: %s", ErrNotComparable, err.Error())
	}
	return f, err
}

func tryFacts(r io.ReaderAt, size int64) (facts, error) {
	v, err := newVerifier(r, size, Options{})
	if err != nil {
		return facts{}, err
	}
	switch v := v.(type) {
	case *v1Verifier:
		return v1Facts(r, size)
	case *rangeVerifier:
		return v.facts()
	case *jobVerifier:
		return v.facts()
	}
	panic(fmt.Sprintf("packspec: no facts of a %T", v))
}

func v1Facts(r io.ReaderAt, size int64) (facts, error) {
	seen, err := inspectV1(r, size)
	if err != nil {
		return facts{}, err
	}
	return factsOf("PackSpec v1", seen.Manifest, map[string]any{"payload": seen.Payload, "state": seen.State}, func(yield func([]byte, error) bool) {
		for _, e := range seen.Events {
			if !yield(jcs.Marshal(e)) {
				return
			}
		}
	})
}

func (v *jobVerifier) facts() (facts, error) {
	for _, check := range []func() (string, error){v.container, v.canonical, v.chain, v.stateMachine} {
		if _, err := check(); err != nil {
			return facts{}, err
		}
	}
	return factsOf(TypeJob, v.pack.manifest, map[string]any{
		"payload": payloadOf(v.fold.Job, v.head), "state": runtimeOf(v.fold.Job),
		"evidence": v.evidenceFacts(),
	}, bytesOf(v.pack.Events()))
}

func (v *rangeVerifier) facts() (facts, error) {
	for _, check := range []func() (string, error){v.container, v.canonical, v.chain, v.inclusion, v.stateMachine} {
		if _, err := check(); err != nil {
			return facts{}, err
		}
	}
	return factsOf(TypeRange, v.pack.manifest, map[string]any{"evidence": v.evidenceFacts()}, bytesOf(v.log.Events()))
}

func (v *ledgerVerifier) evidenceFacts() map[string]any {
	return map[string]any{"origin": v.evidence.Origin, "size": v.evidence.Size, "root": v.evidence.Root, "key": v.report.Key, "event_count": v.count}
}

// factsOf leaves out the manifest's digests and signatures, which only repeat the rest.
func factsOf(kind string, m container.Manifest, head map[string]any, events iter.Seq2[[]byte, error]) (facts, error) {
	m.Contents, m.Signatures = []container.Content{}, nil
	head["manifest"] = m
	b, err := jcs.Marshal(head)
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
