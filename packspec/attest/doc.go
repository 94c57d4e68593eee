// Package attest says in the terms of in-toto what a pack is: for tools that take
// attestations of artifacts and know nothing of packs.
//
// An attestation is an in-toto Statement v1 (https://in-toto.io/Statement/v1, of the in-toto
// Attestation Framework 1.2) in a DSSE envelope 1.0 (https://github.com/secure-systems-lab/dsse,
// March 2021), signed by the key that signs the pack's manifest. It is one line in a bundle,
// a file named for the pack, with .intoto.jsonl behind its name:
//
//	{"payload":"<base64 of the statement>","payloadType":"application/vnd.in-toto+json",
//	 "signatures":[{"keyid":"<key id>","sig":"<base64>"}]}
//
// The statement is canonical JSON (RFC 8785):
//
//	{"_type":"https://in-toto.io/Statement/v1",
//	 "predicate":{"commitment":12,"job_id":"job_1","key":"gait.example/packs+322efe6e+AYqI…",
//	  "origin":"gait.example/packs","pack_id":"<SHA-256>","pack_type":"job",
//	  "root":"<hash>","tree_size":13},
//	 "predicateType":"https://gait.example/attestation/pack/v1",
//	 "subject":[{"digest":{"sha256":"<SHA-256 of the pack's bytes>"},"name":"pack_job_1.zip"}]}
//
// The predicate is the head of the pack's report: what the pack shows, and in which signed
// tree. A pack of a range has from and to, its first and last event, in the place of job_id. The
// commitment is left out if the pack stands on none. The subject's name is the default name of
// such a pack, whatever its file is called. So the same pack has the same attestation, to the byte.
//
// The attestation adds no evidence to the pack: it says in another form what the manifest's
// signature says, and that the file is whole. Who trusts the key and reads only the attestation
// knows the digest of what the ledger's holder exported, and nothing of what is in it.
//
// Package attest is pure. It uses the DSSE library of Secure Systems Lab.
package attest
