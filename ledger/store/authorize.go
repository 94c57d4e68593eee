package store

import (
	"errors"

	"gait/ledger"
	"gait/ledger/authority"
)

// An authorizer checks the events of a ledger, from event 0 on: each against the authority in
// force before it, and its signatures, which are verified on all processors meanwhile. The
// zero authorizer is ready. Its caller calls end at last.
type authorizer struct {
	chain      authority.Chain
	signatures authority.Signatures
}

// add checks the next event, but for its signatures.
func (a *authorizer) add(e ledger.Event) error {
	a.signatures.Add(e)
	if e.Type().OfAuthority() {
		return a.chain.Add(e)
	}
	_, err := a.chain.Newest().Check(e)
	return err
}

// end waits for the signatures. err is what ended the events, or nil. end returns the error
// that is about the earlier event.
func (a *authorizer) end(err error) error {
	wrong := a.signatures.Wait()
	if wrong == nil {
		return err
	}
	later, damage := errors.AsType[*ledger.CorruptError](err)
	first, _ := errors.AsType[*ledger.CorruptError](wrong)
	if err == nil || damage && (later.Seq < 0 || first != nil && first.Seq < later.Seq) {
		return wrong
	}
	return err
}
