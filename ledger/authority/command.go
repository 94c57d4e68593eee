package authority

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"gait/ledger"
	"gait/ledger/jcs"
)

// CommandSchemaID is the schema_id of every command, and CommandSchemaVersion the newest
// version that this package reads and writes. A command without a lease says 1.0.0, as
// before there were leases.
const (
	CommandSchemaID      = "gait.command"
	CommandSchemaVersion = "1.1.0"

	versionWithoutLease = "1.0.0"
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
	Lease      int64  // optional: the epoch of the lease under which the command is given
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
	Lease         int64           `json:"lease,omitempty"`
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
	arguments, err := c.argumentValues()
	if err == nil {
		err = c.check(arguments)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding a command: %w", err)
	}
	text, err := jcs.Marshal(commandText{
		Actor: c.Actor, Arguments: c.arguments(), CreatedAt: ledger.FormatTime(c.CreatedAt), ExpiresAt: ledger.FormatTime(c.ExpiresAt),
		IfRevision: c.IfRevision, JobID: c.JobID, Lease: c.Lease, Origin: c.Origin, Reason: c.Reason, RequestID: c.RequestID,
		SchemaID: CommandSchemaID, SchemaVersion: c.version(), Verb: c.Verb,
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("encoding a command: %w: %w", ledger.ErrMalformed, err)
	case len(text) > ledger.MaxCommand:
		return nil, fmt.Errorf("%w: a command of %d bytes, at most %d", ledger.ErrMalformed, len(text), ledger.MaxCommand)
	}
	return text, nil
}

// version returns the version of the schema that the command's text names: the oldest that
// has its members.
func (c Command) version() string {
	if c.Lease == 0 {
		return versionWithoutLease
	}
	return CommandSchemaVersion
}

// ParseCommand reads the text of a command. It takes only what Encode writes. Errors wrap
// ledger.ErrMalformed, or ledger.ErrUnsupportedVersion if the text names another version.
func ParseCommand(text []byte) (Command, error) {
	c, _, err := parse(text)
	return c, err
}

// parse returns a command, and its arguments by name.
func parse(text []byte) (c Command, arguments map[string]any, err error) {
	if len(text) > ledger.MaxCommand {
		return c, nil, fmt.Errorf("%w: a command of %d bytes, at most %d", ledger.ErrMalformed, len(text), ledger.MaxCommand)
	}
	v, err := jcs.Decode(text)
	if err != nil {
		return c, nil, fmt.Errorf("%w: not a command: %w", ledger.ErrMalformed, err)
	}
	object, _ := v.(map[string]any)
	m := members{object: object}
	id, version := m.text("schema_id"), m.text("schema_version")
	if id == CommandSchemaID && version != "" && version != versionWithoutLease && version != CommandSchemaVersion {
		return c, nil, fmt.Errorf("a command written as %.40q: %w", version, ledger.ErrUnsupportedVersion)
	}
	c = Command{
		Actor: m.text("actor"), CreatedAt: m.time("created_at"), ExpiresAt: m.time("expires_at"), IfRevision: m.revision("if_revision"),
		JobID: m.text("job_id"), Lease: m.lease("lease"), Origin: m.text("origin"), Reason: m.text("reason"), RequestID: m.text("request_id"), Verb: m.text("verb"),
	}
	arguments = m.arguments()
	again, err := jcs.AppendValue(make([]byte, 0, len(text)), v)
	switch {
	case id != CommandSchemaID:
		m.fail("schema_id", "%.40q is not %s", id, CommandSchemaID)
	case version != c.version():
		m.fail("schema_version", "%.40q, and a command with these members says %s", version, c.version())
	case m.found != len(object):
		m.fail("command", "it has a member that no command has")
	case err != nil || !bytes.Equal(again, text):
		m.fail("command", "it is not in canonical form")
	}
	if m.err == nil {
		c.Arguments, _ = jcs.AppendValue(nil, arguments) //nolint:errcheck // it was encoded above
		m.err = c.check(arguments)
	}
	if m.err != nil {
		return Command{}, nil, fmt.Errorf("reading a command: %w", m.err)
	}
	return c, arguments, nil
}

// members reads the members of a command. The first error sticks.
type members struct {
	object map[string]any
	found  int
	err    error
}

func (m *members) fail(name, format string, args ...any) {
	if m.err == nil {
		m.err = &ledger.FieldError{Field: name, Problem: fmt.Sprintf(format, args...)}
	}
}

func (m *members) member(name string) (v any, there bool) {
	if v, there = m.object[name]; there {
		m.found++
	}
	return v, there
}

// text returns a member that is a text, "" if there is none. No command has an empty one.
func (m *members) text(name string) string {
	v, there := m.member(name)
	s, _ := v.(string)
	if there && s == "" {
		m.fail(name, "a text was expected")
	}
	return s
}

func (m *members) time(name string) time.Time {
	t, err := ledger.ParseTime(m.text(name))
	if err != nil {
		m.fail(name, "%s", err)
	}
	return t
}

func (m *members) revision(name string) *int64 {
	v, there := m.member(name)
	if !there {
		return nil
	}
	number, _ := v.(json.Number)
	n, err := number.Int64()
	if err != nil {
		m.fail(name, "a number was expected")
	}
	return &n
}

// lease returns a member that is an epoch, 0 if there is none.
func (m *members) lease(name string) int64 {
	n := m.revision(name)
	if n == nil {
		return 0
	}
	if *n < 1 {
		m.fail(name, "an epoch from 1 was expected")
	}
	return *n
}

func (m *members) arguments() map[string]any {
	v, _ := m.member("arguments")
	object, is := v.(map[string]any)
	if !is {
		m.fail("arguments", "an object was expected")
	}
	return object
}

// check checks each field by itself, and that the verb takes what is given.
func (c Command) check(arguments map[string]any) error {
	rows := verbs[c.Verb]
	if len(rows) == 0 {
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
	switch {
	case c.IfRevision != nil && *c.IfRevision < 0:
		return &ledger.FieldError{Field: "if_revision", Problem: fmt.Sprintf("%d is not a revision", *c.IfRevision)}
	case c.Lease < 0:
		return &ledger.FieldError{Field: "lease", Problem: fmt.Sprintf("%d is not an epoch", c.Lease)}
	}
	return rows[0].check(c, arguments)
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
// verdict are left out, and the policy that a question to the gate names, and so are lease,
// origin, request id, revision and times: a command that is signed again is a retry, under a
// newer lease too, and an unsigned request of before has the same digest.
func (c Command) RequestDigest() (ledger.Hash, error) {
	arguments, err := c.argumentValues()
	if err != nil {
		return ledger.Hash{}, fmt.Errorf("digest of a command: %w", err)
	}
	return c.digest(arguments)
}

func (c Command) digest(arguments map[string]any) (ledger.Hash, error) {
	if rows := verbs[c.Verb]; len(rows) > 0 && len(rows[0].undigested) > 0 {
		arguments = maps.Clone(arguments)
		for _, name := range rows[0].undigested {
			delete(arguments, name)
		}
	}
	b, err := jcs.AppendValue(nil, map[string]any{
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
