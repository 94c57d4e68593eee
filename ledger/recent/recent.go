// Package recent keeps what was used lately.
package recent

// Size is how many keys a generation of a Map has. A key that was put or got is
// kept at least until Size others were.
const Size = 1 << 10

// A Map holds values by their keys, in two generations: what is put or got
// becomes young. When the young generation is full it becomes the old one, and
// the old one is dropped. The zero Map is empty and ready. One goroutine at a
// time uses a Map.
type Map[K comparable, V any] struct {
	young, old map[K]V
}

// Get returns the value of a key, and whether there is one.
func (m *Map[K, V]) Get(key K) (V, bool) {
	if v, ok := m.young[key]; ok {
		return v, true
	}
	v, ok := m.old[key]
	if ok {
		m.Put(key, v)
	}
	return v, ok
}

// Put sets the value of a key.
func (m *Map[K, V]) Put(key K, v V) {
	if m.young == nil {
		m.young = map[K]V{}
	}
	m.young[key] = v
	if len(m.young) == Size {
		m.Turn()
	}
}

// Turn ends the young generation before it is full.
func (m *Map[K, V]) Turn() { m.old, m.young = m.young, nil }
