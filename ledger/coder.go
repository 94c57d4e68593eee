package ledger

import (
	"fmt"
	"strings"
	"sync"
)

// maxInt is the largest integer that every JSON reader keeps exactly (RFC 8785, section 3.2.2.3).
const maxInt = 1<<53 - 1

// A coder walks the fields of an object in key order and either writes each
// one to buf or reads it from in. Each type describes its fields once, in a
// walk method, so that writing and reading cannot differ. The first error
// sticks.
type coder struct {
	writing bool
	buf     []byte // writing: what is written
	in      string // reading: the input; every string that is read is a part of it
	pos     int    // reading: the next byte
	plain   bool   // reading: there is no backslash in the input, so no string has an escape
	comma   bool   // the object has a field already
	version string // reading: the version that the event names
	scope   scope  // of the payload, once its row is known
	used    string // the newest version that the fields walked so far need
	parts   parts  // of the event, so far as they were walked
	err     error
}

// coders saves an allocation for each event that is read or written.
var coders = sync.Pool{New: func() any { return new(coder) }}

// newCoder returns a coder with the contents of start. The caller frees it.
func newCoder(start coder) *coder {
	c, _ := coders.Get().(*coder)
	*c = start
	return c
}

// free gives c back. It clears nothing: newCoder sets every field.
func (c *coder) free() { coders.Put(c) }

func (c *coder) fail(field, format string, args ...any) {
	if c.err == nil {
		c.err = &FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}
	}
}

// object writes or reads the braces around walk.
func (c *coder) object(field string, walk func()) {
	if c.err != nil {
		return
	}
	before := c.comma
	c.comma = false
	c.token(field, '{')
	walk()
	if !c.writing && c.err == nil && c.pos < len(c.in) && c.in[c.pos] != '}' {
		c.fail(c.nextKey(field), "unknown, doubled or out of order")
	}
	c.token(field, '}')
	c.comma = before
}

func (c *coder) token(field string, b byte) {
	switch {
	case c.err != nil:
	case c.writing:
		c.buf = append(c.buf, b)
	case c.pos >= len(c.in) || c.in[c.pos] != b:
		c.fail(field, "expected %q at byte %d", b, c.pos)
	default:
		c.pos++
	}
}

// nextKey returns the key at pos, for an error.
func (c *coder) nextKey(in string) string {
	rest := strings.TrimLeft(c.in[c.pos:min(len(c.in), c.pos+80)], `,`)
	if after, ok := strings.CutPrefix(rest, `"`); ok {
		if name, _, ok := strings.Cut(after, `"`); ok && cleanText(name) == "" {
			return name
		}
	}
	return in
}

// key writes the key of a field that is present. When reading, it reports
// whether the input goes on with that key.
func (c *coder) key(name string, present bool) bool {
	if c.err != nil || c.writing && !present {
		return false
	}
	if c.writing {
		if c.comma {
			c.buf = append(c.buf, ',')
		}
		c.buf = append(c.buf, '"')
		c.buf = append(c.buf, name...)
		c.buf = append(c.buf, '"', ':')
		c.comma = true
		return true
	}
	at := c.pos
	if c.comma {
		if at >= len(c.in) || c.in[at] != ',' {
			return false
		}
		at++
	}
	end := at + len(name) + 3
	if end > len(c.in) || c.in[end-1] != ':' || c.in[end-2] != '"' || c.in[at] != '"' || c.in[at+1:end-2] != name {
		return false
	}
	c.pos, c.comma = end, true
	return true
}

// A need says whether a field may be left out.
type need bool

const (
	required need = true
	optional need = false
)

// missing fails if the field is required.
func (c *coder) missing(name string, n need) {
	if n == required && c.err == nil {
		c.fail(name, "missing")
	}
}

// text walks a string that follows rule. Empty means absent.
func (c *coder) text(name string, v *string, n need, rule textRule) {
	if !c.key(name, *v != "") {
		c.missing(name, n)
		return
	}
	c.textValue(name, v, rule)
}

func (c *coder) textValue(name string, v *string, rule textRule) {
	if !c.writing {
		*v = c.readString(name)
	}
	if c.err == nil {
		if problem := rule.check(*v); problem != "" {
			c.fail(name, "%s", problem)
		}
	}
	if c.writing {
		c.buf = appendString(c.buf, *v)
	}
}

// peek reports whether the input goes on with a key, and stays where it is.
func (c *coder) peek(name string) bool {
	pos, comma := c.pos, c.comma
	found := c.key(name, true)
	c.pos, c.comma = pos, comma
	return found
}

// appendString writes a JSON string in its only spelling: raw UTF-8, with the
// quote and the backslash escaped. Control characters cannot occur.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b = append(append(b, s[from:i]...), '\\')
			from = i
		}
	}
	return append(append(b, s[from:]...), '"')
}

func (c *coder) readString(name string) string {
	raw, escaped := c.readRaw(name)
	if escaped {
		return unescaper.Replace(raw)
	}
	return raw
}

// between returns the n bytes between the quotes of a string that has no more, or
// false. It does not step over them, since there may be a quote among them.
func (c *coder) between(n int) (raw string, ok bool) {
	end := c.pos + n + 1
	if end >= len(c.in) || c.in[c.pos] != '"' || c.in[end] != '"' {
		return "", false
	}
	return c.in[c.pos+1 : end], true
}

// readRaw reads a string and returns the bytes between the quotes, and whether
// any of them are escaped.
func (c *coder) readRaw(name string) (raw string, escaped bool) {
	c.token(name, '"')
	if c.err != nil {
		return "", false
	}
	start := c.pos
	if n := strings.IndexByte(c.in[start:], '"'); n >= 0 && (c.plain || strings.IndexByte(c.in[start:start+n], '\\') < 0) {
		c.pos += n + 1
		return c.in[start : start+n], false
	}
	for ; c.pos < len(c.in); c.pos++ {
		switch c.in[c.pos] {
		case '"':
			c.pos++
			return c.in[start : c.pos-1], escaped
		case '\\':
			if c.pos+1 >= len(c.in) || c.in[c.pos+1] != '"' && c.in[c.pos+1] != '\\' {
				c.fail(name, `only \" and \\ are escaped`)
				return "", false
			}
			escaped = true
			c.pos++
		}
	}
	c.fail(name, "string does not end")
	return "", false
}

var unescaper = strings.NewReplacer(`\\`, `\`, `\"`, `"`)
