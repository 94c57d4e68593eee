// Package revocations reads lists of revoked identities that come from outside a ledger, for
// the check before a job is resumed. A list that is not understood blocks, so nothing in it
// is skipped or guessed. The package is pure.
//
// A list is one of
//
//	["worker_1", "worker_2"]
//	{"revoked_identities": ["worker_1"]}      or "identities", and no other field
//	worker_1        # lines with one name each; comments begin with #
//
// It holds names as ledger.FieldIdentity takes them, once or several times. A file without
// anything but blanks is no list: it may be what is left of one.
package revocations

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"gait/ledger"
)

// MaxSize bounds a list, in bytes.
const MaxSize = 1 << 20

// ErrUnreadable is wrapped by every error about a list. It blocks as a revoked identity does.
var ErrUnreadable = ledger.NewError("the list of revoked identities cannot be understood", ledger.Fault{Code: "revocations_unreadable", Category: ledger.CategoryPolicy})

// A List holds revoked identities. The zero List holds none.
type List struct{ names map[string]bool }

// Len returns how many identities are revoked.
func (l List) Len() int { return len(l.names) }

// Has reports whether an identity is revoked: whether the list has it as it is, or as the
// one spelling that ledger.FieldIdentity takes of it. Events of before may hold others,
// such as worker%5F1 for worker_1.
func (l List) Has(identity string) bool { return l.names[identity] || l.names[canonical(identity)] }

// canonical returns a name with nothing percent-encoded that need not be.
func canonical(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '%' && i+2 < len(name) {
			if c, err := strconv.ParseUint(name[i+1:i+3], 16, 8); err == nil {
				b.WriteString(spelt(byte(c)))
				i += 2
				continue
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// spelt returns how a name holds a byte: as it is if it can.
func spelt(c byte) string {
	if c != '%' && ledger.FieldIdentity.Check("a"+string(rune(c))) == nil {
		return string(rune(c))
	}
	return fmt.Sprintf("%%%02X", c)
}

// add puts a name into the list.
func (l List) add(name string) error {
	if err := ledger.FieldIdentity.Check(name); err != nil {
		return err
	}
	l.names[name] = true
	return nil
}

// Parse reads a list. Errors wrap ErrUnreadable, and say where.
func Parse(file []byte) (List, error) {
	if len(file) > MaxSize {
		return List{}, fmt.Errorf("%w: it has more than %d bytes", ErrUnreadable, MaxSize)
	}
	text := bytes.Trim(ledger.PlainText(file), " \t\r\n")
	l, read := List{names: map[string]bool{}}, List.readLines
	switch {
	case len(text) == 0:
		return List{}, fmt.Errorf("%w: it is empty; a list of none is []", ErrUnreadable)
	case text[0] == '[' || text[0] == '{' || json.Valid(text): // also null, true and 404, which are no names
		read = List.readJSON
	}
	if err := read(l, ledger.PlainText(file)); err != nil {
		return List{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return l, nil
}

func (l List) readLines(text []byte) error {
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		name, comment, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "#")
		if i := len(name); comment != "" && i > 0 && name[i-1] != ' ' && name[i-1] != '\t' {
			return fmt.Errorf("line %d: there is no blank before #", n)
		}
		name = strings.Trim(name, " \t")
		if name == "" {
			continue
		}
		if err := l.add(name); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

func (l List) readJSON(text []byte) error {
	if !utf8.Valid(text) { // the decoder would put other characters in place of what is not
		return fmt.Errorf("it is not UTF-8")
	}
	if !json.Valid(text) { // of one value, with nothing after it
		return fmt.Errorf("it is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	switch first, err := d.Token(); {
	case err != nil:
		return err
	case first == json.Delim('['):
		return l.readArray(d)
	case first == json.Delim('{'):
		return l.readObject(d)
	}
	return fmt.Errorf("it is neither an array nor an object")
}

// readArray reads the names of an array that has begun, and its end.
func (l List) readArray(d *json.Decoder) error {
	for n := 0; ; n++ {
		token, err := d.Token()
		if err != nil {
			return err
		}
		if token == json.Delim(']') {
			return nil
		}
		name, ok := token.(string)
		if !ok {
			return fmt.Errorf("entry %d is not a string", n)
		}
		if err := l.add(name); err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
	}
}

// readObject reads an object that has begun: exactly one field, which holds the names.
func (l List) readObject(d *json.Decoder) error {
	key, err := d.Token()
	switch {
	case err != nil:
		return err
	case key == json.Delim('}'):
		return fmt.Errorf("the object has neither revoked_identities nor identities")
	case key != "revoked_identities" && key != "identities":
		return fmt.Errorf("the object has the field %.60q, not revoked_identities or identities alone", key)
	}
	if array, err := d.Token(); err != nil || array != json.Delim('[') {
		return fmt.Errorf("%s is not an array", key)
	}
	if err := l.readArray(d); err != nil {
		return err
	}
	if end, err := d.Token(); err != nil || end != json.Delim('}') {
		return fmt.Errorf("the object has the field %.60q besides %s", end, key)
	}
	return nil
}
