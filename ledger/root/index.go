package root

import (
	"context"
	"errors"
	"io/fs"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store"
)

// noteEvery is by how many events a ledger must have grown before a home that computed
// its index itself notes it again.
const noteEvery = ledger.MaxIndexUndo / 8

// macKeys returns the MAC keys that belong to a key of the ledger, if home can derive
// them. A key file that this user cannot read is like none.
func (s *directory) macKeys(key ledger.VerifierKey) (store.MACKeys, bool, error) {
	keys, ok, err := home.ReadIndexKeys(s.Home, key)
	if errors.Is(err, fs.ErrPermission) && !s.Mode.writes() {
		return store.MACKeys{}, false, nil
	}
	return store.MACKeys(keys), ok, err
}

// macKeysWith is macKeys of a home that holds that private key, unless it is zero.
func (s *directory) macKeysWith(key ledger.PrivateKey) func(ledger.VerifierKey) (store.MACKeys, bool, error) {
	if key.VerifierKey().IsZero() {
		return s.macKeys
	}
	return func(of ledger.VerifierKey) (store.MACKeys, bool, error) {
		k, err := home.DeriveIndexKeys(key)
		return store.MACKeys(k), of == key.VerifierKey(), err
	}
}

// findLateKey finds out whether the ledger of a backup, which is here already, could be
// continued but for its index: it was made when the private key was not here.
func (s *restorer) findLateKey(ctx context.Context, from Backup, did *Restoration) error {
	if did.Copy || did.Retired || did.Older || did.Moved != did.Here || from.Succeeded {
		return nil
	}
	log, err := s.readIndexed(ctx, s.macKeysWith(from.Key))
	if err != nil {
		return err
	}
	did.KeyLate = log.Index() == ledger.IndexBroken
	return log.Close()
}

// withIndex adds to o what home knows of the index of a ledger.
func (s *site) withIndex(o store.Options, note home.IndexNote) store.Options {
	o.Keys = s.macKeys
	o.Indexed = note.Kept
	for _, at := range note.At {
		o.Known = append(o.Known, store.IndexRoot{Size: at.Size, Tree: at.Tree, Index: at.Index, Jobs: at.Jobs})
	}
	o.Progress, o.Views, o.Tags, o.Defer = s.progress, s.Views, s.Tags, s.DeferIndex
	o.Inherited = Inherited(ContentOf(s.dir))
	return o
}

// progress tells processes that wait for the lock that this one does something long,
// and passes on how far it is.
func (s *site) progress(phase string, done, total int64) error {
	word := wordBuilding
	if phase == store.PhaseViews {
		word = wordViews
	}
	s.lock.doing(word)
	if s.Building == nil {
		return nil
	}
	return s.Building(phase, done, total)
}

// noteIndex notes in home that the open ledger has a whole index, and what its root
// is. A ledger opened to be read is noted only if that is proved by what home has computed
// before, and only now and then.
func (s *site) noteIndex(log *store.Log, was home.IndexNote) error {
	now, proved := log.IndexRoot()
	switch {
	case !proved, s.Mode.writes() && was.Kept:
		return nil
	case s.Mode.writes():
		return noteOf(log.Origin(), now, true).Write(s.Home)
	case log.Authenticated() || len(was.At) == 0 || now.Size-was.Newest().Size < noteEvery:
		return nil
	}
	note := noteOf(log.Origin(), now, false)
	note.At[0].Followed = true
	if err := note.Write(s.Home); err != nil {
		s.notice("not noted how far the index of %s was checked: %v", log.Origin(), err)
	}
	return nil
}

// noteComputed notes in home what the root of the index of a ledger's events is. It does so
// before the ledger takes its place, and before a crash can come between. Size 0 says that
// the root is not known: the request ids that event 0 names are not there.
func (s *site) noteComputed(origin string, at store.IndexRoot) error {
	if at.Size == 0 {
		return nil
	}
	if err := noteOf(origin, at, false).Write(s.Home); err != nil {
		return err
	}
	return s.done("index note")
}

func noteOf(origin string, at store.IndexRoot, kept bool) home.IndexNote {
	return home.IndexNote{Origin: origin, At: []home.IndexAt{{Size: at.Size, Tree: at.Tree, Index: at.Index, Jobs: at.Jobs}}, Kept: kept}
}

// NoteVerified notes in home what the index of the ledger's events is, if the log was
// verified and its index is only unchecked. It reports whether it did: then the next Open
// proves with it what it reads, although the ledger's key is missing or the ledger is a
// copy.
func (r *Root) NoteVerified() (bool, error) {
	at, ok := r.Log.VerifiedIndex()
	if !ok {
		return false, nil
	}
	return true, noteOf(r.Log.Origin(), at, !r.Log.Imported()).Write(r.Home)
}

// openIndexed opens the ledger that a Root is made of, with what home knows of its
// index. asItIs is store.Options.AsItIs.
func (s *site) openIndexed(ctx context.Context, r *Root, origin string, asItIs bool) (*store.Log, error) {
	note, _, err := home.ReadIndexNote(s.Home, origin)
	if err != nil {
		return nil, err
	}
	defer s.lock.doing("")
	log, err := s.openLog(ctx, s.tableOptions(), s.withIndex(store.Options{
		Signer: r.Signer, ReadOnly: !s.Mode.writes(), Ready: r.ready, Published: r.publish, OneShot: s.tableOptions().OneShot, AsItIs: asItIs,
	}, note))
	if err != nil {
		return nil, err
	}
	r.noted = note
	return log, nil
}
