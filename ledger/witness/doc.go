// Package witness asks witnesses to cosign checkpoints, by HTTP: the client's
// side of C2SP tlog-witness (https://c2sp.org/tlog-witness), add-checkpoint. The
// caller passes the checkpoint and its proofs; the package keeps nothing.
//
//	POST <submission prefix>/add-checkpoint
//
//	old 12
//	<consistency proof, a base64 hash a line; none if old is 0>
//
//	<the signed checkpoint>
//
// A witness answers 200 with its signature lines; 409 with the size it has
// cosigned, if that is not old; 422 if the tree it has seen is not a prefix of the
// checkpoint's; 404 or 403 if it does not know the ledger or its key.
// The client verifies the answer before it uses it, and reads no more than
// ledger.MaxNoteSize of it. It does not follow redirects.
package witness
