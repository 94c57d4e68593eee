package projection_test

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	at "gait/ledger/authoritytest"
	"gait/projection"
)

// A hearing is what stands before and in a cell of testdata/verdicts.txt.
type hearing struct {
	submit   ledger.Submitted
	submitBy string        // "" is sam
	policies []ledger.Hash // that anyone may bind
	ask      ledger.Decision
	askBy    string                        // "" is wim
	before   func(*court)                  // with the authority in force, before the mode is set
	after    func(*court)                  // after the mode is set
	act      func(*court) act              // nil: an approval by vera
	keys     func(*court, act) []at.Signer // nil: the actor's own
}

func byName(actor string) func(*court) act {
	return func(c *court) act { return act{actor: actor, payload: c.approval()} }
}

func unsigned(*court, act) []at.Signer { return nil }

func approvedBy(actors ...string) func(*court) {
	return func(c *court) {
		for _, actor := range actors {
			c.by(actor, c.approval())
		}
	}
}

func deniedBy(actor string) func(*court) { return func(c *court) { c.by(actor, c.denial()) } }

// revoke returns a change of authority, which a ledger without one does not have.
func revoke(actor string) func(*court) {
	return func(c *court) { c.rule(ledger.ActorRevoked{Actor: actor, Reason: "gone"}) }
}

func enrolAgain(actor string, roles []ledger.Role, keys ...string) func(*court) {
	return func(c *court) {
		var all []at.Signer
		for _, k := range keys {
			all = append(all, c.key(k))
		}
		c.rule(ledger.ActorEnrolled{Actor: actor, Keys: at.Lines(all...), Roles: roles})
	}
}

func hourLater(c *court) { c.late = time.Hour }

func soon() ledger.Decision { return ledger.Decision{ExpiresAt: at.Start.Add(time.Minute)} }

func with(change func(*ledger.Approved)) func(*court) act {
	return func(c *court) act {
		p := c.approval()
		change(&p)
		return act{actor: "vera", payload: p}
	}
}

func resumedBy(actor string) func(*court) act {
	return func(c *court) act { return act{actor: actor, payload: c.resume()} }
}

var (
	approvers = []ledger.Role{ledger.RoleApprover}
	bound     = ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test", PolicyDigest: one}
)

var hearings = map[string]hearing{
	"approve,approver":             {},
	"approve,stranger":             {act: byName("mia")},
	"approve,unsigned":             {keys: unsigned},
	"approve,look-alike":           {act: byName("Vera"), keys: unsigned},
	"approve,worker":               {act: byName("olga")},
	"approve,other-key":            {keys: func(c *court, _ act) []at.Signer { return []at.Signer{c.key("vito")} }},
	"approve,revoked":              {after: revoke("vera")},
	"approve,revoked-key":          {after: enrolAgain("vera", approvers, "vera2")},
	"approve,asked-by-claim":       {askBy: "mia"},
	"approve,asker":                {askBy: "both", act: byName("both")},
	"approve,submitter":            {act: byName("sam")},
	"approve,identity":             {submit: ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test", Identity: "agent"}, act: byName("agent")},
	"approve,listed":               {ask: ledger.Decision{Approvers: []string{"vera", "vito"}}},
	"approve,listed-by-role":       {ask: ledger.Decision{Approvers: []string{"role:approver"}}},
	"approve,not-listed":           {ask: ledger.Decision{Approvers: []string{"role:admin", "vito"}}},
	"approve,first-of-two":         {ask: ledger.Decision{Quorum: 2}},
	"approve,second-of-two":        {ask: ledger.Decision{Quorum: 2}, before: approvedBy("vito")},
	"approve,same-actor-of-two":    {ask: ledger.Decision{Quorum: 2}, before: approvedBy("vera")},
	"approve,approved":             {before: approvedBy("vito")},
	"approve,denied":               {before: deniedBy("vito")},
	"approve,expired":              {ask: soon(), after: hourLater},
	"approve,without-subject":      {ask: ledger.Decision{Subject: subject}, act: with(func(p *ledger.Approved) { p.Subject = ledger.Hash{} })},
	"approve,other-subject":        {ask: ledger.Decision{Subject: subject}, act: with(func(p *ledger.Approved) { p.Subject = two })},
	"approve,amending":             {ask: ledger.Decision{Subject: subject}, act: with(func(p *ledger.Approved) { p.Amended = other })},
	"approve,amended":              {ask: ledger.Decision{Subject: subject, Quorum: 2}, before: func(c *court) { p := c.approval(); p.Amended = other; c.by("vito", p) }},
	"approve,before-amendment":     {ask: ledger.Decision{Subject: subject, Quorum: 2}, before: func(c *court) { p := c.approval(); p.Amended = other; c.by("vito", p) }, act: with(func(p *ledger.Approved) { p.Subject = one })},
	"deny,approver":                {act: func(c *court) act { return act{actor: "vera", payload: c.denial()} }},
	"deny,not-listed":              {ask: ledger.Decision{Approvers: []string{"vito"}}, act: func(c *court) act { return act{actor: "vera", payload: c.denial()} }},
	"deny,asker":                   {askBy: "both", act: func(c *court) act { return act{actor: "both", payload: c.denial()} }},
	"deny,expired":                 {ask: soon(), after: hourLater, act: func(c *court) act { return act{actor: "vera", payload: c.denial()} }},
	"deny,first-of-two":            {ask: ledger.Decision{Quorum: 2}, before: approvedBy("vito"), act: func(c *court) act { return act{actor: "vera", payload: c.denial()} }},
	"deny,approved":                {before: approvedBy("vito"), act: func(c *court) act { return act{actor: "vera", payload: c.denial()} }},
	"deny,denied":                  {before: deniedBy("vito"), act: func(c *court) act { return act{actor: "vera", payload: c.denial()} }},
	"deny,other-subject":           {ask: ledger.Decision{Subject: subject}, act: func(c *court) act { p := c.denial(); p.Subject = two; return act{actor: "vera", payload: p} }},
	"resume,open":                  {act: resumedBy("olga")},
	"resume,approved":              {before: approvedBy("vera"), act: resumedBy("olga")},
	"resume,approved-by-claim":     {before: approvedBy("mia"), act: resumedBy("olga")},
	"resume,approved-by-submitter": {before: approvedBy("sam"), act: resumedBy("olga")},
	"resume,denied":                {before: deniedBy("vera"), act: resumedBy("olga")},
	"resume,expired":               {ask: soon(), before: approvedBy("vera"), after: hourLater, act: resumedBy("olga")},
	"resume,first-of-two":          {ask: ledger.Decision{Quorum: 2}, before: approvedBy("vera"), act: resumedBy("olga")},
	"resume,two-of-two":            {ask: ledger.Decision{Quorum: 2}, before: approvedBy("vera", "vito"), act: resumedBy("olga")},
	"resume,two-of-two,revoked":    {ask: ledger.Decision{Quorum: 2}, before: approvedBy("vera", "vito"), after: revoke("vito"), act: resumedBy("olga")},
	"resume,first-of-two,open":     {ask: ledger.Decision{Quorum: 2}, before: func(c *court) { approvedBy("vera")(c); c.by("wim", c.ask(ledger.Decision{})) }, act: resumedBy("olga")},
	"resume,asked-by-claim":        {askBy: "mia", before: approvedBy("vera"), act: resumedBy("olga")},
	"resume,revoked":               {before: approvedBy("vera"), after: revoke("vera"), act: resumedBy("olga")},
	"resume,revoked-key":           {before: approvedBy("vera"), after: enrolAgain("vera", approvers, "vera2"), act: resumedBy("olga")},
	"resume,kept-key":              {before: approvedBy("vera"), after: enrolAgain("vera", approvers, "vera", "vera2"), act: resumedBy("olga")},
	"resume,without-the-role":      {before: approvedBy("vera"), after: enrolAgain("vera", []ledger.Role{ledger.RoleWorker}, "vera"), act: resumedBy("olga")},
	"resume,enrolled-since":        {before: approvedBy("mia"), after: enrolAgain("mia", approvers, "mia"), act: resumedBy("olga")},
	"resume,listed-role-lost": {ask: ledger.Decision{Approvers: []string{"role:operator"}}, before: func(c *court) {
		if c.chain.Newest() != nil {
			approvedBy("sam")(c)
		}
	}, after: enrolAgain("sam", approvers, "sam"), act: resumedBy("olga")},
	"resume,claimed-policy":        {submit: bound, submitBy: "mia", before: approvedBy("vera"), act: resumedBy("mia")},
	"resume,claimed-policy-signed": {submit: bound, submitBy: "mia", before: approvedBy("vera"), act: resumedBy("olga")},
	"resume,signed-policy":         {submit: bound, before: approvedBy("vera"), act: resumedBy("mia")},
	"resume,revoked-policy":        {submit: bound, before: approvedBy("vera"), after: revoke("sam"), act: resumedBy("mia")},
	"resume,policy-for-all":        {submit: bound, submitBy: "mia", policies: []ledger.Hash{one}, before: approvedBy("vera"), act: resumedBy("mia")},
	"resume,other-policy": {submit: bound, before: approvedBy("vera"), act: func(c *court) act {
		p := c.resume()
		p.CurrentPolicyDigest, p.PolicyChanged = two, true
		return act{actor: "mia", payload: p}
	}},
}

// columnsOfModes are the modes of a ledger, and none for one without authority.
var columnsOfModes = []string{"none", "claims", "verdicts", "all"}

func TestVerdicts(t *testing.T) {
	file, err := os.ReadFile("testdata/verdicts.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	if head := strings.Fields(lines[0])[1:]; fmt.Sprint(head) != fmt.Sprint(columnsOfModes) {
		t.Fatalf("the columns are %v, want %v", head, columnsOfModes)
	}
	seen := map[string]bool{}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		h, known := hearings[cells[0]]
		if !known || len(cells) != 1+len(columnsOfModes) {
			t.Errorf("row %q has no hearing, or too few cells", line)
			continue
		}
		seen[cells[0]] = true
		for i, mode := range columnsOfModes {
			t.Run(cells[0]+"/"+mode, func(t *testing.T) {
				if got := heard(t, h, mode); got != cells[1+i] {
					t.Errorf("%s, want %s", got, cells[1+i])
				}
			})
		}
	}
	for name := range hearings {
		if !seen[name] {
			t.Errorf("testdata/verdicts.txt has no row %s", name)
		}
	}
}

// heard returns what a cell should say.
func heard(t *testing.T, h hearing, mode string) string {
	c := newCourt(t)
	if mode != "none" {
		c.enroll()
	}
	if h.submit.ProducerVersion == "" {
		h.submit = submit
	}
	c.by(cmp.Or(h.submitBy, "sam"), h.submit)
	c.by(cmp.Or(h.askBy, "wim"), c.ask(h.ask))
	if h.before != nil {
		h.before(c)
	}
	if mode != "none" {
		c.mode(ledger.Mode(mode), h.policies...)
	}
	if h.after != nil && (mode != "none" || strings.Contains(t.Name(), "expired")) {
		h.after(c)
	}
	a := act{actor: "vera"}
	if h.act == nil {
		a.payload = c.approval()
	} else {
		a = h.act(c)
	}
	a.keys = c.signs(a.actor)
	if h.keys != nil && mode != "none" {
		a.keys = h.keys(c, a)
	}
	if code := c.verdict(a); code != "" {
		return code
	}
	return outcome(c, a)
}

// outcome says in a word what an act has led to.
func outcome(c *court, a act) string {
	if _, approves := a.payload.(ledger.Approved); !approves {
		return string(c.fold.Job.Status)
	}
	d := c.fold.Job.Judge(c.fold.Job.Decisions[len(c.fold.Job.Decisions)-1], c.basis())
	if d.Outcome == projection.OutcomePending {
		return fmt.Sprintf("%d-of-%d", len(d.Counts), d.Needed)
	}
	return string(d.Outcome)
}
