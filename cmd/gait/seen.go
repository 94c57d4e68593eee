package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"gait/commands/connect"
	"gait/commands/recall"
	"gait/ledger"
	"gait/ledger/home"
)

// memoryOf returns what the user of this command line remembers.
func memoryOf(a *app) (recall.Memory, error) {
	dir, err := a.homeIfAny()
	return recall.Memory{Home: dir, Notice: a.notice}, err
}

// A seenFile is a file with a checkpoint that was seen earlier. The zero seenFile has
// none.
type seenFile struct {
	name string
	was  ledger.Checkpoint
	note []byte
}

// readSeen reads the checkpoint in a file, if name is not "".
func (c *console) readSeen(name string) (seenFile, error) {
	if name == "" {
		return seenFile{}, nil
	}
	text, err := c.readFile(name, ledger.MaxProofSize)
	if err != nil {
		return seenFile{}, err
	}
	f := seenFile{name: name}
	if f.was, f.note, err = checkpointIn(text); err != nil {
		return f, fmt.Errorf("reading %s: %w", name, err)
	}
	return f, nil
}

// holdsToFile requires that the ledger continues the checkpoint in a file.
func holdsToFile(ctx context.Context, r *connect.Ledger, f seenFile) error {
	now, _ := r.Log.Checkpoint()
	if f.was.Origin != now.Origin {
		return &usageError{code: "other_ledger", text: fmt.Sprintf("%s is a checkpoint of %s, the ledger is %s", f.name, f.was.Origin, now.Origin), hint: "give a checkpoint of this ledger, or name the other one with --root"}
	}
	return holdsTo(ctx, r, f.name, f.was, f.note)
}

// holdsTo requires that the ledger continues a checkpoint of it, which is in name.
func holdsTo(ctx context.Context, r *connect.Ledger, name string, was ledger.Checkpoint, note []byte) error {
	now, found := r.Log.Checkpoint()
	_, late, err := r.Log.Keys().OpenSeen(note)
	if err != nil && !ledger.HasSignature(note, r.Log.Keys().Keys()...) {
		err = foreign(ctx, r, name, note, err)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if was.Size == 0 {
		return nil
	}
	conflict := &recall.ConflictError{Notes: [2][]byte{bytes.Clone(note), found}}
	if !late.IsZero() {
		conflict.Text = fmt.Sprintf("the ledger was written in two places: %s has signed %s, of %d events, although another key had taken over from it", late, name, was.Size)
		return conflict
	}
	if was.Size > now.Size {
		conflict.Text = fmt.Sprintf("the ledger was cut: %s has %d events, the ledger %d", name, was.Size, now.Size)
		return conflict
	}
	path, err := r.Log.ConsistencyIn(ctx, found, was.Size)
	if err != nil {
		return err
	}
	if err := ledger.CheckConsistency(path, was, now); err != nil {
		conflict.Text = fmt.Sprintf("the ledger was rewritten: its first %d events are not those of %s", was.Size, name)
		return conflict
	}
	return nil
}

// foreign says why no key of the ledger has signed a checkpoint of it. err is what opening
// the checkpoint said.
func foreign(ctx context.Context, r *connect.Ledger, name string, note []byte, err error) error {
	moved, movedErr := ledger.MovedAway(ctx, r.Log)
	if movedErr != nil {
		return movedErr
	}
	if moved != nil {
		if _, not := ledger.OpenCheckpoint(note, moved.To); not != nil {
			moved = nil
		}
	}
	return &foreignError{note: name, err: err, moved: moved}
}

// holdsToPacks requires that the ledger continues the newest checkpoint seen in a
// pack of it, which is not checked when it is opened.
func holdsToPacks(a *app, r *connect.Ledger) error {
	moved, err := ledger.MovedAway(a.running.Context(), r.Log)
	if err != nil {
		return err
	}
	seen, dir, err := home.Seen(r.Home, r.Log.Keys().Keys()...)
	for _, at := range seen {
		_, late, _ := r.Log.Keys().OpenSeen(at.Note)
		if now := r.Log.Head().Size; err == nil && late.IsZero() && (r.Log.Imported() || moved != nil) && at.Size > now {
			a.notice(fmt.Sprintf("this copy has %d events; a newer state, of %d, was seen", now, at.Size))
			continue
		}
		if err == nil {
			err = holdsTo(a.running.Context(), r, "a checkpoint in "+dir, at.Checkpoint, at.Note)
		}
	}
	if errors.Is(err, home.ErrOtherKey) {
		return nil
	}
	return err
}

// checkpointIn returns the checkpoint in a signed note or at the end of a
// proof, and its note. No signature is checked.
func checkpointIn(text []byte) (ledger.Checkpoint, []byte, error) {
	if p, err := ledger.ParseProof(text); err == nil {
		text = p.Checkpoint
	}
	c, err := ledger.PeekCheckpoint(text)
	return c, text, err
}
