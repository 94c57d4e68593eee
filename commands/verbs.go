package commands

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// A Row is what holds for all commands of one verb: a row of the table of
// commands. Each command has a file with its row, its arguments and its rules.
type Row struct {
	Verb string // the command's name, such as "checkpoint add"

	BeginsJob       bool   // the command is the first of its job
	OptionalJobID   bool   // the engine makes a job id if the request has none
	Verdict         bool   // the command is about what waits in the job: a signed one names it
	EndsJob         bool   // the command ends its job for good, and so does not wait for a proved index
	CreatesLedger   bool   // the command may be the first of a ledger, which is created for it
	Quiet           bool   // a refusal of the command is an event only if the command was signed
	ReasonElsewhere string // how to give a reason instead, if the event has no place for one

	Roles []ledger.Role // who may issue the command, in a ledger or through a token that asks for a role

	OfLedger bool   // the command is about the ledger: it names no job and no revision
	Actor    string // the actor of its events, if the command names none; then it has no reason and no request id

	// The rules of the command, for a Command of this verb.
	fill     func(Command, Surroundings) Command
	check    func(Command, Request) error
	summary  func(Command, projection.Job) string
	digested func(Command) (json.RawMessage, error)
	encode   func(Command) (json.RawMessage, error)
	decode   func(json.RawMessage) (Command, error)
	about    func(Command, projection.Job) (Command, *projection.Refusal)
	decide   func(Command, projection.Job, Request) (ledger.Payload, *projection.Refusal)

	depends func(Command, projection.Job) []string

	encodeSigned func(Command) (json.RawMessage, error)
	decodeSigned func(json.RawMessage) (Command, error)

	decideLedger func(Command, LedgerState, Request) (ledger.Payload, error)
}

// Surroundings are what a job is bound to if its caller does not say: those of
// the process that decides, which are the caller's too.
type Surroundings struct {
	EnvironmentFingerprint string
	ProducerVersion        string
}

// A verb is a row with the rules of a command of type C. It has decide or
// decideLedger; all else may be nil, for the default.
type verb[C Command] struct {
	Row

	// fill returns the command with what its caller left out. Default: as it is.
	fill func(C, Surroundings) C
	// check returns what is wrong with the arguments for any job. Default: nothing.
	check func(C, Request) error
	// summary says in words what the command named, apart from the job, its actor
	// and its reason: what a refusal of it keeps. Default: "".
	summary func(C, projection.Job) string
	// digested returns the arguments that the request digest covers, as a value
	// to be marshaled. Default: all of them.
	digested func(C) any
	// encode and decode write and read the arguments as JSON. Default: as
	// encoding/json does, with no other fields than those of C.
	encode func(C) (json.RawMessage, error)
	decode func(json.RawMessage) (C, error)
	// encodeSigned and decodeSigned do so with the arguments that an actor signs. Default:
	// encode and decode.
	encodeSigned func(C) (json.RawMessage, error)
	decodeSigned func(json.RawMessage) (C, error)
	// about returns the command with what a signed one says of the job as it is. Default: as
	// it is.
	about func(C, projection.Job) (C, *projection.Refusal)
	// depends returns the ids of the jobs that the command depends on. Default: none.
	depends func(C, projection.Job) []string
	// decide returns the payload of the event, or why there is none. It is pure.
	decide func(C, projection.Job, Request) (ledger.Payload, *projection.Refusal)
	// decideLedger is decide for a command about the ledger. It returns nil if the
	// ledger's last event already says what the command asks for.
	decideLedger func(C, LedgerState, Request) (ledger.Payload, error)
}

// table holds the row of each verb.
var table = map[string]*Row{}

// RowOf returns the row of a command.
func RowOf(c Command) *Row { return c.row() }

// Verbs returns the names of all commands, sorted.
func Verbs() []string { return slices.Sorted(maps.Keys(table)) }

// VerbsOf returns the names of the commands that a role may issue, sorted.
func VerbsOf(role ledger.Role) []string {
	return slices.DeleteFunc(Verbs(), func(verb string) bool { return !slices.Contains(table[verb].Roles, role) })
}

// add adds a row to the table, when the package is initialized.
func add[C Command](v verb[C]) *Row {
	r := rowOf(v)
	if len(v.Roles) == 0 {
		panic("commands: the row of " + v.Verb + " says no role that may issue it")
	}
	if table[r.Verb] != nil {
		panic("commands: two commands are called " + r.Verb)
	}
	table[r.Verb] = r
	return r
}

func rowOf[C Command](v verb[C]) *Row {
	if v.Verb == "" || (v.decide == nil) == (v.decideLedger == nil) {
		panic(fmt.Sprintf("commands: the row of %T has no verb, or nothing that decides", *new(C)))
	}
	v = v.withDefaults()
	r := v.Row
	r.OfLedger = v.decideLedger != nil
	r.fill = func(c Command, s Surroundings) Command { return v.fill(as[C](c), s) }
	r.check = func(c Command, by Request) error { return v.check(as[C](c), by) }
	r.summary = func(c Command, j projection.Job) string { return v.summary(as[C](c), j) }
	r.digested = func(c Command) (json.RawMessage, error) {
		if v.digested == nil {
			return v.encode(as[C](c))
		}
		return jcs.Marshal(v.digested(as[C](c)))
	}
	r.encode = func(c Command) (json.RawMessage, error) { return v.encode(as[C](c)) }
	r.decode = func(b json.RawMessage) (Command, error) { return v.decode(b) }
	r.encodeSigned = func(c Command) (json.RawMessage, error) { return v.encodeSigned(as[C](c)) }
	r.decodeSigned = func(b json.RawMessage) (Command, error) { return v.decodeSigned(b) }
	r.about = func(c Command, j projection.Job) (Command, *projection.Refusal) { return v.about(as[C](c), j) }
	r.depends = func(c Command, j projection.Job) []string { return v.depends(as[C](c), j) }
	r.decide = func(c Command, j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
		return v.decide(as[C](c), j, by)
	}
	r.decideLedger = func(c Command, s LedgerState, by Request) (ledger.Payload, error) {
		return v.decideLedger(as[C](c), s, by)
	}
	return &r
}

func (v verb[C]) withDefaults() verb[C] {
	if v.fill == nil {
		v.fill = func(c C, _ Surroundings) C { return c }
	}
	if v.check == nil {
		v.check = func(C, Request) error { return nil }
	}
	if v.summary == nil {
		v.summary = func(C, projection.Job) string { return "" }
	}
	if v.encode == nil {
		v.encode = func(c C) (json.RawMessage, error) { return jcs.Marshal(c) }
	}
	if v.decode == nil {
		v.decode = decodeObject[C]
	}
	if v.encodeSigned == nil {
		v.encodeSigned = v.encode
	}
	if v.decodeSigned == nil {
		v.decodeSigned = v.decode
	}
	if v.about == nil {
		v.about = func(c C, _ projection.Job) (C, *projection.Refusal) { return c, nil }
	}
	if v.depends == nil {
		v.depends = func(C, projection.Job) []string { return nil }
	}
	return v
}

// as returns a command as the type that its row is for.
func as[C Command](c Command) C {
	typed, ok := c.(C)
	if !ok {
		panic(fmt.Sprintf("commands: a %T has the row of another command", c))
	}
	return typed
}

// decodeObject reads an object with no other fields than those of T.
func decodeObject[T any](b json.RawMessage) (v T, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
	}
	return v, nil
}
