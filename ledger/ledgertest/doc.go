// Package ledgertest makes ledgers for tests and checks them from nothing.
//
// A test makes a ledger with [New], adds to it with [Append], and after every
// step calls [Check], which relies on nothing that the store says of itself:
//
//	l := ledgertest.New(t)
//	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
//	ledgertest.Check(t, l.Log)
//
// [TestLog] is for implementations of ledger.Log: it tests that a log does what
// package ledger says.
//
// [InMemory] makes a ledger that needs no file system. It is the one in-memory
// ledger: no test has a log of its own.
//
// Everything is fixed: key, times, ids. Two runs of a test write the same bytes.
// It is imported by tests only.
package ledgertest
