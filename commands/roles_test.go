package commands_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/authoritytest"
)

// The whole table of who may do what. An auditor may issue no command.
func TestRoles(t *testing.T) {
	want := map[string][]ledger.Role{
		"actor add":      {"admin"},
		"actor revoke":   {"admin"},
		"approve":        {"approver"},
		"authority set":  {"admin"},
		"cancel":         {"operator"},
		"checkpoint add": {"worker"},
		"commit-index":   {"operator"},
		"content erase":  {"operator"},
		"deny":           {"approver"},
		"gate eval":      {"worker"},
		"gate settle":    {"operator", "worker"},
		"import":         {"operator"},
		"attempt end":    {"worker"},
		"lease release":  {"operator", "worker"},
		"lease renew":    {"worker"},
		"lease take":     {"worker"},
		"pause":          {"operator"},
		"resume":         {"operator"},
		"stop":           {"operator"},
		"submit":         {"operator", "worker"},
	}
	got := map[string][]ledger.Role{}
	for _, r := range everyVerb() {
		for _, role := range ledger.Roles {
			if commands.RowOf(r.Command).MayIssue(string(role)) {
				got[r.Command.Verb()] = append(got[r.Command.Verb()], role)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who may issue a command (-want +got):\n%s", diff)
	}
}

// The rows say of roles what authority says of the events that the commands lead to.
func TestRolesAreThoseOfAuthority(t *testing.T) {
	o := newOffice(t)
	s, err := authority.At(t.Context(), o.log, o.log.Head().Authority)
	if err != nil {
		t.Fatal(err)
	}
	payloads := map[ledger.Type]ledger.Payload{}
	for _, p := range []ledger.Payload{
		ledger.Submitted{},
		ledger.CheckpointAdded{},
		ledger.Paused{},
		ledger.Approved{},
		ledger.Denied{},
		ledger.Resumed{},
		ledger.Cancelled{},
		ledger.Stopped{},
		ledger.Imported{},
		ledger.ContentErased{},
		ledger.GateDecided{},
		ledger.EffectSettled{},
		ledger.Leased{},
		ledger.LeaseRenewed{},
		ledger.LeaseReleased{},
		ledger.AttemptEnded{},
	} {
		payloads[p.Type()] = p
	}
	actors := map[string]string{"root_1": "admin", "ops_1": "operator", "agent_1": "worker", "cfo": "approver"}
	for _, b := range authority.Bindings() {
		p, ofJob := payloads[b.Event]
		for actor, role := range actors {
			if !ofJob {
				continue
			}
			a := authority.Act{Actor: actor, Keys: []ledger.Hash{authoritytest.Key(t, actor).ID()}, Payload: p}
			if may := s.May(a) == nil; may != commands.RowOfVerb(b.Verb).MayIssue(role) {
				t.Errorf("%s by a %s: authority says %t", b.Verb, role, may)
			}
		}
	}
}
