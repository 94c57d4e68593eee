package sshkey

import (
	"crypto/ed25519"
	"sync"

	"gait/ledger/recent"
)

// points remembers keys that were found to be points of the curve, as long as the process
// runs: to find that out takes as long as to verify a signature, and few keys sign many
// commands.
var points struct {
	mu    sync.Mutex
	known recent.Map[[ed25519.PublicKeySize]byte, struct{}]
}

// isPoint reports whether 32 bytes are a point of edwards25519.
func isPoint(public [ed25519.PublicKeySize]byte) bool {
	points.mu.Lock()
	_, known := points.known.Get(public)
	points.mu.Unlock()
	if known {
		return true
	}
	if !onEdwards25519(public[:]) {
		return false
	}
	points.mu.Lock()
	defer points.mu.Unlock()
	points.known.Put(public, struct{}{})
	return true
}
