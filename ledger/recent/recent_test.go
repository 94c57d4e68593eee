package recent_test

import (
	"testing"

	"gait/ledger/recent"
)

func TestMap(t *testing.T) {
	var m recent.Map[int, string]
	if _, ok := m.Get(1); ok {
		t.Error("an empty map has a key")
	}
	m.Put(1, "one")
	m.Put(2, "two")
	for i := range recent.Size {
		m.Put(10+i, "")
	}
	if v, ok := m.Get(1); !ok || v != "one" {
		t.Errorf("Get(1) after %d others = %q, %t, want it", recent.Size, v, ok)
	}
	for i := range recent.Size {
		m.Put(-1-i, "")
	}
	if v, ok := m.Get(1); !ok || v != "one" {
		t.Errorf("Get(1), which was got before, = %q, %t, want it", v, ok)
	}
	if _, ok := m.Get(2); ok {
		t.Error("what was not used for two generations is still there")
	}
	m.Turn()
	m.Turn()
	if _, ok := m.Get(1); ok {
		t.Error("what two turns have passed over is still there")
	}
}
