package commands

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"gait/ledger"
	"gait/ledger/jcs"
)

// A Message is a request as JSON. Encode writes it in canonical form; a daemon
// is sent it in any form, with fields of its own beside.
type Message struct {
	Verb        string `json:"verb"`
	JobID       string `json:"job_id,omitempty"`
	Actor       string `json:"actor,omitempty"`
	Reason      string `json:"reason,omitempty"`
	RequestID   string `json:"request_id,omitempty"`
	Lease       int64  `json:"lease,omitempty"`
	Trace       string `json:"trace,omitempty"`
	IfRevision  *int64 `json:"if_revision,omitempty"`
	DryRun      bool   `json:"dry_run,omitempty"`
	AcceptClock bool   `json:"accept_clock,omitempty"`

	ContentLater bool `json:"content_later,omitempty"`

	Arguments   json.RawMessage `json:"arguments,omitempty"`
	Command     string          `json:"command,omitempty"`      // what actors signed: the text of a gait.command
	CommandSigs [][]byte        `json:"command_sigs,omitempty"` // the signatures over it, each an SSHSIG
}

// Message returns the request as JSON.
func (r Request) Message() (Message, error) {
	arguments, err := r.Command.row().encode(r.Command)
	if err != nil {
		return Message{}, fmt.Errorf("encoding the arguments of %s: %w", r.Command.Verb(), err)
	}
	m := Message{
		Verb: r.Command.Verb(), JobID: r.JobID, Actor: r.Actor, Reason: r.Reason, RequestID: r.RequestID,
		Lease: r.Lease, Trace: r.Trace, IfRevision: r.IfRevision, DryRun: r.DryRun, AcceptClock: r.AcceptClock, ContentLater: r.ContentLater, Arguments: arguments,
	}
	if s := r.Signed; s != nil {
		m.Command, m.CommandSigs = string(s.Text), s.Sigs
	}
	return m, nil
}

// Request returns the request of a message. It fails with an *InvalidError if
// the verb is unknown, the arguments are not its own, or there are signatures and no
// command. It does not Check the request.
func (m Message) Request() (Request, error) {
	row, known := table[m.Verb]
	if !known {
		return Request{}, invalid("verb", "%.40q is not a command", m.Verb)
	}
	arguments := m.Arguments
	if arguments == nil {
		arguments = []byte("{}")
	}
	if !bytes.HasPrefix(arguments, []byte("{")) {
		return Request{}, invalid("arguments", "an object was expected")
	}
	c, err := row.decode(arguments)
	if err != nil {
		return Request{}, &InvalidError{Err: err}
	}
	r := Request{
		JobID: m.JobID, Actor: m.Actor, Reason: m.Reason, Lease: m.Lease, Trace: m.Trace, RequestID: m.RequestID, IfRevision: m.IfRevision,
		DryRun: m.DryRun, AcceptClock: m.AcceptClock, ContentLater: m.ContentLater, Command: c,
	}
	switch {
	case m.Command != "":
		r.Signed = &Signed{Text: []byte(m.Command), Sigs: m.CommandSigs}
	case len(m.CommandSigs) > 0:
		return Request{}, invalid("command_sigs", "there is no command that they sign")
	}
	return r, nil
}

// digest is the SHA-256 of what makes two requests the same command, as
// canonical JSON: actor, arguments, job, reason and verb. Each verb's row says
// which of its arguments count. The lease and the trace do not: a retry under a newer lease is
// the same command. The id of a job that the engine names is not
// part of it.
func (r Request) digest() (ledger.Hash, error) {
	arguments, err := r.Command.row().digested(r.Command)
	if err == nil {
		var b []byte
		if b, err = jcs.Marshal(map[string]any{
			"actor": r.Actor, "arguments": arguments, "job_id": r.JobID, "reason": r.Reason, "verb": r.Command.Verb(),
		}); err == nil {
			return sha256.Sum256(b), nil
		}
	}
	return ledger.Hash{}, fmt.Errorf("digest of the command: %w", err)
}

func invalid(field, format string, args ...any) error {
	return &InvalidError{Err: &ledger.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}}
}
