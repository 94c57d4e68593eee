package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
)

// Create makes a ledger in dir, which must not exist, and opens it. first is
// its event 0, sealed; o.Signer must hold the key it names.
//
// The ledger is built in a directory beside dir and renamed, so dir is either
// whole or not there. What an earlier Create left half-made is removed.
// o.Published sees the checkpoint when the ledger is in its place.
func Create(dir string, first ledger.Event, o Options) (*Log, error) {
	stop := newFailStop(o.FS, o.Fatal)
	keys, err := checkCreate(dir, first, o, stop)
	if err != nil {
		return nil, fmt.Errorf("creating a ledger: %w", err)
	}
	temporary := dir + creating + first.ID
	if err := removeLeftovers(stop, dir); err != nil {
		return nil, fmt.Errorf("creating a ledger: %w", err)
	}
	if err := build(temporary, first, keys, stop, o); err != nil {
		return nil, fmt.Errorf("creating a ledger: %w", err)
	}
	if err := stop.Rename(temporary, dir); err != nil {
		return nil, err
	}
	if err := syncDir(stop, stop.PathDir(dir)); err != nil {
		return nil, err
	}
	o.OneShot = false
	l, err := open(dir, stop, o)
	if err != nil {
		return nil, err
	}
	_, signed := l.Checkpoint()
	if err := l.publish(signed); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// creating stands in the name of a directory that is being built.
const creating = ".creating-"

func checkCreate(dir string, first ledger.Event, o Options, stop *failStop) (ledger.Keyring, error) {
	if o.ReadOnly {
		return ledger.Keyring{}, ErrReadOnly
	}
	if o.Signer == nil {
		return ledger.Keyring{}, ErrNoSigner
	}
	keys, err := ledger.NewKeyring(first)
	if err != nil {
		return ledger.Keyring{}, misfit(err)
	}
	if err := checkSigner(o.Signer, keys.Current()); err != nil {
		return ledger.Keyring{}, err
	}
	switch _, err := stop.Stat(dir); {
	case err == nil:
		return ledger.Keyring{}, fmt.Errorf("%s: %w", dir, ErrExists)
	case !errors.Is(err, fs.ErrNotExist):
		return ledger.Keyring{}, err
	}
	return keys, nil
}

// removeLeftovers removes what a Create of dir that crashed left beside it.
func removeLeftovers(stop *failStop, dir string) error {
	parent := stop.PathDir(dir)
	names, err := stop.List(parent)
	if err != nil {
		return fmt.Errorf("listing %s: %w", parent, err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, stop.PathBase(dir)+creating) {
			continue
		}
		if err := stop.RemoveAll(stop.PathJoin(parent, name)); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// build makes a whole ledger of one event in dir, and closes it.
func build(dir string, first ledger.Event, keys ledger.Keyring, stop *failStop, o Options) error {
	if err := stop.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	db, err := openPebble(dir, stop, func(o *pebble.Options) { o.ErrorIfExists = true })
	if err != nil {
		return err
	}
	l := newLog(db, &state{keys: keys}, o)
	_, err = l.append([]ledger.Entry{{Event: first}}, nil)
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	return syncDir(stop, dir)
}
