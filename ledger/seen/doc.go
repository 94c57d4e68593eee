// Package seen compares what was seen of a ledger at different times, and finds two
// histories in it.
//
// The holder of a ledger's key can write two histories, and proofs of both verify. But a
// reader who was shown parts of both can tell, if the parts contradict each other. What
// a reader was shown of a job is a [Record] of facts, of two kinds:
//
//   - Event n of the job is event s of the ledger and has this leaf hash. Each event of a
//     pack shows that.
//   - Up to event s of the ledger the job has n events. A commitment to the ledger's
//     index shows that of each job, of one that is absent too, and a range of events of
//     each job in it.
//
// Two facts contradict each other if they give one event two leaf hashes, or if they
// leave no room: between event n of a job and event n+k there are at least k-1 others,
// so the seq of the second is greater by k or more. For a job of two events up to event
// 7 of the ledger, event 3 is event 8 or a later one. Put in order of n, events before ends, the
// difference s-n never falls. That is all there is to compare, and neighbors suffice.
//
// A record without a job is of the ledger's own events: n is s.
//
// The package is pure. It is the caller who knows that facts are proved and of which
// ledger they are.
package seen
