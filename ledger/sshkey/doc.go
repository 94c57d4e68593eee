// Package sshkey holds the keys of actors, which are OpenSSH public keys, and the
// signatures that ssh-keygen -Y sign makes under them. It is pure: it reads no file,
// asks no agent and knows no time.
//
// # Keys
//
// A [Key] is of one of four types:
//
//	ssh-ed25519
//	sk-ssh-ed25519@openssh.com            Ed25519 on a FIDO token
//	ecdsa-sha2-nistp256
//	sk-ecdsa-sha2-nistp256@openssh.com    ECDSA P-256 on a FIDO token
//
// Its identity is its blob, the wire form of RFC 4253, RFC 5656, RFC 8709 and OpenSSH's
// PROTOCOL.u2f. Each key has one blob. Refused are all other types ([ErrUnsupported]),
// certificates ([ErrCertificate]), private keys ([ErrPrivate]) and weak keys
// ([ledger.ErrWeakKey]): Ed25519 points of low order, spellings that RFC 8032 does not
// allow, and what is no point of the curve. The application of a key on a token begins
// with "ssh:", so that a token never signs a web page's challenge under it.
//
// # Signatures
//
// A [Signature] is an SSHSIG blob (OpenSSH's PROTOCOL.sshsig):
//
//	"SSHSIG"
//	uint32  1
//	string  public key
//	string  "gait-command"
//	string  ""
//	string  "sha512" or "sha256"
//	string  signature: string type of the key, string value;
//	        of a token: byte flags, uint32 counter
//
// [ParseSignature] refuses every other spelling of the same signature. The signature of a
// token must say that its user was present, which ssh-keygen -Y verify does not ask.
//
// # Files
//
// [ParseKeys] reads .pub files and lists of keys, [ParseAllowedSigners] the ALLOWED SIGNERS
// format of ssh-keygen(1), [ParseArmored] what ssh-keygen -Y sign writes. Each is bounded,
// and takes a file as a whole or not at all. [FormatAllowedSigners] and [Armor] write what
// ssh-keygen -Y verify reads.
//
// # What is not unique
//
// An ECDSA signature (r, s) has a second form, (r, n-s), which verifies too and can be
// made without the private key. OpenSSH makes both forms, so neither can be refused. And
// the key's holder can make any number of signatures of one message. So nothing may rely
// on the bytes of a signature: a command is identified by its own bytes.
package sshkey
