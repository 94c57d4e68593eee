package packspec_test

import (
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/packtest"
)

// firstFormat returns a pack without a commitment to the index as older versions made it:
// with evidence of format 1.
func firstFormat(t testing.TB, pack []byte, key ledger.PrivateKey) []byte {
	t.Helper()
	fs := files(t, pack)
	if err := packtest.FirstFormat(fs, packspec.VerifyText(packspec.FirstFormat, packtest.Rotations(fs)), key); err != nil {
		t.Fatal(err)
	}
	return packtest.Archive(fs)
}

// buildFirst is build in evidence format 1.
func buildFirst(t testing.TB, l *testLog, job string) []byte {
	t.Helper()
	return firstFormat(t, build(t, l, job), l.key)
}

// commit appends a commitment to the index.
func (l *testLog) commit() ledger.Seq {
	l.t.Helper()
	return l.commitTo(ledgertest.IndexRoot(l.all()))
}

// commitTo appends a commitment to any index.
func (l *testLog) commitTo(index ledger.Hash) ledger.Seq {
	l.t.Helper()
	head := l.Head()
	e, err := ledger.Seal(ledger.Draft{
		Seq: ledger.Seq(head.Size), ID: "01JD0000000000000000000000", Origin: origin, Time: head.Time, Actor: ledger.ActorGait, Prev: head.Leaf,
		Payload: ledger.IndexCommitted{Index: index},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.add(e)
	return e.Seq()
}

// indexed is history with a commitment to the index behind it.
func indexed(t testing.TB, key ledger.PrivateKey) *testLog {
	t.Helper()
	l := history(t, key)
	l.commit()
	return l
}

// names returns the names of files.
func names(fs []packtest.File) (list []string) {
	for _, f := range fs {
		list = append(list, f.Name)
	}
	return slices.Clip(list)
}
