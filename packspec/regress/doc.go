// Package regress makes a recorded job a test. A fixture is a folder:
//
//	regress.yaml          its name, why it exists, what to compare, what to ignore
//	pack.zip              the evidence: a job pack, which must verify
//	expect/states.jsonl   after each event: status, stop_reason, status_reason_code, revision, waiting_for
//	expect/history.jsonl  each event, normalised
//	expect/views/         the views of the job, as projection.Replay writes them
//
// Two things are compared. Replay: what today's code makes of the recorded events,
// with the states and views that are expected. Behaviour: another run of the same
// work, a candidate, with the recorded history. Each comparison ends at the first
// divergence: the event, the field, what was expected and what was found.
//
// A history is normalised so that two runs of the same work are equal: times, ids,
// sequence numbers and the producer's version are left out; an actor's host, after
// an @, is masked; fingerprints and digests are numbered in the order they come; and
// a leaf hash becomes the number of the event it is of. Nothing else is, and the
// order is kept. Masked lists it.
package regress
