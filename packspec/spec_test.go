package packspec_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"regexp"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/mpt"
)

// SPEC.md is complete by itself: it has each field and payload type of package ledger.
func TestSpecNamesEveryField(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../ledger/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, fields, _ := strings.Cut(string(doc), "# Event\n")
	fields, _, ok := strings.Cut(fields, "# Chain")
	names := regexp.MustCompile(`(?m)^//\t(?: {18})?([a-z_]+)\??(?:,| {2}| \()`).FindAllStringSubmatch(fields, -1)
	if !ok || len(names) < 40 {
		t.Fatalf("%d names in ledger's doc", len(names))
	}
	for _, name := range names {
		if !regexp.MustCompile(`\b` + name[1] + `\b`).Match(spec) {
			t.Errorf("SPEC.md does not name %s", name[1])
		}
	}
}

// SPEC.md names every level and every code of a failure.
func TestSpecNamesEveryFailure(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	var source []byte
	for _, name := range []string{"finding/finding.go", "finding/failure.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, b...)
	}
	names := regexp.MustCompile(`(?m)^\t(?:Level|Code)[A-Za-z]+ += "([a-z_]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(names) < 32 {
		t.Fatalf("%d levels and codes in package finding, want at least 32", len(names))
	}
	for _, name := range names {
		if !strings.Contains(string(spec), "`"+name[1]+"`") && !strings.Contains(string(spec), "**"+name[1]+"**") {
			t.Errorf("SPEC.md does not name %s", name[1])
		}
	}
}

// The example of the index in SPEC.md is what package mpt computes.
func TestSpecIndexExample(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	var entries []mpt.Entry
	for i, key := range []mpt.Key{ledger.JobKey("a"), ledger.JobKey("b"), ledger.RequestKey("r1")} {
		entries = append(entries, mpt.Entry{Key: key, Value: sha256.Sum256([]byte{byte('1' + i)})})
	}
	tree, err := new(mpt.Tree).Set(t.Context(), nil, entries)
	if err != nil {
		t.Fatal(err)
	}
	path, err := tree.Prove(t.Context(), nil, entries[1].Key)
	if err != nil {
		t.Fatal(err)
	}
	b := path.Encode() // 0x20, key, 0x20, value, bit 1, leaf of R, bit 0, leaf of A
	if len(b) != 132 || b[66] != 1 || b[99] != 0 {
		t.Fatalf("the path of B is %x", b)
	}
	root := tree.Root()
	for _, hash := range [][]byte{root[:], b[1:33], b[34:66], b[67:99], b[100:]} {
		if !strings.Contains(string(spec), hex.EncodeToString(hash)) {
			t.Errorf("SPEC.md does not have %x", hash)
		}
	}
}

// The example of an event in SPEC.md is one, and has the leaf hash that is given.
func TestSpecEventExample(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?m)^```\n({\"actor\":.*})\n([0-9a-f]{64})\n```$").FindSubmatch(spec)
	if found == nil {
		t.Fatal("SPEC.md has no example of an event")
	}
	e, err := ledger.Decode(found[1])
	if err != nil {
		t.Fatal(err)
	}
	if e.LeafHash().String() != string(found[2]) || e.Version() != ledger.EventSchemaVersion || e.Lease() == 0 || e.Trace() == "" {
		t.Errorf("the example is an event of %s with leaf hash %s, lease %d and trace %q", e.Version(), e.LeafHash(), e.Lease(), e.Trace())
	}
}
