// Package succeed makes the first events of a ledger's successor: of a ledger that continues
// the jobs of another one, which is given up. They are the request ids that were used there
// and the calls of tools that the gate allowed there, none of which it allows again, and each
// job in the state after its last event. The package signs nothing and knows no directory;
// ledger/root puts the ledgers in their places.
//
// The jobs come in the order of their last events. Each begins with a continued event, whose
// content proves the last event in the newest tree that the other ledger has signed; the
// decisions that were open follow at once. If events of the other ledger cannot be read, each
// job that may have had some of them is put on hold: one of them may have stopped it. A job that
// was leased skips the epochs of leases that lost events may have given.
//
// The ledger that continues the jobs begins without authority: no actor is enrolled there,
// and the first one is enrolled as in any new ledger. That is the way on if the keys of the
// admins are lost. Signed verdicts of the ledger before are not verdicts of this one: what
// they decided is asked again, with its approvers, quorum and subject.
package succeed
