package pebble_test

import (
	"context"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// create creates the ledger of a key at ledgertest.Dir.
func create(o pebble.Options, key ledger.PrivateKey) error {
	return pebble.Create(ledgertest.Dir, o, func(t store.Table) error {
		return store.Create(context.Background(), t, ledgertest.First(key.VerifierKey()), store.Options{Signer: key, Keys: ledgertest.MACKeys})
	})
}

// open opens the ledger at ledgertest.Dir.
func open(t pebble.Options, o store.Options) (*pebble.Table, *store.Log, error) {
	table, err := pebble.Open(ledgertest.Dir, t)
	if err != nil {
		return nil, nil, err
	}
	log, err := store.Open(context.Background(), table, o)
	return table, log, err
}
