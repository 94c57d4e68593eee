package commands_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/authoritytest"
	"gait/ledger/ledgertest"
)

// The actors of tests: each signs with the key of its name.
var roles = map[string][]ledger.Role{
	"root_1":  {ledger.RoleAdmin},
	"root_2":  {ledger.RoleAdmin},
	"ops_1":   {ledger.RoleOperator},
	"agent_1": {ledger.RoleWorker},
	"cfo":     {ledger.RoleApprover},
	"cto":     {ledger.RoleApprover},
}

// signAt returns a request as actors sign it at a time, for a ledger.
func signAt(t testing.TB, origin string, at time.Time, r commands.Request, signers ...string) commands.Request {
	t.Helper()
	text, err := commands.SignText(r, origin, at, 0)
	if err != nil {
		t.Fatalf("SignText of %s: %v", r.Command.Verb(), err)
	}
	return withSigs(t, r, text, signers...)
}

// withSigs returns a request with a text and the signatures of actors over it.
func withSigs(t testing.TB, r commands.Request, text []byte, signers ...string) commands.Request {
	t.Helper()
	r.Signed = &commands.Signed{Text: text}
	for _, name := range signers {
		r.Signed.Sigs = append(r.Signed.Sigs, authoritytest.Key(t, name).Sign(t, text))
	}
	return r
}

// An office is a bench whose ledger has actors.
type office struct {
	*bench
	n int // of request ids made
}

// newOffice returns a ledger in which the actors of roles are enrolled, and nothing else
// happened.
func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{bench: newBench(t)}
	o.enrol("root_1", ledger.BootstrapFlag, "root_1")
	for _, name := range []string{"root_2", "ops_1", "agent_1", "cfo", "cto"} {
		o.enrol(name, "", "root_1")
	}
	return o
}

// id returns a request id that was not used.
func (o *office) id() string {
	o.n++
	return "s-" + ledger.CheckpointID(int64(o.n))[3:]
}

// signed returns a request signed now by its actor, or by those given. It gets a request id
// if it has none, and job_1 if it is about a job and names none.
func (o *office) signed(r commands.Request, signers ...string) commands.Request {
	o.t.Helper()
	if r.RequestID == "" {
		r.RequestID = o.id()
	}
	if r.JobID == "" && !commands.RowOf(r.Command).OfLedger {
		r.JobID = "job_1"
	}
	if len(signers) == 0 {
		signers = []string{r.Actor}
	}
	return signAt(o.t, o.log.Origin(), o.now, r, signers...)
}

// give carries out a request as it is.
func (o *office) give(r commands.Request) (commands.Result, error) {
	return o.engine.Do(o.t.Context(), r)
}

// take carries out requests that have to succeed.
func (o *office) take(requests ...commands.Request) (last commands.Result) {
	o.t.Helper()
	for _, r := range requests {
		result, err := o.give(r)
		if err != nil {
			o.t.Fatalf("%s by %q: %v", r.Command.Verb(), r.Actor, err)
		}
		last = result
	}
	ledgertest.Check(o.t, o.log.Log)
	return last
}

// add returns the command that enrols an actor with the key and the roles of the name.
func add(t testing.TB, name, bootstrap, by string) commands.Request {
	t.Helper()
	keys := []string{authoritytest.Key(t, name).String()}
	return commands.Request{Actor: by, Command: commands.AddActor{Actor: name, Bootstrap: bootstrap, Keys: keys, Roles: slices.Clone(roles[name])}}
}

func (o *office) enrol(name, bootstrap, by string) {
	o.t.Helper()
	if _, err := o.give(o.signed(add(o.t, name, bootstrap, by))); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) set(mode ledger.Mode, admins int64, signers ...string) {
	o.t.Helper()
	o.take(o.signed(commands.Request{Actor: signers[0], Command: commands.SetAuthority{Admins: admins, Mode: mode}}, signers...))
}

// denied carries out a request that must fail with a code, and write nothing.
func (o *office) denied(what string, r commands.Request, code string) {
	o.t.Helper()
	size := o.size()
	_, err := o.give(r)
	fault, _ := ledger.FaultOf(err)
	if err == nil || fault.Code != code || o.size() != size {
		o.t.Errorf("%s = %v (%s), and %d events were written; want %s and none", what, err, fault.Code, o.size()-size, code)
	}
	if _, ok := errors.AsType[*ledger.CorruptError](err); ok {
		o.t.Errorf("%s = %v, which says that the ledger is corrupt", what, err)
	}
}

// recorded carries out a request that must be refused with a code, by one event that uses its
// request id up.
func (o *office) recorded(what string, r commands.Request, code string) ledger.Event {
	o.t.Helper()
	size := o.size()
	_, err := o.give(r)
	no, ok := errors.AsType[*commands.RefusedError](err)
	if !ok || string(no.Refusal.Code) != code || no.Result.Replayed || no.Result.Repeated || o.size() != size+1 {
		o.t.Fatalf("%s = %v, and %d events were written; want the refusal %s and one", what, err, o.size()-size, code)
	}
	e := no.Result.Event
	if r.Signed != nil && (e.RequestID() != r.RequestID || e.RequestDigest().IsZero() || string(e.Command()) != string(r.Signed.Text)) {
		o.t.Errorf("%s: the refusal has request id %q, digest %s and the command %q", what, e.RequestID(), e.RequestDigest(), e.Command())
	}
	if err := authority.VerifySignatures(e); err != nil {
		o.t.Errorf("%s: %v", what, err)
	}
	return e
}
