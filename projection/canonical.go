package projection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Canonical returns v as canonical JSON (RFC 8785): one line, keys sorted,
// nothing escaped that need not be. Numbers in v are integers. It is the one
// way gait writes JSON other than events.
func Canonical(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	return Recode(plain)
}

// Recode returns JSON text in canonical form. It does not check for doubled
// keys, and refuses numbers that are not integers.
func Recode(text []byte) ([]byte, error) {
	v, err := decode(text)
	if err != nil {
		return nil, err
	}
	return appendCanonical(make([]byte, 0, len(text)), v)
}

// decode reads one JSON value; numbers stay as they are written.
func decode(text []byte) (v any, err error) {
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

func appendCanonical(b []byte, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != v.String() || n > 1<<53-1 || n < -(1<<53-1) {
			return nil, fmt.Errorf("encoding JSON: %s is not an integer up to 2^53-1", v)
		}
		return append(b, v...), nil
	case string:
		return appendString(b, v), nil
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendCanonical(b, element); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		return appendObject(b, v)
	}
	panic(fmt.Sprintf("projection: JSON decodes to %T", v))
}

func appendObject(b []byte, object map[string]any) (_ []byte, err error) {
	b = append(b, '{')
	for i, key := range slices.SortedFunc(maps.Keys(object), compareUTF16) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, key), ':')
		if b, err = appendCanonical(b, object[key]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// compareUTF16 orders keys as RFC 8785, section 3.2.3, does: by UTF-16 code
// units. Where the first bytes that differ are ASCII, that is the order of bytes.
func compareUTF16(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n == len(a) || n == len(b) || a[n]|b[n] < utf8.RuneSelf {
		return strings.Compare(a[n:], b[n:])
	}
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

// appendString writes a string as RFC 8785, section 3.2.2.2, does.
func appendString(b []byte, s string) []byte {
	const short = "\"\"\\\\\bb\ff\nn\rr\tt"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		b = append(append(b, s[from:i]...), '\\')
		from = i + 1
		at := -1
		for k := 0; k < len(short); k += 2 {
			if short[k] == c {
				at = k
			}
		}
		if at < 0 {
			b = append(b, fmt.Sprintf("u%04x", c)...)
			continue
		}
		b = append(b, short[at+1])
	}
	return append(append(b, s[from:]...), '"')
}
