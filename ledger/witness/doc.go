// Package witness asks witnesses to cosign checkpoints, by HTTP: the client's
// side of C2SP tlog-witness (https://c2sp.org/tlog-witness), add-checkpoint. It
// is given the checkpoint and what proves it, and keeps nothing.
//
//	POST <submission prefix>/add-checkpoint
//
//	old 12
//	<consistency proof, a base64 hash a line; none where old is 0>
//
//	<the signed checkpoint>
//
// A witness answers 200 with its signature lines; 409 with the size it has
// cosigned, where that is not old; 422 where what it has seen is not a prefix
// of the checkpoint; 404 or 403 where it does not know the ledger or its key.
// Nothing it answers is believed before it verifies, and no more than
// ledger.MaxNoteSize of it is read. Redirects are not followed.
package witness
