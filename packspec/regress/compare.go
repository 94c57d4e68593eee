package regress

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// Replayed is the comparison that is always made, besides those that a fixture names.
const Replayed = "replay"

// A Comparison is the result of comparing in one scope, with the first divergence.
type Comparison struct {
	Name       string      `json:"name"` // Replayed, or one of Scopes
	Pass       bool        `json:"pass"`
	Divergence *Divergence `json:"divergence,omitempty"`
}

// A Divergence is the first difference between two histories.
type Divergence struct {
	Event   int64           `json:"event"` // its number in the job, from 1; 0 if it is no single event
	Type    string          `json:"type,omitempty"`
	Field   string          `json:"field"` // JSON pointer; "" is the whole
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Reason  string          `json:"reason"`
	Context []string        `json:"context"` // the events before it, in order
}

func (d *Divergence) String() string {
	at := "the outcome"
	if d.Event > 0 {
		at = fmt.Sprintf("event %d", d.Event)
	}
	s := at
	if d.Type != "" {
		s += " (" + d.Type + ")"
	}
	if d.Field != "" {
		s += ", " + d.Field
	}
	return fmt.Sprintf("%s: %s: expected %s, found %s", s, d.Reason, orNothing(d.Before), orNothing(d.After))
}

func orNothing(v json.RawMessage) string {
	if len(v) == 0 {
		return "nothing"
	}
	if len(v) > 200 {
		return string(v[:200]) + "…"
	}
	return string(v)
}

// contextSize is the number of events shown before a divergence.
const contextSize = 3

// Replay folds the recorded events by the rules, or by today's if rules is nil, and
// compares states and views with the expected ones. Errors wrap ErrFixture.
func (f *Fixture) Replay(rules projection.Rules) (Comparison, error) {
	h, err := f.History()
	if err != nil {
		return Comparison{}, inFixture(PackFile, err)
	}
	if rules == nil {
		rules = projection.Next
	}
	c := Comparison{Name: Replayed, Pass: true}
	want, err := readFile(f.dir, statesFile)
	if err != nil {
		return c, err
	}
	c.Divergence, err = compareStates(h, rules, lines(want))
	if err == nil && c.Divergence == nil {
		c.Divergence, err = f.compareExpected(h, rules)
	}
	c.Pass = c.Divergence == nil
	return c, err
}

// compareStates folds events and compares the job's state after each with the expected
// one.
func compareStates(h History, rules projection.Rules, want [][]byte) (*Divergence, error) {
	fold := h.folder(rules)
	var before []string
	n := 0
	for e, err := range h.Events {
		if err != nil {
			return nil, err
		}
		at := &Divergence{Event: e.JobSeq(), Type: string(e.Type()), Context: slices.Clone(before)}
		if err := fold.Add(e); err != nil {
			corrupt, ok := errors.AsType[*ledger.CorruptError](err)
			if !ok {
				return nil, err
			}
			at.Reason, at.Before, at.After = "today's rules do not allow it", json.RawMessage(`"allowed"`), quoted(corrupt.Reason)
			return at, nil
		}
		now, err := jcs.Marshal(stateOf(fold.Job))
		if err != nil {
			return nil, err
		}
		var was []byte
		if n < len(want) {
			was = want[n]
		}
		if d, err := first(was, now, nil); d != nil || err != nil {
			return d.at(at, "the job stands otherwise after it"), err
		}
		if before = append(before, fmt.Sprintf("event %d: %s", e.JobSeq(), e.Type())); len(before) > contextSize {
			before = before[1:]
		}
		n++
	}
	if n != len(want) {
		return &Divergence{Reason: "the number of events", Before: quoted(fmt.Sprint(len(want))), After: quoted(fmt.Sprint(n)), Context: before}, nil
	}
	return nil, nil
}

// compareExpected compares the other expected files: views and history.
func (f *Fixture) compareExpected(h History, rules projection.Rules) (*Divergence, error) {
	made, from := map[string][]byte{}, map[string][]origin{}
	var now origin
	watched := func(yield func(ledger.Event, error) bool) {
		for e, err := range h.Events {
			if err == nil {
				now = origin{e.JobSeq(), string(e.Type())}
			}
			if !yield(e, err) {
				return
			}
		}
	}
	err := expect(History{watched, h.Authority}, rules, func(name string, text []byte) error {
		made[name], from[name] = append(made[name], text...), append(from[name], now)
		return nil
	})
	if err != nil {
		return nil, err
	}
	names, err := f.expected()
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(made)) {
		if !slices.Contains(names, name) {
			return &Divergence{Field: "/" + name, Reason: "a view that was not expected", Context: []string{}}, nil
		}
	}
	for _, name := range names {
		want, err := readFile(f.dir, name)
		if err != nil {
			return nil, err
		}
		if d, err := firstOfFile(name, want, made[name], from[name]); d != nil || err != nil {
			return d, err
		}
	}
	return nil, nil
}

// expected lists the files under expect/.
func (f *Fixture) expected() (names []string, err error) {
	err = fs.WalkDir(f.dir, ExpectDir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %s is missing", ErrFixture, ExpectDir)
	}
	return names, err
}

// An origin is the event from which a line of a list was made.
type origin struct {
	event int64
	typ   string
}

// firstOfFile compares two files, line by line if they are lists. from has the origin of
// each line of got.
func firstOfFile(name string, want, got []byte, from []origin) (*Divergence, error) {
	if bytes.Equal(want, got) {
		return nil, nil
	}
	a, b := [][]byte{want}, [][]byte{got}
	list := path.Ext(name) == ".jsonl"
	if list {
		a, b = lines(want), lines(got)
	}
	for i := range max(len(a), len(b)) {
		d, err := first(line(a, i), line(b, i), nil)
		if err != nil {
			return nil, inFixture(name, err)
		}
		if d == nil {
			continue
		}
		place := "/" + name
		if list {
			place += fmt.Sprintf("/%d", i)
			if i < len(from) {
				d.Event, d.Type = from[i].event, from[i].typ
			}
		}
		d.Context, d.Reason, d.Field = []string{}, "the view is another", place+d.Field
		return d, nil
	}
	return nil, nil
}

func lines(b []byte) [][]byte {
	if len(b) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
}

func line(all [][]byte, i int) []byte {
	if i < len(all) {
		return all[i]
	}
	return nil
}

// first returns the first difference between two values that is not ignored, or nil. A
// missing value is nil.
func first(want, got []byte, ignore []string) (*Divergence, error) {
	if want == nil || got == nil {
		if want == nil && got == nil {
			return nil, nil
		}
		return &Divergence{Before: asJSON(want), After: asJSON(got)}, nil
	}
	d := projection.Differ{Limit: 1, Ignore: ignore}
	if err := d.Compare("", want, got); err != nil {
		return nil, err
	}
	for _, c := range d.Found().List {
		return &Divergence{Field: c.Path, Before: c.Before, After: c.After}, nil
	}
	return nil, nil
}

// at sets the reason and the event of a difference. d may be nil.
func (d *Divergence) at(where *Divergence, reason string) *Divergence {
	if d == nil {
		return nil
	}
	d.Event, d.Type, d.Context, d.Reason = where.Event, where.Type, where.Context, reason
	if d.Context == nil {
		d.Context = []string{}
	}
	return d
}

// asJSON returns text unchanged if it is JSON, and as a JSON string otherwise.
func asJSON(text []byte) json.RawMessage {
	if text == nil || json.Valid(text) {
		return text
	}
	return quoted(string(text))
}

func quoted(text string) json.RawMessage { return jcs.AppendString(nil, text) }
