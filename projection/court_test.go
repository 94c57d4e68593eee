package projection_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
	"gait/projection"
)

// A court is a ledger in which actors are enrolled and decide about job_1.
type court struct {
	*at.Ledger

	t     testing.TB
	chain *authority.Chain
	fold  projection.Folder // of job_1
	late  time.Duration     // that the clock is ahead of the ledger's events, or behind
	lease int64             // the epoch that acts name
}

func newCourt(t testing.TB) *court {
	c := &court{Ledger: at.New(t), t: t, chain: &authority.Chain{}}
	c.fold.States = func(leaf ledger.Hash) (*authority.State, error) {
		s, known := c.chain.At(leaf)
		if !known && !leaf.IsZero() {
			return nil, fmt.Errorf("no authority event %s", leaf)
		}
		return s, nil
	}
	return c
}

// enrolled are the actors of a court, and their roles. Each has a key of the same name, and
// root enrols them.
var enrolled = []struct {
	name  string
	roles []ledger.Role
}{
	{"root", ledger.Roles},
	{"olga", []ledger.Role{ledger.RoleOperator}},
	{"wim", []ledger.Role{ledger.RoleWorker}},
	{"vera", []ledger.Role{ledger.RoleApprover}},
	{"vito", []ledger.Role{ledger.RoleApprover}},
	{"sam", []ledger.Role{ledger.RoleApprover, ledger.RoleOperator}},
	{"both", []ledger.Role{ledger.RoleApprover, ledger.RoleWorker}},
	{"agent", []ledger.Role{ledger.RoleApprover}},
}

// enroll begins the authority of the ledger.
func (c *court) enroll() {
	for i, who := range enrolled {
		p := ledger.ActorEnrolled{Actor: who.name, Keys: at.Lines(c.key(who.name)), Roles: who.roles}
		if i == 0 {
			p.Bootstrap = ledger.BootstrapInit
		}
		c.rule(p)
	}
}

func (c *court) key(name string) at.Signer { return at.Key(c.t, name) }

// rule adds an authority event that root signs.
func (c *court) rule(p ledger.Payload) {
	c.t.Helper()
	e := c.Sign("root", "", p, c.key("root"))
	if err := c.chain.Add(e); err != nil {
		c.t.Fatal(err)
	}
}

func (c *court) mode(m ledger.Mode, policies ...ledger.Hash) {
	c.t.Helper()
	c.rule(ledger.AuthoritySet{Admins: 1, Mode: m, Policies: policies})
}

// An act is what an actor does to job_1: with keys it is signed.
type act struct {
	actor   string
	keys    []at.Signer
	payload ledger.Payload
}

// plan returns the event of an act.
func (c *court) plan(a act) at.Plan {
	return at.Plan{Actor: a.actor, JobID: "job_1", Lease: c.lease, Payload: a.payload, Signers: a.keys, EditDraft: func(d *ledger.Draft) {
		d.Time = d.Time.Add(c.late)
		if last := c.fold.Head.Time; d.Time.Before(last) { // the clock has stepped back
			d.Time, d.Clock = last, d.Time
		}
	}}
}

// sealed returns the event of an act, which may not be admissible.
func (c *court) sealed(a act) ledger.Event {
	c.t.Helper()
	p := c.plan(a)
	if len(a.keys) > 0 {
		p.EditCommand = func(cmd *authority.Command) {
			cmd.CreatedAt, cmd.ExpiresAt = cmd.CreatedAt.Add(c.late), cmd.ExpiresAt.Add(c.late)
		}
	}
	return c.Seal(p)
}

// verdict returns what is said of an act: "" if it may follow, or the code of a denial or
// refusal. It requires that the event is folded if it may follow, and is not otherwise, and that
// neither changes the job before.
func (c *court) verdict(a act) string {
	c.t.Helper()
	e := c.sealed(a)
	before := projection.EncodeState(c.fold.Job, c.fold.Head.Leaf)
	code := c.code(e, a)
	fold := c.fold
	err := fold.Add(e)
	if after := projection.EncodeState(c.fold.Job, c.fold.Head.Leaf); !bytes.Equal(before, after) {
		c.t.Fatalf("%T by %s has changed the job before it from\n%s to\n%s", a.payload, a.actor, before, after)
	}
	if (err == nil) != (code == "") {
		c.t.Fatalf("%T by %s is judged %q, and folding it gives %v", a.payload, a.actor, code, err)
	}
	if err == nil {
		c.Append(e)
		c.fold = fold
	}
	return code
}

func (c *court) code(e ledger.Event, a act) string {
	s := c.chain.Newest()
	var keys []ledger.Hash
	for _, k := range a.keys {
		keys = append(keys, k.ID())
	}
	if no := s.May(authority.Act{Actor: a.actor, Keys: keys, Payload: a.payload}); no != nil {
		return string(no.Code)
	}
	_, no := projection.Next(c.fold.Job, projection.Fact{At: e.Time(), Reading: e.Reading(), Actor: a.actor, Keys: keys, Lease: c.lease, Payload: a.payload, Authority: s, Call: c.call(a.payload)})
	if no == nil {
		return ""
	}
	if fault := no.Fault(); int64(map[ledger.Category]int{ledger.CategoryConflict: 1, ledger.CategoryPolicy: 3, ledger.CategoryApproval: 4, ledger.CategoryInvalid: 6}[fault.Category]) != ledger.RefusalExit(string(no.Code)) {
		c.t.Errorf("%s is of category %s, and exits %d", no.Code, fault.Category, ledger.RefusalExit(string(no.Code)))
	}
	return string(no.Code)
}

// do requires that an act may follow.
func (c *court) do(actor string, p ledger.Payload, keys ...at.Signer) {
	c.t.Helper()
	if code := c.verdict(act{actor, keys, p}); code != "" {
		c.t.Fatalf("%T by %s: %s", p, actor, code)
	}
}

// by does something that the actor signs, if the ledger has authority.
func (c *court) by(actor string, p ledger.Payload) {
	c.t.Helper()
	c.do(actor, p, c.signs(actor)...)
}

func (c *court) signs(actor string) []at.Signer {
	if !c.chain.Newest().Enrolled(actor) {
		return nil
	}
	return []at.Signer{c.key(actor)}
}

// basis is what verdicts are judged by now.
func (c *court) basis() projection.Basis {
	return projection.Basis{Authority: c.chain.Newest(), Reading: at.Start.Add(time.Duration(len(c.Events))*time.Second + c.late)}
}

// subject is what decisions are about, and other what an approver puts in its place.
var (
	subject = ledger.Content{Digest: one, MediaType: "text/plain", Name: "plan.txt", Size: 3}
	other   = ledger.Content{Digest: two, Size: 5}
)

// ask returns a decision that says d.
func (c *court) ask(d ledger.Decision) ledger.CheckpointAdded {
	return ledger.CheckpointAdded{
		CheckpointID: ledger.CheckpointID(c.fold.Job.Checkpoints + 1), CheckpointType: decision, Summary: "s", RequiredAction: "decide", Decision: d,
	}
}

// approval returns an approval of the decision that was asked for last.
func (c *court) approval() ledger.Approved {
	a := c.fold.Job.Decisions[len(c.fold.Job.Decisions)-1]
	p := ledger.Approved{CheckpointID: a.CheckpointID, Reason: "approved", Target: a.Target, Subject: a.Subject.Digest}
	if a.Amended != (ledger.Content{}) {
		p.Subject = a.Amended.Digest
	}
	return p
}

func (c *court) denial() ledger.Denied {
	p := c.approval()
	return ledger.Denied{CheckpointID: p.CheckpointID, Reason: "denied", Target: p.Target, Subject: p.Subject}
}

// resume returns a resume that changes nothing.
func (c *court) resume() ledger.Resumed {
	j := c.fold.Job
	return ledger.Resumed{
		Consumes: j.UsableApprovals(c.basis()), ExpectedFingerprint: env, ActualFingerprint: env, Identity: j.Identity,
		PreviousPolicyDigest: j.PolicyDigest, CurrentPolicyDigest: j.PolicyDigest,
	}
}
