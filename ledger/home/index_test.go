package home_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
)

const indexed = "gait.example/indexed"

func at(size int64) home.IndexAt {
	return home.IndexAt{Size: size, Tree: ledger.Hash{1, byte(size)}, Index: ledger.Hash{2, byte(size)}, Jobs: size / 2}
}

func followed(size int64) home.IndexAt {
	f := at(size)
	f.Followed = true
	return f
}

func note(kept bool, at ...home.IndexAt) home.IndexNote {
	return home.IndexNote{Origin: indexed, At: at, Kept: kept}
}

func TestIndexNote(t *testing.T) {
	dir := t.TempDir()
	if _, found, err := home.ReadIndexNote(dir, indexed); found || err != nil {
		t.Fatalf("before it was written: %t, %v", found, err)
	}
	for _, step := range []struct{ write, want home.IndexNote }{
		{note(false, at(5)), note(false, at(5))},
		{note(true, at(3)), note(true, at(3), at(5))}, // it stays known that the store keeps the index
		{note(false, at(9)), note(true, at(3), at(5), at(9))},
		{note(false, at(9)), note(true, at(3), at(5), at(9))},
		{note(false, followed(20)), note(true, at(3), at(5), at(9), followed(20))},
		{note(false, followed(40)), note(true, at(3), at(5), at(9), followed(40))}, // the newest of these
		{note(false, at(40)), note(true, at(3), at(5), at(9), at(40))},
	} {
		must(t, step.write.Write(dir))
		got, found, err := home.ReadIndexNote(dir, indexed)
		if err != nil || !found || !reflect.DeepEqual(got, step.want) || got.Newest() != step.want.At[len(step.want.At)-1] {
			t.Fatalf("after %+v: %+v, %t, %v, want %+v", step.write, got, found, err, step.want)
		}
	}
	for size := int64(50); size < 100; size++ {
		must(t, note(false, at(size)).Write(dir))
	}
	if got, _, err := home.ReadIndexNote(dir, indexed); err != nil || len(got.At) != 16 || got.Newest().Size != 99 {
		t.Fatalf("after many: %+v, %v", got, err)
	}
	if _, found, err := home.ReadIndexNote(dir, "gait.example/other"); found || err != nil {
		t.Fatalf("of another ledger: %t, %v", found, err)
	}
}

func TestIndexNoteDamaged(t *testing.T) {
	dir := t.TempDir()
	must(t, note(true, at(5), at(7)).Write(dir))
	path := filepath.Join(home.LedgerDir(dir, indexed), "index")
	whole := string(read(t, path))
	newer := strings.Replace(whole, `"schema_version":"1.0.0"`, `"schema_version":"2.0.0"`, 1)
	for name, text := range map[string]string{
		"empty": "", "cut": whole[:len(whole)/2], "spaced": " " + whole, "other ledger": strings.Replace(whole, indexed, "gait.example/x", 1),
		"no size": strings.Replace(whole, `"size":5`, `"size":0`, 1), "many jobs": strings.Replace(whole, `"jobs":2`, `"jobs":5`, 1), "not JSON": "index\n", "long": whole + strings.Repeat(" ", 8<<10), "newer": newer,
		"out of order": strings.Replace(whole, `"size":5`, `"size":8`, 1), "one twice": strings.Replace(whole, `"size":5`, `"size":7`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			write(t, path, []byte(text))
			_, found, err := home.ReadIndexNote(dir, indexed)
			if _, corrupt := errors.AsType[*ledger.CorruptError](err); found || !corrupt {
				t.Fatalf("read as %t, %v", found, err)
			}
			if errors.Is(err, ledger.ErrUnsupportedVersion) != (name == "newer") {
				t.Fatalf("%v", err)
			}
			if err := note(true, at(6)).Write(dir); err == nil {
				t.Fatal("a damaged note was replaced")
			}
		})
	}
	must(t, os.Chmod(path, 0o666))
	if _, _, err := home.ReadIndexNote(dir, indexed); err == nil {
		t.Fatal("a note that others can write was read")
	}
}

func TestIndexKeys(t *testing.T) {
	dir := t.TempDir()
	k, next := newKey(t, indexed), newKey(t, indexed)
	if _, ok, err := home.ReadIndexKeys(dir, k.VerifierKey()); ok || err != nil {
		t.Fatalf("without a key: %t, %v", ok, err)
	}
	must(t, home.AddKey(dir, k))
	first, ok, err := home.ReadIndexKeys(dir, k.VerifierKey())
	if err != nil || !ok || first.Record == first.View {
		t.Fatalf("with the key: %v, %t, %v", first, ok, err)
	}
	if _, ok, err := home.ReadIndexKeys(dir, next.VerifierKey()); ok || err != nil {
		t.Fatalf("the key in force is another: %t, %v", ok, err)
	}
	must(t, home.PutNextKey(dir, next))
	second, ok, err := home.ReadIndexKeys(dir, next.VerifierKey())
	if err != nil || !ok || second.Record == first.Record || second.View == first.View {
		t.Fatalf("with the next key: %v, %t, %v", second, ok, err)
	}
	if _, err := home.RetireKey(dir, indexed); err != nil {
		t.Fatal(err)
	}
	if again, ok, err := home.ReadIndexKeys(dir, k.VerifierKey()); err != nil || !ok || again != first {
		t.Fatalf("with the key retired: %v, %t, %v", again, ok, err)
	}
}
