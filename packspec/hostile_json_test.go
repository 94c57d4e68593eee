package packspec_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// A document is a JSON entry of a pack, with the level that refuses a malformed one, and
// a field of each kind that the tricks change.
type document struct {
	name, short   string
	level, code   string
	text, integer string // the values of a string and of an integer, with their keys
}

var documents = []document{
	{"pack_manifest.json", "manifest", finding.LevelContainer, finding.CodeManifest, `"source_ref":"j"`, ``},
	{"evidence.json", "evidence", finding.LevelCanonical, finding.CodeNotCanonical, `"origin":"gait.example/packs"`, `"size":3`},
	{"ledger_created.json", "created", finding.LevelCanonical, finding.CodeNotCanonical, `"actor":"os:root"`, `"seq":0`},
	{"ledger_events.jsonl", "events", finding.LevelCanonical, finding.CodeNotCanonical, `"actor":"w"`, `"revision":1`},
	{"job_payload.json", "payload", finding.LevelViews, finding.CodeView, `"job_id":"j"`, `"checkpoint_count":1`},
	{"job_state.json", "state", finding.LevelViews, finding.CodeView, `"job_id":"j"`, `"revision":2`},
	{"job_events.jsonl", "job_events", finding.LevelViews, finding.CodeView, `"actor":"w"`, `"revision":1`},
}

// value replaces the value of a field, and number that of the document's integer. text
// changes the characters between the quotes of its string.
func value(field, with string) func(string) string {
	key, _, _ := strings.Cut(field, ":")
	return func(doc string) string { return strings.Replace(doc, field, key+":"+with, 1) }
}

func inText(d document, change func(string) string) func(string) string {
	_, quoted, _ := strings.Cut(d.text, ":")
	return value(d.text, `"`+change(strings.Trim(quoted, `"`))+`"`)
}

// member adds a field before the others.
func member(field string) func(string) string {
	return func(doc string) string { return strings.Replace(doc, "{", "{"+field+",", 1) }
}

// unsorted moves a field before the others, or behind the next if it is the first.
func unsorted(field string) func(string) string {
	return func(doc string) string {
		if rest, first := strings.CutPrefix(doc, "{"+field+","); first {
			next, rest, _ := strings.Cut(rest, ",")
			return "{" + next + "," + field + "," + rest
		}
		return strings.Replace(strings.Replace(doc, ","+field, "", 1), "{", "{"+field+",", 1)
	}
}

var firstKey = regexp.MustCompile(`^\{("[a-z_]+"):`)

// jsonTricks are changes to a document's text that other readers accept, or read as
// something else.
func jsonTricks(d document) map[string]func(string) string {
	key, _, _ := strings.Cut(d.text, ":")
	shout := strings.ToUpper(key)
	all := map[string]func(string) string{
		"duplicate_key":         member(d.text),
		"duplicate_key_other":   member(key + `:"x"`),
		"duplicate_key_escaped": member(`"\u00` + hexOf(key[1]) + key[2:] + `:"x"`),
		"key_other_case":        func(doc string) string { return strings.Replace(doc, key, shout, 1) },
		"key_in_both_cases":     member(shout + `:"x"`),
		"key_kelvin":            member(`"\u212aey":"x"`),
		"key_unknown":           member(`"zzz":1`),
		"key_empty":             member(`"":1`),
		"keys_unsorted":         unsorted(d.text),
		"null":                  value(d.text, "null"),
		"null_unknown":          member(`"zzz":null`),
		"other_type":            value(d.text, "7"),
		"float":                 member(`"zzz":1.5`),
		"bad_utf8":              inText(d, func(s string) string { return s + "\xff" }),
		"bad_utf8_cut":          inText(d, func(s string) string { return s + "\xe2\x82" }),
		"bad_utf8_surrogate":    inText(d, func(s string) string { return s + "\xed\xa0\x80" }),
		"lone_surrogate":        inText(d, func(s string) string { return s + `\ud800` }),
		"lone_surrogate_low":    inText(d, func(s string) string { return s + `\udc00x` }),
		"escaped_letter":        inText(d, func(s string) string { return `\u00` + hexOf(s[0]) + s[1:] }),
		"escaped_nul":           inText(d, func(s string) string { return s + `\u0000` }),
		"raw_control":           inText(d, func(s string) string { return s + "\x01" }),
		"right_to_left":         inText(d, func(s string) string { return s + "\u202e" }),
		"huge_string":           inText(d, func(string) string { return strings.Repeat("A", 3000) }),
		"nested_lists":          member(`"zzz":` + strings.Repeat("[", 1500) + strings.Repeat("]", 1500)),
		"nested_objects":        member(`"zzz":` + strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500)),
		"nested_unclosed":       func(string) string { return strings.Repeat("[", 4000) },
		"byte_order_mark":       func(doc string) string { return "\ufeff" + doc },
		"space_before":          func(doc string) string { return " " + doc },
		"space_inside":          func(doc string) string { return strings.Replace(doc, ":", ": ", 1) },
		"comment":               func(doc string) string { return strings.Replace(doc, "{", "{/* */", 1) },
		"trailing_comma":        func(doc string) string { return strings.Replace(doc, "}", ",}", 1) },
		"second_value":          func(doc string) string { return strings.Replace(doc, "}", "}{}", 1) },
		"a_list":                func(doc string) string { return strings.Replace(doc, "{", "[{", 1) },
		"utf16":                 utf16LE,
		"empty":                 func(string) string { return "" },
		"nul_at_end":            func(doc string) string { return doc + "\x00" },
		"carriage_return":       func(doc string) string { return doc + "\r\n" },
	}
	if d.short == "events" {
		delete(all, "empty") // no events are a broken chain
	}
	if d.integer != "" {
		for name, number := range map[string]string{
			"2_53": "9007199254740992", "2_53_and_1": "9007199254740993", "2_64": "18446744073709551616", "2_64_wraps": "18446744073709551619",
			"negative": "-1", "negative_zero": "-0", "float_zero": strings.Split(d.integer, ":")[1] + ".0", "exponent": "1e0", "leading_zero": "0" + strings.Split(d.integer, ":")[1],
			"plus": "+1", "hex": "0x1", "nan": "NaN", "infinity": "1e999", "as_text": `"1"`, "long": strings.Repeat("9", 400),
		} {
			all["number_"+name] = value(d.integer, number)
		}
	}
	return all
}

func hexOf(c byte) string { return string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]) }

func utf16LE(doc string) string {
	b := []byte{0xff, 0xfe}
	for _, c := range []byte(doc) {
		b = append(b, c, 0)
	}
	return string(b)
}

// jsonHostiles returns packs in which one document is hostile. Everything that refers to
// it is rebuilt, even the ledger's own signature.
func jsonHostiles(t testing.TB) (all []hostile) {
	pack, key := small(t)
	for _, d := range documents {
		tricks := jsonTricks(d)
		for _, name := range sortedKeys(tricks) {
			fs := files(t, pack)
			data := file(fs, d.name).Data
			changed := tricks[name](string(data))
			if changed == string(data) {
				t.Fatalf("%s changes nothing in %s", name, d.name)
			}
			file(fs, d.name).Data = []byte(changed)
			if d.name != packtest.ManifestName {
				sign(t, fs, key)
			}
			all = append(all, hostile{name: "json_" + d.short + "_" + name, pack: packtest.Archive(fs), level: d.level, code: d.code, entry: d.name})
		}
	}
	return all
}

func sign(t testing.TB, fs []packspec.File, key ledger.PrivateKey) {
	t.Helper()
	if err := packtest.Sign(fs, key); err != nil {
		t.Fatal(err)
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Each trick's original text occurs in its document.
func TestDocumentsHaveTheirFields(t *testing.T) {
	pack, _ := small(t)
	for _, d := range documents {
		data := file(files(t, pack), d.name).Data
		line, _, _ := bytes.Cut(data, []byte("\n"))
		if !json.Valid(line) || !firstKey.Match(line) || !bytes.Contains(line, []byte(d.text)) || !bytes.Contains(data, []byte(d.integer)) {
			t.Errorf("%s has no %s or %s: %s", d.name, d.text, d.integer, line)
		}
	}
}
