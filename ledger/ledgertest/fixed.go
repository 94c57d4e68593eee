package ledgertest

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"gait/ledger"
	"gait/ledger/store"
)

// Origin is the origin of the ledgers that New makes.
const Origin = "gait.test/ledger"

// Start is when New's ledgers were created.
var Start = time.Date(2026, 11, 22, 20, 32, 58, 0, time.UTC)

// Key returns the signing key that an origin has in tests.
func Key(origin string) ledger.PrivateKey { return KeyAfter(origin, 0) }

// KeyAfter returns the key that an origin has in tests after n rotations.
func KeyAfter(origin string, n uint64) ledger.PrivateKey {
	key, err := ledger.GenerateKey(Entropy(1+n), origin)
	if err != nil {
		panic("ledgertest: " + err.Error())
	}
	return key
}

// derived returns the MAC keys that a home derives from a private key.
func derived(key ledger.PrivateKey) (keys store.MACKeys, ok bool, err error) {
	if keys.Record, err = key.Derive("gait index record v1"); err == nil {
		keys.View, err = key.Derive("gait job view v1")
	}
	return keys, err == nil, err
}

// derivedKeys is for how many rotations MACKeys derives what a home derives.
const derivedKeys = 8

// MACKeys returns MAC keys for a key of a ledger, for store.Options. Those of the first
// keys that an origin has in tests are what a home derives; the others are made up.
func MACKeys(of ledger.VerifierKey) (keys store.MACKeys, ok bool, err error) {
	for n := range uint64(derivedKeys) {
		key := KeyAfter(of.Name(), n)
		if key.VerifierKey() != of {
			continue
		}
		return derived(key)
	}
	id := of.ID()
	return store.MACKeys{Record: sha256.Sum256(append([]byte("record"), id[:]...)), View: sha256.Sum256(append([]byte("view"), id[:]...))}, true, nil
}

// Entropy returns a stream of bytes that depends on seed alone.
func Entropy(seed uint64) io.Reader {
	var s [32]byte
	binary.BigEndian.PutUint64(s[:], seed)
	return &lockedReader{r: rand.NewChaCha8(s)}
}

type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// began is when the process began, for Now.
var began = time.Now()

// Now is a clock that runs, from a day after Start: on whatever day a test runs, a clock
// of its own would at some time be too far ahead of the ledgers that were made at Start.
func Now() time.Time { return Start.Add(24*time.Hour + time.Since(began)) }

// A Clock is a clock that moves only when Advance is called, and by Step each time
// it is read. The zero Clock stands at Start.
type Clock struct {
	Step time.Duration

	mu     sync.Mutex
	passed time.Duration
}

// Now returns the time. Tests set an Options field to clock.Now.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := Start.Add(c.passed)
	c.passed += c.Step
	return now
}

// Advance moves the clock. A negative d moves it back.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
}
