package commands

import (
	"bytes"
	"fmt"

	"gait/ledger"
	"gait/ledger/authority"
)

// CheckAnswer checks that an event that another process gives as what a signed request led to
// says what was signed, under the authority in force before it, as every reader of the ledger
// checks it. A replayed event may carry the same command signed at another time. It fails with
// a *ledger.CorruptError. A request that is not signed proves nothing: then it returns nil.
func CheckAnswer(r Request, e ledger.Event, replayed bool, in *authority.State) error {
	if r.Signed == nil {
		return nil
	}
	other := func(what string) error {
		return &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf("it is not what was signed: it has another %s", what)}
	}
	digest, err := r.digest()
	switch {
	case err != nil:
		return err
	case e.RequestID() != r.RequestID:
		return other("request id")
	case e.RequestDigest() != digest:
		return other("request digest")
	case replayed && len(e.Command()) == 0: // the request was carried out before without a signature
		return nil
	case !replayed && !bytes.Equal(e.Command(), r.Signed.Text):
		return other("command")
	}
	if err := authority.VerifySignatures(e); err != nil {
		return err
	}
	_, err = in.Check(e)
	return err
}
