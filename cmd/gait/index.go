package main

import (
	"fmt"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

// A wholeIndex computes the index of a ledger from all its events.
type wholeIndex struct {
	fold ledger.IndexFold
	jobs int64
}

// add follows the next event.
func (w *wholeIndex) add(e ledger.Event) error {
	w.count(e)
	return w.fold.Add(e)
}

// count counts the next event, which is added to the fold elsewhere.
func (w *wholeIndex) count(e ledger.Event) {
	if e.JobSeq() == 1 {
		w.jobs++
	}
}

// at returns the index of the tree of a checkpoint, all of whose events were added, and
// whether it is known.
func (w *wholeIndex) at(c ledger.Checkpoint) (at home.IndexAt, known bool) {
	return home.IndexAt{Size: c.Size, Tree: c.Root, Index: w.fold.Root(), Jobs: w.jobs}, !w.fold.Unchecked() && w.fold.Size() == c.Size
}

// asKeyless returns what computes the index of a ledger while a daemon reads all of it,
// if this home does not have the key with which it would be proved without the daemon.
func asKeyless(r *connect.Ledger) *wholeIndex {
	if _, err := r.Root(); err == nil {
		return nil
	}
	if _, ok, err := home.ReadIndexKeys(r.Home, r.Log.Keys().Current()); ok || err != nil {
		return nil
	}
	return &wholeIndex{fold: ledger.IndexFold{Inherited: root.Inherited(root.ContentOf(r.Dir))}}
}

// wasVerified says that all of an open ledger was verified just now. So this command has
// proved what it shows, and its index is noted, so that the next commands of this home
// prove what they read too, without the ledger's key. computed is what asKeyless returned.
func (a *app) wasVerified(r *connect.Ledger, computed *wholeIndex) {
	a.index = ""
	open, err := r.Root()
	if err != nil && computed == nil {
		return
	}
	if err != nil {
		c, _ := r.Log.Checkpoint()
		a.noteComputed(r, c, computed)
		return
	}
	noted, err := open.NoteVerified()
	a.tellNoted(r, noted, err)
}

// noteComputed notes the index that was computed from all events in the tree of a
// checkpoint of an open ledger, if it is known.
func (a *app) noteComputed(r *connect.Ledger, c ledger.Checkpoint, w *wholeIndex) {
	at, known := w.at(c)
	if !known {
		return
	}
	err := home.IndexNote{Origin: c.Origin, At: []home.IndexAt{at}}.Write(r.Home)
	a.tellNoted(r, err == nil, err)
}

// tellNoted says what was noted, or that it could not be.
func (a *app) tellNoted(r *connect.Ledger, noted bool, err error) {
	switch {
	case err != nil:
		a.notice(fmt.Sprintf("not noted what the index of %s is: %v", r.Log.Origin(), err))
	case noted:
		a.notice(fmt.Sprintf("noted the index of %s: from now on, what is read of it here is proved", r.Log.Origin()))
	}
}
