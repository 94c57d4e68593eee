package pebble_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// counts are how often things happened in a simulation.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) add(what string) { c.addN(what, 1) }

func (c *counts) addN(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[what] += n
}

func (c *counts) merge(other *counts) {
	for what, n := range other.of {
		c.addN(what, n)
	}
}

// parse adds what String has written.
func (c *counts) parse(all string) {
	for one := range strings.SplitSeq(all, ", ") {
		var n int
		number, what, _ := strings.Cut(one, " ")
		if _, err := fmt.Sscan(number, &n); err == nil {
			c.addN(what, n)
		}
	}
}

func (c *counts) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []string
	for _, what := range slices.Sorted(maps.Keys(c.of)) {
		all = append(all, fmt.Sprintf("%d %s", c.of[what], what))
	}
	return strings.Join(all, ", ")
}
