package jcs_test

import (
	"encoding/json"
	"math"
	"testing"

	gowebpki "github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"gait/ledger/jcs"
)

// anyString draws strings that are hard to write or to order: escapes, control
// characters, line separators, both sides of U+FFFF.
var anyString = rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\"\\/<>&\b\f\n\r\t\x00\x1f\x7f\u0085\u2028\u2029\ud7ff\ue000\uffff\U00010000\U0010ffffaAé"))))

// anyJSON draws values nested up to depth.
func anyJSON(depth int) *rapid.Generator[any] {
	plain := []*rapid.Generator[any]{
		rapid.Just(any(nil)),
		rapid.Map(rapid.Bool(), func(v bool) any { return v }),
		rapid.Map(rapid.Int64Range(-1<<53+1, 1<<53-1), func(v int64) any { return v }),
		rapid.Map(anyString, func(v string) any { return v }),
	}
	if depth == 0 {
		return rapid.OneOf(plain...)
	}
	inner := anyJSON(depth - 1)
	return rapid.OneOf(append(plain,
		rapid.Map(rapid.SliceOfN(inner, 0, 5), func(v []any) any { return append([]any{}, v...) }),
		rapid.Map(rapid.MapOfN(anyString, inner, 0, 8), func(v map[string]any) any { return v }),
	)...)
}

// Another implementation of RFC 8785 writes the same bytes.
func TestMarshalAgreesWithGowebpki(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.MapOfN(anyString, anyJSON(3), 0, 8).Draw(t, "value")
		plain, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		want, err := gowebpki.Transform(plain)
		if err != nil {
			t.Fatalf("gowebpki/jcs on %s: %v", plain, err)
		}
		got, err := jcs.Marshal(value)
		if err != nil || string(got) != string(want) {
			t.Fatalf("Marshal  = %s, %v\ngowebpki = %s", got, err, want)
		}
		again, err := jcs.Recode(got)
		if err != nil || string(again) != string(got) {
			t.Fatalf("Recode of %s = %s, %v", got, again, err)
		}
	})
}

// AppendValue writes fractions as another implementation of RFC 8785 does, and as
// ECMAScript's own examples say.
func TestFractions(t *testing.T) {
	for f, want := range map[float64]string{
		0.5: "0.5", -0.25: "-0.25", 1e-6: "0.000001", 1e-7: "1e-7", 1.5e-10: "1.5e-10", 5e-324: "5e-324",
		math.Copysign(0, -1): "0", 5: "5", 333333333.3333333: "333333333.3333333", 1<<53 - 1: "9007199254740991",
	} {
		if got, err := jcs.AppendValue(nil, f); err != nil || string(got) != want {
			t.Errorf("AppendValue(%v) = %s, %v, want %s", f, got, err, want)
		}
	}
	for _, f := range []float64{1 << 53, -1 << 53, 1e21, math.Inf(1), math.NaN()} {
		if got, err := jcs.AppendValue(nil, f); err == nil {
			t.Errorf("AppendValue(%v) = %s, want an error", f, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(rapid.Float64Range(-1<<53+1, 1<<53-1), rapid.Float64Range(-1, 1), rapid.Float64Range(-1e-5, 1e-5)).Draw(t, "f")
		plain, err := json.Marshal([]any{f})
		if err != nil {
			t.Fatal(err)
		}
		want, err := gowebpki.Transform(plain)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := jcs.AppendValue(nil, []any{f}); err != nil || string(got) != string(want) {
			t.Fatalf("AppendValue(%v) = %s, %v, gowebpki = %s", f, got, err, want)
		}
	})
}

func TestMarshal(t *testing.T) {
	type inner struct {
		B int    `json:"b"`
		A string `json:"a,omitempty"`
	}
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, `null`},
		{[]string{}, `[]`},
		{map[string]int{}, `{}`},
		{inner{B: 1}, `{"b":1}`},
		{inner{B: -1, A: "<a & b>"}, `{"a":"<a & b>","b":-1}`},
		{[]any{true, false, nil, int64(1<<53 - 1), -1<<53 + 1}, `[true,false,null,9007199254740991,-9007199254740991]`},
		{"\u2028\u2029\x7f/", "\"\u2028\u2029\x7f/\""},
		{"\"\\\b\f\n\r\t\x00\x1f", `"\"\\\b\f\n\r\t\u0000\u001f"`},
		{"bad \xff UTF-8", "\"bad \ufffd UTF-8\""},
		// RFC 8785, section 3.2.3: by UTF-16 code units, so a surrogate pair comes before U+FB33.
		{
			map[string]string{
				"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
				"\U0001f600": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis",
			},
			"{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"\u00f6\":\"Latin Small Letter O With Diaeresis\"," +
				"\"\u20ac\":\"Euro Sign\",\"\U0001f600\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		},
	} {
		got, err := jcs.Marshal(tt.value)
		if err != nil || string(got) != tt.want {
			t.Errorf("Marshal(%#v) = %s, %v, want %s", tt.value, got, err, tt.want)
		}
	}
}

func TestRecode(t *testing.T) {
	for text, want := range map[string]string{
		" { \"b\" : [ 1 , 2 ] ,\n\"a\" : \"\\u0041\\/\" } \n": `{"a":"A/","b":[1,2]}`,
		`"\ud83d\ude00"`: "\"\U0001f600\"",
		`0`:              `0`,
		`-12`:            `-12`,
	} {
		got, err := jcs.Recode([]byte(text))
		if err != nil || string(got) != want {
			t.Errorf("Recode(%s) = %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "{", "{}{}", "{} x", "[1,]", "{'a':1}", "nul", "1.5", "1.0", "1e3", "-0", "01", "+1",
		"18446744073709551616", `"\x"`, "\"a\nb\"", `{"a":1.5}`, `[[1.5]]`,
	} {
		if got, err := jcs.Recode([]byte(text)); err == nil {
			t.Errorf("Recode(%s) = %s, want an error", text, got)
		}
	}
	if _, err := jcs.Marshal(func() {}); err == nil {
		t.Error("Marshal of a function succeeded")
	}
}
