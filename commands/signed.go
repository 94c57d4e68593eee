package commands

import (
	"bytes"
	"encoding/json"
	"fmt"

	"gait/ledger"
	"gait/ledger/authority"
)

// Signed is a command as actors have signed it: the text of an authority.Command that says
// exactly what the request says, and the signatures over it.
type Signed struct {
	Text []byte
	Sigs [][]byte // SSHSIG blobs, in any order
}

// A signature is what Do has verified of a signed request.
type signature struct {
	command authority.Command
	text    []byte
	sigs    []ledger.CommandSig // as an event has them
	keys    []ledger.Hash       // that signed, in the order of sigs
}

// verify verifies the signatures of a request for the ledger of a name. It returns nil if the
// request is not signed. Errors are *InvalidError and *authority.Denial.
func (r Request) verify(origin string) (*signature, error) {
	if r.Signed == nil {
		return nil, nil
	}
	command, err := authority.ParseCommand(r.Signed.Text)
	if err != nil {
		return nil, &InvalidError{Err: err}
	}
	if command.Origin != origin {
		return nil, &authority.Denial{Code: authority.SignatureInvalid, Reason: fmt.Sprintf("the command was signed for the ledger %s, and this is %s", command.Origin, origin)}
	}
	s := &signature{command: command, text: bytes.Clone(r.Signed.Text), sigs: ledger.SortedSigs(r.Signed.Sigs)}
	var sigs [][]byte
	for _, sig := range s.sigs {
		sigs = append(sigs, sig.Sig)
	}
	if s.keys, err = authority.VerifyCommand(s.text, sigs); err != nil {
		return nil, err
	}
	return s, nil
}

// checkSigned checks that what was signed says what the request says.
func (r Request) checkSigned() error {
	if r.Signed == nil {
		return nil
	}
	c, err := authority.ParseCommand(r.Signed.Text)
	if err != nil {
		return err
	}
	arguments, err := r.signedArguments()
	if err != nil {
		return err
	}
	said := c.Arguments
	if said == nil {
		said = json.RawMessage("{}")
	}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"verb", c.Verb == r.Command.Verb()},
		{"job_id", c.JobID == r.JobID},
		{"actor", c.Actor == r.Actor},
		{"reason", c.Reason == r.Reason},
		{"request_id", c.RequestID == r.RequestID},
		{"lease", c.Lease == r.Lease},
		{"if_revision", c.IfRevision == r.IfRevision || c.IfRevision != nil && r.IfRevision != nil && *c.IfRevision == *r.IfRevision},
		{"arguments", bytes.Equal(said, arguments)},
	} {
		if !f.same {
			return fmt.Errorf("%w: the command that was signed has another %s than the request", ledger.ErrMalformed, f.name)
		}
	}
	return nil
}

// signedArguments returns the arguments as a signed command has them.
func (r Request) signedArguments() (json.RawMessage, error) {
	arguments, err := r.Command.row().encodeSigned(r.Command)
	if err != nil {
		return nil, fmt.Errorf("encoding the arguments of %s: %w", r.Command.Verb(), err)
	}
	return arguments, nil
}
