package commands_test

import (
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/authoritytest"
)

// The first actor enrols itself as an admin, and says how. Nothing else begins an authority.
func TestFirstActor(t *testing.T) {
	o := &office{bench: newBench(t)}
	first := func(r commands.Request, signers ...string) commands.Request { return o.signed(r, signers...) }
	itself := add(t, "root_1", ledger.BootstrapFlag, "root_1")
	o.denied("an unsigned first actor", itself, "signature_required")
	o.denied("a first actor who does not say how", first(add(t, "root_1", "", "root_1")), "authority_missing")
	o.denied("a first actor enrolled by another", first(add(t, "root_1", ledger.BootstrapFlag, "root_2")), "authority_missing")
	o.denied("a first actor who is no admin", first(add(t, "ops_1", ledger.BootstrapFlag, "ops_1")), "authority_missing")
	o.denied("a first actor signed by another key", first(itself, "root_2"), "signature_invalid")
	o.denied("a first actor signed twice", first(itself, "root_1", "root_2"), "signature_invalid")
	o.denied("modes before there is an admin", first(commands.Request{Actor: "root_1", Command: commands.SetAuthority{Admins: 1, Mode: ledger.ModeAll}}), "authority_missing")
	o.denied("a signed submit before there are actors", o.signed(on("agent_1", submit().Command)), "signature_invalid")
	e := o.take(first(itself)).Event
	if !e.Authority().IsZero() || o.log.Head().Authority != e.LeafHash() {
		t.Errorf("event %s, head %+v", e.Bytes(), o.log.Head())
	}
	o.denied("a second first actor", first(add(t, "agent_1", ledger.BootstrapFlag, "agent_1")), "signature_invalid")
	o.denied("the same actor again, as the first", first(itself), "authority_exists")
	if next := o.take(on("someone", submit().Command)).Event; next.Authority() != e.LeafHash() {
		t.Errorf("the next event names the authority %s, want %s", next.Authority(), e.LeafHash())
	}
}

// Admins change who may do what, as many as must agree, and never fewer than that are left.
func TestAdminsAgree(t *testing.T) {
	o := newOffice(t)
	set := func(admins int64) commands.Request {
		return commands.Request{Actor: "root_1", Command: commands.SetAuthority{Admins: admins, Mode: ledger.ModeVerdicts}}
	}
	o.denied("modes set by an operator", o.signed(commands.Request{Actor: "ops_1", Command: set(1).Command}), "role_required")
	o.denied("modes set without a signature", set(1), "signature_required")
	o.denied("more admins than there are", o.signed(set(3)), "too_few_admins")
	o.take(o.signed(set(2)))
	roles["third"] = []ledger.Role{ledger.RoleAdmin}
	o.denied("a third admin by one of two", o.signed(add(t, "third", "", "root_1")), "role_required")
	o.denied("a third admin by one admin and an operator", o.signed(add(t, "third", "", "root_1"), "root_1", "ops_1"), "role_required")
	o.denied("a third admin by one admin, twice", o.signed(add(t, "third", "", "root_1"), "root_1", "root_1"), "role_required")
	o.denied("an admin revoked so that one is left", o.signed(revoke("root_2", "root_1"), "root_1", "root_2"), "too_few_admins")
	o.denied("the admins' threshold kept above those who are left", o.signed(revoke("root_2", "root_2"), "root_1", "root_2"), "too_few_admins")
	o.take(o.signed(revoke("cto", "root_1"))) // one admin is enough for someone who is none
	o.take(o.signed(add(t, "third", "", "root_1"), "root_1", "root_2"))
	o.take(o.signed(revoke("root_2", "root_1"), "root_1", "third"))
	o.denied("a revoked admin", o.signed(revoke("cfo", "root_2")), "revoked")
	o.denied("the last admin but one", o.signed(revoke("third", "root_1"), "root_1", "third"), "too_few_admins")
	copied := add(t, "mallory", "", "root_1")
	copied.Command = commands.AddActor{Actor: "mallory", Keys: []string{authoritytest.Key(t, "cfo").String()}, Roles: []ledger.Role{ledger.RoleApprover}}
	o.denied("the key of another actor", o.signed(copied, "root_1", "third"), "key_in_use")
	copied.Command = commands.AddActor{Actor: "CFO", Keys: []string{authoritytest.Key(t, "a new key").String()}, Roles: []ledger.Role{ledger.RoleApprover}}
	o.denied("a name that looks like another", o.signed(copied, "root_1", "third"), "name_in_use")
	copied.Command = commands.AddActor{Actor: "mallory", Keys: []string{weakKey}, Roles: []ledger.Role{ledger.RoleApprover}}
	o.denied("a weak key", o.signed(copied, "root_1", "third"), "key_refused")
}

// weakKey is the neutral point of Ed25519.
const weakKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func revoke(name, by string) commands.Request {
	return commands.Request{Actor: by, Reason: "left", Command: commands.RevokeActor{Actor: name}}
}

// A command about who may do what is carried out once, as any signed command.
func TestAuthorityCommandsAreCarriedOutOnce(t *testing.T) {
	o := newOffice(t)
	r := o.signed(revoke("cto", "root_1"))
	first := o.take(r)
	again := o.take(r)
	if !again.Replayed || again.Event.LeafHash() != first.Event.LeafHash() {
		t.Errorf("again = %+v", again)
	}
	enrolled := add(t, "cto", "", "root_1")
	enrolled.Command = commands.AddActor{Actor: "cto", Keys: []string{authoritytest.Key(t, "a new key").String()}, Roles: []ledger.Role{ledger.RoleApprover}}
	o.take(o.signed(enrolled))
	if !o.take(r).Replayed {
		t.Error("the revocation is carried out again")
	}
	o.denied("another command under its id", o.signed(withID(revoke("cfo", "root_1"), r.RequestID)), "command_used")
	result, used, err := commands.Outcome(t.Context(), o.log, r)
	if err != nil || !used || result.Event.LeafHash() != first.Event.LeafHash() {
		t.Errorf("Outcome = %+v, %t, %v", result, used, err)
	}
}

// An actor does what its roles allow. A refusal for want of one is recorded, and uses the
// command up; an actor who is revoked is not even refused.
func TestRolesOfActors(t *testing.T) {
	o, asked := begun(t)
	o.recorded("a pause by a worker", o.signed(on("agent_1", commands.Pause{})), "role_required")
	o.recorded("an approval by an operator", o.signed(on("ops_1", commands.Approve{Target: asked.LeafHash()})), "role_required")
	o.recorded("a checkpoint by an approver", o.signed(on("cfo", decision().Command)), "role_required")
	o.recorded("an erasure by a worker", o.signed(forPrivacy("agent_1", commands.EraseContent{Digest: one})), "role_required")
	o.denied("a submit by an approver", o.signed(commands.Request{JobID: "job_2", Actor: "cfo", Command: submit().Command}), "role_required")
	o.take(o.signed(revoke("cto", "root_1")))
	o.denied("an approval by a revoked actor", o.signed(on("cto", commands.Approve{Target: asked.LeafHash()})), "revoked")
	o.denied("a claim under a revoked name", on("cto", commands.Approve{Target: asked.LeafHash()}), "signature_required")
	key := authoritytest.Key(t, "cfo").ID()
	o.take(o.signed(commands.Request{Actor: "root_1", Reason: "lost", Command: commands.RevokeActor{Actor: "cfo", Key: key}}))
	o.denied("an approval with a revoked key", o.signed(on("cfo", commands.Approve{Target: asked.LeafHash()})), "revoked")
}

func forPrivacy(actor string, c commands.Command) commands.Request {
	r := on(actor, c)
	r.Reason = "personal data"
	return r
}

// The stricter modes ask for signatures of those who are not enrolled.
func TestModes(t *testing.T) {
	o, asked := begun(t)
	o.set(ledger.ModeVerdicts, 1, "root_1")
	approval := on("visitor", commands.Approve{Target: asked.LeafHash()})
	o.recorded("an approval by a claim", approval, "signature_required")
	o.recorded("a denial by a claim", on("visitor", commands.Deny{}), "signature_required")
	bound := on("visitor", commands.Submit{EnvironmentFingerprint: env, PolicyDigest: one, ProducerVersion: "gait/test"})
	bound.JobID = "job_2"
	o.denied("a policy bound by a claim", bound, "signature_required")
	bound.Actor = "agent_1"
	o.denied("a policy bound by a worker", o.signed(bound), "role_required")
	bound.Actor = "ops_1"
	o.take(o.signed(bound), on("visitor", commands.Pause{}))
	o.set(ledger.ModeAll, 1, "root_1")
	o.denied("an approval by a claim", approval, "signature_required")
	o.denied("a stop by a claim", on("visitor", commands.Stop{}), "signature_required")
	o.take(commands.Request{Command: commands.CommitIndex{}}, o.signed(on("ops_1", commands.Stop{})))
}

// In a batch, an authority event counts for the commands that are decided behind it.
func TestAuthorityCountsInItsBatch(t *testing.T) {
	s := newStage(t)
	o := &office{bench: s.bench}
	s.start(t.Context(), progress(0))
	<-s.began
	all := []commands.Request{o.signed(add(t, "root_1", ledger.BootstrapFlag, "root_1"))}
	all = append(all, o.signed(add(t, "cfo", "", "root_1")), o.signed(add(t, "cto", "", "root_1")), o.signed(revoke("cto", "root_1")))
	var ran []*outcomes
	for _, r := range all { // each is decided before the next is enqueued
		ran = append(ran, s.start(t.Context(), r))
	}
	s.through <- struct{}{}
	if n := <-s.began; n != len(all) {
		t.Errorf("the second batch has %d events, want %d", n, len(all))
	}
	s.through <- struct{}{}
	s.wait.Wait()
	for i, out := range ran {
		if out.errs[0] != nil {
			t.Errorf("command %d: %v", i, out.errs[0])
		}
	}
	s.log.check(t)
	state, err := authority.At(t.Context(), o.log, o.log.Head().Authority)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := state.Actor("cto"); !a.Revoked || !state.Has("cfo", ledger.RoleApprover) {
		t.Errorf("cto %+v", a)
	}
}
