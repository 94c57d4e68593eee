package ledger

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The kinds of values that a coder writes and reads, but for strings.

// int walks an integer from low to maxInt. It is never absent.
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
	n, size := leadingDecimal(c.in[c.pos:])
	c.pos += size
	if size == 0 || c.pos < len(c.in) && '0' <= c.in[c.pos] && c.in[c.pos] <= '9' {
		c.fail(name, "not an integer from 0 to 2^53-1")
	}
	return n
}

// leadingDecimal reads the decimal number that s begins with: as many of its digits
// as make a number with no leading zero, up to 2^53-1. size is how many they are.
func leadingDecimal(s string) (n int64, size int) {
	for size < len(s) && '0' <= s[size] && s[size] <= '9' && (n > 0 || size == 0) {
		next := 10*n + int64(s[size]-'0')
		if next > maxInt {
			break
		}
		n, size = next, size+1
	}
	return n, size
}

// parseDecimal reads a decimal number with no sign and no leading zero, up to 2^53-1.
func parseDecimal(s string) (int64, error) {
	n, size := leadingDecimal(s)
	if size == 0 || size < len(s) {
		return 0, fmt.Errorf("%w: %.20q is not a decimal number up to 2^53-1", ErrMalformed, s)
	}
	return n, nil
}

// flag walks a boolean that is absent if false.
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

// hash walks a hash of 64 hexadecimal digits, absent if zero.
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
	if digits, ok := c.between(2 * len(v)); ok && v.parse(digits) && !v.IsZero() {
		c.pos += 2*len(v) + 2
		return
	}
	digits, _ := c.readRaw(name)
	if c.err != nil {
		return
	}
	h, err := ParseHash(digits)
	if err != nil || h.IsZero() {
		c.fail(name, "not a hash of 64 lower-case hexadecimal digits")
	}
	*v = h
}

// time walks a UTC time with exactly three decimals, absent if zero.
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
	if s, ok := c.between(timeSize); ok {
		if t, err := ParseTime(s); err == nil {
			c.pos += len(s) + 2
			*v = t
			return
		}
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

// bytes walks binary data of low to high bytes, in standard base64 with padding
// (RFC 4648, section 4), absent if empty.
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

// list walks n elements in brackets. It passes item the index of each; when
// reading, item makes room for one more. An empty list is left out.
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

// hashes walks a list of hashes.
func (c *coder) hashes(name string, v *[]Hash, limit int) {
	c.list(name, len(*v), limit, func(i int) {
		if !c.writing {
			*v = append(*v, Hash{})
		}
		c.hashValue(name, &(*v)[i])
	})
}
