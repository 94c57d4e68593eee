package authority

import (
	"fmt"

	"gait/ledger"
	"gait/ledger/sshkey"
)

// Signed is what the command of an event says, and which keys signed it.
type Signed struct {
	Command *Command      // nil if the event is a claim
	Keys    []ledger.Hash // IDs, in the order of the signatures
}

// Check checks an event against the authority in force before it: that it names this
// authority, that it is signed if it must be, by keys in force, that its actor may do this,
// and that it says what its command says. It does no cryptography: VerifySignatures does.
//
// It fails with a *ledger.CorruptError: no honest ledger has such an event. An event with a
// command in the form of the versions up to 1.3.0 is ledger.ErrUnsupportedVersion.
func (s *State) Check(e ledger.Event) (Signed, error) {
	signed, err := s.read(e)
	if err != nil {
		return Signed{}, err
	}
	if no := s.May(Act{Actor: e.Actor(), Keys: signed.Keys, Payload: e.Payload()}); no != nil {
		return Signed{}, corrupt(e, "%s: %s", no.Code, no.Reason)
	}
	return signed, nil
}

// read checks everything of an event but what May does.
func (s *State) read(e ledger.Event) (Signed, error) {
	if err := e.CheckMeaning(); err != nil {
		return Signed{}, err
	}
	if e.Authority() != s.Leaf() {
		return Signed{}, corrupt(e, "the newest authority event before it is %s, and it names %s", named(s.Leaf()), named(e.Authority()))
	}
	return ReadCommand(e)
}

// ReadCommand checks that an event says what its command says, and which keys its signatures
// name. It asks no authority, so it does not tell whether these are the actor's keys, and does
// no cryptography: VerifySignatures does. It returns the zero Signed for a claim. Errors are
// those of State.Check.
func ReadCommand(e ledger.Event) (Signed, error) {
	if err := e.CheckMeaning(); err != nil {
		return Signed{}, err
	}
	if len(e.Command()) == 0 {
		return Signed{}, nil
	}
	c, arguments, err := parse(e.Command())
	if err != nil {
		return Signed{}, corrupt(e, "%s", err)
	}
	differs, err := bind(c, arguments, e)
	if err != nil {
		return Signed{}, corrupt(e, "%s", err)
	}
	if differs != "" {
		return Signed{}, corrupt(e, "it is not what was signed: %s", differs)
	}
	keys, err := KeysOf(e)
	if err != nil {
		return Signed{}, err
	}
	return Signed{Command: &c, Keys: keys}, nil
}

// KeysOf returns the IDs of the keys that the signatures of an event name, in their order. It
// does no cryptography. It fails with a *ledger.CorruptError.
func KeysOf(e ledger.Event) ([]ledger.Hash, error) {
	var keys []ledger.Hash
	for i, sig := range e.CommandSigs() {
		parsed, err := sshkey.ParseSignature(sig.Sig)
		if err != nil {
			return nil, corrupt(e, "signature %d: %s", i+1, err)
		}
		keys = append(keys, parsed.Key().ID())
	}
	return keys, nil
}

// VerifySignatures verifies the signatures over the command of an event, and nothing else. It
// returns nil if there is no command. It fails with a *ledger.CorruptError.
func VerifySignatures(e ledger.Event) error {
	if err := e.CheckMeaning(); err != nil {
		return err
	}
	for i, sig := range e.CommandSigs() {
		parsed, err := sshkey.ParseSignature(sig.Sig)
		if err == nil {
			err = parsed.Verify(e.Command())
		}
		if err != nil {
			return corrupt(e, "signature %d: %s", i+1, err)
		}
	}
	return nil
}

// VerifyCommand verifies signatures over the text of a command that is not an event yet. It
// returns the keys that signed, in the order of the signatures. It fails with a *Denial.
func VerifyCommand(text []byte, sigs [][]byte) ([]ledger.Hash, error) {
	if len(sigs) == 0 {
		return nil, deny(SignatureRequired, "the command has no signature")
	}
	if len(sigs) > ledger.MaxCommandSigs {
		return nil, deny(SignatureInvalid, "the command has %d signatures, at most %d", len(sigs), ledger.MaxCommandSigs)
	}
	var keys []ledger.Hash
	for i, sig := range sigs {
		parsed, err := sshkey.ParseSignature(sig)
		if err == nil {
			err = parsed.Verify(text)
		}
		if err != nil {
			return nil, deny(SignatureInvalid, "signature %d: %s", i+1, err)
		}
		keys = append(keys, parsed.Key().ID())
	}
	return keys, nil
}

func corrupt(e ledger.Event, format string, args ...any) error {
	return &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf(format, args...)}
}
