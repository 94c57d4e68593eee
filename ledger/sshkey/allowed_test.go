package sshkey_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/ledger"
	"gait/ledger/sshkey"
)

// diff compares signers without their lines and comments.
func diff(want, got []sshkey.AllowedSigner) string {
	plain := func(signers []sshkey.AllowedSigner) []sshkey.AllowedSigner {
		out := make([]sshkey.AllowedSigner, len(signers))
		for i, s := range signers {
			s.Line, s.Comments = 0, nil
			out[i] = s
		}
		return out
	}
	return cmp.Diff(plain(want), plain(got), cmp.Comparer(func(a, b sshkey.Key) bool { return a == b }))
}

func TestParseAllowedSigners(t *testing.T) {
	key := mustKey(t, keyLine(1))
	k := key.String()
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	for _, tt := range []struct {
		name, line string
		want       sshkey.AllowedSigner
	}{
		{"a name and a key", "ann " + k, sshkey.AllowedSigner{Principals: []string{"ann"}}},
		{"with a comment", "ann@example.com " + k + " ann's laptop", sshkey.AllowedSigner{Principals: []string{"ann@example.com"}}},
		{"several names", "ann,os:ann,ann@example.com\t" + k, sshkey.AllowedSigner{Principals: []string{"ann", "os:ann", "ann@example.com"}}},
		{"our namespace", `ann namespaces="gait-command" ` + k, sshkey.AllowedSigner{Principals: []string{"ann"}}},
		{"ours among others", `ann namespaces="git,gait-command,file"  ` + k, sshkey.AllowedSigner{Principals: []string{"ann"}}},
		{"from a day", `ann valid-after="20260101Z" ` + k, sshkey.AllowedSigner{Principals: []string{"ann"}, ValidAfter: at("2026-01-01T00:00:00Z")}},
		{
			"from a minute to a second", `ann valid-after="202601011530Z",namespaces="gait-command",valid-before="20270101000059Z" ` + k,
			sshkey.AllowedSigner{Principals: []string{"ann"}, ValidAfter: at("2026-01-01T15:30:00Z"), ValidBefore: at("2027-01-01T00:00:59Z")},
		},
	} {
		tt.want.Key = key
		got, err := sshkey.ParseAllowedSigners([]byte("# a list\n\n" + tt.line + "\r\n"))
		if err != nil || diff([]sshkey.AllowedSigner{tt.want}, got) != "" || got[0].Line != 3 {
			t.Errorf("%s: ParseAllowedSigners = %+v, %v; -want +got:\n%s", tt.name, got, err, diff([]sshkey.AllowedSigner{tt.want}, got))
		}
	}
}

func TestParseAllowedSignersRefuses(t *testing.T) {
	k := keyLine(1)
	var many strings.Builder
	for n := range sshkey.MaxAllowedSigners + 1 {
		fmt.Fprintf(&many, "a%d %s\n", n, k)
	}
	for _, tt := range []struct {
		name, file string
		want       error
		says       string
	}{
		{"nothing", "# none\n", sshkey.ErrNoKeys, "no key"},
		{"a .pub file", k, ledger.ErrMalformed, "without the name"},
		{"a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\n", sshkey.ErrPrivate, "secret"},
		{"a private key for a name", "ann -----BEGIN OPENSSH PRIVATE KEY-----\n", ledger.ErrMalformed, "line 1"},
		{"a name alone", "ann", ledger.ErrMalformed, "line 1"},
		{"a pattern", "*@example.com " + k, ledger.ErrMalformed, "is a pattern"},
		{"a pattern among names", "ann,bob? " + k, ledger.ErrMalformed, "is a pattern"},
		{"a name excluded", "!ann,bob " + k, ledger.ErrMalformed, "is a pattern"},
		{"an empty name", "ann,,bob " + k, ledger.ErrMalformed, "empty name"},
		{"the same name twice", "ann,ann " + k, ledger.ErrMalformed, "twice"},
		{"a quoted name", `"ann b" ` + k, ledger.ErrMalformed, "quotes"},
		{"a name of another script", "аnn " + k, ledger.ErrMalformed, "printable ASCII"},
		{"the same line twice", "ann " + k + "\nbob,ann " + k, ledger.ErrMalformed, "line 2 has the key of ann in line 1 again"},
		{"an authority", "ann cert-authority " + k, sshkey.ErrCertificate, "not supported yet"},
		{"an authority with a namespace", `ann cert-authority,namespaces="gait-command" ` + k, sshkey.ErrCertificate, "not supported yet"},
		{"an authority after a namespace", `ann namespaces="gait-command",cert-authority ` + k, sshkey.ErrCertificate, "not supported yet"},
		{"a certificate", "ann ssh-ed25519-cert-v01@openssh.com AAAA", sshkey.ErrCertificate, "not supported yet"},
		{"RSA", "ann " + string(read(t, "rsa.pub")), sshkey.ErrUnsupported, "ssh-rsa"},
		{"another namespace", `ann namespaces="git,file" ` + k, ledger.ErrMalformed, "not for gait-command"},
		{"a pattern of namespaces", `ann namespaces="gait-*" ` + k, ledger.ErrMalformed, "is a pattern"},
		{"our namespace excluded", `ann namespaces="!gait-command,*" ` + k, ledger.ErrMalformed, "is a pattern"},
		{"no namespace", `ann namespaces="" ` + k, ledger.ErrMalformed, "namespaces"},
		{"without quotes", "ann namespaces=gait-command " + k, ledger.ErrMalformed, "no value in quotes"},
		{"quotes that do not end", `ann namespaces="gait-command ` + k, ledger.ErrMalformed, "no value in quotes"},
		{"an escaped quote", `ann namespaces="gait-command\"" ` + k, ledger.ErrMalformed, "no value in quotes"},
		{"a word after the quotes", `ann namespaces="gait-command"x ` + k, ledger.ErrMalformed, "no value in quotes"},
		{"in capitals", `ann Namespaces="gait-command" ` + k, ledger.ErrMalformed, "unknown option"},
		{"an unknown option", `ann verify-required="yes" ` + k, ledger.ErrMalformed, "unknown option"},
		{"an option without a value", "ann no-touch-required " + k, ledger.ErrMalformed, "no value in quotes"},
		{"an option twice", `ann valid-after="20260101Z",valid-after="20250101Z" ` + k, ledger.ErrMalformed, "twice"},
		{"a comma too many", `ann valid-after="20260101Z", ` + k, ledger.ErrMalformed, "line 1"},
		{"a time of the machine's zone", `ann valid-after="20260101" ` + k, ledger.ErrMalformed, "not a time in UTC"},
		{"no such day", `ann valid-after="20260230Z" ` + k, ledger.ErrMalformed, "not a time in UTC"},
		{"a lower-case z", `ann valid-after="20260101z" ` + k, ledger.ErrMalformed, "not a time in UTC"},
		{"at no time", `ann valid-after="20270101Z",valid-before="20270101Z" ` + k, ledger.ErrMalformed, "no time"},
		{"more than the bound", many.String(), ledger.ErrMalformed, "more than 4096"},
		{"a large file", strings.Repeat("#\n", sshkey.MaxAllowedFile), ledger.ErrMalformed, "bytes"},
		{"a long line", "ann " + k + strings.Repeat(" x", sshkey.MaxKeyLine), ledger.ErrMalformed, "bytes"},
	} {
		got, err := sshkey.ParseAllowedSigners([]byte(tt.file))
		if !errors.Is(err, tt.want) || got != nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: ParseAllowedSigners = %+v, %v; want %v that says %q", tt.name, got, err, tt.want, tt.says)
		}
	}
}

func TestFormatAllowedSigners(t *testing.T) {
	one, two := mustKey(t, keyLine(1)), mustKey(t, keyLine(2))
	signers := []sshkey.AllowedSigner{
		{Comments: []string{"ann: from event 3", ""}, Principals: []string{"ann"}, Key: one},
		{Principals: []string{"bob", "os:bob"}, Key: two, ValidBefore: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	got, err := sshkey.FormatAllowedSigners(signers)
	want := "# ann: from event 3\n#\nann namespaces=\"gait-command\" " + one.String() + "\n" +
		"bob,os:bob namespaces=\"gait-command\",valid-before=\"20270102030405Z\" " + two.String() + "\n"
	if err != nil || string(got) != want {
		t.Errorf("FormatAllowedSigners = %v\n%swant\n%s", err, got, want)
	}
	for name, s := range map[string]sshkey.AllowedSigner{
		"no name":                 {Key: one},
		"no key":                  {Principals: []string{"ann"}},
		"a pattern":               {Principals: []string{"*"}, Key: one},
		"a name of two":           {Principals: []string{"ann,bob"}, Key: one},
		"a comment of two lines":  {Comments: []string{"a\nbob " + two.String()}, Principals: []string{"ann"}, Key: one},
		"parts of a second":       {Principals: []string{"ann"}, Key: one, ValidAfter: time.UnixMilli(1)},
		"a year of five digits":   {Principals: []string{"ann"}, Key: one, ValidAfter: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"a name that begins as #": {Principals: []string{"#ann"}, Key: one},
	} {
		if b, err := sshkey.FormatAllowedSigners([]sshkey.AllowedSigner{s}); err == nil {
			t.Errorf("%s: FormatAllowedSigners = %s, want an error", name, b)
		}
	}
}

// What is written is read back as it was.
func TestAllowedSignersAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []sshkey.AllowedSigner
		for n := range rapid.IntRange(1, 5).Draw(t, "signers") {
			key, err := sshkey.ParseKey(keyLine(byte(n)))
			if err != nil {
				t.Fatal(err)
			}
			from := rapid.Int64Range(1, 1<<32).Draw(t, "from")
			s := sshkey.AllowedSigner{
				Key:        key,
				Principals: rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._:@/%-]{0,20}`), 1, 3, rapid.ID).Draw(t, "names"),
				Comments:   rapid.SliceOfN(rapid.StringMatching(`[ -~äж]*`), 0, 2).Draw(t, "comments"),
			}
			if rapid.Bool().Draw(t, "after") {
				s.ValidAfter = time.Unix(from, 0).UTC()
			}
			if rapid.Bool().Draw(t, "before") {
				s.ValidBefore = time.Unix(from+1, 0).UTC()
			}
			want = append(want, s)
		}
		b, err := sshkey.FormatAllowedSigners(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := sshkey.ParseAllowedSigners(b)
		if err != nil || diff(want, got) != "" {
			t.Fatalf("%s\nreads as %+v, %v; -want +got:\n%s", b, got, err, diff(want, got))
		}
	})
}
