package ledger

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxInt is the largest integer that every JSON reader keeps exactly (RFC 8785, section 3.2.2.3).
const maxInt = 1<<53 - 1

// A coder walks the fields of an object in key order and either writes each
// one to buf or reads it from there. Each type describes its fields once, in a
// walk method, so what is written and what is read cannot drift apart. The
// first error sticks.
type coder struct {
	writing bool
	buf     []byte // writing: what is written
	in      string // reading: what is read, of which every string is a part
	pos     int    // reading: the next byte
	comma   bool   // a field came before in this object
	err     error
}

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

// nextKey names the field that stands at pos, for an error.
func (c *coder) nextKey(in string) string {
	rest := strings.TrimLeft(c.in[c.pos:min(len(c.in), c.pos+80)], `,`)
	if after, ok := strings.CutPrefix(rest, `"`); ok {
		if name, _, ok := strings.Cut(after, `"`); ok && cleanText(name) == "" {
			return name
		}
	}
	return in
}

// key writes the key of a field that is present, or reports whether it stands
// next in the input.
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
	if end > len(c.in) || c.in[at] != '"' || c.in[at+1:end-2] != name || c.in[end-2:end] != `":` {
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

// missing fails where a required field is not there.
func (c *coder) missing(name string, n need) {
	if n == required && c.err == nil {
		c.fail(name, "missing")
	}
}

// text is a string that keeps rule. Empty means absent.
func (c *coder) text(name string, v *string, n need, rule textRule) {
	if !c.key(name, *v != "") {
		c.missing(name, n)
		return
	}
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

// appendString writes a JSON string in the only spelling there is: raw UTF-8,
// with the quote and the backslash escaped. Control characters cannot occur.
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

// readRaw reads a string and returns what stands between the quotes, and
// whether anything in it is escaped.
func (c *coder) readRaw(name string) (raw string, escaped bool) {
	c.token(name, '"')
	if c.err != nil {
		return "", false
	}
	start := c.pos
	if n := strings.IndexByte(c.in[start:], '"'); n >= 0 && strings.IndexByte(c.in[start:start+n], '\\') < 0 {
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

// int is an integer from low to maxInt, which is always there.
func (c *coder) int(name string, v *int64, low int64) {
	if !c.key(name, true) {
		c.missing(name, required)
		return
	}
	if !c.writing {
		*v = c.readInt(name)
	}
	if c.err == nil && (*v < low || *v > maxInt) {
		c.fail(name, "%d is not from %d to 2^53-1", *v, low)
	}
	if c.writing {
		c.buf = strconv.AppendInt(c.buf, *v, 10)
	}
}

func (c *coder) readInt(name string) int64 {
	start := c.pos
	for c.pos < len(c.in) && '0' <= c.in[c.pos] && c.in[c.pos] <= '9' {
		c.pos++
	}
	n, err := parseDecimal(c.in[start:min(c.pos, start+20)])
	if err != nil {
		c.fail(name, "not an integer from 0 to 2^53-1")
	}
	return n
}

// parseDecimal reads a decimal number with no sign and no leading zero, up to 2^53-1.
func parseDecimal(s string) (int64, error) {
	if s == "" || len(s) > 16 || s[0] == '0' && s != "0" || s[0] < '0' || s[0] > '9' {
		return 0, fmt.Errorf("%w: %.20q is not a decimal number", ErrMalformed, s)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > maxInt {
		return 0, fmt.Errorf("%w: %.20q is not a decimal number up to 2^53-1", ErrMalformed, s)
	}
	return n, nil
}

// flag is a boolean that is absent when false.
func (c *coder) flag(name string, v *bool) {
	if !c.key(name, *v) {
		return
	}
	if c.writing {
		c.buf = append(c.buf, "true"...)
		return
	}
	if !strings.HasPrefix(c.in[c.pos:], "true") {
		c.fail(name, "only true is written; false is left out")
		return
	}
	c.pos += 4
	*v = true
}

// hash is 64 hexadecimal digits, absent when zero.
func (c *coder) hash(name string, v *Hash, n need) {
	if !c.key(name, !v.IsZero()) {
		c.missing(name, n)
		return
	}
	c.hashValue(name, v)
}

func (c *coder) hashValue(name string, v *Hash) {
	if c.writing {
		if v.IsZero() {
			c.fail(name, "all zero stands for no hash")
		}
		c.buf = append(c.buf, '"')
		c.buf = hex.AppendEncode(c.buf, v[:])
		c.buf = append(c.buf, '"')
		return
	}
	digits, _ := c.readRaw(name)
	if c.err != nil {
		return
	}
	h, err := parseHash(digits)
	if err != nil || h.IsZero() {
		c.fail(name, "not a hash of 64 lower-case hexadecimal digits")
	}
	*v = h
}

// time is a UTC time with exactly three decimals, absent when zero.
func (c *coder) time(name string, v *time.Time, n need) {
	if !c.key(name, !v.IsZero()) {
		c.missing(name, n)
		return
	}
	if c.writing {
		if y := v.Year(); v.Location() != time.UTC || v.Nanosecond()%1e6 != 0 || y < 1 || y > 9999 {
			c.fail(name, "not a UTC time in whole milliseconds of the years 1 to 9999")
			return
		}
		c.buf = append(c.buf, '"')
		c.buf = appendTime(c.buf, *v)
		c.buf = append(c.buf, '"')
		return
	}
	s := c.readString(name)
	if c.err != nil {
		return
	}
	t, err := ParseTime(s)
	if err != nil {
		c.fail(name, "not a UTC time with three decimals")
	}
	*v = t
}

// bytes is binary data in standard base64 with padding (RFC 4648, section 4),
// low to high bytes of it, absent when empty.
func (c *coder) bytes(name string, v *[]byte, n need, low, high int) {
	if !c.key(name, len(*v) > 0) {
		c.missing(name, n)
		return
	}
	if c.writing {
		if len(*v) < low || len(*v) > high {
			c.fail(name, "%d bytes, not %d to %d", len(*v), low, high)
		}
		c.buf = appendString(c.buf, base64.StdEncoding.EncodeToString(*v))
		return
	}
	s := c.readString(name)
	if c.err != nil {
		return
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < low || len(b) > high || strings.ContainsAny(s, "\r\n") {
		c.fail(name, "not base64 of %d to %d bytes", low, high)
		return
	}
	*v = b
}

// list walks n elements in brackets; item is given the index, and when reading
// makes room for one more. An empty list is left out.
func (c *coder) list(name string, n, limit int, item func(i int)) {
	if !c.key(name, n > 0) {
		return
	}
	if c.writing && n > limit {
		c.fail(name, "%d elements, at most %d", n, limit)
		return
	}
	c.token(name, '[')
	for i := 0; c.err == nil; i++ {
		if c.writing && i == n || !c.writing && i > 0 && c.pos < len(c.in) && c.in[c.pos] == ']' {
			break
		}
		if i == limit {
			c.fail(name, "more than %d elements", limit)
			return
		}
		if i > 0 {
			c.token(name, ',')
		}
		item(i)
	}
	c.token(name, ']')
}

// hashes is a list of hashes.
func (c *coder) hashes(name string, v *[]Hash, limit int) {
	c.list(name, len(*v), limit, func(i int) {
		if !c.writing {
			*v = append(*v, Hash{})
		}
		c.hashValue(name, &(*v)[i])
	})
}
