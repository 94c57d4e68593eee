package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/sumdb/note"

	"gait/ledger"
	"gait/packspec/packtest"
)

// forgeCmd makes a lying pack from honest ones:
//
//	forge PACK OUT STEP… [then STEP…]…
//
// The steps:
//
//	replace ENTRY OLD NEW     the first OLD in an entry
//	everywhere OLD NEW        all OLD in all entries
//	take PACK ENTRY…          entries of another pack in place of one's own
//	drop ENTRY                without an entry
//	dropline ENTRY N          without its n-th line, from 1
//	relist                    the manifest's digests and pack_id made again, its signatures kept
//	strip                     the same, without signatures
//	sign KEYFILE              the same, signed by a private key
func forgeCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: forge PACK OUT STEP… [then STEP…]…")
	}
	f := forger{ts: ts, files: packFiles(ts, args[0])}
	for step := range splitSeq(args[2:], "then") {
		f.do(step[0], step[1:])
	}
	forged := packtest.Archive(f.files)
	if bytes.Equal(forged, []byte(ts.ReadFile(args[0]))) {
		ts.Fatalf("forge: nothing is forged")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), forged, 0o600))
}

// splitSeq yields the parts of args between separators.
func splitSeq(args []string, separator string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for {
			i := slices.Index(args, separator)
			if i < 0 {
				yield(args)
				return
			}
			if !yield(args[:i]) {
				return
			}
			args = args[i+1:]
		}
	}
}

func packFiles(ts *testscript.TestScript, name string) []packtest.File {
	files, err := packtest.Files([]byte(ts.ReadFile(name)))
	ts.Check(err)
	return files
}

type forger struct {
	ts    *testscript.TestScript
	files []packtest.File
}

func (f *forger) do(step string, args []string) {
	switch step {
	case "replace":
		f.replace(args[0], args[1], args[2])
	case "everywhere":
		for i := range f.files {
			f.files[i].Data = bytes.ReplaceAll(f.files[i].Data, []byte(args[0]), []byte(args[1]))
		}
	case "take":
		other := packFiles(f.ts, args[0])
		for _, name := range args[1:] {
			f.files = packtest.Set(f.files, name, f.entry(other, name).Data)
		}
	case "drop":
		f.entry(f.files, args[0])
		f.files = slices.DeleteFunc(f.files, func(file packtest.File) bool { return file.Name == args[0] })
	case "dropline":
		file := f.entry(f.files, args[0])
		lines := strings.SplitAfter(string(file.Data), "\n")
		n := number(f.ts, args[1])
		file.Data = []byte(strings.Join(slices.Delete(lines, n-1, n), ""))
	case "relist":
		f.ts.Check(packtest.Relist(f.files))
	case "strip":
		f.ts.Check(packtest.Strip(f.files))
	case "sign":
		key, err := ledger.ParsePrivateKey(strings.TrimSpace(f.ts.ReadFile(args[0])))
		f.ts.Check(err)
		f.ts.Check(packtest.Sign(f.files, key))
	default:
		f.ts.Fatalf("forge: no step %q", step)
	}
}

func (f *forger) entry(files []packtest.File, name string) *packtest.File {
	file := packtest.Find(files, name)
	if file == nil {
		f.ts.Fatalf("forge: no entry %s", name)
	}
	return file
}

func (f *forger) replace(name, old, with string) {
	file := f.entry(f.files, name)
	if !bytes.Contains(file.Data, []byte(old)) {
		f.ts.Fatalf("forge: %s does not hold %q: %s", name, old, file.Data)
	}
	file.Data = bytes.Replace(file.Data, []byte(old), []byte(with), 1)
}

// levelCmd requires the status of a level in the output of pack verify --json, on
// stdout:
// level signature failed
func levelCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: level NAME STATUS")
	}
	count, _ := lookUp(ts, "report.levels.#")
	for i := range number(ts, count) {
		at := "report.levels." + strconv.Itoa(i)
		if name, _ := lookUp(ts, at+".name"); name != args[0] {
			continue
		}
		if got, _ := lookUp(ts, at+".status"); got != args[1] {
			detail, _ := lookUp(ts, at+".detail")
			ts.Fatalf("level %s is %s, want %s: %s", args[0], got, args[1], detail)
		}
		return
	}
	ts.Fatalf("no level %s among %s", args[0], count)
}

// renameKeyCmd writes the verifier key of a file under another name, and keeps
// both in HONEST and RENAMED: renamekey FROM TO NAME
func renameKeyCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: renamekey FROM TO NAME")
	}
	honest := strings.TrimSpace(ts.ReadFile(args[0]))
	parts := strings.SplitN(honest, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	ts.Check(err)
	renamed, err := note.NewEd25519VerifierKey(args[2], key[1:])
	ts.Check(err)
	ts.Setenv("HONEST", honest)
	ts.Setenv("RENAMED", renamed)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(renamed+"\n"), 0o600))
}

func number(ts *testscript.TestScript, s string) int {
	n, err := strconv.Atoi(s)
	ts.Check(err)
	return n
}
