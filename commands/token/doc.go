// Package token proves, to the daemon of a ledger, who is at the other end of a
// connection that any user can make, and to the client that it is that daemon. It is
// pure: package daemon sends what is made here.
//
// # A token
//
//	gait.local/01J…+token+approver+reviewer_1+9f86d081…
//
// A token is the origin of a ledger, the word token, a role, an actor, and a secret of 64
// hexadecimal digits, joined by "+". The secret is the seed of an Ed25519 key (RFC
// 8032). The daemon keeps the public half, with actor and role, by the token's id: the
// first 12 hexadecimal digits of the SHA-256 of the public half. What the daemon
// keeps counts; role and actor in the text are for people and clients.
//
// # A challenge
//
// A client that is to show a token first asks for a challenge, and names a nonce of its
// own. It goes on only if one of the ledger's keys that its user trusts has signed the
// answer, as a C2SP signed-note over this text:
//
//	gait challenge v1
//	gait.local/01J…
//	127.0.0.1:7070
//	<client's nonce, 32 hexadecimal digits>
//	<daemon's nonce, 80 hexadecimal digits>
//
// The third line is the address at which the daemon listens. A client that speaks to it
// without TLS compares that with the address it has connected to, so that a process
// at another address of this machine cannot stand between the two.
//
// The daemon's nonce is when it ends, as milliseconds since 1970 (8 bytes, big-endian),
// 16 random bytes, and 16 bytes of an HMAC-SHA-256 under a key that the daemon makes
// when it starts. So it need keep no challenge that was not answered.
//
// # A proof
//
// Each request then carries, in its header Authorization,
//
//	Gait <id>.<daemon's nonce>.<number>.<SHA-256 of the body>.<signature>
//
// all but the number in hexadecimal digits. The signature is that of the token's key
// over this text:
//
//	gait proof v1
//	gait.local/01J…
//	<daemon's nonce>
//	<number>
//	GET
//	/v1/job?id=job_1
//	<SHA-256 of the body>
//
// The number is 1 for the first request under a nonce, and grows. The daemon takes each
// number once, and none that is 64 or more below the highest one it has taken.
//
// # An answer
//
// The daemon signs each answer to a proof with the ledger's key, in the trailer
// Gait-Answer, in base64:
//
//	gait answer v1
//	gait.local/01J…
//	<SHA-256 of the text of the proof>
//	200
//	<SHA-256 of the body>
//
// # Why that is safe
//
// A process that only has the port learns no token, nothing that it can use again, and not
// what a client asks: it cannot sign the challenge. A process that passes on bytes
// between the two can change neither a request nor an answer; without TLS it can read
// both, delay and drop them. A proof names one ledger, one nonce, one number and one
// request: it counts for no other.
//
// The ledger's key signs no text that a stranger chooses. What it signs here is never a
// checkpoint, since the first line of a checkpoint is an origin, and no origin has a
// space in it; nor a cosignature, whose keys are of another type; nor a pack's manifest, of
// which it signs a digest of 32 bytes; nor an attestation, which begins with DSSEv1.
package token
