// Package packspec makes packs and checks them. A pack is an exported slice of
// a ledger: one deterministic zip file that holds a job's exact event bytes,
// the proof that the last of them is in a signed tree, and the PackSpec v1
// views derived from them. SPEC.md beside this file is the format's
// specification.
//
// BuildJob and BuildRange make a pack from a log. Verify trusts nothing in a pack:
// it reads the container strictly, checks chain, proofs and signatures against keys
// that the caller brings, folds the events again and compares every view byte for
// byte. It reports for each level whether it is proved, claimed, absent or failed.
// Inspect shows what a pack says and verifies no signature.
//
// Packs of PackSpec v1, which other tools write and which have no evidence, are read
// too. Verify chooses one verifier by the kind of pack: job, range or PackSpec v1. For
// the last, this package imports packspec/v1, which only reads. Both import
// packspec/container (zip parts, manifest) and packspec/finding (levels, failures),
// which import neither of them. What PackSpec v1 cannot show is reported as absent.
//
// Packs are read through an io.ReaderAt: once for their digests, and their events once
// more. They are written through an io.WriterAt, since a job's events are written to
// several entries at the same time. Memory does not grow with the number of events.
package packspec
