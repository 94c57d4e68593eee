//go:build !linux

package main

import "testing"

// fullDisk needs a disk of its own, which is mounted only on Linux.
func fullDisk(t *testing.T) *honesty {
	t.Skip("needs Linux")
	return nil
}
