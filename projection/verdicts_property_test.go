package projection_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
	"gait/projection"
)

// A trial draws what happens in a court.
type trial struct {
	*court
	*rapid.T
}

func (c trial) one(names ...string) string { return rapid.SampledFrom(names).Draw(c.T, "one") }

func (c trial) chance(percent int) bool { return rapid.IntRange(1, 100).Draw(c.T, "chance") <= percent }

// actor draws who acts, and the keys: mostly those that count.
func (c trial) actor(names ...string) act {
	a := act{actor: c.one(names...)}
	var theirs []at.Signer
	for _, key := range []string{a.actor, a.actor + "2"} {
		if c.chain.Newest().InForce(a.actor, c.key(key).ID()) {
			theirs = append(theirs, c.key(key))
		}
	}
	switch {
	case len(theirs) > 0 && c.chance(90):
		a.keys = []at.Signer{rapid.SampledFrom(theirs).Draw(c.T, "key")}
	case c.chance(20):
		a.keys = []at.Signer{c.key(c.one("vera", "vito", "both2", "mia"))}
	}
	return a
}

// changeAuthority adds an authority event, if it is admissible.
func (c trial) changeAuthority() {
	var p ledger.Payload
	switch rapid.IntRange(0, 5).Draw(c.T, "authority") {
	case 0:
		p = ledger.ActorRevoked{Actor: c.one("vera", "vito", "sam", "both", "olga"), Reason: "gone"}
	case 1:
		name := c.one("vera", "vito", "sam", "both", "olga")
		p = ledger.ActorRevoked{Actor: name, Key: c.key(name).ID(), Reason: "lost"}
	case 2, 3:
		name := c.one("vera", "vito", "sam", "both", "mia", "olga")
		keys := [][]at.Signer{{c.key(name)}, {c.key(name + "2")}, {c.key(name), c.key(name + "2")}}
		roles := [][]ledger.Role{{ledger.RoleApprover}, {ledger.RoleApprover, ledger.RoleOperator}, {ledger.RoleWorker}, {ledger.RoleApprover, ledger.RoleWorker}}
		p = ledger.ActorEnrolled{
			Actor: name, Keys: at.Lines(rapid.SampledFrom(keys).Draw(c.T, "keys")...), Roles: rapid.SampledFrom(roles).Draw(c.T, "roles"),
		}
	default:
		set := ledger.AuthoritySet{Admins: 1, Mode: rapid.SampledFrom(ledger.Modes).Draw(c.T, "mode")}
		if c.chance(30) {
			set.Policies = []ledger.Hash{one}
		}
		p = set
	}
	e := c.Seal(at.Plan{Actor: "root", Payload: p, Signers: []at.Signer{c.key("root")}})
	if c.chain.Add(e) == nil {
		c.Append(e)
	}
}

// act draws something that is done to the job.
func (c trial) act() act {
	voters := []string{"vera", "vito", "sam", "both", "mia", "tom", "agent"}
	what := rapid.IntRange(0, 11).Draw(c.T, "act")
	if c.fold.Job.Status == projection.Running && c.chance(90) {
		what = rapid.IntRange(0, 2).Draw(c.T, "begin")
	}
	switch what {
	case 0, 1:
		a := c.actor("both", "wim", "tom")
		a.payload = c.ask(c.decision())
		return a
	case 2:
		a := c.actor("olga", "tom")
		a.payload = ledger.Paused{Hold: c.chance(60), Reason: "look"}
		return a
	case 3, 4, 5, 6:
		a := c.actor("olga", "sam", "mia")
		a.payload = c.resumption()
		return a
	case 7:
		a := c.actor(voters...)
		p := c.approved()
		a.payload = ledger.Denied{CheckpointID: p.CheckpointID, Reason: "no", Target: p.Target, Subject: p.Subject}
		return a
	}
	a := c.actor(voters...)
	p := c.approved()
	if !p.Subject.IsZero() && c.chance(15) {
		p.Amended = rapid.SampledFrom([]ledger.Content{other, subject}).Draw(c.T, "amended")
	}
	a.payload = p
	return a
}

func (c trial) resumption() ledger.Resumed {
	p := c.resume()
	if c.chance(20) {
		p.CurrentPolicyDigest = rapid.SampledFrom([]ledger.Hash{one, two}).Draw(c.T, "policy")
		p.PolicyChanged = !p.PreviousPolicyDigest.IsZero() && p.PreviousPolicyDigest != p.CurrentPolicyDigest
	}
	return p
}

func (c trial) decision() (d ledger.Decision) {
	if c.chance(30) {
		d.Approvers = rapid.SampledFrom([][]string{{"role:approver"}, {"mia", "vera"}, {"role:operator", "vito"}, {"both", "sam", "tom", "vera"}}).Draw(c.T, "approvers")
	}
	if c.chance(40) {
		d.Quorum = rapid.Int64Range(2, 3).Draw(c.T, "quorum")
	}
	if c.chance(30) {
		d.ExpiresAt = c.basis().Reading.Add(rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(c.T, "expires"))
	}
	if c.chance(30) {
		d.Subject = subject
	}
	if len(c.fold.Job.Decisions) > 0 && c.chance(30) || c.chance(5) {
		d.Replaces = c.one("pause", "cp_0001", "cp_0002", "cp_0003")
		if asks := c.fold.Job.Decisions; len(asks) > 0 && c.chance(70) {
			d.Replaces = rapid.SampledFrom(asks).Draw(c.T, "replaced").CheckpointID
		}
	}
	return d
}

// approved draws an approval of something that waits, mostly.
func (c trial) approved() ledger.Approved {
	targets := slices.Clone(c.fold.Job.Decisions)
	if s := c.fold.Job.Stop; s != nil {
		targets = append(targets, *s)
	}
	if len(targets) == 0 || c.chance(3) {
		return ledger.Approved{Reason: "approved", Target: two}
	}
	a := rapid.SampledFrom(targets).Draw(c.T, "target")
	p := ledger.Approved{CheckpointID: a.DecisionID(), Reason: "approved", Target: a.Target, Subject: a.Subject.Digest}
	if a.Amended.Digest != (ledger.Hash{}) {
		p.Subject = a.Amended.Digest
	}
	if c.chance(10) {
		p.Subject = rapid.SampledFrom([]ledger.Hash{{}, one, two}).Draw(c.T, "subject")
	}
	return p
}

// referred returns what the reference says of an event that authority admits.
func referred(r reference, e ledger.Event) (uses []ledger.Hash, code string) {
	if code := r.fence(e); code != "" {
		return nil, code
	}
	switch p := e.Payload().(type) {
	case ledger.CheckpointAdded:
		switch string(p.CheckpointType) {
		case "completed":
			return nil, r.complete()
		case "failed", "progress":
			return nil, r.record()
		}
		return nil, r.ask(e, p)
	case ledger.Leased:
		return nil, r.take(e, p)
	case ledger.LeaseRenewed:
		return nil, r.renew(e, p)
	case ledger.LeaseReleased:
		return nil, r.release(e, p)
	case ledger.AttemptEnded:
		return nil, r.attempt(p)
	case ledger.Cancelled:
		return nil, r.cancel()
	case ledger.Paused:
		return nil, r.pause(e, p)
	case ledger.Approved:
		return nil, r.approve(e, p)
	case ledger.Denied:
		return nil, r.deny(e, p)
	case ledger.Resumed:
		return r.resume(e, p)
	case ledger.GateDecided:
		return nil, r.decide(e, p)
	case ledger.EffectSettled:
		return nil, r.settle(e, p)
	case ledger.DispatchBlocked:
		return nil, r.dispatch()
	case ledger.Stopped:
		return nil, r.stop()
	}
	panic("not drawn")
}

// Whatever actors, keys, roles, modes, decisions and revocations there are, and whatever the
// time is: an act gets the verdict that a reference gives, which only reads the list of
// events. Jobs that were kept as views go on as those that were folded.
func TestVerdictsAgreeWithReference(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		c := trial{newCourt(t), rt}
		enrolAt := rapid.SampledFrom([]int{0, 0, 5, 99}).Draw(rt, "enrol at")
		begun := ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test", Identity: c.one("", "agent")}
		if c.chance(40) {
			begun.PolicyDigest = one
		}
		for step := range rapid.IntRange(5, 45).Draw(rt, "steps") {
			switch {
			case step == enrolAt:
				c.enroll()
			case enrolAt < step && c.chance(20):
				c.changeAuthority()
			case c.fold.Job.Status == "":
				a := c.actor("mia", "sam")
				a.payload = begun
				c.verdict(a)
			default:
				c.late += rapid.SampledFrom([]time.Duration{0, 0, 0, time.Minute, 30 * time.Minute}).Draw(rt, "later")
				c.try(seen)
			}
		}
		if c.fold.Job.Status != "" {
			c.refold()
		}
	})
	for _, code := range []string{"", "approval_required", "subject_changed", "nothing_to_approve"} {
		if seen[code] == 0 && !testing.Short() { // a fifth of the histories may have none
			t.Errorf("no act came to %q: too few to tell anything", code)
		}
	}
}

// try draws an act, and compares what is said of it.
func (c trial) try(seen map[string]int) { c.judge(seen, c.act()) }

// judge compares what is said of an act.
func (c trial) judge(seen map[string]int, a act) {
	e := c.sealed(a)
	var keys []ledger.Hash
	for _, k := range a.keys {
		keys = append(keys, k.ID())
	}
	if no := c.chain.Newest().May(authority.Act{Actor: a.actor, Keys: keys, Payload: a.payload}); no != nil {
		return // the reference of package authority is about that
	}
	uses, want := referred(reference(c.Events), e)
	if p, resumes := a.payload.(ledger.Resumed); resumes && want != "fenced" && !slices.Equal(p.Consumes, uses) {
		c.T.Fatalf("a resume would use up %v, want %v", p.Consumes, uses)
	}
	j, ok := projection.DecodeJob(projection.EncodeJob(c.fold.Job, c.fold.Head.Leaf), c.fold.Head)
	if !ok {
		c.T.Fatal("a view is not read back")
	}
	_, fromView := projection.Apply(j, e, c.chain.Newest(), c.call(a.payload))
	got := c.verdict(a)
	if got != want || (fromView == nil) != (want == "") {
		c.T.Fatalf("%T %+v by %s, signed %t, is %q, from its view %v, want %q\nasks %+v\nstop %+v", a.payload, a.payload, a.actor, len(a.keys) > 0, got, fromView, want, c.fold.Job.Decisions, c.fold.Job.Stop)
	}
	seen[want]++
}

// refold folds all events again, one way and another.
func (c trial) refold() {
	var of []ledger.Event
	for _, e := range c.Events {
		if e.JobID() != "" {
			of = append(of, e)
		}
	}
	want := projection.EncodeState(c.fold.Job, c.fold.Head.Leaf)
	again, err := projection.Fold(eventsOf(of...), c.fold.Head, projection.StatesOf(c.T.Context(), c.Ledger))
	if err != nil || !bytes.Equal(projection.EncodeState(again, c.fold.Head.Leaf), want) {
		c.T.Fatalf("folding again: %v, %s, want %s", err, projection.EncodeState(again, c.fold.Head.Leaf), want)
	}
	var last ledger.Entry
	for entry, err := range projection.Entries(eventsOf(c.Events...)) {
		if err != nil {
			c.T.Fatal(err)
		}
		if entry.View != nil {
			last = entry
		}
	}
	if view := projection.EncodeJob(c.fold.Job, c.fold.Head.Leaf); !bytes.Equal(last.View, view) {
		c.T.Fatalf("the last view is %s, want %s", last.View, view)
	}
	r := projection.Replay{}
	for _, e := range c.Events {
		if err := r.Add(e); err != nil {
			c.T.Fatal(err)
		}
	}
}
