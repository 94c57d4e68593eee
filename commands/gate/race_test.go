//go:build race

package gate_test

// slowdown is how many times longer the race detector makes a decision take.
const slowdown = 25
