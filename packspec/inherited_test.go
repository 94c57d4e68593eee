package packspec_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// buildRange builds the pack of a range of events, with the request ids that were used in
// the ledger before.
func (c *continuation) buildRange(t testing.TB, from, to ledger.Seq) []byte {
	t.Helper()
	return c.buildRangeWith(t, from, to, func(digest ledger.Hash) (io.ReadCloser, error) {
		b, ok := c.content[digest]
		if !ok {
			return nil, ledger.ErrContentMissing
		}
		return io.NopCloser(bytes.NewReader(b)), nil
	})
}

func (c *continuation) buildRangeWith(t testing.TB, from, to ledger.Seq, content func(ledger.Hash) (io.ReadCloser, error)) []byte {
	t.Helper()
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, c.l.Log, from, to, c.l.Key, packspec.RangeOptions{Content: content}); err != nil {
		t.Fatalf("BuildRange(%d, %d) = %v", from, to, err)
	}
	return b.Bytes()
}

// commits appends a commitment to the index, with the request ids of the ledger before.
func (c *continuation) commits(t testing.TB) {
	t.Helper()
	key := ledger.RequestKey("ask-1")
	ledgertest.Append(t, c.l.Log, ledgertest.EventSpec{Payload: ledger.IndexCommitted{Index: ledgertest.IndexRoot(eventsOf(t, c.l.Log), key)}})
}

// A range from event 0 carries the request ids that event 0 names, and its index is
// checked with them. Without them it says that the index is not.
func TestInheritedRange(t *testing.T) {
	c := continuedWith(t, nil)
	c.commits(t)
	for name, tt := range map[string]struct {
		pack  []byte
		index bool
	}{"with the request ids": {c.buildRange(t, 0, -1), true}, "without": {buildRange(t, c.l, 0, -1), false}} {
		r := verify(t, tt.pack, c.l.Key)
		has := packtest.Find(files(t, tt.pack), "requests.keys") != nil
		detail := r.Level(finding.LevelChain).Detail
		if !r.Verified || has != tt.index || strings.Contains(detail, "the index is unchecked") == tt.index {
			t.Errorf("%s: verified %t, %+v, %q, with the entry: %t", name, r.Verified, r.Failure, detail, has)
		}
	}
	missing := c.buildRangeWith(t, 0, -1, func(ledger.Hash) (io.ReadCloser, error) { return nil, ledger.ErrContentMissing })
	if !bytes.Equal(missing, buildRange(t, c.l, 0, -1)) {
		t.Error("a range pack without the content differs from one for which none was asked")
	}
}

// No range is packed on content that cannot be read, or is not what event 0 names.
func TestInheritedRangeUnread(t *testing.T) {
	c := continuedWith(t, nil)
	broken := errors.New("cannot be read")
	for name, tt := range map[string]struct {
		content func(ledger.Hash) (io.ReadCloser, error)
		want    error
	}{
		"unreadable": {func(ledger.Hash) (io.ReadCloser, error) { return nil, broken }, broken},
		"another":    {func(ledger.Hash) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(make([]byte, 32))), nil }, ledger.ErrUnverified},
		"short":      {func(ledger.Hash) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }, ledger.ErrUnverified},
	} {
		_, err := packspec.BuildRange(t.Context(), new(packspec.Buffer), c.l.Log, 0, -1, c.l.Key, packspec.RangeOptions{Content: tt.content})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

// An inheritedForgery changes a range pack with used request ids.
type inheritedForgery struct {
	name   string
	change func(testing.TB, []packtest.File) []packtest.File
	level  string // that fails
	index  bool   // the pack commits to another index
}

// make returns the pack, and who made it.
func (f inheritedForgery) make(t testing.TB) ([]packtest.File, *continuation) {
	t.Helper()
	c := continuedWith(t, nil)
	if f.index {
		commitIndex(t, c.l)
	} else {
		c.commits(t)
	}
	fs := files(t, c.buildRange(t, 0, -1))
	if f.change != nil {
		fs = f.change(t, fs)
	}
	return readZip(t, resign(t, fs, c.l.Key)), c
}

func inRange(old, new string) func(testing.TB, []packtest.File) []packtest.File {
	return func(_ testing.TB, fs []packtest.File) []packtest.File {
		return packtest.Set(fs, "evidence.json", bytes.Replace(file(fs, "evidence.json").Data, []byte(old), []byte(new), 1))
	}
}

var inheritedForgeries = []inheritedForgery{
	{name: "an id changed", level: finding.LevelChain, change: func(_ testing.TB, fs []packtest.File) []packtest.File {
		return packtest.Set(fs, "requests.keys", flip(file(fs, "requests.keys").Data, 77))
	}},
	{name: "an id more", level: finding.LevelChain, change: func(_ testing.TB, fs []packtest.File) []packtest.File {
		return packtest.Set(fs, "requests.keys", append(bytes.Clone(file(fs, "requests.keys").Data), bytes.Repeat([]byte{255}, 32)...))
	}},
	{name: "no ids", level: finding.LevelChain, change: func(_ testing.TB, fs []packtest.File) []packtest.File {
		return packtest.Set(fs, "requests.keys", nil)
	}},
	{name: "an index without them", level: finding.LevelChain, index: true},
	{name: "in evidence of format 1", level: finding.LevelCanonical, change: inRange(`"format":2`, `"format":1`)},
	{name: "not in the evidence", level: finding.LevelContainer, change: inRange(`,"requests.keys"`, "")},
	{name: "left out", level: finding.LevelContainer, change: func(_ testing.TB, fs []packtest.File) []packtest.File {
		return slices.DeleteFunc(fs, func(f packtest.File) bool { return f.Name == "requests.keys" })
	}},
	{name: "left out in evidence of format 2", level: finding.LevelCanonical, change: func(t testing.TB, fs []packtest.File) []packtest.File {
		fs = slices.DeleteFunc(fs, func(f packtest.File) bool { return f.Name == "requests.keys" })
		return inRange(`,"requests.keys"`, "")(t, fs)
	}},
}

// Used request ids that event 0 does not name, or that are not those that it names, are
// found.
func TestForgedInherited(t *testing.T) {
	for _, tt := range inheritedForgeries {
		fs, c := tt.make(t)
		if r := verify(t, resign(t, fs, c.l.Key), c.l.Key); r.Verified || r.Failure.Level != tt.level {
			t.Errorf("%s: verified %t, %+v; want it to fail at %s", tt.name, r.Verified, r.Failure, tt.level)
		}
	}
	l := long(t, 3)
	fs := packtest.Set(files(t, buildRange(t, l, 0, -1)), "requests.keys", nil)
	fs = packtest.Set(inRange(`"ledger_key.vkey"`, `"ledger_key.vkey","requests.keys"`)(t, inRange(`"format":1`, `"format":2`)(t, fs)), "VERIFY.md", text(t, "VERIFY_RANGE_MOVED.md"))
	if r := verify(t, resign(t, fs, l.Key), l.Key); r.Verified || r.Failure.Level != finding.LevelCanonical {
		t.Errorf("in a ledger that names none: verified %t, %+v", r.Verified, r.Failure)
	}
}

// The instructions in the pack's VERIFY.md work, and find the changes that they say they
// find.
func TestVerifyMovedRangeMD(t *testing.T) {
	needPython(t)
	c := continuedWith(t, nil)
	c.commits(t)
	for _, pack := range [][]byte{c.buildRange(t, 0, -1), buildRange(t, c.l, 0, -1)} {
		fs := files(t, pack)
		if out, err := check(t, program(t, fs), fs, c.l.Key.VerifierKey().String()); err != nil || !strings.HasPrefix(out, "OK: events 0 to ") {
			t.Errorf("VERIFY.md: %v\n%s", err, out)
		}
	}
	for _, tt := range inheritedForgeries {
		if tt.level != finding.LevelChain || tt.index {
			continue
		}
		fs, c := tt.make(t)
		if out, err := check(t, program(t, fs), fs, c.l.Key.VerifierKey().String()); err == nil {
			t.Errorf("%s: %s", tt.name, out)
		}
	}
	l, keys := moved(t)
	var whole packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &whole, l.Log, 0, -1, keys[2], packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	fs := files(t, whole.Bytes())
	for i, key := range keys {
		if out, err := check(t, program(t, fs), fs, key.VerifierKey().String()); err != nil {
			t.Errorf("a moved ledger under key %d: %v\n%s", i, err, out)
		}
	}
	if out, err := check(t, program(t, fs), fs, ledgertest.KeyAfter(ledgertest.Origin, 3).VerifierKey().String()); err == nil {
		t.Errorf("a moved ledger under another key: %s", out)
	}
}
