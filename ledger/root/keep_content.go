package root

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"gait/ledger"
	"gait/ledger/content"
)

// keepContent keeps contents, durably. named has the events that may name content of jobs;
// it is nil if all is plain.
func (s *restorer) keepContent(each func(keep func(digest ledger.Hash, from io.ReadSeeker) error) error, named *content.Named) error {
	kept := ContentOf(s.dir)
	owners := map[ledger.Hash][]content.Owner{}
	if named != nil {
		for name := range named.All() {
			owners[name.Digest] = append(owners[name.Digest], name.Owner)
		}
	}
	err := kept.PutAll(func(to *content.Batch) error {
		return each(func(digest ledger.Hash, in io.ReadSeeker) error {
			of := owners[digest]
			if len(of) == 0 { // plain content
				of = []content.Owner{{}}
			}
			for _, o := range of {
				if err := keepIn(kept, to, content.Name{Owner: o, Digest: digest}, in); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil {
		err = kept.Flush()
	}
	if err != nil {
		return errors.Join(err, kept.Drop())
	}
	return s.done("content")
}

// keepIn keeps content where it belongs. It must have the digest that it is named by.
func keepIn(kept *content.Store, plain *content.Batch, name content.Name, in io.ReadSeeker) error {
	if name.Owner != (content.Owner{}) {
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return err
		}
		return refuted(kept.PutCarried(content.Carried(name), in))
	}
	e, err := plain.PutFrom(in)
	if err == nil && e.Digest != name.Digest {
		err = unverified(name.Digest)
	}
	return err
}

func unverified(digest ledger.Hash) error {
	return fmt.Errorf("%w: content %s has another digest", ledger.ErrUnverified, digest)
}

// refuted returns a *content.DamagedError as one of what was brought: it does not verify.
func refuted(err error) error {
	if damaged, ok := errors.AsType[*content.DamagedError](err); ok {
		return unverified(damaged.Digest)
	}
	return err
}

// keepOfJobs keeps content of jobs and their secrets, durably.
func (s *restorer) keepOfJobs(each func(keep func(c content.Carried, from io.Reader) error) error) error {
	if each == nil {
		return nil
	}
	kept := ContentOf(s.dir)
	err := each(func(c content.Carried, from io.Reader) error { return refuted(kept.PutCarried(c, from)) })
	if err == nil {
		err = kept.Flush()
	}
	if err != nil {
		return errors.Join(err, kept.Drop())
	}
	return s.done("content of jobs")
}

// noting returns entries, and adds the events of those that are read to named.
func noting(entries iter.Seq2[ledger.Entry, error], named *content.Named) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		*named = content.Named{}
		for e, err := range entries {
			if err == nil {
				named.Add(e.Event)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
