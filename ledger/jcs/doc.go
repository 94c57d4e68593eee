// Package jcs writes canonical JSON: the JSON Canonicalization Scheme of RFC
// 8785. Equal values have equal bytes, so the bytes can be hashed, signed and
// compared. Package ledger writes events in the same form, with a coder of its
// own.
//
// A text is one line, without white space outside of strings and without a line
// feed at its end. The members of an object are sorted by name, compared as
// UTF-16. A string is raw UTF-8, in which only these are escaped:
//
//	"  \                   as \" and \\
//	backspace, tab, line feed, form feed, carriage return
//	                       as \b \t \n \f \r
//	other characters below U+0020
//	                       as \u001f, in lower case
//
// So < > & / and the line separators U+2028 and U+2029 stand as they are, unlike
// in the output of encoding/json. Invalid UTF-8 becomes U+FFFD.
//
// RFC 8785 writes numbers as ECMAScript does. This package takes less: integers
// from -(2^53-1) to 2^53-1, which every JSON reader keeps exactly. They have no
// exponent, no decimal point and no leading zero, and 0 has no sign. Any other
// number is an error, but AppendValue also writes fractions, as ECMAScript does.
//
// The value
//
//	map[string]any{"summary": "a <b> & \"c\"", "seq": 7, "labels": []string{}}
//
// is written as
//
//	{"labels":[],"seq":7,"summary":"a <b> & \"c\""}
package jcs
