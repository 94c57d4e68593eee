package sshkey_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"gait/ledger"
	"gait/ledger/sshkey"
)

// keyLine returns the line of an Ed25519 key made of a number.
func keyLine(n byte) string {
	return line(sshkey.TypeEd25519, sshkey.TypeEd25519, string(edPrivate(n)[32:]))
}

func TestParseKeys(t *testing.T) {
	one, two := mustKey(t, keyLine(1)), mustKey(t, strings.TrimSpace(string(read(t, "ecdsa-sk.pub"))))
	wide := []byte{0xff, 0xfe} // UTF-16, as a shell of Windows writes it
	for _, unit := range utf16.Encode([]rune(keyLine(1) + "\r\n")) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	for _, tt := range []struct {
		name, file string
		want       []sshkey.Key
	}{
		{"a .pub file", string(read(t, "ecdsa-sk.pub")), []sshkey.Key{two}},
		{"a user's keys at a host", one.String() + "\n" + two.String() + "\n", []sshkey.Key{one, two}},
		{"without the last line end", two.String() + "\n" + one.String(), []sshkey.Key{two, one}},
		{"among comments", "# mine\r\n\r\n\t" + one.String() + " ann@laptop\r\n  # old\n\n", []sshkey.Key{one}},
		{"with a byte-order mark", "\ufeff" + one.String() + "\n", []sshkey.Key{one}},
		{"in UTF-16", string(wide), []sshkey.Key{one}},
	} {
		if got, err := sshkey.ParseKeys([]byte(tt.file)); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: ParseKeys = %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

func TestParseKeysRefuses(t *testing.T) {
	var many strings.Builder
	for n := range byte(sshkey.MaxKeys + 1) {
		fmt.Fprintln(&many, keyLine(n))
	}
	good := keyLine(1) + "\n"
	for _, tt := range []struct {
		name, file string
		want       error
		says       string
	}{
		{"nothing", "", sshkey.ErrNoKeys, "no key"},
		{"comments alone", "# none\n\n", sshkey.ErrNoKeys, "no key"},
		{"a private key", "\n-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", sshkey.ErrPrivate, "secret"},
		{"a private key after a public one", good + "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", sshkey.ErrPrivate, "line 2"},
		{"an RSA key among others", good + "\n" + string(read(t, "rsa.pub")), sshkey.ErrUnsupported, `line 3: unsupported key type "ssh-rsa"`},
		{"a certificate", good + "ssh-ed25519-cert-v01@openssh.com AAAA\n", sshkey.ErrCertificate, "line 2: certificates are not supported yet"},
		{"a weak key", line(sshkey.TypeEd25519, sshkey.TypeEd25519, strings.Repeat("\x00", 32)), ledger.ErrWeakKey, "line 1"},
		{"a page of a host", "<!DOCTYPE html>\n<html>\n", ledger.ErrMalformed, "line 1"},
		{"Not Found", "Not Found", ledger.ErrMalformed, `"Not"`},
		{"the same key twice", good + "# again\n" + good, ledger.ErrMalformed, "line 3 has the key of line 1 again"},
		{"more than the bound", many.String(), ledger.ErrMalformed, "more than 64 keys"},
		{"a large file", good + strings.Repeat("#\n", sshkey.MaxKeyFile), ledger.ErrMalformed, "bytes"},
		{"two keys with a bare carriage return", keyLine(1) + "\r" + keyLine(2), ledger.ErrMalformed, "control character"},
		{"a NUL", keyLine(1) + " a\x00b", ledger.ErrMalformed, "control character"},
	} {
		got, err := sshkey.ParseKeys([]byte(tt.file))
		if !errors.Is(err, tt.want) || got != nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: ParseKeys = %v, %v; want %v that says %q", tt.name, got, err, tt.want, tt.says)
		}
		if fault, _ := ledger.FaultOf(err); fault.Category != ledger.CategoryInvalid {
			t.Errorf("%s: the fault is %+v, want one of invalid input", tt.name, fault)
		}
	}
}
