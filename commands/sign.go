package commands

import (
	"bytes"
	"fmt"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

// SignedFor is how long a signed command can be carried out if its actor does not say.
const SignedFor = 10 * time.Minute

// CommandOf returns the command that the actor of a request signs, for the ledger of a name:
// made at a time, and to be carried out within a duration, 0 for SignedFor. What the request
// leaves out must be filled in before: see Fill and FillVerdict.
func CommandOf(r Request, origin string, at time.Time, within time.Duration) (authority.Command, error) {
	r.Signed = nil
	if err := r.Check(); err != nil {
		return authority.Command{}, err
	}
	if within == 0 {
		within = SignedFor
	}
	arguments, err := r.signedArguments()
	if err != nil {
		return authority.Command{}, err
	}
	at = at.UTC().Truncate(time.Millisecond)
	return authority.Command{
		Actor: r.Actor, Arguments: arguments, CreatedAt: at, ExpiresAt: at.Add(within), IfRevision: r.IfRevision, JobID: r.JobID, Lease: r.Lease,
		Origin: origin, Reason: r.Reason, RequestID: r.RequestID, Verb: r.Command.Verb(),
	}, nil
}

// SignText returns the text of what CommandOf returns: the bytes to sign, and the Text of a
// Signed.
func SignText(r Request, origin string, at time.Time, within time.Duration) ([]byte, error) {
	c, err := CommandOf(r, origin, at, within)
	if err != nil {
		return nil, err
	}
	text, err := c.Encode()
	if err != nil {
		return nil, &InvalidError{Err: err}
	}
	return text, nil
}

// RequestOf returns the request that a command asks for. It is not signed: see ParseSigned.
// Of a Submit the caller still fills in what it can not choose (see Fill), and of an Import
// the claim, of which a command has the digest of the pack alone. It fails with an
// *InvalidError.
func RequestOf(c authority.Command) (Request, error) {
	row, known := table[c.Verb]
	if !known {
		return Request{}, invalid("verb", "%.40q is not a command", c.Verb)
	}
	arguments := c.Arguments
	if arguments == nil {
		arguments = []byte("{}")
	}
	command, err := row.decodeSigned(arguments)
	if err != nil {
		return Request{}, &InvalidError{Err: err}
	}
	r := Request{JobID: c.JobID, Actor: c.Actor, Reason: c.Reason, RequestID: c.RequestID, Lease: c.Lease, IfRevision: c.IfRevision, Command: command}
	again, err := r.signedArguments()
	if err != nil {
		return Request{}, &InvalidError{Err: err}
	}
	if !bytes.Equal(again, arguments) {
		return Request{}, invalid("arguments", "%s does not spell them so", c.Verb)
	}
	return r, nil
}

// ParseSigned returns the request of a text that was signed, with its signatures. It fails
// with an *InvalidError. The signatures are verified when the request is carried out.
func ParseSigned(text []byte, sigs [][]byte) (Request, error) {
	c, err := authority.ParseCommand(text)
	if err != nil {
		return Request{}, &InvalidError{Err: err}
	}
	r, err := RequestOf(c)
	r.Signed = &Signed{Text: text, Sigs: sigs}
	return r, err
}

// FillVerdict returns a request with the target and the subject that an approval or a denial
// leaves out, taken from the job as it is: a signed verdict names both. Other requests stay
// as they are. It fails with a *projection.Refusal if nothing waits for the verdict.
//
// A retry of a verdict that counts already would be filled in with what waits next. So the
// caller asks Outcome first.
func FillVerdict(r Request, j projection.Job) (Request, error) {
	c, no := r.Command.row().about(r.Command, j)
	if no != nil {
		return r, no
	}
	r.Command = c
	return r, nil
}

// fillTarget fills in the target and the subject of a verdict, if they are zero.
func fillTarget(j projection.Job, v projection.Verdict, checkpointID string, target, subject *ledger.Hash) *projection.Refusal {
	ask, no := projection.VerdictOn(j, projection.Basis{}, v, checkpointID, *target)
	if no != nil {
		return no
	}
	*target = ask.Target
	if subject.IsZero() {
		*subject = askedAbout(ask)
	}
	return nil
}

// askedAbout returns the digest of what an ask is about now, zero if it names nothing.
func askedAbout(a projection.Ask) ledger.Hash {
	if a.Amended.Digest.IsZero() {
		return a.Subject.Digest
	}
	return a.Amended.Digest
}

// subjectOf returns the subject of a verdict's event: what the command names, and otherwise,
// if it was not signed, what is asked about now.
func subjectOf(named ledger.Hash, by Request, a projection.Ask) ledger.Hash {
	if by.Signed == nil && named.IsZero() {
		return askedAbout(a)
	}
	return named
}

// checkTarget requires that a signed verdict names what it is about.
func checkTarget(by Request, target ledger.Hash) error {
	if by.Signed == nil || !target.IsZero() {
		return nil
	}
	return &ledger.FieldError{Field: "target", Problem: fmt.Sprintf("missing: a signed %s names the event that it is about", by.Command.Verb())}
}
