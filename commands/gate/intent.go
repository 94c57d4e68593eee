package gate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"

	"github.com/cedar-policy/cedar-go"
	"github.com/go-json-experiment/json/jsontext"

	"gait/ledger"
	"gait/ledger/jcs"
)

// MaxDepth is how deep values of an intent may be nested, the arguments counted.
const MaxDepth = 32

// An Intent is what an agent wants a tool to do. The zero Intent is none.
type Intent struct {
	tool, target string
	arguments    map[string]any
	canonical    []byte
	context      cedar.Record // the arguments
}

// ParseIntent reads an intent, in any spelling of JSON: an object with tool and arguments
// and, optionally, target, and no other member. No object may have a member twice, a string
// is Unicode, and a number is one that a 64-bit float keeps as it is spelt: so 1.50 is one,
// and neither 0.30000000000000000001 nor an integer beyond 2^53-1 is. The error is an *Error.
func ParseIntent(b []byte) (Intent, error) {
	if len(b) > ledger.MaxIntent {
		return Intent{}, &Error{Code: CodeIntentTooLarge, Reason: fmt.Sprintf("the intent has %d bytes, more than %d", len(b), ledger.MaxIntent)}
	}
	v, err := decode(b)
	if err != nil {
		return Intent{}, invalid(err)
	}
	in, err := intentOf(v)
	if err != nil {
		return Intent{}, invalid(err)
	}
	if in.canonical, err = jcs.AppendValue(nil, v); err != nil {
		return Intent{}, invalid(err)
	}
	if len(in.canonical) > ledger.MaxIntent { // 1e15 grows
		return Intent{}, &Error{Code: CodeIntentTooLarge, Reason: fmt.Sprintf("the canonical intent has %d bytes, more than %d", len(in.canonical), ledger.MaxIntent)}
	}
	return in, nil
}

// invalid returns an error as an *Error.
func invalid(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeIntentInvalid, Reason: "the intent is not valid: " + err.Error()}
}

// Tool returns the name of the tool.
func (i Intent) Tool() string { return i.tool }

// Target returns what the tool is to act on, "" if the intent does not say.
func (i Intent) Target() string { return i.target }

// Canonical returns the intent as canonical JSON (RFC 8785), and nil of the zero Intent.
func (i Intent) Canonical() []byte { return bytes.Clone(i.canonical) }

// OnceID returns the call_id of a call that is made once in the life of its job, with the
// canonical form of its intent: "intent:" and the first 20 bytes of its SHA-256, hexadecimal.
func OnceID(canonical []byte) string {
	digest := sha256.Sum256(canonical)
	return "intent:" + hex.EncodeToString(digest[:20])
}

// Arguments returns a copy of the arguments: nil, bool, string, json.Number (an integer),
// float64 (a fraction), []any and map[string]any.
func (i Intent) Arguments() map[string]any {
	if i.arguments == nil {
		return nil
	}
	m, _ := clone(i.arguments).(map[string]any)
	return m
}

// IsZero reports whether there is no intent.
func (i Intent) IsZero() bool { return i.canonical == nil }

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for k, member := range v {
			m[k] = clone(member)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = clone(v[i])
		}
		return list
	default: // immutable
		return v
	}
}

// intentOf returns the intent that a value is, without its canonical form.
func intentOf(v any) (in Intent, err error) {
	object, ok := v.(map[string]any)
	if !ok {
		return in, errors.New("it is no JSON object")
	}
	for name := range object {
		if name != "tool" && name != "arguments" && name != "target" {
			return in, fmt.Errorf("it has a member %.80q; it has tool, arguments and target alone", name)
		}
	}
	if in.tool, ok = object["tool"].(string); !ok {
		return in, errors.New("tool is not there, or no string")
	}
	if err := ledger.FieldTool.Check(in.tool); err != nil {
		return in, err
	}
	if in.arguments, ok = object["arguments"].(map[string]any); !ok {
		return in, errors.New("arguments is not there, or no object")
	}
	if target, given := object["target"]; given {
		if in.target, ok = target.(string); !ok || in.target == "" {
			return in, errors.New("target is empty, or no string; leave it out if there is none")
		}
	}
	in.context, err = converter{new(int)}.recordOf(in.arguments)
	return in, err
}

// decode reads one JSON value.
func decode(b []byte) (any, error) {
	d := jsontext.NewDecoder(bytes.NewReader(b))
	v, err := decodeValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return v, nil
}

func decodeValue(d *jsontext.Decoder, depth int) (any, error) {
	if depth > MaxDepth {
		return nil, &Error{Code: CodeIntentUnsupported, Reason: fmt.Sprintf("its values are nested deeper than %d", MaxDepth)}
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, plainly(err)
	}
	switch token.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return token.Bool(), nil
	case '"':
		return token.String(), nil
	case '0':
		return number(token.String())
	case '[':
		return decodeList(d, depth)
	case '{':
		return decodeObject(d, depth)
	default:
		return nil, fmt.Errorf("%v is no value", token.Kind())
	}
}

func decodeList(d *jsontext.Decoder, depth int) (any, error) {
	list := []any{}
	for d.PeekKind() != ']' {
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.ReadToken()
	return list, plainly(err)
}

func decodeObject(d *jsontext.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken() // refuses a name that the object had before
		if err != nil {
			return nil, plainly(err)
		}
		key := name.String()
		if object[key], err = decodeValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return object, plainly(err)
}

// plainly words an error of the JSON reader.
func plainly(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the JSON ends too early")
	case errors.Is(err, jsontext.ErrDuplicateName):
		return errors.New("an object has a member twice")
	}
	return fmt.Errorf("reading JSON: %w", err)
}

// number returns a number as a json.Number, if it is an integer, or else as a float64.
func number(text string) (any, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || len(text) > 64 {
		return nil, fmt.Errorf("the number %.40s is too large or too long", text)
	}
	spelt, err := jcs.AppendValue(nil, f)
	if err != nil {
		return nil, fmt.Errorf("the number %.40s is beyond 2^53-1", text)
	}
	if !sameNumber(text, string(spelt), f) {
		return nil, fmt.Errorf("the number %.40s has more digits than every reader keeps: it would become %s", text, spelt)
	}
	if strings.Trim(string(spelt), "-0123456789") == "" {
		return json.Number(spelt), nil
	}
	return f, nil
}

// sameNumber reports whether two spellings of f are of one number, exactly.
func sameNumber(text, spelt string, f float64) bool {
	if text == spelt {
		return true
	}
	if f == 0 { // perhaps with an exponent that big.Rat would take for ever to write out
		digits, _, _ := strings.Cut(strings.ToLower(text), "e")
		return strings.Trim(digits, "-0.") == ""
	}
	x, ok := new(big.Rat).SetString(text)
	y, also := new(big.Rat).SetString(spelt)
	return ok && also && x.Cmp(y) == 0
}
