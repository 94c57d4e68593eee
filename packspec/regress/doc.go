// Package regress turns a recorded job into a test. A fixture is a folder:
//
//	regress.yaml          its name, why it exists, what to compare, what to ignore
//	pack.zip              the evidence: a job pack, which must verify
//	expect/states.jsonl   after each event: status, stop_reason, status_reason_code, revision, waiting_for
//	expect/history.jsonl  each event, normalised
//	expect/views/         the views of the job, as projection.Replay writes them
//
// There are two kinds of comparison. Replay compares what today's code derives from the
// recorded events with the expected states and views. Behaviour compares another run of
// the same work, a candidate, with the recorded history. Each comparison ends at the
// first divergence and reports the event, the field, and the expected and found values.
//
// A history is normalised so that two runs of the same work are equal: times, ids,
// sequence numbers and the producer's version are left out; an actor's host, after an @,
// is masked; fingerprints and digests are replaced with numbers in order of appearance;
// grants and call ids of the gate are numbered likewise; and a leaf hash is replaced with the
// number of its event. Events about leases say who worked, and not what was done: behaviour leaves
// them out. Neither they nor the ends of attempts are counted. What an attempt wrote is left out,
// too, and when a job is due. Nothing else changes, and the order is kept. Intents are compared by the
// order of their digests, their sizes, and the fields that the policy says may be shown, of
// which a pattern can mask one. Masked lists these changes.
//
// What a regress.yaml makes its reader do is bounded: 64 patterns of summaries and of intents, of 1 KiB, about 50,000
// instructions of all of them, 256 entries to ignore. The size of a pattern is computed
// from its parsed form, before it is compiled.
//
// Behaviour compares histories, not views: a candidate has other ids, times and hashes.
// What was masked is in every result. An attestation is about this program, since replay
// compares today's code, and about the candidate if there was one; a fixture is named by
// the Hash1 (golang.org/x/mod/sumdb/dirhash) of its files.
package regress
