package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncAll makes a directory and all in it durable.
func syncAll(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}
