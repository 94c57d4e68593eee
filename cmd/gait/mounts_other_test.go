//go:build !linux

package main

// Only Linux has mount namespaces.
func frozenMain() { end("only Linux has mount namespaces") }

func filledMain() { frozenMain() }

func mayMount() bool { return false }
