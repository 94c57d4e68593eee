package root

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
)

// An Order says who hands a ledger over to another key, and why. If the ledger has admins
// and the actor is one, the order is a command that the actor has signed.
type Order struct {
	Actor  string
	Reason string  // optional
	Signed *Signed // nil if no actor has signed
}

// Signed is the text of a command, and the signatures over it. The verb of the command is
// "rotate" for Rotate and "move" for Move. Its actor and its reason are those of the Order.
type Signed struct {
	Text []byte
	Sigs [][]byte // SSHSIG blobs, in any order
}

// draft seals the next event of the ledger, which hands it over to another key.
func (r *Root) draft(ctx context.Context, by Order, payload ledger.Payload) (ledger.Event, error) {
	if len(r.Log.Keys().Keys()) > ledger.MaxRotations {
		return ledger.Event{}, ErrTooManyRotations
	}
	if err := ledger.FieldActor.Check(by.Actor); err != nil {
		return ledger.Event{}, err
	}
	now, head := r.options.Now(), r.Log.Head()
	last, err := r.Log.Event(ctx, ledger.Seq(head.Size-1))
	if err != nil {
		return ledger.Event{}, err
	}
	if err := r.options.checkClock(now, last.Reading()); err != nil {
		return ledger.Event{}, err
	}
	id, err := ledger.NewULID(now, r.options.Entropy)
	if err != nil {
		return ledger.Event{}, err
	}
	d := ledger.Draft{Seq: ledger.Seq(head.Size), ID: id, Origin: r.Log.Origin(), Actor: by.Actor, Prev: head.Leaf, Authority: head.Authority, Payload: payload}
	d.Time, d.Clock = head.At(now)
	state, err := authority.At(ctx, r.Log, head.Authority)
	if err != nil {
		return ledger.Event{}, err
	}
	act := authority.Act{Actor: by.Actor, Payload: payload}
	if by.Signed != nil {
		if act.Keys, err = r.sign(ctx, &d, by, now); err != nil {
			return ledger.Event{}, err
		}
	}
	if no := state.May(act); no != nil {
		return ledger.Event{}, no
	}
	return sealAdmitted(state, d)
}

// sign puts the signed command of an order into a draft. It returns the keys that signed.
func (r *Root) sign(ctx context.Context, d *ledger.Draft, by Order, now time.Time) ([]ledger.Hash, error) {
	c, err := authority.ParseCommand(by.Signed.Text)
	if err != nil {
		return nil, err
	}
	keys, err := authority.VerifyCommand(by.Signed.Text, by.Signed.Sigs)
	if err == nil {
		err = c.CheckTime(now)
	}
	if err != nil {
		return nil, err
	}
	used, err := r.Log.Load(ctx, nil, []string{c.RequestID})
	if err != nil {
		return nil, err
	}
	if e, found := used.Requests[c.RequestID]; found {
		return nil, &authority.Denial{Code: authority.CommandUsed, Reason: fmt.Sprintf("request id %s was used by event %d", c.RequestID, e.Seq())}
	}
	d.Command, d.CommandSigs = by.Signed.Text, ledger.SortedSigs(by.Signed.Sigs)
	d.RequestID = c.RequestID
	d.RequestDigest, err = c.RequestDigest()
	return keys, err
}

// sealAdmitted seals a draft that authority admits, if it says what its command says.
func sealAdmitted(state *authority.State, d ledger.Draft) (ledger.Event, error) {
	e, err := ledger.Seal(d)
	if err != nil {
		return ledger.Event{}, err
	}
	_, err = state.Check(e)
	if differs, is := errors.AsType[*ledger.CorruptError](err); is { // nothing is written yet
		return ledger.Event{}, &authority.Denial{Code: authority.SignatureInvalid, Reason: differs.Reason}
	}
	return e, err
}
