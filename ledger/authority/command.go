package authority

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"gait/ledger"
	"gait/ledger/jcs"
)

// CommandSchemaID is the schema_id of every command, and CommandSchemaVersion the version
// that this package reads and writes.
const (
	CommandSchemaID      = "gait.command"
	CommandSchemaVersion = "1.0.0"
)

// A Command is what an actor signs: one command of one actor for one ledger, to be carried
// out once. Encode writes its one text.
type Command struct {
	Actor      string
	Arguments  json.RawMessage // a canonical JSON object; nil stands for {}
	CreatedAt  time.Time
	ExpiresAt  time.Time
	IfRevision *int64 // optional: the only revision of the job to act on
	JobID      string // empty for commands about the ledger, and for submit if the ledger is to name the job
	Origin     string // of the ledger
	Reason     string // optional
	RequestID  string
	Verb       string // such as "checkpoint add"
}

// commandText is the form of a command as JSON.
type commandText struct {
	Actor         string          `json:"actor"`
	Arguments     json.RawMessage `json:"arguments"`
	CreatedAt     string          `json:"created_at"`
	ExpiresAt     string          `json:"expires_at"`
	IfRevision    *int64          `json:"if_revision,omitempty"`
	JobID         string          `json:"job_id,omitempty"`
	Origin        string          `json:"origin"`
	Reason        string          `json:"reason,omitempty"`
	RequestID     string          `json:"request_id"`
	SchemaID      string          `json:"schema_id"`
	SchemaVersion string          `json:"schema_version"`
	Verb          string          `json:"verb"`
}

// Encode returns the text of a command: canonical JSON (RFC 8785). It fails, wrapping
// ledger.ErrMalformed, if a field is not in its form.
func (c Command) Encode() ([]byte, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("encoding a command: %w", err)
	}
	text, err := jcs.Marshal(commandText{
		Actor: c.Actor, Arguments: c.arguments(), CreatedAt: ledger.FormatTime(c.CreatedAt), ExpiresAt: ledger.FormatTime(c.ExpiresAt),
		IfRevision: c.IfRevision, JobID: c.JobID, Origin: c.Origin, Reason: c.Reason, RequestID: c.RequestID,
		SchemaID: CommandSchemaID, SchemaVersion: CommandSchemaVersion, Verb: c.Verb,
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("encoding a command: %w: %w", ledger.ErrMalformed, err)
	case len(text) > ledger.MaxCommand:
		return nil, fmt.Errorf("%w: a command of %d bytes, at most %d", ledger.ErrMalformed, len(text), ledger.MaxCommand)
	}
	return text, nil
}

// ParseCommand reads the text of a command. It takes only what Encode writes. Errors wrap
// ledger.ErrMalformed, or ledger.ErrUnsupportedVersion if the text names another version.
func ParseCommand(text []byte) (Command, error) {
	if len(text) > ledger.MaxCommand {
		return Command{}, fmt.Errorf("%w: a command of %d bytes, at most %d", ledger.ErrMalformed, len(text), ledger.MaxCommand)
	}
	var t commandText
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&t)
	if t.SchemaID == CommandSchemaID && t.SchemaVersion != "" && t.SchemaVersion != CommandSchemaVersion {
		return Command{}, fmt.Errorf("a command written as %.40q: %w", t.SchemaVersion, ledger.ErrUnsupportedVersion)
	}
	if err != nil {
		return Command{}, fmt.Errorf("%w: not a command: %w", ledger.ErrMalformed, err)
	}
	c := Command{
		Actor: t.Actor, Arguments: t.Arguments, IfRevision: t.IfRevision,
		JobID: t.JobID, Origin: t.Origin, Reason: t.Reason, RequestID: t.RequestID, Verb: t.Verb,
	}
	if c.CreatedAt, err = ledger.ParseTime(t.CreatedAt); err != nil {
		return Command{}, fmt.Errorf("created_at of a command: %w", err)
	}
	if c.ExpiresAt, err = ledger.ParseTime(t.ExpiresAt); err != nil {
		return Command{}, fmt.Errorf("expires_at of a command: %w", err)
	}
	again, err := c.Encode()
	if err != nil {
		return Command{}, err
	}
	if !bytes.Equal(again, text) {
		return Command{}, fmt.Errorf("%w: a command that is not in canonical form", ledger.ErrMalformed)
	}
	return c, nil
}

// check checks each field by itself, and that the verb takes what is given.
func (c Command) check() error {
	row, known := verbs[c.Verb]
	if !known {
		return &ledger.FieldError{Field: "verb", Problem: fmt.Sprintf("%.40q is no command that can be signed", c.Verb)}
	}
	for _, f := range []struct {
		field ledger.Field
		text  string
		given bool
	}{
		{ledger.FieldActor, c.Actor, true},
		{ledger.FieldOrigin, c.Origin, true},
		{ledger.FieldRequestID, c.RequestID, true},
		{ledger.FieldReason, c.Reason, c.Reason != ""},
		{ledger.FieldJobID, c.JobID, c.JobID != ""},
	} {
		if !f.given {
			continue
		}
		if err := f.field.Check(f.text); err != nil {
			return err
		}
	}
	if c.IfRevision != nil && *c.IfRevision < 0 {
		return &ledger.FieldError{Field: "if_revision", Problem: fmt.Sprintf("%d is not a revision", *c.IfRevision)}
	}
	return row.check(c)
}

// arguments returns the arguments as text.
func (c Command) arguments() json.RawMessage {
	if c.Arguments == nil {
		return json.RawMessage("{}")
	}
	return c.Arguments
}

// argumentValues returns the arguments by name.
func (c Command) argumentValues() (map[string]any, error) {
	v, err := jcs.Decode(c.arguments())
	if err != nil {
		return nil, &ledger.FieldError{Field: "arguments", Problem: err.Error()}
	}
	object, is := v.(map[string]any)
	if !is {
		return nil, &ledger.FieldError{Field: "arguments", Problem: "an object was expected"}
	}
	return object, nil
}

// RequestDigest returns the SHA-256 of what makes two commands the same: actor,
// arguments, job, reason and verb, as canonical JSON. The target and the subject of a
// verdict are left out, and so are origin, request id, revision and times: a command that
// is signed again is a retry, and an unsigned request of before has the same digest.
func (c Command) RequestDigest() (ledger.Hash, error) {
	arguments, err := c.argumentValues()
	if err != nil {
		return ledger.Hash{}, fmt.Errorf("digest of a command: %w", err)
	}
	for _, name := range verbs[c.Verb].undigested {
		delete(arguments, name)
	}
	b, err := jcs.Marshal(map[string]any{
		"actor": c.Actor, "arguments": arguments, "job_id": c.JobID, "reason": c.Reason, "verb": c.Verb,
	})
	if err != nil {
		return ledger.Hash{}, fmt.Errorf("digest of a command: %w", err)
	}
	return sha256.Sum256(b), nil
}

// The times of a command, compared with the reading of the clock when it is carried out.
const (
	MaxEarly    = 5 * time.Minute     // how far created_at may be after the reading
	MaxLifetime = 30 * 24 * time.Hour // from created_at to expires_at
)

// CheckTime returns a *Denial, command_expired, if the command cannot be carried out when a
// clock reads this.
func (c Command) CheckTime(reading time.Time) error {
	if why := c.untimely(reading); why != "" {
		return &Denial{Code: CommandExpired, Reason: why}
	}
	return nil
}

// untimely returns why the command cannot be carried out when a clock reads this, or "".
func (c Command) untimely(reading time.Time) string {
	created, expires := ledger.FormatTime(c.CreatedAt), ledger.FormatTime(c.ExpiresAt)
	switch {
	case c.ExpiresAt.Before(c.CreatedAt):
		return fmt.Sprintf("the command expires at %s, before it was made at %s", expires, created)
	case c.ExpiresAt.Sub(c.CreatedAt) > MaxLifetime:
		return fmt.Sprintf("the command was made at %s and expires at %s, more than 30 days later", created, expires)
	case c.CreatedAt.Sub(reading) > MaxEarly:
		return fmt.Sprintf("the command was made at %s, more than 5 minutes after %s", created, ledger.FormatTime(reading))
	case c.ExpiresAt.Before(reading):
		return fmt.Sprintf("the command expired at %s, before %s", expires, ledger.FormatTime(reading))
	}
	return ""
}
