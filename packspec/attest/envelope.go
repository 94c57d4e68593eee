package attest

import (
	"context"
	"crypto"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"gait/ledger"
	"gait/ledger/jcs"
)

// PayloadType is the type of the payload of every envelope: an in-toto Statement as JSON.
const PayloadType = "application/vnd.in-toto+json"

// Seal returns a statement in a DSSE envelope that a key signs, as a line of canonical JSON.
// What is signed begins with "DSSEv1 ", so it is never a checkpoint nor a manifest's digest.
func Seal(statement any, by ledger.Signer) ([]byte, error) {
	payload, err := jcs.Marshal(statement)
	if err != nil {
		return nil, fmt.Errorf("encoding the statement: %w", err)
	}
	signer, err := dsse.NewEnvelopeSigner(dsseSigner{by})
	if err != nil {
		return nil, err
	}
	envelope, err := signer.SignPayload(context.Background(), PayloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("signing the attestation: %w", err)
	}
	b, err := jcs.Marshal(envelope)
	return append(b, '\n'), err
}

// open returns the payload of an envelope, if the key has signed it.
func open(envelope *dsse.Envelope, key ledger.VerifierKey) ([]byte, error) {
	verifier, err := dsse.NewEnvelopeVerifier(dsseVerifier{key})
	if err != nil {
		return nil, err
	}
	_, payload, err := verifier.VerifyAndDecode(context.Background(), envelope)
	return payload, err
}

// A dsseSigner signs for the DSSE library.
type dsseSigner struct{ by ledger.Signer }

// Sign returns the signature over a message.
func (s dsseSigner) Sign(_ context.Context, message []byte) ([]byte, error) {
	return s.by.Sign(message)
}

// KeyID returns the id by which manifests name the key.
func (s dsseSigner) KeyID() (string, error) { return s.by.VerifierKey().ID().String(), nil }

// A dsseVerifier verifies for the DSSE library.
type dsseVerifier struct{ key ledger.VerifierKey }

var errNotSigned = errors.New("the signature does not hold")

// Verify fails if the signature over a message is not the key's.
func (v dsseVerifier) Verify(_ context.Context, message, sig []byte) error {
	if !v.key.Verify(message, sig) {
		return errNotSigned
	}
	return nil
}

// KeyID returns the id by which manifests name the key.
func (v dsseVerifier) KeyID() (string, error) { return v.key.ID().String(), nil }

// Public returns nil: the library asks for it only to hand it back.
func (v dsseVerifier) Public() crypto.PublicKey { return nil }
