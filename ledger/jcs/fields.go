package jcs

import (
	"reflect"
	"slices"
	"strings"
)

// A field is a field of a struct that is to be written.
type field struct {
	key     string // its name in quotes, and a colon
	name    string
	index   []int
	encode  encoder
	leftOut func(reflect.Value) bool // nil if never
}

// fields are the fields of a struct, in the order of their names.
type fields []field

func (f fields) append(b []byte, v reflect.Value) (_ []byte, err error) {
	b = append(b, '{')
	first := true
	for i := range f {
		of := &f[i]
		value, there := v.Field(of.index[0]), true
		if len(of.index) > 1 {
			value, there = of.in(value)
		}
		if !there || of.leftOut != nil && of.leftOut(value) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		if b, err = of.encode(append(b, of.key...), value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// in returns the field's value, given the value of the embedded field that it is
// in. There is none if an embedded pointer is nil.
func (f *field) in(value reflect.Value) (_ reflect.Value, there bool) {
	for _, n := range f.index[1:] {
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				return value, false
			}
			value = value.Elem()
		}
		value = value.Field(n)
	}
	return value, true
}

// fieldsOf returns the fields of a struct, as its tags for encoding/json describe
// them. ok is false if a tag or type is left to encoding/json.
func fieldsOf(t reflect.Type) (all fields, ok bool) {
	if all, ok = appendFields(nil, t, nil); !ok {
		return nil, false
	}
	slices.SortFunc(all, func(a, b field) int { return compareUTF16(a.name, b.name) })
	for i := range all[min(1, len(all)):] {
		if all[i].name == all[i+1].name { // one hides the other
			return nil, false
		}
	}
	return all, true
}

// appendFields adds the fields of t, which lies at index in the struct to write.
func appendFields(all fields, t reflect.Type, index []int) (_ fields, ok bool) {
	for i := range t.NumField() {
		of, at := t.Field(i), append(slices.Clone(index), i)
		tag := of.Tag.Get("json")
		if tag == "-" || !of.IsExported() && !of.Anonymous {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		switch {
		case of.Anonymous && (name != "" || embedded(of.Type) == nil || len(at) > maxEmbedded):
			return nil, false
		case of.Anonymous:
			if all, ok = appendFields(all, embedded(of.Type), at); !ok {
				return nil, false
			}
			continue
		case name == "":
			name = of.Name
		}
		leftOut, known := leftOut(of.Type, options)
		if !known || strings.ContainsFunc(name, func(r rune) bool { return !plainNameRune(r) }) {
			return nil, false
		}
		all = append(all, field{key: `"` + name + `":`, name: name, index: at, encode: encoderOf(of.Type), leftOut: leftOut})
	}
	return all, true
}

// maxEmbedded is how deep structs may be embedded in each other.
const maxEmbedded = 5

// embedded returns the struct whose fields an embedded field of type t contributes,
// or nil if t is not a struct or a pointer to one.
func embedded(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	return t
}

func plainNameRune(r rune) bool {
	return r == '_' || r == '-' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

// leftOut returns a function that reports, by the options of its tag, whether a
// field is left out, or nil if it never is. known is false if there is an option
// that this package does not know.
func leftOut(t reflect.Type, options string) (when func(reflect.Value) bool, known bool) {
	switch options {
	case "":
		return nil, true
	case "omitzero":
		_, hasOwn := reflect.PointerTo(t).MethodByName("IsZero")
		if hasOwn && t.Implements(zeroer) && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface {
			return saysZero, true
		}
		return reflect.Value.IsZero, !hasOwn
	case "omitempty":
	default:
		return nil, false
	}
	switch t.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return func(v reflect.Value) bool { return v.Len() == 0 }, true
	case reflect.Struct:
		return nil, true
	}
	return reflect.Value.IsZero, true
}

var zeroer = reflect.TypeFor[interface{ IsZero() bool }]()

// saysZero reports what the value's own method IsZero says.
func saysZero(v reflect.Value) bool {
	if v.CanAddr() {
		v = v.Addr() // a pointer fits into an interface without a copy of the value
	}
	says, ok := v.Interface().(interface{ IsZero() bool })
	return ok && says.IsZero()
}
