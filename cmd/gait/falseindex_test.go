package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rogpeppe/go-internal/testscript"

	"gait/ledger"
	"gait/ledger/root"
)

// falseIndexCmd appends an event that commits to an index which the ledger never had,
// as only the holder of its key can: falseindex ROOT HOME
func falseIndexCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: falseindex ROOT HOME")
	}
	r, err := root.Open(context.Background(), root.Options{
		Dir: ts.MkAbs(args[0]), Home: ts.MkAbs(args[1]), Now: time.Now, Entropy: rand.Reader, Mode: root.Write,
		Notice: func(string) {}, Fatal: func(err error) { panic(err) },
	})
	ts.Check(err)
	defer func() { ts.Check(r.Close()) }()
	head := r.Log.Head()
	d := ledger.Draft{
		Seq: ledger.Seq(head.Size), ID: ulid.MustNew(ulid.Now(), rand.Reader).String(), Origin: r.Log.Origin(), Actor: ledger.ActorGait, Prev: head.Leaf,
		Payload: ledger.IndexCommitted{Index: ledger.Hash{1}},
	}
	d.Time, d.Clock = head.At(time.Now())
	e, err := ledger.Seal(d)
	ts.Check(err)
	_, err = r.Log.Append(context.Background(), head, ledger.Entry{Event: e})
	ts.Check(err)
}
