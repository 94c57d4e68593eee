package main

import (
	"errors"

	"gait/commands/connect"
	"gait/commands/recall"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

// The ways on from a ledger that is gone, or is not what it was.
const (
	retireHint    = `if you know why: gait ledger retire --reason "WHY", then continue in a new ledger that names this one`
	successorHint = `to go on with its jobs in a new ledger: gait ledger retire --reason "WHY" --successor`
	newerHint     = `put the newest state back, or restore a newer backup: move the directory ledger in the root away, then gait ledger restore FILE; `
	lostHint      = `restore a backup: gait ledger restore FILE, and with --as-successor go on with its jobs in a new ledger; to begin a new ledger on purpose: gait ledger init; to give the old one up: gait ledger retire --reason "WHY"`
)

func rolledBackHint(err error) string {
	e, ok := errors.AsType[*home.RolledBackError](err)
	if ok && isURL(e.Dir) {
		return "tell the ledger's owner, and do nothing there until it is explained: what you have seen of it is kept, and is evidence"
	}
	switch {
	case ok && e.Accepted: // it may be read already
		return goOnHint(e.Alive)
	case ok && e.Found.Size >= e.Seen.Size && e.Alive != nil:
		return goOnHint(e.Alive) + "; keep this one as it is: together they show two histories"
	case ok && e.Found.Size >= e.Seen.Size: // it contradicts what was seen
		return retireHint
	case ok && e.Alive != nil:
		return goOnHint(e.Alive) + "; to read this one as it is: gait ledger restore --in-place"
	}
	return `put the newest state back, or restore a newer backup: move the directory ledger in the root away, then gait ledger restore FILE; to read this one as it is: gait ledger restore --in-place; ` + successorHint
}

// isURL reports whether an error names a ledger by the URL of its daemon.
func isURL(dir string) bool {
	_, err := connect.ParseURL(dir)
	return err == nil
}

// goOnHint says how to go on with the jobs of a ledger that is here in an older state. alive is
// the error that says where it goes on itself; nil if no such place is known.
func goOnHint(alive error) string {
	if alive == nil {
		return successorHint
	}
	if e, ok := errors.AsType[*root.ElsewhereError](alive); ok {
		return "its newest state is in another root: gait job list --root " + quoted(e.Dir)
	}
	return `it moved away: write it where it goes on; if that place is lost: gait ledger retire --successor --although-moved --reason "WHY"`
}

func missingHint(err error) string {
	e, ok := errors.AsType[*root.LostError](err)
	if !ok || e.Alive == nil {
		return lostHint
	}
	const begin = "; to begin a new ledger on purpose: gait ledger init"
	if at, ok := errors.AsType[*root.ElsewhereError](e.Alive); ok {
		return "it goes on in another root: gait job list --root " + quoted(at.Dir) + begin
	}
	return "it moved away: write it where it goes on; if that place is lost: gait ledger restore FILE --as-successor --although-moved" + begin
}

func movedHint(err error) string {
	if _, ok := errors.AsType[*root.BackError](err); ok {
		return newerHint + successorHint
	}
	if e, ok := errors.AsType[*ledger.MovedError](err); ok {
		return "write it where it goes on, under " + e.To.String() + "; to have it back here: gait keys new " + e.Origin + ", then there: gait ledger move --to KEY; if that place is lost: gait ledger retire --successor --although-moved --reason \"WHY\""
	}
	if _, ok := errors.AsType[*root.LeftError](err); ok {
		return "write it where it goes on; if that place is lost: add --although-moved"
	}
	return "write it where it goes on"
}

func retiredHint(err error) string {
	e, ok := errors.AsType[*root.RetiredError](err)
	switch {
	case !ok || e.Root == "":
		return "begin a new ledger in another directory: --root DIR"
	case e.Successor.IsZero():
		return "it can be read here; write to the root that it was in: gait job list --root " + quoted(e.Root)
	}
	return "it can be read here; write where its jobs go on: gait job list --root " + quoted(e.Root)
}

func swappedHint(err error) string {
	if e, ok := errors.AsType[*root.SwappedError](err); ok && e.Moved {
		return "if you put it there: gait ledger restore --in-place; if not, find out who did"
	}
	return "find out why; put the ledger that was there back, or restore a backup of it: move the directory ledger in the root away, then gait ledger restore FILE; " + retireHint
}

func elsewhereHint(err error) string {
	e, ok := errors.AsType[*root.ElsewhereError](err)
	if !ok {
		return "use the root where it goes on"
	}
	if e.GivenUp {
		return "go on there: gait job list --root " + quoted(e.Dir) + "; a copy that is not needed can be removed; only if the other one is not to go on: move its root away first"
	}
	return "its newest state is there: use --root " + quoted(e.Dir) + "; to look at this one only: --read-only"
}

// pastEndHint is about a ledger that has events of a job behind the one with which the job went
// on in another ledger.
const pastEndHint = "ask the ledger's owner: a successor that was made of an older backup looks the same, and these events were lost then; if it was not, there are two histories of the job: keep both files, and tell those who rely on this ledger"

func forkedHint(err error) string {
	if e, ok := errors.AsType[*recall.ForkedError](err); ok && e.PastEnd {
		return pastEndHint
	}
	return "keep both, and tell those who rely on this ledger: the holder of its key has written two histories"
}
