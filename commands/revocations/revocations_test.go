package revocations_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gait/commands/revocations"
	"gait/ledger"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		has        []string
	}{
		{"an array", `["worker_1","os:bob"]`, []string{"worker_1", "os:bob"}},
		{"an array of none", " []\n", nil},
		{"an object", `{"revoked_identities": ["worker_1"]}`, []string{"worker_1"}},
		{"an object of none", `{"identities":[]}`, nil},
		{"the other object", "\n{\r\n\t\"identities\" : [ \"worker_1\" ] }\n", []string{"worker_1"}},
		{"an escape", `["worker\u005f1"]`, []string{"worker_1"}},
		{"a name twice", `["bob","bob"]`, []string{"bob"}},
		{"lines", "worker_1\nos:bob\n", []string{"worker_1", "os:bob"}},
		{"lines of Windows, with comments", "# left in May\r\n\r\n\tworker_1  # the old one\r\n  #end", []string{"worker_1"}},
		{"comments alone", "# none yet\n", nil},
		{"a byte-order mark", "\ufeffbob\n", []string{"bob"}},
		{"a byte-order mark before JSON", "\ufeff[\"bob\"]", []string{"bob"}},
		{"a name with what must be encoded", "a%20b", []string{"a%20b"}},
	} {
		l, err := revocations.Parse([]byte(tt.file))
		if err != nil || l.Len() != len(tt.has) {
			t.Errorf("%s: Parse = %d names, %v; want %d", tt.name, l.Len(), err, len(tt.has))
		}
		for _, name := range tt.has {
			if !l.Has(name) {
				t.Errorf("%s: it does not have %q", tt.name, name)
			}
		}
		if l.Has("") || l.Has("nobody") {
			t.Errorf("%s: it has a name that it has not", tt.name)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, file, says string }{
		{"nothing", "", "empty"},
		{"blanks", " \r\n\t\n", "empty"},
		{"a byte-order mark alone", "\ufeff", "empty"},
		{"a large file", strings.Repeat("#\n", revocations.MaxSize/2) + "#", "bytes"},
		{"half an array", `["bob"`, "not JSON"},
		{"two arrays", `["bob"]["ann"]`, "not JSON"},
		{"a comma too many", `["bob",]`, "not JSON"},
		{"a comment in JSON", `["bob"] # gone`, "not JSON"},
		{"no UTF-8 in JSON", "[\"b\xffb\"]", "not UTF-8"},
		{"a string", `"bob"`, "neither an array nor an object"},
		{"a number in the array", `["bob",7]`, "entry 1 is not a string"},
		{"null in the array", `[null]`, "entry 0 is not a string"},
		{"an array in the array", `[["bob"]]`, "entry 0 is not a string"},
		{"an object in the array", `[{"identity":"bob"}]`, "entry 0 is not a string"},
		{"an empty name", `["bob",""]`, "entry 1: identity: empty"},
		{"a name with a space", `["bob "]`, "entry 0: identity"},
		{"no name", `["*"]`, "entry 0: identity"},
		{"a name encoded without need", `["worker%5F1"]`, "entry 0: identity"},
		{"a long name", `["` + strings.Repeat("b", 129) + `"]`, "entry 0: identity"},
		{"an empty object", `{}`, "neither revoked_identities nor identities"},
		{"another field", `{"revoked":["bob"]}`, `"revoked"`},
		{"the field in capitals", `{"Identities":["bob"]}`, `"Identities"`},
		{"both fields", `{"identities":["bob"],"revoked_identities":["ann"]}`, "besides identities"},
		{"the field twice", `{"identities":["bob"],"identities":[]}`, "besides identities"},
		{"a version beside it", `{"identities":["bob"],"version":2}`, `"version"`},
		{"a version before it", `{"version":2,"identities":["bob"]}`, `"version"`},
		{"no array in the field", `{"identities":"bob"}`, "identities is not an array"},
		{"null in the field", `{"identities":null}`, "identities is not an array"},
		{"an object in the field", `{"identities":{"bob":true}}`, "identities is not an array"},
		{"two names on a line", "bob ann\n", "line 1: identity"},
		{"a comma after a name", "# c\nbob,\n", "line 2: identity"},
		{"a quoted name on a later line", "bob\n\"ann\"\n", "line 2: identity"},
		{"a comment that may belong to the name", "bob#1\n", "line 1"},
		{"YAML", "- bob\n", "line 1: identity"},
		{"a page", "<html>\n", "line 1: identity"},
		{"a NUL", "bob\x00\n", "line 1: identity"},
		{"a name of another script", "bоb\n", "line 1: identity"},
		{"a bare carriage return", "bob\rann\n", "line 1: identity"},
	} {
		l, err := revocations.Parse([]byte(tt.file))
		fault, _ := ledger.FaultOf(err)
		if !errors.Is(err, revocations.ErrUnreadable) || fault.Code != "revocations_unreadable" || fault.Category != ledger.CategoryPolicy || l.Len() != 0 {
			t.Errorf("%s: Parse = %d names, %v (%+v); want ErrUnreadable", tt.name, l.Len(), err, fault)
		} else if !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v does not say %q", tt.name, err, tt.says)
		}
	}
}

// A name is found under every spelling of it, and under no other name's.
func TestHasSpellings(t *testing.T) {
	l, err := revocations.Parse([]byte("worker_1\na%20b\nc%25\n"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"worker_1": true, "worker%5F1": true, "worker%5f1": true, "%77orker_1": true, "Worker_1": false, "worker_1%": false, "worker%255F1": false, "worker_": false,
		"a%20b": true, "a b": false, "%61%20%62": true, "a%2520b": false, "c%25": true, "c%": false, "c%2525": false, "a%2": false,
	} {
		if l.Has(name) != want {
			t.Errorf("Has(%q) = %t, want %t", name, !want, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var spelling strings.Builder
		for _, c := range []byte("worker_1") {
			if rapid.Bool().Draw(t, "encoded") {
				fmt.Fprintf(&spelling, "%%%02X", c)
			} else {
				spelling.WriteByte(c)
			}
		}
		if !l.Has(spelling.String()) {
			t.Fatalf("Has(%q) = false", spelling.String())
		}
	})
}

// Lists in every form say the same, and all that is read are names.
func FuzzRevoked(f *testing.F) {
	for _, seed := range []string{`["a","b%20c"]`, `{"revoked_identities":["a"]}`, `{"identities":[]}`, "a\n# c\n\tb #\r\n", "\ufeffa", `["\u0061"]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		l, err := revocations.Parse(file)
		if err != nil {
			if !errors.Is(err, revocations.ErrUnreadable) {
				t.Errorf("Parse = %v", err)
			}
			return
		}
		var names []string
		if json.Unmarshal(file, &names) == nil && names != nil {
			for _, name := range names {
				if !l.Has(name) || ledger.FieldIdentity.Check(name) != nil {
					t.Errorf("the array has %q, and the list says %t", name, l.Has(name))
				}
			}
			again, err := revocations.Parse([]byte(strings.Join(names, "\n") + "\n#"))
			if err != nil || again.Len() != l.Len() {
				t.Errorf("as lines it is %d names, %v; want %d", again.Len(), err, l.Len())
			}
		}
	})
}
