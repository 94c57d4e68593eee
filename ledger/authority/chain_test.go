package authority_test

import (
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
)

// TestFirst is the table of first authority events.
func TestFirst(t *testing.T) {
	root, other := at.Key(t, "root"), at.Key(t, "other")
	enrol := func(actor, bootstrap string, keys []string, roles ...ledger.Role) ledger.ActorEnrolled {
		return ledger.ActorEnrolled{Actor: actor, Bootstrap: bootstrap, Keys: keys, Roles: roles}
	}
	for _, tt := range []struct {
		name    string
		actor   string
		payload ledger.Payload
		signers []at.Signer
		want    string // part of the reason; "": admissible
	}{
		{"an admin enrols itself", "root", enrol("root", "init", at.Lines(root), ledger.RoleAdmin), []at.Signer{root}, ""},
		{"at a terminal, with two keys", "root", enrol("root", "terminal", at.Lines(root, other), ledger.RoleAdmin, ledger.RoleWorker), []at.Signer{other}, ""},
		{"it says not how it came about", "root", enrol("root", "", at.Lines(root), ledger.RoleAdmin), []at.Signer{root}, "authority_missing"},
		{"no admin", "root", enrol("root", "init", at.Lines(root), ledger.RoleWorker), []at.Signer{root}, "authority_missing"},
		{"enrolled by another", "other", enrol("root", "init", at.Lines(root), ledger.RoleAdmin), []at.Signer{root}, "authority_missing"},
		{"no signature", "root", enrol("root", "init", at.Lines(root), ledger.RoleAdmin), nil, "signature_required"},
		{"not by its own key", "root", enrol("root", "init", at.Lines(root), ledger.RoleAdmin), []at.Signer{other}, "signature_invalid"},
		{"two signatures", "root", enrol("root", "init", at.Lines(root, other), ledger.RoleAdmin), []at.Signer{root, other}, "signature_invalid"},
		{"a mode", "root", ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeAll}, []at.Signer{root}, "authority_missing"},
		{"a revocation", "root", ledger.ActorRevoked{Actor: "root", Reason: "r"}, []at.Signer{root}, "authority_missing"},
		{"a weak key", "root", enrol("root", "init", []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, ledger.RoleAdmin), []at.Signer{root}, "key_refused"},
		{"a key with something after it", "root", enrol("root", "init", []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"}, ledger.RoleAdmin), []at.Signer{root}, "key_refused"},
	} {
		l := at.New(t)
		e := l.Sign(tt.actor, "", tt.payload, tt.signers...)
		var c authority.Chain
		err := c.Add(e)
		if tt.want == "" {
			if err != nil || c.Newest().Leaf() != e.LeafHash() || c.Newest().Mode() != ledger.ModeClaims || c.Newest().Admins() != 1 {
				t.Errorf("%s: Add = %v, state %+v", tt.name, err, c.Newest())
			}
			continue
		}
		wantCorrupt(t, tt.name, err, e, tt.want)
		if c.Newest() != nil || len(c.Events()) > 0 {
			t.Errorf("%s: Add failed, and the chain has an event", tt.name)
		}
	}
}

// TestChain is the table of authority events after the first.
func TestChain(t *testing.T) {
	type signers = []at.Signer
	enrol := func(actor string, keys []string, roles ...ledger.Role) ledger.ActorEnrolled {
		return ledger.ActorEnrolled{Actor: actor, Keys: keys, Roles: roles}
	}
	set := func(admins int64, mode ledger.Mode) ledger.AuthoritySet {
		return ledger.AuthoritySet{Admins: admins, Mode: mode}
	}
	revoke := func(actor string, keys ...at.Signer) ledger.ActorRevoked {
		p := ledger.ActorRevoked{Actor: actor, Reason: "r"}
		for _, k := range keys {
			p.Key = k.ID()
		}
		return p
	}
	fresh := at.Key(t, "fresh")
	const admin, worker = ledger.RoleAdmin, ledger.RoleWorker
	for _, tt := range []struct {
		name   string
		admins int64 // that must agree: 1 or 2, of root and ada
		before func(cast)
		actor  string
		give   func(cast) (ledger.Payload, signers)
		want   string
	}{
		{"an actor", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), worker), signers{c.root} }, ""},
		{"an actor, by another admin", 1, nil, "ada", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), worker), signers{c.ada} }, ""},
		{"an actor, as a claim", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), worker), nil }, "signature_required"},
		{"an actor, as a stranger's claim", 1, nil, "agent", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), worker), nil }, "signature_required"},
		{"an actor, by an operator", 1, nil, "olga", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), worker), signers{c.olga} }, "role_required"},
		{"an actor, by a stranger", 1, nil, "new", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), admin), signers{fresh} }, "signature_invalid"},
		{"an actor, by an admin with a stranger's key", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), admin), signers{fresh} }, "signature_invalid"},
		{"an actor, in another admin's name", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), worker), signers{c.ada} }, "root did not sign"},
		{"an actor, by an admin's look-alike", 1, nil, "Root", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), worker), signers{c.root} }, "signature_invalid"},
		{"a first actor, later", 1, nil, "root", func(c cast) (ledger.Payload, signers) {
			return ledger.ActorEnrolled{Actor: "new", Bootstrap: "flag", Keys: at.Lines(fresh), Roles: []ledger.Role{worker}}, signers{c.root}
		}, "authority_exists"},
		{"a second first actor", 1, nil, "new", func(c cast) (ledger.Payload, signers) {
			return ledger.ActorEnrolled{Actor: "new", Bootstrap: "flag", Keys: at.Lines(fresh), Roles: []ledger.Role{admin}}, signers{fresh}
		}, "signature_invalid"},
		{"a third admin, by one of two", 2, nil, "root", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), admin), signers{c.root} }, "role_required"},
		{"a third admin, by both", 2, nil, "root", func(c cast) (ledger.Payload, signers) {
			return enrol("new", at.Lines(fresh), admin), signers{c.root, c.ada}
		}, ""},
		{"a worker, by one of two", 2, nil, "root", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(fresh), worker), signers{c.root} }, "role_required"},
		{"by one of two admins, with two keys", 1, func(c cast) {
			c.Sign("root", "", enrol("root", at.Lines(c.root, fresh), admin), c.root)
			c.Sign("root", "", set(2, ledger.ModeAll), c.root)
		}, "root", func(c cast) (ledger.Payload, signers) { return set(1, ledger.ModeAll), signers{c.root, fresh} }, "2 admins must agree, and 1 did"},
		{"by an admin and an operator", 2, nil, "root", func(c cast) (ledger.Payload, signers) {
			return set(1, ledger.ModeAll), signers{c.root, c.olga}
		}, "role_required"},
		{"by an admin and a stranger", 2, nil, "root", func(c cast) (ledger.Payload, signers) {
			return set(1, ledger.ModeAll), signers{c.root, at.Key(t, "eve")}
		}, "signature_invalid"},
		{"more admins than there are", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return set(3, ledger.ModeAll), signers{c.root} }, "too_few_admins"},
		{"as many admins as there are", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return set(2, ledger.ModeAll), signers{c.root} }, ""},
		{"the key of another actor", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(c.wim), worker), signers{c.root} }, "key_in_use"},
		{
			"a key that another actor had before", 1, func(c cast) { c.Enroll("root", c.root, "wim", fresh, worker) }, "root",
			func(c cast) (ledger.Payload, signers) { return enrol("new", at.Lines(c.wim), worker), signers{c.root} }, "key_in_use",
		},
		{
			"a key that the actor had before", 1, func(c cast) { c.Enroll("root", c.root, "wim", fresh, worker) }, "root",
			func(c cast) (ledger.Payload, signers) { return enrol("wim", at.Lines(c.wim), worker), signers{c.root} }, "",
		},
		{
			"a key that was revoked", 1, func(c cast) { c.Sign("root", "", revoke("wim", c.wim), c.root) }, "root",
			func(c cast) (ledger.Payload, signers) { return enrol("wim", at.Lines(c.wim), worker), signers{c.root} }, "key_in_use",
		},
		{
			"a key of an actor who was revoked", 1, func(c cast) { c.Sign("root", "", revoke("wim"), c.root) }, "root",
			func(c cast) (ledger.Payload, signers) { return enrol("wim", at.Lines(c.wim), worker), signers{c.root} }, "key_in_use",
		},
		{"a key that an actor had before it was revoked", 1, func(c cast) {
			c.Enroll("root", c.root, "wim", fresh, worker)
			c.Sign("root", "", revoke("wim"), c.root)
		}, "root", func(c cast) (ledger.Payload, signers) { return enrol("wim", at.Lines(c.wim), worker), signers{c.root} }, "key_in_use"},
		{
			"a revoked actor, with a new key", 1, func(c cast) { c.Sign("root", "", revoke("wim"), c.root) }, "root",
			func(c cast) (ledger.Payload, signers) { return enrol("wim", at.Lines(fresh), worker), signers{c.root} }, "",
		},
		{"a name in another case", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return enrol("WIM", at.Lines(fresh), worker), signers{c.root} }, "name_in_use"},
		{
			"a revoked actor's name in another case", 1, func(c cast) { c.Sign("root", "", revoke("wim"), c.root) }, "root",
			func(c cast) (ledger.Payload, signers) { return enrol("Wim", at.Lines(fresh), worker), signers{c.root} }, "name_in_use",
		},
		{"an unknown actor's revocation", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return revoke("eve"), signers{c.root} }, "not_enrolled"},
		{
			"a revoked actor's revocation", 1, func(c cast) { c.Sign("root", "", revoke("wim"), c.root) }, "root",
			func(c cast) (ledger.Payload, signers) { return revoke("wim"), signers{c.root} }, "not_enrolled",
		},
		{"the revocation of another actor's key", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return revoke("wim", c.olga), signers{c.root} }, "not_enrolled"},
		{"the last key of an actor", 1, nil, "root", func(c cast) (ledger.Payload, signers) { return revoke("wim", c.wim), signers{c.root} }, ""},
		{
			"an actor whose keys are gone", 1, func(c cast) { c.Sign("root", "", revoke("wim", c.wim), c.root) }, "root",
			func(c cast) (ledger.Payload, signers) { return revoke("wim"), signers{c.root} }, "",
		},
		{"a worker's revocation, by one of two", 2, nil, "ada", func(c cast) (ledger.Payload, signers) { return revoke("wim"), signers{c.ada} }, ""},
		{"an admin's revocation, by one of two", 2, nil, "ada", func(c cast) (ledger.Payload, signers) { return revoke("root"), signers{c.ada} }, "role_required"},
		{"an admin's key, by one of two", 2, nil, "ada", func(c cast) (ledger.Payload, signers) { return revoke("root", c.root), signers{c.ada} }, "role_required"},
		{"an admin's revocation, by both", 2, nil, "ada", func(c cast) (ledger.Payload, signers) { return revoke("root"), signers{c.ada, c.root} }, "too_few_admins"},
		{"an admin's revocation", 1, nil, "ada", func(c cast) (ledger.Payload, signers) { return revoke("root"), signers{c.ada} }, ""},
		{"an admin's own revocation", 1, nil, "ada", func(c cast) (ledger.Payload, signers) { return revoke("ada"), signers{c.ada} }, ""},
		{
			"the last admin", 1, func(c cast) { c.Sign("ada", "", revoke("root"), c.ada) }, "ada",
			func(c cast) (ledger.Payload, signers) { return revoke("ada"), signers{c.ada} }, "too_few_admins",
		},
		{
			"the last admin's last key", 1, func(c cast) { c.Sign("ada", "", revoke("root"), c.ada) }, "ada",
			func(c cast) (ledger.Payload, signers) { return revoke("ada", c.ada), signers{c.ada} }, "too_few_admins",
		},
		{
			"the last admin becomes a worker", 1, func(c cast) { c.Sign("ada", "", revoke("root"), c.ada) }, "ada",
			func(c cast) (ledger.Payload, signers) { return enrol("ada", at.Lines(c.ada), worker), signers{c.ada} }, "too_few_admins",
		},
		{
			"the last admin gets another key", 1, func(c cast) { c.Sign("ada", "", revoke("root"), c.ada) }, "ada",
			func(c cast) (ledger.Payload, signers) { return enrol("ada", at.Lines(fresh), admin), signers{c.ada} }, "",
		},
		{"one of two admins becomes a worker", 2, nil, "ada", func(c cast) (ledger.Payload, signers) {
			return enrol("ada", at.Lines(c.ada), worker), signers{c.ada, c.root}
		}, "too_few_admins"},
		{
			"by a revoked admin", 1, func(c cast) { c.Sign("ada", "", revoke("root"), c.ada) }, "root",
			func(c cast) (ledger.Payload, signers) { return set(1, ledger.ModeAll), signers{c.root} }, "revoked",
		},
		{"by an admin's revoked key", 1, func(c cast) {
			c.Sign("root", "", enrol("root", at.Lines(c.root, fresh), admin), c.root)
			c.Sign("ada", "", revoke("root", c.root), c.ada)
		}, "root", func(c cast) (ledger.Payload, signers) { return set(1, ledger.ModeAll), signers{c.root} }, "revoked"},
		{"a weak key, later", 1, nil, "root", func(c cast) (ledger.Payload, signers) {
			return enrol("new", []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}, worker), signers{c.root}
		}, "key_refused"},
	} {
		c := newCast(t)
		if tt.before != nil {
			tt.before(c)
		}
		if tt.admins > 1 {
			c.Sign("root", "", set(tt.admins, ledger.ModeVerdicts), c.root)
		}
		chain := chainOf(t, c.Ledger)
		before := chain.Newest()
		p, by := tt.give(c)
		e := c.Sign(tt.actor, "", p, by...)
		err := chain.Add(e)
		var keys []ledger.Hash
		for _, k := range by {
			keys = append(keys, k.ID())
		}
		no := before.May(authority.Act{Actor: tt.actor, Keys: keys, Payload: p})
		if (no == nil) != (err == nil) {
			t.Errorf("%s: May = %v, and Add = %v", tt.name, no, err)
		}
		if tt.want != "" {
			wantCorrupt(t, tt.name, err, e, tt.want)
			if chain.Newest() != before {
				t.Errorf("%s: Add failed, and changed the chain", tt.name)
			}
		} else if err != nil || chain.Newest().Leaf() != e.LeafHash() {
			t.Errorf("%s: Add = %v", tt.name, err)
		}
	}
}

// TestChainLinks checks that a chain takes each event after the one that it names, and
// events of one ledger.
func TestChainLinks(t *testing.T) {
	c := newCast(t)
	one := c.Seal(at.Plan{Actor: "root", Payload: ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeAll}, Signers: []at.Signer{c.root}})
	c.Set("root", c.root, ledger.ModeVerdicts)
	chain := chainOf(t, c.Ledger)
	wantCorrupt(t, "a second event in the place of the first", chain.Add(one), one, "authority event before it")
	last := c.Events[len(c.Events)-1]
	wantCorrupt(t, "the same event twice", chain.Add(last), last, "authority event before it")
	job := c.Claim("agent", "job_1", submitted)
	wantCorrupt(t, "an event of a job", chain.Add(job), job, "no event of authority")
	for name, edit := range map[string]func(*ledger.Draft){
		"no authority":      func(d *ledger.Draft) { d.Authority = ledger.Hash{} },
		"another authority": func(d *ledger.Draft) { d.Authority = c.Events[1].LeafHash() },
		"a command for another ledger": func(d *ledger.Draft) {
			d.Origin = "gait.example/other"
		},
	} {
		e := c.Seal(at.Plan{Actor: "root", Payload: ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeAll}, Signers: []at.Signer{c.root}, EditDraft: edit})
		if err := chain.Add(e); err == nil {
			t.Errorf("%s: Add took the event", name)
		}
	}
}

// TestStatesStay checks that what a chain adds changes no state of before.
func TestStatesStay(t *testing.T) {
	c := newCast(t)
	chain := chainOf(t, c.Ledger)
	before := chain.Newest()
	added := func(e ledger.Event) *authority.State {
		t.Helper()
		if err := chain.Add(e); err != nil {
			t.Fatal(err)
		}
		return chain.Newest()
	}
	second := at.Key(t, "wim 2")
	both := added(c.Sign("root", "", ledger.ActorEnrolled{Actor: "wim", Keys: at.Lines(c.wim, second), Roles: []ledger.Role{ledger.RoleWorker}}, c.root))
	one := added(c.Sign("root", "", ledger.ActorRevoked{Actor: "wim", Key: c.wim.ID(), Reason: "lost"}, c.root))
	none := added(c.Sign("root", "", ledger.ActorRevoked{Actor: "wim", Reason: "left"}, c.root))
	added(c.Set("root", c.root, ledger.ModeAll, hashOf("policy")))
	added(c.Enroll("root", c.root, "new", at.Key(t, "new"), ledger.RoleWorker))
	for _, tt := range []struct {
		name            string
		state           *authority.State
		first, second   bool // the keys in force
		worker, second2 bool // the role; the second key was ever enrolled
		revoked         int
	}{
		{"before", before, true, false, true, false, 0},
		{"with two keys", both, true, true, true, true, 0},
		{"one key revoked", one, false, true, true, true, 1},
		{"revoked", none, false, false, false, true, 2},
	} {
		a, known := tt.state.Actor("wim")
		if !known || tt.state.InForce("wim", c.wim.ID()) != tt.first || tt.state.InForce("wim", second.ID()) != tt.second ||
			tt.state.Has("wim", ledger.RoleWorker) != tt.worker || len(tt.state.Owners(second.ID())) > 0 != tt.second2 ||
			len(a.RevokedKeys) != tt.revoked || a.Revoked != (tt.revoked == 2) {
			t.Errorf("%s: %+v", tt.name, a)
		}
		if tt.state.Mode() != ledger.ModeClaims || tt.state.Enrolled("new") || tt.state.Binds(hashOf("policy")) || len(tt.state.Actors()) != 6 {
			t.Errorf("%s: the state says what came later", tt.name)
		}
	}
	if got := chain.Newest(); got.Mode() != ledger.ModeAll || !got.Binds(hashOf("policy")) || !slices.Equal(got.Policies(), []ledger.Hash{hashOf("policy")}) || len(got.Actors()) != 7 {
		t.Error("the newest state does not say what came last")
	}
	for i, e := range chain.Events() {
		if s, found := chain.At(e.LeafHash()); !found || s.Leaf() != e.LeafHash() {
			t.Errorf("At of event %d of the chain = %v, %t", i, s, found)
		}
	}
	if s, found := chain.At(ledger.Hash{}); s != nil || !found {
		t.Error("At of no event is not the nil State")
	}
	if _, found := chain.At(hashOf("another")); found {
		t.Error("the chain has an event that was not added")
	}
}
