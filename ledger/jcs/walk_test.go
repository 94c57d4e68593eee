package jcs_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"gait/ledger/jcs"
)

// A walked has a member of each kind, there always and left out if it is zero. Its
// tags describe the same members as its walk method.
type walked struct {
	Bytes  sum          `json:"bytes"`
	Count  int64        `json:"count"`
	Few    []leaf       `json:"few,omitempty"`
	Flag   bool         `json:"flag"`
	Inside *leaf        `json:"inside,omitempty"`
	Maybe  bool         `json:"maybe,omitempty"`
	Name   string       `json:"name"`
	No     int64        `json:"no,omitempty"`
	Nested *walked      `json:"other,omitempty"`
	Some   kindOfLeaf   `json:"some,omitempty"`
	Sum    sum          `json:"sum,omitzero"`
	Texts  []kindOfLeaf `json:"texts,omitempty"`
}

type kindOfLeaf string

type leaf struct {
	Kind kindOfLeaf `json:"kind"`
}

// A sum is a hash that is written as package ledger writes one.
type sum [32]byte

func (s sum) MarshalText() ([]byte, error) {
	if s == (sum{}) {
		return nil, nil
	}
	const digits = "0123456789abcdef"
	var b []byte
	for _, c := range s {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b, nil
}

func (v *walked) walk(w *jcs.Walker) {
	w.Begin()
	w.Hash("bytes", (*[32]byte)(&v.Bytes), jcs.Always)
	w.Int("count", &v.Count, jcs.Always)
	jcs.List(w, "few", &v.Few, (*leaf).walk)
	w.Flag("flag", &v.Flag, jcs.Always)
	jcs.Pointer(w, "inside", &v.Inside, (*leaf).walk)
	w.Flag("maybe", &v.Maybe, jcs.UnlessZero)
	jcs.Text(w, "name", &v.Name, jcs.Always)
	w.Int("no", &v.No, jcs.UnlessZero)
	jcs.Pointer(w, "other", &v.Nested, (*walked).walk)
	jcs.Text(w, "some", &v.Some, jcs.UnlessZero)
	w.Hash("sum", (*[32]byte)(&v.Sum), jcs.UnlessZero)
	jcs.List(w, "texts", &v.Texts, jcs.TextValue[kindOfLeaf])
	w.End()
}

func (l *leaf) walk(w *jcs.Walker) {
	w.Begin()
	jcs.Text(w, "kind", &l.Kind, jcs.Always)
	w.End()
}

var anyWalked = rapid.MakeCustom[walked](rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
	reflect.TypeFor[string]():     anyString.AsAny(),
	reflect.TypeFor[kindOfLeaf](): rapid.Map(anyString, func(s string) kindOfLeaf { return kindOfLeaf(s) }).AsAny(),
	reflect.TypeFor[int64]():      rapid.Int64Range(-1<<53, 1<<53).AsAny(),
	reflect.TypeFor[sum](): rapid.Custom(func(t *rapid.T) sum {
		return sum{rapid.SampledFrom([]byte{0, 0, 7, 255}).Draw(t, "byte")}
	}).AsAny(),
}})

// A Walker writes what Marshal writes, and reads that back as the same value.
func TestWalkAgreesWithMarshal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyWalked.Draw(t, "value")
		want, err := jcs.Append([]byte("before"), &v)
		got, bad := jcs.AppendWalk([]byte("before"), v.walk)
		if (err == nil) != (bad == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("AppendWalk of %#v\n= %s, %v\nwant %s, %v", v, got, bad, want, err)
		}
		if err != nil {
			return
		}
		var back walked
		if err := jcs.ReadWalk(got[len("before"):], back.walk); err != nil {
			t.Fatalf("ReadWalk does not take %s: %v", got, err)
		}
		again, err := jcs.AppendWalk([]byte("before"), back.walk)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("read back and written again: %s, %v, want %s", again, err, got)
		}
	})
}

// What ReadWalk takes is what AppendWalk writes of it.
func FuzzReadWalk(f *testing.F) {
	full := walked{
		Bytes: sum{1}, Count: -7, Few: []leaf{{"a"}, {"b\n\x1f\""}}, Flag: true, Inside: &leaf{"é\U0001f600"}, Maybe: true, Name: `say "\"`, No: 1<<53 - 1,
		Nested: &walked{}, Some: "x", Sum: sum{2},
	}
	text, err := jcs.AppendWalk(nil, full.walk)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	for _, edit := range [][2]string{
		{`"count":-7`, `"count":-0`},
		{`"count":-7`, `"count":9007199254740992`},
		{`"few":[`, `"few":[],"few":[`},
		{`"flag":true`, `"flag":false`},
		{`"maybe":true`, `"maybe":false`},
		{`"no":9007199254740991`, `"no":0`},
		{`"some":"x"`, `"some":""`},
		{`02000000`, `00000000`},
		{`02000000`, `0200000`},
		{`"x"`, `"\u0078"`},
		{`\u001f`, `\u001F`},
		{`\n`, `\u000a`},
		{`"sum"`, `"Sum"`},
		{`,"sum"`, ` ,"sum"`},
		{`}`, `}}`},
		{`é`, "\xff"},
		{`{"kind":"a"},`, `{"kind":"a"}`},
	} {
		changed := bytes.Replace(text, []byte(edit[0]), []byte(edit[1]), 1)
		if bytes.Equal(changed, text) {
			f.Fatalf("no %s in %s", edit[0], text)
		}
		f.Add(changed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var v walked
		if jcs.ReadWalk(text, v.walk) != nil {
			return
		}
		if again, err := jcs.AppendWalk(nil, v.walk); err != nil || !bytes.Equal(again, text) {
			t.Errorf("ReadWalk takes %s\nAppendWalk gives %s, %v", text, again, err)
		}
	})
}

func TestReadWalkFails(t *testing.T) {
	for text, want := range map[string]string{
		``:                           `reading canonical JSON: expected '{' at byte 0`,
		`{}`:                         `reading canonical JSON: expected kind at byte 1`,
		`{"kind":7}`:                 `reading canonical JSON: expected a string at byte 8`,
		`{"kind":"x"`:                `reading canonical JSON: expected '}' at byte 11`,
		`{"kind":"x","kind":"x"}`:    `reading canonical JSON: expected '}' at byte 11`,
		`{"kind":"x"} `:              `reading canonical JSON: expected the end at byte 12`,
		`{"id":1,"kind":"x"}`:        `reading canonical JSON: expected kind at byte 1`,
		`{"kind":"\u0041"}`:          `reading canonical JSON: expected a string at byte 9`,
		`{"kind":"x","kind":"x"}xxx`: `reading canonical JSON: expected '}' at byte 11`,
	} {
		var l leaf
		if err := jcs.ReadWalk([]byte(text), l.walk); err == nil || err.Error() != want {
			t.Errorf("ReadWalk of %s = %v, want %s", text, err, want)
		}
	}
	var l leaf
	mine := errors.New("mine")
	if err := jcs.ReadWalk([]byte(`{"kind":"x"}`), func(w *jcs.Walker) { w.Fail(mine); l.walk(w) }); !errors.Is(err, mine) {
		t.Errorf("a failed walk returns %v, want %v", err, mine)
	}
}

func TestAppendWalkDoesNotAllocate(t *testing.T) {
	v, room := walked{Few: []leaf{{"a"}}, Name: "name", Sum: sum{1}}, make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { room, _ = jcs.AppendWalk(room[:0], v.walk) }); n > 1 { // the method value
		t.Errorf("writing %s allocates %v times, want 1 at most", room, n)
	}
}
