package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"gait/ledger"
)

// tamperCmd changes a ledger's Pebble directory directly, without gait:
//
//	tamper DIR edit SEQ OLD NEW     replaces text in an event and seals it again
//	tamper DIR backdate SEQ TIME    changes an event's time
//	tamper DIR drop SEQ             deletes an event
//	tamper DIR swap SEQ SEQ         exchanges two events' bytes
//	tamper DIR insert SEQ           puts a copy of an event behind the last one
//	tamper DIR view JOB OLD NEW     replaces text in a stored view, which lies in the job's row
func tamperCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: tamper DIR WHAT ARGUMENT…")
	}
	db, err := pebble.Open(ts.MkAbs(args[0]), &pebble.Options{FormatMajorVersion: pebble.FormatNewest, ErrorIfNotExists: true, Logger: quiet{}})
	ts.Check(err)
	defer func() { ts.Check(db.Close()) }()
	t := tamperer{ts: ts, db: db}
	switch args[1] {
	case "edit":
		t.edit(t.seq(args[2]), args[3], args[4])
	case "backdate":
		key := t.seq(args[2])
		e, err := ledger.Decode(t.get(key))
		ts.Check(err)
		t.edit(key, ledger.FormatTime(e.Time()), args[3])
	case "drop":
		ts.Check(db.Delete(t.seq(args[2]), pebble.Sync))
	case "swap":
		a, b := t.seq(args[2]), t.seq(args[3])
		first, second := t.get(a), t.get(b)
		t.set(a, second)
		t.set(b, first)
	case "insert":
		from := t.seq(args[2])
		e, err := ledger.Decode(t.get(from))
		ts.Check(err)
		t.set(t.seq(strconv.FormatInt(t.size(), 10)), e.Bytes())
	case "view":
		key := append([]byte{'h'}, args[2]...)
		t.set(key, t.replaced(t.get(key), args[3], args[4]))
	default:
		ts.Fatalf("tamper: no %s", args[1])
	}
}

type quiet struct{}

func (quiet) Infof(string, ...any)  {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Fatalf(string, ...any) { panic("pebble gave up") }

type tamperer struct {
	ts *testscript.TestScript
	db *pebble.DB
}

func (t tamperer) seq(arg string) []byte {
	n, err := strconv.ParseUint(arg, 10, 63)
	t.ts.Check(err)
	return binary.BigEndian.AppendUint64([]byte{'e'}, n)
}

func (t tamperer) get(key []byte) []byte {
	v, closer, err := t.db.Get(key)
	t.ts.Check(err)
	defer closer.Close()
	return bytes.Clone(v)
}

func (t tamperer) set(key, value []byte) { t.ts.Check(t.db.Set(key, value, pebble.Sync)) }

// size returns the number of events in the stored head.
func (t tamperer) size() int64 { return int64(binary.BigEndian.Uint64(t.get([]byte("m/head")))) }

func (t tamperer) edit(key []byte, old, new string) {
	edited := t.replaced(t.get(key), old, new)
	_, err := ledger.Decode(edited) // a forger writes well-formed events
	t.ts.Check(err)
	t.set(key, edited)
}

func (t tamperer) replaced(b []byte, old, new string) []byte {
	if !bytes.Contains(b, []byte(old)) {
		t.ts.Fatalf("tamper: %s does not hold %q", b, old)
	}
	return []byte(strings.Replace(string(b), old, new, 1))
}

// holdCmd holds a root's lock until the script ends: hold DIR
func holdCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hold DIR")
	}
	fd, err := unix.Open(filepath.Join(ts.MkAbs(args[0]), "gait.lock"), unix.O_RDWR|unix.O_CLOEXEC, 0)
	ts.Check(err)
	ts.Check(unix.Flock(fd, unix.LOCK_EX))
	_, err = unix.Pwrite(fd, fmt.Appendf(nil, "pid %-20d\n", os.Getpid()), 0)
	ts.Check(err)
	ts.Defer(func() { unix.Close(fd) })
}
