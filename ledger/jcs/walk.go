package jcs

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// A Walker writes a value in canonical form, or reads one from text in that form. A
// type describes its members once, in a method that names them in canonical order,
// so that writing and reading cannot differ:
//
//	func (p *point) walk(w *jcs.Walker) {
//		w.Begin()
//		jcs.Text(w, "name", &p.name, jcs.UnlessZero)
//		w.Int("x", &p.x, jcs.Always)
//		w.End()
//	}
//
// It writes what Marshal writes of a struct with such members, without reflection, and
// reads nothing else. The first error sticks.
type Walker struct {
	b     []byte // writing: what is written; reading: all of the text
	text  string // reading: the same text; what is read shares its memory
	rest  scanner
	reads bool
	comma bool // the object has a member already
	err   error
}

// A Presence says when a member is there.
type Presence bool

// The presences of members.
const (
	Always     Presence = true
	UnlessZero Presence = false // it is left out if it is zero, and only then
)

// AppendWalk appends to b the value that walk describes. It fails if Marshal does.
func AppendWalk(b []byte, walk func(*Walker)) ([]byte, error) {
	w := Walker{b: b}
	walk(&w)
	return w.b, w.err
}

// ReadWalk reads the value that walk describes. It fails if AppendWalk does not write
// the value in this way, or if walk calls Fail.
func ReadWalk(text []byte, walk func(*Walker)) error {
	w := Walker{b: text, text: string(text), rest: scanner{text}, reads: true}
	walk(&w)
	if w.err == nil && len(w.rest.rest) > 0 {
		w.fail("the end")
	}
	return w.err
}

// Fail ends the walk with an error.
func (w *Walker) Fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *Walker) fail(want string) {
	w.Fail(fmt.Errorf("reading canonical JSON: expected %s at byte %d", want, len(w.b)-len(w.rest.rest)))
}

// Begin begins an object. It may be the value of a member that was named before.
func (w *Walker) Begin() { w.open('{') }

// End ends an object.
func (w *Walker) End() { w.close('}') }

func (w *Walker) open(c byte) {
	w.byte(c)
	w.comma = false
}

func (w *Walker) close(c byte) {
	w.byte(c)
	w.comma = true
}

// byte writes c or steps over it.
func (w *Walker) byte(c byte) {
	switch {
	case w.err != nil:
	case !w.reads:
		w.b = append(w.b, c)
	case len(w.rest.rest) == 0 || w.rest.rest[0] != c:
		w.fail(strconv.QuoteRune(rune(c)))
	default:
		w.rest.rest = w.rest.rest[1:]
	}
}

// Member writes the name of a member that is to be there. When reading, it reports
// whether the member is there, and fails if there is always to be one. The value comes next.
func (w *Walker) Member(name string, there bool, p Presence) bool {
	switch {
	case w.err != nil || !w.reads && !there && p == UnlessZero:
		return false
	case !w.reads:
		w.b = w.named(name)
		return true
	}
	return w.cutMember(name, p)
}

// named returns what is written, with a name after it.
func (w *Walker) named(name string) []byte {
	b := w.b
	if w.comma {
		b = append(b, ',')
	}
	w.comma = true
	return append(append(append(b, '"'), name...), '"', ':')
}

// cutMember steps over a name, and reports whether it was there.
func (w *Walker) cutMember(name string, p Presence) bool {
	rest := w.rest.rest
	if w.comma && len(rest) > 0 && rest[0] == ',' {
		rest = rest[1:]
	} else if w.comma {
		rest = nil
	}
	end := len(name) + 3
	if len(rest) < end || rest[0] != '"' || rest[end-2] != '"' || rest[end-1] != ':' || string(rest[1:end-2]) != name {
		if p == Always {
			w.fail(name)
		}
		return false
	}
	w.rest.rest, w.comma = rest[end:], true
	return true
}

// filled fails if a member that is there was read as zero, but is left out if it is zero.
func (w *Walker) filled(zero bool, p Presence) {
	if zero && w.reads && p == UnlessZero {
		w.fail("a value before it that is not left out")
	}
}

// Text walks a member that is a string.
func Text[S ~string](w *Walker, name string, v *S, p Presence) {
	if !w.reads && w.err == nil {
		if *v != "" || p == Always {
			w.b = AppendString(w.named(name), string(*v))
		}
		return
	}
	if !w.Member(name, false, p) {
		return
	}
	*v = S(w.string())
	w.filled(*v == "", p)
}

// TextValue walks a string that is an element of a list.
func TextValue[S ~string](v *S, w *Walker) {
	if !w.reads {
		if w.err == nil {
			w.b = AppendString(w.b, string(*v))
		}
		return
	}
	*v = S(w.string())
}

// string reads a string.
func (w *Walker) string() string {
	start := len(w.b) - len(w.rest.rest) + 1
	text, ok := w.rest.string()
	if !ok {
		w.fail("a string")
		return ""
	}
	s := w.text[start : start+len(text)]
	if strings.IndexByte(s, '\\') >= 0 {
		s = unescape(s)
	}
	return s
}

// unescape returns the string that is spelled s in canonical form.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for {
		before, after, more := strings.Cut(s, `\`)
		b = append(b, before...)
		if !more {
			return string(b)
		}
		if after[0] == 'u' {
			n, _ := strconv.ParseUint(after[1:5], 16, 7) // the scanner has checked it
			b, s = append(b, byte(n)), after[5:]
			continue
		}
		b, s = append(b, shortEscaped[strings.IndexByte(escapeNames, after[0])]), after[1:]
	}
}

// Int walks a member that is an integer.
func (w *Walker) Int(name string, v *int64, p Presence) {
	if !w.Member(name, *v != 0, p) {
		return
	}
	if !w.reads {
		b, err := appendInt(w.b, *v)
		if err != nil {
			w.Fail(err)
			return
		}
		w.b = b
		return
	}
	start := len(w.b) - len(w.rest.rest)
	if !w.rest.number() {
		w.fail("an integer")
		return
	}
	*v, _ = strconv.ParseInt(w.text[start:len(w.b)-len(w.rest.rest)], 10, 64) // the scanner has checked it
	w.filled(*v == 0, p)
}

// Flag walks a member that is a boolean.
func (w *Walker) Flag(name string, v *bool, p Presence) {
	if !w.Member(name, *v, p) {
		return
	}
	if !w.reads {
		w.b = strconv.AppendBool(w.b, *v)
		return
	}
	*v = w.rest.literal("true")
	if !*v && (p == UnlessZero || !w.rest.literal("false")) {
		w.fail("a boolean")
	}
}

// Hash walks a member that is a SHA-256 hash: 64 lower-case hexadecimal digits, or an
// empty string if it is zero.
func (w *Walker) Hash(name string, v *[32]byte, p Presence) {
	zero := *v == [32]byte{}
	if !w.Member(name, !zero, p) {
		return
	}
	if !w.reads {
		if w.b = append(w.b, '"'); !zero {
			w.b = hex.AppendEncode(w.b, v[:])
		}
		w.b = append(w.b, '"')
		return
	}
	digits := w.string()
	if digits == "" {
		*v = [32]byte{}
		w.filled(true, p)
		return
	}
	if b, err := hex.DecodeString(digits); err == nil && len(b) == len(v) {
		copy(v[:], b)
	}
	if hex.EncodeToString(v[:]) != digits || *v == [32]byte{} {
		w.fail("a hash before it")
	}
}

// List walks a member that is a list, which is left out if it is empty. walk walks
// an element.
func List[T any](w *Walker, name string, v *[]T, walk func(*T, *Walker)) {
	if !w.Member(name, len(*v) > 0, UnlessZero) {
		return
	}
	w.open('[')
	for i := 0; w.err == nil; i++ {
		if !w.reads && i == len(*v) || w.reads && i > 0 && len(w.rest.rest) > 0 && w.rest.rest[0] == ']' {
			break
		}
		if i > 0 {
			w.byte(',')
		}
		if w.reads {
			*v = append(*v, *new(T))
		}
		walk(&(*v)[i], w)
	}
	w.close(']')
}

// Pointer walks a member that is left out if it is nil. walk walks what it points to.
func Pointer[T any](w *Walker, name string, v **T, walk func(*T, *Walker)) {
	if !w.Member(name, *v != nil, UnlessZero) {
		return
	}
	if w.reads {
		*v = new(T)
	}
	walk(*v, w)
}
