package authoritytest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/jcs"
)

// Origin is that of the ledgers of this package.
const Origin = "gait.example/authority"

// ULID is one, for grants.
const ULID = "01KAQ2C3TBW6FTY9CXR1Q0KF8N"

// Start is when their first event was written. Each event is a second after the one before.
var Start = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

// A Ledger is the events of a ledger. An event that is added follows those before in every
// field that links them; whether it is admissible is not asked.
type Ledger struct {
	Events []ledger.Event

	t    testing.TB
	jobs map[string]ledger.Event // the newest event
	last ledger.Hash             // leaf hash of the newest authority event
}

// New returns a ledger with its first event. Its key is not a real one.
func New(t testing.TB) *Ledger {
	t.Helper()
	l := &Ledger{t: t, jobs: map[string]ledger.Event{}}
	key, err := ledger.GenerateKey(constant(7), Origin)
	if err != nil {
		t.Fatal(err)
	}
	l.Add(Plan{Actor: "os:keeper", Payload: ledger.LedgerCreated{Format: 1, Key: key.VerifierKey().String()}})
	return l
}

// constant is entropy that repeats one byte.
type constant byte

func (c constant) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}

// A Plan is an event that is to be added.
type Plan struct {
	Actor   string
	JobID   string // empty: about the ledger
	Lease   int64  // the epoch under which the actor acts, or 0
	Payload ledger.Payload
	Signers []Signer // of a command that leads to the event; none: a claim

	EditCommand func(*authority.Command) // optional: before it is signed
	EditDraft   func(*ledger.Draft)      // optional: before it is sealed
}

// Claim adds an event that no one signed.
func (l *Ledger) Claim(actor, job string, p ledger.Payload) ledger.Event {
	l.t.Helper()
	return l.Add(Plan{Actor: actor, JobID: job, Payload: p})
}

// Sign adds an event with a signed command.
func (l *Ledger) Sign(actor, job string, p ledger.Payload, signers ...Signer) ledger.Event {
	l.t.Helper()
	return l.Add(Plan{Actor: actor, JobID: job, Payload: p, Signers: signers})
}

// Begin enrols the first actor, an admin who may do everything else too.
func (l *Ledger) Begin(name string, key Signer) ledger.Event {
	l.t.Helper()
	return l.Sign(name, "", ledger.ActorEnrolled{
		Actor: name, Bootstrap: ledger.BootstrapInit, Keys: Lines(key), Roles: ledger.Roles,
	}, key)
}

// Enroll enrols an actor with one key, as an admin says.
func (l *Ledger) Enroll(admin string, by Signer, name string, key Signer, roles ...ledger.Role) ledger.Event {
	l.t.Helper()
	return l.Sign(admin, "", ledger.ActorEnrolled{Actor: name, Keys: Lines(key), Roles: sorted(roles)}, by)
}

// Set sets the mode, with one admin.
func (l *Ledger) Set(admin string, by Signer, mode ledger.Mode, policies ...ledger.Hash) ledger.Event {
	l.t.Helper()
	return l.Sign(admin, "", ledger.AuthoritySet{Admins: 1, Mode: mode, Policies: policies}, by)
}

// Lines returns keys as an event has them.
func Lines(keys ...Signer) []string {
	var lines []string
	for _, k := range keys {
		lines = append(lines, k.String())
	}
	return sorted(lines)
}

func sorted[S ~string](s []S) []S {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

// Add adds an event.
func (l *Ledger) Add(p Plan) ledger.Event {
	l.t.Helper()
	e := l.Seal(p)
	l.Append(e)
	return e
}

// Append adds an event that was sealed elsewhere.
func (l *Ledger) Append(e ledger.Event) {
	l.Events = append(l.Events, e)
	if e.JobID() != "" {
		l.jobs[e.JobID()] = e
	}
	if e.Type().OfAuthority() {
		l.last = e.LeafHash()
	}
}

// Seal returns the event that Add would add.
func (l *Ledger) Seal(p Plan) ledger.Event {
	l.t.Helper()
	d := l.draft(p)
	if len(p.Signers) > 0 {
		c := CommandOf(l.t, d)
		if p.EditCommand != nil {
			p.EditCommand(&c)
		}
		Sign(l.t, &d, c, p.Signers...)
	}
	if p.EditDraft != nil {
		p.EditDraft(&d)
	}
	e, err := ledger.Seal(d)
	if err != nil {
		l.t.Fatal(err)
	}
	return e
}

// draft returns the draft of the next event, without a command.
func (l *Ledger) draft(p Plan) ledger.Draft {
	n := len(l.Events)
	d := ledger.Draft{
		Seq: ledger.Seq(n), ID: fmt.Sprintf("01KAQ2C3TAW6FTY9CX%08d", n), Origin: Origin, Time: Start.Add(time.Duration(n) * time.Second),
		Actor: p.Actor, JobID: p.JobID, Lease: p.Lease, Payload: p.Payload, Authority: l.last,
	}
	if n > 0 {
		d.Prev = l.Events[n-1].LeafHash()
	}
	if p.JobID != "" {
		d.JobSeq, d.Revision = 1, 1
		if before, begun := l.jobs[p.JobID]; begun {
			d.JobSeq, d.JobPrev, d.Revision = before.JobSeq()+1, before.LeafHash(), before.Revision()+1
			if p.Payload.Type() == ledger.TypeRefused {
				d.Revision--
			}
		}
	}
	return d
}

// AuthorityEvents returns the authority events.
func (l *Ledger) AuthorityEvents(context.Context) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for _, e := range l.Events {
			if e.Type().OfAuthority() && !yield(e, nil) {
				return
			}
		}
	}
}

// Sign puts a command, its signatures, and what follows from it, into a draft.
func Sign(t testing.TB, d *ledger.Draft, c authority.Command, signers ...Signer) {
	t.Helper()
	text, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	digest, err := c.RequestDigest()
	if err != nil {
		t.Fatal(err)
	}
	d.Command, d.CommandSigs = text, Sigs(t, text, signers...)
	d.RequestID, d.RequestDigest = c.RequestID, digest
}

// CommandOf returns a command that leads to a draft: made when the event is written, with
// 10 minutes to go, and with the arguments that the payload's fields are copied from.
func CommandOf(t testing.TB, d ledger.Draft) authority.Command {
	t.Helper()
	c := authority.Command{
		Actor: d.Actor, CreatedAt: d.Time, ExpiresAt: d.Time.Add(10 * time.Minute), JobID: d.JobID, Lease: d.Lease, Origin: d.Origin,
		RequestID: fmt.Sprintf("r-%d", d.Seq),
	}
	payload, err := ledger.EncodePayload(d.Payload)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(payload, &fields); err != nil {
		t.Fatal(err)
	}
	if p, refused := d.Payload.(ledger.Refused); refused {
		c.Verb, c.Reason = p.Command, p.Reason
		return c
	}
	b := bindingOf(t, d.Payload.Type())
	c.Verb = b.Verb
	arguments := map[string]any{}
	for name, f := range b.Fields {
		value, there := memberOf(fields, name)
		switch argument, is := f.Argument(); {
		case !there:
		case is:
			setMember(arguments, argument, asArgument(argument, value))
		case f.From == authority.SourceReason && value != f.Default:
			c.Reason, _ = value.(string)
		}
	}
	if b.Whole != "" {
		delete(fields, "reason")
		whole, err := jcs.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		arguments[b.Whole] = ledger.Hash(sha256.Sum256(whole)).String()
	}
	if c.Arguments, err = jcs.Marshal(arguments); err != nil {
		t.Fatal(err)
	}
	return c
}

func bindingOf(t testing.TB, typ ledger.Type) authority.Binding {
	t.Helper()
	for _, b := range authority.Bindings() {
		if b.Event == typ {
			return b
		}
	}
	t.Fatalf("no signed command leads to %s", typ)
	return authority.Binding{}
}

// memberOf returns what is at a path of names.
func memberOf(object map[string]any, path string) (any, bool) {
	name, rest, nested := strings.Cut(path, ".")
	value, there := object[name]
	if !nested {
		return value, there
	}
	inner, _ := value.(map[string]any)
	return memberOf(inner, rest)
}

// setMember puts a value at a path of names.
func setMember(object map[string]any, path string, value any) {
	name, rest, nested := strings.Cut(path, ".")
	if !nested {
		object[name] = value
		return
	}
	inner, is := object[name].(map[string]any)
	if !is {
		inner = map[string]any{}
		object[name] = inner
	}
	setMember(inner, rest, value)
}

// asArgument returns a field as a command has it: labels as a list.
func asArgument(name string, value any) any {
	labels, is := value.(map[string]any)
	if name != "labels" || !is {
		return value
	}
	list := []ledger.Label{}
	for key, text := range labels {
		list = append(list, ledger.Label{Key: key, Value: fmt.Sprint(text)})
	}
	slices.SortFunc(list, func(a, b ledger.Label) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return list
}
