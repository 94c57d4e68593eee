package home_test

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"gait/ledger"
	"gait/ledger/ledgertest"
)

func TestMain(m *testing.M) {
	unix.Umask(0o022) // some users' lets groups write, and in such a directory no home is used
	if dir := os.Getenv(useEnv); dir != "" {
		useHome(dir)
	}
	os.Exit(m.Run())
}

// keys counts the keys made by newKey, so that each is different.
var keys byte

func newKey(t *testing.T, origin string) ledger.PrivateKey {
	t.Helper()
	keys++
	k, err := ledger.GenerateKey(entropy(origin+string(keys)), origin)
	must(t, err)
	return k
}

// What package ledgertest has, by its names here.
var (
	must, read, write = ledgertest.Must, ledgertest.ReadFile, ledgertest.WriteFile
	entropy           = ledgertest.EntropyOf
)
