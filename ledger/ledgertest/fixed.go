package ledgertest

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"gait/ledger"
)

// Origin is the origin of the ledgers that New makes.
const Origin = "gait.test/ledger"

// Start is when the ledgers that New makes were created.
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

// Entropy returns a stream of bytes that seed alone decides.
func Entropy(seed uint64) io.Reader {
	var s [32]byte
	binary.BigEndian.PutUint64(s[:], seed)
	return &locked{r: rand.NewChaCha8(s)}
}

type locked struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *locked) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.r.Read(p)
}

// A Clock is a clock that moves when it is told to, and by Step each time it
// is read. Its zero value stands at Start and never moves.
type Clock struct {
	Step time.Duration

	mu     sync.Mutex
	passed time.Duration
}

// Now returns the time, which goes into an Options field as clock.Now.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := Start.Add(c.passed)
	c.passed += c.Step
	return now
}

// Advance moves the clock, backwards too.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.passed += d
}
