package jcs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gait/ledger/jcs"
)

type (
	// All has a field of each kind that is written without encoding/json.
	All struct {
		Part
		*Owner
		Name   string            `json:"name"`
		Some   string            `json:"some,omitempty"`
		Count  int64             `json:"count"`
		Small  int8              `json:"small,omitempty"`
		Yes    bool              `json:"yes"`
		True   bool              `json:"true,omitempty"`
		Bytes  []byte            `json:"bytes"`
		List   []Part            `json:"list"`
		Few    []Part            `json:"few,omitempty"`
		Zero   []string          `json:"zero,omitzero"`
		Pair   [2]string         `json:"pair"`
		Labels map[string]string `json:"labels"`
		More   map[Kind]*Part    `json:"more,omitempty"`
		Next   *All              `json:"next,omitempty"`
		Any    any               `json:"any"`
		Hidden string            `json:"-"`
		Untold int64
		own    int
	}
	Part struct {
		Kind Kind   `json:"kind"`
		ID   string `json:"_id"`
	}
	Kind  string
	Owner struct {
		Who string `json:"who"`
	}
)

// customText, appendedText and small have methods of their own, customPointer has
// one of its pointer.
type (
	customText    struct{ s string }
	appendedText  struct{ s string }
	customPointer struct{ S string }
	small         int // 0 and 1 are zero
)

func (n customText) MarshalText() ([]byte, error) {
	if n.s == "bad" {
		return nil, errors.New("bad name")
	}
	return []byte("<" + n.s + ">"), nil
}

func (a appendedText) MarshalText() ([]byte, error) { return a.AppendText(nil) }

func (a appendedText) AppendText(b []byte) ([]byte, error) {
	if a.s == "bad" {
		return nil, errors.New("bad text")
	}
	return append(b, a.s...), nil
}

func (s small) IsZero() bool { return s <= 1 }

func (p *customPointer) MarshalJSON() ([]byte, error) {
	return []byte(`{"b":1, "a":"` + p.S + `"}`), nil
}

// viaJSON returns what encoding/json writes, in canonical form.
func viaJSON(v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	b, err := jcs.Recode(plain)
	return string(b), err
}

func same(t rapid.TB, v any) {
	t.Helper()
	want, err := viaJSON(v)
	got, bad := jcs.Append([]byte("before "), v)
	if (err == nil) != (bad == nil) || err == nil && string(got) != "before "+want {
		t.Errorf("Append of %#v\n= %s, %v\nwant %s, %v", v, got, bad, want, err)
	}
}

// Marshal writes the canonical form of what encoding/json writes, for any value.
func TestMarshalAgreesWithEncodingJSON(t *testing.T) {
	all := rapid.MakeCustom[All](rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
		reflect.TypeFor[string](): anyString.AsAny(),
		reflect.TypeFor[int64]():  rapid.Int64Range(-1<<53, 1<<53).AsAny(),
		reflect.TypeFor[any]():    anyJSON(2),
	}})
	rapid.Check(t, func(t *rapid.T) {
		v := all.Draw(t, "value")
		v.own = 1
		same(t, v)
		same(t, &v)
		if b, err := jcs.Marshal(v.Any); err == nil {
			same(t, json.RawMessage(b))
		}
	})
}

func TestMarshalOfWhatEncodingJSONDoes(t *testing.T) {
	type embedded struct {
		*Part
		X string
	}
	type itself struct {
		X int
		*All
	}
	type twice struct {
		Part
		Kind int `json:"kind"`
	}
	var nothing *customPointer
	for _, v := range []any{
		nil, "", "bad \xff\xfe UTF-8", []byte(nil),
		[]byte{},
		[]string(nil), map[string]int(nil),
		map[string]int{"\xff": 1},
		map[string]int{"\xff": 1, "\xfe": 2},
		map[int]string{10: "a", 9: "b"},
		map[customText]int{{"k"}: 1},
		uint8(7), uint64(math.MaxUint64), 1 << 53, -1 << 53, int64(1)<<53 - 1,
		1.0, 1.5, math.NaN(), json.Number("12"), json.Number("1.2"), json.RawMessage(`{"b": 1, "a": "<\u2028>"}`), json.RawMessage(nil), json.RawMessage(`{`),
		customText{"a"},
		&customText{"b"},
		[]customText{{"c"}, {"\xff"}},
		customText{"bad"},
		appendedText{"a"},
		appendedText{},
		&appendedText{"b"},
		appendedText{"bad"},
		[]appendedText{{`"<\`}, {"\n\u2028é"}, {"\xff"}},
		customPointer{"v"},
		&customPointer{"p"},
		[]customPointer{{"s"}},
		[]*customPointer{{"q"}, nil},
		nothing,
		struct{ P customPointer }{customPointer{"f"}},
		&struct{ P customPointer }{customPointer{"f"}},
		struct{ P any }{customPointer{"f"}},
		itself{},
		embedded{},
		embedded{&Part{"k", "i"}, "x"},
		twice{},
		struct {
			X int `json:"x,string"`
		}{1},
		struct {
			T time.Time `json:"t,omitzero"`
		}{},
		struct {
			T time.Time `json:"t,omitzero"`
		}{time.Unix(1, 0)},
		struct {
			A small `json:"a,omitzero"`
			B small `json:"b,omitzero"`
		}{1, 2},
		&struct {
			A small  `json:"a,omitzero"`
			B small  `json:"b,omitzero"`
			P *small `json:"p,omitzero"`
		}{A: 1, B: 2},
		struct {
			T int `json:"a b"`
		}{},
		struct {
			E struct{} `json:"e,omitempty"`
			A [0]int   `json:"a,omitempty"`
			P *int     `json:"p,omitempty"`
			I any      `json:"i,omitempty"`
		}{},
		func() {}, make(chan int),
		[]any{func() {}},
		map[string]any{"f": func() {}},
		struct{ F func() }{},
		json.RawMessage(`{"a":1,"b":"<"}`), json.RawMessage(`{"b":1,"a":2}`),
		json.RawMessage{},
		json.RawMessage(`1 `), json.RawMessage(`1.5`),
	} {
		same(t, v)
	}
}

// FuzzCanonical checks that Recode returns unchanged a text that isCanonical accepts.
func FuzzCanonical(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-2,0,true,false,null,"x"],"b":{}}`, `{"b":1,"a":2}`, `{"a":1,"a":2}`, `[]`, `[1,]`, `-0`, `01`, `9007199254740991`, `9007199254740992`,
		`"\b\f\n\r\t\"\\\u001f"`, `"\u0008"`, `"\u001F"`, `"\/"`, "\"\x7f\u2028\ufb33\U0001f600\"", `{"\ufb33":1,"\U0001f600":2}`, "\"\xff\"", ` 1`, `1 `, `1.0`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := jcs.Recode(text)
		if jcs.IsCanonical(text) && (err != nil || !bytes.Equal(got, text)) {
			t.Errorf("%q is taken for canonical, and Recode returns %q, %v", text, got, err)
		}
		if err == nil && !jcs.IsCanonical(got) && !bytes.Contains(got, []byte(`\`)) && bytes.Count(got, []byte("["))+bytes.Count(got, []byte("{")) < 100 {
			t.Errorf("%q is not taken for canonical", got)
		}
	})
}

// Canonical text is passed on as it is, so checking it must not cost an allocation.
func TestCheckingCanonicalTextDoesNotAllocate(t *testing.T) {
	text := []byte(`{"a_name_of_a_field_that_is_rather_long":{"b":1,"c":[2]},"a_name_of_a_field_that_is_rather_long_too":"x"}`)
	if n := testing.AllocsPerRun(100, func() { jcs.IsCanonical(text) }); n != 0 {
		t.Errorf("checking %s allocates %v times, want 0", text, n)
	}
}

func TestAppendedTextDoesNotAllocate(t *testing.T) {
	v, room := &struct{ T appendedText }{appendedText{"0123456789abcdef"}}, make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { room, _ = jcs.Append(room[:0], v) }); n != 0 {
		t.Errorf("writing %s allocates %v times, want 0", room, n)
	}
}

func BenchmarkMarshal(b *testing.B) {
	v := &All{Name: "job_1", Some: "a sentence of some length", Count: 77, List: []Part{{"progress", "cp_0001"}, {"decision", "cp_0002"}}, Labels: map[string]string{"team": "a", "env": "b"}}
	room := make([]byte, 0, 1<<10)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if room, err = jcs.Append(room[:0], v); err != nil {
			b.Fatal(err)
		}
	}
}
