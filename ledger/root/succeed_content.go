package root

import (
	"errors"
	"iter"

	"gait/ledger"
	"gait/ledger/content"
)

// inheriting yields the entries of the successor, and carries over what they name of the
// content of jobs, such as the subjects of decisions that are asked for again, with its
// secrets. It is durable after Keep.Flush. What is missing or damaged is left behind: the
// events stand without it.
func (e Estate) inheriting(entries iter.Seq2[ledger.Entry, error]) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for entry, err := range entries {
			if err == nil {
				err = e.inherit(entry.Event)
			}
			if !yield(entry, err) {
				return
			}
		}
	}
}

func (e Estate) inherit(event ledger.Event) error {
	for _, name := range content.Names(event) {
		if name.Owner == (content.Owner{}) {
			continue
		}
		for _, c := range []content.Carried{{Owner: name.Owner}, content.Carried(name)} {
			if err := e.carry(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// inheritPolicies carries over policies, durably, as far as they are kept and whole.
func (e Estate) inheritPolicies(named *content.Named) error {
	return e.Keep.PutAll(func(to *content.Batch) error {
		for _, digest := range named.Policies() {
			b, err := e.Content.ReadPlain(digest, content.MaxSize)
			_, damaged := errors.AsType[*content.DamagedError](err)
			if damaged || errors.Is(err, ledger.ErrContentMissing) {
				continue
			}
			if err == nil {
				_, err = to.Put(b)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (e Estate) carry(c content.Carried) error {
	from, err := e.Content.OpenCarried(c)
	_, damaged := errors.AsType[*content.DamagedError](err)
	_, noSecret := errors.AsType[*content.SecretError](err)
	switch {
	case damaged, noSecret, errors.Is(err, ledger.ErrContentMissing):
		return nil
	case err != nil:
		return err
	}
	defer from.Close()
	return e.Keep.PutCarried(c, from)
}
