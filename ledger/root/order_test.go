package root_test

import (
	"errors"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/authoritytest"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// ordered returns an order of admin_1 whose command is made with change, and signed by the
// key of an actor.
func (u *user) ordered(origin, signer string, change func(*authority.Command)) root.Order {
	u.t.Helper()
	now := u.Now()
	c := authority.Command{
		Actor: "admin_1", CreatedAt: now, ExpiresAt: now.Add(10 * time.Minute), Origin: origin, Reason: "time to",
		RequestID: "order_1", Verb: "rotate", Arguments: []byte("{}"),
	}
	if change != nil {
		change(&c)
	}
	text, err := c.Encode()
	must(u.t, err)
	return root.Order{Actor: "admin_1", Reason: "time to", Signed: &root.Signed{Text: text, Sigs: [][]byte{authoritytest.Key(u.t, signer).Sign(u.t, text)}}}
}

// A rotation carries the command that an admin signed. In a ledger with authority an enrolled
// name needs it, and a command counts once, for what it says.
func TestRotateSigned(t *testing.T) {
	u := newUser(t)
	r := u.open()
	origin := r.Log.Origin()
	ledgertest.Append(t, r.Log, ledgertest.FirstAdmin(t, "admin_1"), ledgertest.Enroll(t, "admin_1", "worker_1", ledger.RoleWorker))
	head := r.Log.Head()
	other := func(change func(*authority.Command)) root.Order { return u.ordered(origin, "admin_1", change) }
	differs := other(nil)
	differs.Reason = "another one"
	for _, tt := range []struct {
		name string
		by   root.Order
		want authority.Code
	}{
		{"a claim of an admin", root.Order{Actor: "admin_1"}, authority.SignatureRequired},
		{"another actor's key", u.ordered(origin, "worker_1", nil), authority.SignatureInvalid},
		{"no admin", func() root.Order {
			by := u.ordered(origin, "worker_1", func(c *authority.Command) { c.Actor = "worker_1" })
			by.Actor = "worker_1"
			return by
		}(), authority.RoleRequired},
		{"another verb", other(func(c *authority.Command) { c.Verb, c.Arguments = "authority set", []byte(`{"admins":1,"mode":"all"}`) }), authority.SignatureInvalid},
		{"another ledger", u.ordered("elsewhere.example/x", "admin_1", nil), authority.SignatureInvalid},
		{"another reason", differs, authority.SignatureInvalid},
		{"a command of yesterday", other(func(c *authority.Command) {
			c.CreatedAt, c.ExpiresAt = c.CreatedAt.AddDate(0, 0, -1), c.CreatedAt.Add(-time.Hour)
		}), authority.CommandExpired},
		{"a request id that was used", other(func(c *authority.Command) { c.RequestID = "enroll_worker_1" }), authority.CommandUsed},
	} {
		_, err := r.Rotate(t.Context(), tt.by)
		if no, is := errors.AsType[*authority.Denial](err); !is || no.Code != tt.want {
			t.Errorf("Rotate by %s = %v, want a denial with code %s", tt.name, err, tt.want)
		}
	}
	if r.Log.Head() != head {
		t.Fatalf("denied rotations wrote %d events", r.Log.Head().Size-head.Size)
	}
	did, err := r.Rotate(t.Context(), other(nil))
	must(t, err)
	if e := did.Event; len(e.CommandSigs()) != 1 || e.RequestID() != "order_1" || e.Authority() != head.Authority {
		t.Errorf("Rotate wrote %s, want the signed command in it", e.Bytes())
	}
	ledgertest.Check(t, r.Log, did.Event)
	if _, err := r.Rotate(t.Context(), root.Order{Actor: "someone", Reason: "no admin of that name"}); err != nil {
		t.Errorf("Rotate by a name that is not enrolled = %v, want that the ledger's key vouches for it", err)
	}
	must(t, r.Close())
}

// A move carries the command that an admin signed: it names the place.
func TestMoveSigned(t *testing.T) {
	here := newUser(t)
	r := here.open()
	origin := r.Log.Origin()
	ledgertest.Append(t, r.Log, ledgertest.FirstAdmin(t, "admin_1"))
	must(t, r.Close())
	to := ledgertest.KeyAfter(origin, 8).VerifierKey()
	order := func(verb, place string) root.Order {
		return here.ordered(origin, "admin_1", func(c *authority.Command) { c.Verb, c.Arguments = verb, []byte(`{"to":"`+place+`"}`) })
	}
	move := func(by root.Order) (root.MoveResult, error) {
		return root.Move(t.Context(), here.with(noCreate), to, by)
	}
	elsewhere := ledgertest.KeyAfter(origin, 7).VerifierKey().String()
	for _, by := range []root.Order{{Actor: "admin_1"}, order("move", elsewhere)} {
		_, err := move(by)
		if no, is := errors.AsType[*authority.Denial](err); !is {
			t.Errorf("Move = %v (%v), want a denial", err, no)
		}
	}
	did, err := move(order("move", to.String()))
	must(t, err)
	if len(did.Event.CommandSigs()) != 1 || did.Event.RequestID() != "order_1" {
		t.Errorf("Move wrote %s, want the signed command in it", did.Event.Bytes())
	}
}
