package jcs

import (
	"bytes"
	"unicode/utf8"
)

// maxDepth is how deep values may be nested for isCanonical to accept them.
const maxDepth = 100

// isCanonical reports whether text is one JSON value in canonical form. It is
// faster than recoding the text. It reports false for a few texts that are
// canonical: those that have escapes in names, or are nested deeply.
func isCanonical(text []byte) bool {
	s := scanner{rest: text}
	return s.value(maxDepth) && len(s.rest) == 0
}

// A scanner reads canonical JSON. Each method reports whether the thing it is named
// after comes next, and steps over it.
type scanner struct{ rest []byte }

func (s *scanner) literal(text string) bool {
	if len(s.rest) < len(text) || string(s.rest[:len(text)]) != text {
		return false
	}
	s.rest = s.rest[len(text):]
	return true
}

func (s *scanner) value(depth int) bool {
	if len(s.rest) == 0 || depth == 0 {
		return false
	}
	switch s.rest[0] {
	case '{':
		return s.object(depth)
	case '[':
		return s.list(depth)
	case '"':
		_, ok := s.string()
		return ok
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	}
	return s.number()
}

func (s *scanner) object(depth int) bool {
	s.rest = s.rest[1:]
	if s.literal("}") {
		return true
	}
	for before, first := []byte(nil), true; ; first = false {
		name, ok := s.string()
		if !ok || bytes.IndexByte(name, '\\') >= 0 || !first && compareUTF16(before, name) >= 0 {
			return false
		}
		if before = name; !s.literal(":") || !s.value(depth-1) {
			return false
		}
		if s.literal("}") {
			return true
		}
		if !s.literal(",") {
			return false
		}
	}
}

func (s *scanner) list(depth int) bool {
	s.rest = s.rest[1:]
	if s.literal("]") {
		return true
	}
	for s.value(depth - 1) {
		if s.literal("]") {
			return true
		}
		if !s.literal(",") {
			return false
		}
	}
	return false
}

// string steps over a string, and returns the bytes between its quotes.
func (s *scanner) string() (text []byte, ok bool) {
	if !s.literal(`"`) {
		return nil, false
	}
	rest, ascii := s.rest, true
	for i := 0; i < len(rest); i++ {
		switch class[rest[i]] {
		case plain:
			continue
		case wide:
			ascii = false
			continue
		}
		if rest[i] == '"' {
			text, s.rest = rest[:i], rest[i+1:]
			return text, ascii || utf8.Valid(text)
		}
		n := escapeLen(rest[i:])
		if n == 0 {
			return nil, false
		}
		i += n - 1
	}
	return nil, false
}

// escapeLen returns the length of the escape that text begins with, or 0 if this
// package does not write a character in that way.
func escapeLen(text []byte) int {
	for _, n := range [...]int{2, 6} {
		if len(text) < n || text[0] != '\\' {
			return 0
		}
		for c := range byte(0x80) {
			if class[c] == escaped && bytes.Equal(appendEscape(make([]byte, 0, 8), c), text[:n]) {
				return n
			}
		}
	}
	return 0
}

func (s *scanner) number() bool {
	negative := s.literal("-")
	n, digits := int64(0), 0
	for ; digits < len(s.rest) && digits < 17 && '0' <= s.rest[digits] && s.rest[digits] <= '9'; digits++ {
		n = 10*n + int64(s.rest[digits]-'0')
	}
	if digits == 0 || digits > 16 || n > maxInt || s.rest[0] == '0' && (digits > 1 || negative) {
		return false
	}
	s.rest = s.rest[digits:]
	return true
}
