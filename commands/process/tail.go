package process

import "sync"

// A tail keeps the last bytes that were written to it.
type tail struct {
	max int

	mu sync.Mutex
	b  []byte // at most twice max
}

// Write keeps the end of b. It never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b = append(t.b, b[max(0, len(b)-t.max):]...); len(t.b) > 2*t.max {
		t.b = append(t.b[:0], t.b[len(t.b)-t.max:]...)
	}
	return len(b), nil
}

// bytes returns a copy of the last bytes, at most t.max.
func (t *tail) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), t.b[max(0, len(t.b)-t.max):]...)
}
