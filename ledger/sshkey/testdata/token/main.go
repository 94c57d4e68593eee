// Package main is a FIDO token in software, for tests: a library that ssh-keygen -w and
// ssh-agent -P load (OpenSSH's sk-api.h, version 10). It keeps nothing: the handle of a key
// is its private key.
//
//	CGO_ENABLED=1 go build -buildmode=c-shared -o token.so main.go
package main

/*
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct sk_enroll_response {
	uint8_t flags;
	uint8_t *public_key;
	size_t public_key_len;
	uint8_t *key_handle;
	size_t key_handle_len;
	uint8_t *signature;
	size_t signature_len;
	uint8_t *attestation_cert;
	size_t attestation_cert_len;
	uint8_t *authdata;
	size_t authdata_len;
};

struct sk_sign_response {
	uint8_t flags;
	uint32_t counter;
	uint8_t *sig_r;
	size_t sig_r_len;
	uint8_t *sig_s;
	size_t sig_s_len;
};
*/
import "C"

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"unsafe"
)

func main() {}

//export sk_api_version
func sk_api_version() C.uint32_t { return 0x000a0000 }

func copied(b []byte) (*C.uint8_t, C.size_t) {
	return (*C.uint8_t)(C.CBytes(b)), C.size_t(len(b))
}

// private returns the keys of a handle: its 32 bytes are the seed.
func private(handle []byte) (ed25519.PrivateKey, *ecdsa.PrivateKey) {
	ec, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append([]byte{0}, handle[1:]...))
	if err != nil {
		panic(err)
	}
	return ed25519.NewKeyFromSeed(handle), ec
}

//export sk_enroll
func sk_enroll(alg C.uint32_t, challenge *C.uint8_t, challengeLen C.size_t, application *C.char, flags C.uint8_t, pin *C.char, options unsafe.Pointer, out **C.struct_sk_enroll_response) C.int {
	seed := sha256.Sum256(append([]byte(C.GoString(application)), C.GoBytes(unsafe.Pointer(challenge), C.int(challengeLen))...))
	ed, ec := private(seed[:])
	public := []byte(ed.Public().(ed25519.PublicKey))
	if alg == 0 {
		public, _ = ec.PublicKey.Bytes()
	}
	r := (*C.struct_sk_enroll_response)(C.calloc(1, C.sizeof_struct_sk_enroll_response))
	r.flags = flags
	r.public_key, r.public_key_len = copied(public)
	r.key_handle, r.key_handle_len = copied(seed[:])
	r.signature, r.signature_len = copied([]byte{1})
	r.attestation_cert, r.attestation_cert_len = copied([]byte{1})
	*out = r
	return 0
}

//export sk_sign
func sk_sign(alg C.uint32_t, data *C.uint8_t, dataLen C.size_t, application *C.char, handle *C.uint8_t, handleLen C.size_t, flags C.uint8_t, pin *C.char, options unsafe.Pointer, out **C.struct_sk_sign_response) C.int {
	ed, ec := private(C.GoBytes(unsafe.Pointer(handle), C.int(handleLen)))
	app := sha256.Sum256([]byte(C.GoString(application)))
	message := sha256.Sum256(C.GoBytes(unsafe.Pointer(data), C.int(dataLen)))
	signed := append(app[:], byte(flags), 0, 0, 0, 9)
	signed = append(signed, message[:]...)
	r := (*C.struct_sk_sign_response)(C.calloc(1, C.sizeof_struct_sk_sign_response))
	r.flags, r.counter = flags, 9
	if alg == 0 {
		digest := sha256.Sum256(signed)
		x, y, err := ecdsa.Sign(nil, ec, digest[:])
		if err != nil {
			return -1
		}
		r.sig_r, r.sig_r_len = copied(x.FillBytes(make([]byte, 32)))
		r.sig_s, r.sig_s_len = copied(y.FillBytes(make([]byte, 32)))
	} else {
		r.sig_r, r.sig_r_len = copied(ed25519.Sign(ed, signed))
	}
	*out = r
	return 0
}

//export sk_load_resident_keys
func sk_load_resident_keys(pin *C.char, options, out unsafe.Pointer, n *C.size_t) C.int { return -1 }
