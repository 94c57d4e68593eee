package jcs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxInt is the largest integer that every JSON reader keeps exactly.
const maxInt = 1<<53 - 1

// Marshal returns v as canonical JSON. It writes the same values as encoding/json:
// it uses the tags of fields and the methods of types. It fails if encoding/json
// does, or if v holds a number that is not an integer of at most 53 bits. v must
// not contain itself.
func Marshal(v any) ([]byte, error) { return Append(nil, v) }

// Append appends to b what Marshal returns of v.
func Append(b []byte, v any) ([]byte, error) {
	if v == nil {
		return append(b, "null"...), nil
	}
	value := reflect.ValueOf(v)
	return encoderOf(value.Type())(b, value)
}

// Recode returns JSON text in canonical form. Of members with the same name it
// keeps the last one. It refuses what Marshal refuses.
func Recode(text []byte) ([]byte, error) {
	v, err := Decode(text)
	if err != nil {
		return nil, err
	}
	return AppendValue(make([]byte, 0, len(text)), v)
}

// Decode reads one JSON value, and fails if anything but white space follows it.
// The value is nil, a bool, a json.Number that is spelled as in the text, a
// string, a []any or a map[string]any.
func Decode(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("reading JSON: something follows the value")
	}
	return v, nil
}

// AppendValue appends a value to b in canonical form. The value must be one that
// Decode can return, or hold float64s in the place of numbers that are no integers;
// AppendValue panics if it is not.
func AppendValue(b []byte, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != v.String() || n > maxInt || n < -maxInt {
			return nil, fmt.Errorf("encoding JSON: %s is not an integer up to 2^53-1", v)
		}
		return append(b, v...), nil
	case float64:
		return appendFraction(b, v)
	case string:
		return AppendString(b, v), nil
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = AppendValue(b, element); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		return appendObject(b, v)
	}
	panic(fmt.Sprintf("jcs: a value of type %T", v))
}

// appendFraction appends a number as RFC 8785, section 3.2.2.3, spells it. An integer is
// written only if it has at most 53 bits, as others are.
func appendFraction(b []byte, f float64) ([]byte, error) {
	size := math.Abs(f)
	if math.IsNaN(f) || math.IsInf(f, 0) || size > maxInt {
		return nil, fmt.Errorf("encoding JSON: %v is beyond 2^53-1", f)
	}
	switch {
	case f == 0:
		return append(b, '0'), nil // -0 too
	case size >= 1e-6:
		return strconv.AppendFloat(b, f, 'f', -1, 64), nil
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	if n := len(b); b[n-4] == 'e' && b[n-2] == '0' { // e-07 is spelt e-7
		b = append(b[:n-2], b[n-1])
	}
	return b, nil
}

func appendObject(b []byte, object map[string]any) (_ []byte, err error) {
	b = append(b, '{')
	for i, key := range slices.SortedFunc(maps.Keys(object), compareUTF16[string]) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(AppendString(b, key), ':')
		if b, err = AppendValue(b, object[key]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// compareUTF16 orders keys as RFC 8785, section 3.2.3, does: by UTF-16 code
// units. If the first bytes that differ are ASCII, that is the order of bytes.
func compareUTF16[T string | []byte](a, b T) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	switch {
	case n == len(a) || n == len(b):
		return cmp.Compare(len(a), len(b))
	case a[n]|b[n] < utf8.RuneSelf:
		return cmp.Compare(a[n], b[n])
	}
	return slices.Compare(utf16.Encode([]rune(string(a))), utf16.Encode([]rune(string(b))))
}

// AppendString appends a JSON string to b, as RFC 8785, section 3.2.2.2, spells
// it. Each byte that is not UTF-8 is written as U+FFFD.
func AppendString(b []byte, s string) []byte {
	start := len(b)
	b = append(b, '"')
	from, ascii := 0, true
	for i := 0; i < len(s); i++ {
		switch class[s[i]] {
		case plain:
		case wide:
			ascii = false
		case escaped:
			b = appendEscape(append(b, s[from:i]...), s[i])
			from = i + 1
		}
	}
	if !ascii && !utf8.ValidString(s) {
		return AppendString(b[:start], string([]rune(s)))
	}
	return append(append(b, s[from:]...), '"')
}

// The classes of bytes in a string.
const (
	plain   = iota // stands for itself
	wide           // part of a character beyond ASCII, which stands for itself
	escaped        // is escaped
)

var class = func() (class [256]byte) {
	for c := range class {
		switch {
		case c < 0x20 || c == '"' || c == '\\':
			class[c] = escaped
		case c >= utf8.RuneSelf:
			class[c] = wide
		}
	}
	return class
}()

// shortEscaped are the characters that have a short escape, and escapeNames are the
// letters of those escapes.
const (
	shortEscaped = "\"\\\b\f\n\r\t"
	escapeNames  = "\"\\bfnrt"
)

func appendEscape(b []byte, c byte) []byte {
	if k := strings.IndexByte(shortEscaped, c); k >= 0 {
		return append(b, '\\', escapeNames[k])
	}
	return fmt.Appendf(b, `\u%04x`, c)
}
