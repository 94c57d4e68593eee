package root

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/home"
)

// PlanRetire returns the note that Retire would write, and fails if Retire would before it
// writes that. It writes nothing.
func PlanRetire(ctx context.Context, o Options, reason string) (home.RetirementNote, error) {
	o.Create, o.Mode = false, Read
	if err := ledger.FieldReason.Check(reason); err != nil {
		return home.RetirementNote{}, err
	}
	s, err := enter(ctx, o)
	if _, lost := errors.AsType[*LostError](err); lost { // with its root, so that there is no lock
		d := directory{Options: o}
		if d.dir, err = locate(o.Dir); err == nil {
			err = d.readPlace()
		}
		s = &site{comparison: comparison{directory: d, lock: &lock{}}}
	}
	if err != nil {
		return home.RetirementNote{}, fmt.Errorf("retiring the ledger in %s: %w", o.Dir, err)
	}
	var n home.RetirementNote
	in := newInstaller(s)
	if err = in.checkUnfinished(); err == nil {
		n, err = in.plan(reason)
	}
	if err := errors.Join(err, s.lock.release()); err != nil {
		return home.RetirementNote{}, fmt.Errorf("retiring the ledger in %s: %w", o.Dir, err)
	}
	return n, nil
}

func (s retirer) plan(reason string) (n home.RetirementNote, err error) {
	if err := s.notPutAway(); err != nil {
		return n, err
	}
	keys, err := s.retiree()
	if err == nil {
		err = s.checkAlive(keys)
	}
	if err == nil {
		err = s.checkSuccessor()
	}
	if err != nil {
		return n, err
	}
	n, begun, err := home.ReadRetirementNote(s.Home, keys[0].Name())
	if err != nil || begun {
		return n, err
	}
	return s.describe(keys, reason)
}
