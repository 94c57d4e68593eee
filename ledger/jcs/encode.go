package jcs

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// An encoder appends a value of one type to b in canonical form.
type encoder func(b []byte, v reflect.Value) ([]byte, error)

// encoders holds the encoder of each type that was encoded before.
var encoders sync.Map

func encoderOf(t reflect.Type) encoder {
	if known, ok := encoders.Load(t); ok {
		e, _ := known.(encoder)
		return e
	}
	e := newEncoder(t)
	encoders.Store(t, e)
	return e
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	textAppender  = reflect.TypeFor[encoding.TextAppender]()
)

// newEncoder returns the encoder of a type. It leaves to encoding/json the types
// that it cannot write in the same way.
func newEncoder(t reflect.Type) encoder {
	pointer := reflect.PointerTo(t)
	switch {
	case t == reflect.TypeFor[json.RawMessage]():
		return appendRaw
	case t.Implements(jsonMarshaler), t == reflect.TypeFor[json.Number]():
		return viaJSON
	case t.Implements(textMarshaler) && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface:
		if t.Implements(textAppender) {
			return appendAppendedText
		}
		return appendMarshaledText
	case t.Implements(textMarshaler):
		return viaJSON
	case pointer.Implements(jsonMarshaler), pointer.Implements(textMarshaler):
		return ifAddressable(encoderOfKind(t))
	}
	return encoderOfKind(t)
}

func encoderOfKind(t reflect.Type) encoder {
	switch t.Kind() {
	case reflect.Bool:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(b, v.Bool()), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(b []byte, v reflect.Value) ([]byte, error) { return appendInt(b, v.Int()) }
	case reflect.String:
		return func(b []byte, v reflect.Value) ([]byte, error) { return AppendString(b, v.String()), nil }
	case reflect.Pointer, reflect.Interface:
		return appendElem
	case reflect.Slice:
		return sliceEncoder(t)
	case reflect.Array:
		return appendList
	case reflect.Map:
		if t.Key().Kind() == reflect.String && !t.Key().Implements(textMarshaler) {
			return appendMap
		}
	case reflect.Struct:
		if fields, ok := fieldsOf(t); ok {
			return fields.append
		}
	}
	return viaJSON
}

// viaJSON has encoding/json write the value, and recodes the result.
func viaJSON(b []byte, v reflect.Value) ([]byte, error) {
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	value, err := Decode(text)
	if err != nil {
		return nil, err
	}
	return AppendValue(b, value)
}

// ifAddressable returns an encoder that calls the method of a pointer to the value
// if the value is addressable, as encoding/json does, and otherwise if not.
func ifAddressable(otherwise encoder) encoder {
	return func(b []byte, v reflect.Value) ([]byte, error) {
		if v.CanAddr() {
			return viaJSON(b, v.Addr())
		}
		return otherwise(b, v)
	}
}

// appendRaw appends JSON text, recoded if it is not canonical already.
func appendRaw(b []byte, v reflect.Value) ([]byte, error) {
	text := v.Bytes()
	switch {
	case text == nil:
		return append(b, "null"...), nil
	case isCanonical(text):
		return append(b, text...), nil
	}
	value, err := Decode(text)
	if err != nil {
		return nil, err
	}
	return AppendValue(b, value)
}

func appendMarshaledText(b []byte, v reflect.Value) ([]byte, error) {
	m, _ := v.Interface().(encoding.TextMarshaler)
	text, err := m.MarshalText()
	if err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	return AppendString(b, string(text)), nil
}

// appendAppendedText appends what MarshalText returns, as AppendText appends it:
// without an allocation, unless a character must be escaped.
func appendAppendedText(b []byte, v reflect.Value) (_ []byte, err error) {
	if v.CanAddr() {
		v = v.Addr() // a pointer fits into an interface without a copy of the value
	}
	a, _ := v.Interface().(encoding.TextAppender)
	before := b
	if b, err = a.AppendText(append(b, '"')); err != nil {
		return nil, fmt.Errorf("encoding JSON: %w", err)
	}
	text := b[len(before)+1:]
	for _, c := range text {
		if class[c] != plain {
			return AppendString(before, string(text)), nil
		}
	}
	return append(b, '"'), nil
}

func appendInt(b []byte, n int64) ([]byte, error) {
	if n > maxInt || n < -maxInt {
		return nil, fmt.Errorf("encoding JSON: %d is not an integer up to 2^53-1", n)
	}
	return strconv.AppendInt(b, n, 10), nil
}

// appendElem appends the value that a pointer or an interface holds.
func appendElem(b []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	v = v.Elem()
	return encoderOf(v.Type())(b, v)
}

func sliceEncoder(t reflect.Type) encoder {
	list := appendList
	if e := reflect.PointerTo(t.Elem()); t.Elem().Kind() == reflect.Uint8 && !e.Implements(jsonMarshaler) && !e.Implements(textMarshaler) {
		list = appendBase64
	}
	return func(b []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return list(b, v)
	}
}

func appendBase64(b []byte, v reflect.Value) ([]byte, error) {
	b = base64.StdEncoding.AppendEncode(append(b, '"'), v.Bytes())
	return append(b, '"'), nil
}

// appendList appends the elements of a slice or an array.
func appendList(b []byte, v reflect.Value) (_ []byte, err error) {
	b = append(b, '[')
	element := encoderOf(v.Type().Elem())
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = element(b, v.Index(i)); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendMap appends a map whose keys are strings.
func appendMap(b []byte, v reflect.Value) (_ []byte, err error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	members := make([]member, 0, v.Len())
	for entry := v.MapRange(); entry.Next(); {
		m := member{entry.Key().String(), entry.Value()}
		if !utf8.ValidString(m.key) {
			return viaJSON(b, v) // two keys may have one spelling
		}
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b member) int { return compareUTF16(a.key, b.key) })
	b = append(b, '{')
	encode := encoderOf(v.Type().Elem())
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = encode(append(AppendString(b, m.key), ':'), m.value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

type member struct {
	key   string
	value reflect.Value
}
