package authority_test

import (
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
)

// hashOf returns a hash that is different for each name.
func hashOf(name string) ledger.Hash { return sha256.Sum256([]byte(name)) }

// codeOf returns the code of a denial, or "".
func codeOf(no *authority.Denial) authority.Code {
	if no == nil {
		return ""
	}
	return no.Code
}

// TestRoles is the table of roles: what each actor may do in every mode.
func TestRoles(t *testing.T) {
	c := newCast(t)
	may := map[ledger.Type]string{ // who may
		ledger.TypeSubmitted:       "root olga wim",
		ledger.TypeCheckpointAdded: "root wim", ledger.TypeGateDecided: "root wim", ledger.TypeDispatchBlocked: "root wim",
		ledger.TypeEffectSettled: "root olga wim",
		ledger.TypeLeased:        "root wim", ledger.TypeLeaseRenewed: "root wim", ledger.TypeAttemptEnded: "root wim",
		ledger.TypeLeaseReleased: "root olga wim",
		ledger.TypePaused:        "root olga", ledger.TypeResumed: "root olga", ledger.TypeCancelled: "root olga",
		ledger.TypeStopped: "root olga", ledger.TypeImported: "root olga", ledger.TypeContentErased: "root olga",
		ledger.TypeApproved: "root vera", ledger.TypeDenied: "root vera",
		ledger.TypeRefused:    "root ada olga vera wim audrey",
		ledger.TypeKeyRotated: "root ada", ledger.TypeLedgerMoved: "root ada",
	}
	payloads := []ledger.Payload{submitted, progress, paused, resumed, cancelled, stopped, imported, erased, approved, denied, refused, rotated, moved, allowed, dispatch, settled, leased, renewed, released, attempted}
	if len(payloads) != len(may) {
		t.Fatal("a payload or its row is missing")
	}
	keys := map[string]at.Signer{"root": c.root, "ada": c.ada, "olga": c.olga, "vera": c.vera, "wim": c.wim, "audrey": c.audrey}
	for _, mode := range ledger.Modes {
		c.Set("root", c.root, mode)
		s := now(t, c.Ledger)
		for _, p := range payloads {
			for name, key := range keys {
				want := authority.RoleRequired
				if slices.Contains(strings.Fields(may[p.Type()]), name) {
					want = ""
				}
				signed := authority.Act{Actor: name, Keys: []ledger.Hash{key.ID()}, Payload: p}
				if got := codeOf(s.May(signed)); got != want {
					t.Errorf("mode %s: May(%s by %s) = %q, want %q", mode, p.Type(), name, got, want)
				}
				if got := codeOf(s.May(authority.Act{Actor: name, Payload: p})); got != authority.SignatureRequired {
					t.Errorf("mode %s: May(%s by %s) without a signature = %q, want %q", mode, p.Type(), name, got, authority.SignatureRequired)
				}
			}
		}
	}
}

// TestClaims is the table of modes: what a name may do that is not enrolled.
func TestClaims(t *testing.T) {
	c := newCast(t)
	const need = authority.SignatureRequired
	for _, tt := range []struct {
		payload                       ledger.Payload
		claims, verdicts, listed, all authority.Code // listed: in mode verdicts, with the policy in policies
	}{
		{submitted, "", "", "", need},
		{withPolicy, "", need, "", need},
		{progress, "", "", "", need},
		{paused, "", "", "", need},
		{resumed, "", "", "", need},
		{rebound, "", need, need, need},
		{ledger.Resumed{PreviousPolicyDigest: hashOf("other"), CurrentPolicyDigest: hashOf("policy"), PolicyChanged: true}, "", need, "", need},
		{ledger.Resumed{PreviousPolicyDigest: hashOf("policy"), CurrentPolicyDigest: hashOf("policy")}, "", "", "", need},
		{ledger.Resumed{CurrentPolicyDigest: hashOf("other")}, "", need, need, need},
		{ledger.Resumed{PreviousPolicyDigest: hashOf("other"), PolicyChanged: true}, "", need, need, need},
		{cancelled, "", "", "", need},
		{stopped, "", "", "", need},
		{allowed, "", "", "", need},
		{dispatch, "", "", "", need},
		{settled, "", "", "", need},
		{leased, "", "", "", need},
		{renewed, "", "", "", need},
		{released, "", "", "", need},
		{attempted, "", "", "", need},
		{approved, "", need, need, need},
		{denied, "", need, need, need},
		{erased, "", "", "", need},
		{refused, "", "", "", need},
		{imported, "", "", "", need},
		{rotated, "", "", "", need},
		{moved, "", "", "", need},
		{ledger.IndexCommitted{}, "", "", "", ""},
		{ledger.LedgerCreated{}, "", "", "", ""},
		{ledger.Continued{}, "", "", "", ""},
		{ledger.CheckpointAdded{Continues: hashOf("before")}, "", "", "", ""},
		{ledger.GateDecided{Continues: hashOf("before")}, "", "", "", ""},
	} {
		for _, m := range []struct {
			mode     ledger.Mode
			policies []ledger.Hash
			want     authority.Code
		}{
			{ledger.ModeClaims, nil, tt.claims},
			{ledger.ModeVerdicts, nil, tt.verdicts},
			{ledger.ModeVerdicts, []ledger.Hash{hashOf("policy")}, tt.listed},
			{ledger.ModeAll, []ledger.Hash{hashOf("policy")}, tt.all},
		} {
			c.Set("root", c.root, m.mode, m.policies...)
			s := now(t, c.Ledger)
			if got := codeOf(s.May(authority.Act{Actor: "agent", Payload: tt.payload})); got != m.want {
				t.Errorf("mode %s, %d policies: May(%#v) = %q, want %q", m.mode, len(m.policies), tt.payload, got, m.want)
			}
			signed := authority.Act{Actor: "agent", Keys: []ledger.Hash{c.wim.ID()}, Payload: tt.payload}
			if got := codeOf(s.May(signed)); got != authority.SignatureInvalid {
				t.Errorf("mode %s: May(%s) signed under a name that is not enrolled = %q", m.mode, tt.payload.Type(), got)
			}
		}
	}
}

// TestMayBind is the table of who may bind a policy, of those who sign.
func TestMayBind(t *testing.T) {
	c := newCast(t)
	for _, tt := range []struct {
		actor    string
		key      at.Signer
		payload  ledger.Payload
		policies []ledger.Hash
		want     authority.Code
	}{
		{"wim", c.wim, submitted, nil, ""},
		{"wim", c.wim, withPolicy, nil, authority.RoleRequired},
		{"wim", c.wim, withPolicy, []ledger.Hash{hashOf("policy")}, ""},
		{"wim", c.wim, withPolicy, []ledger.Hash{hashOf("other")}, authority.RoleRequired},
		{"olga", c.olga, withPolicy, nil, ""},
		{"olga", c.olga, rebound, nil, ""},
		{"wim", c.wim, rebound, []ledger.Hash{hashOf("other")}, authority.RoleRequired}, // resuming takes an operator too
		{"vera", c.vera, withPolicy, []ledger.Hash{hashOf("policy")}, authority.RoleRequired},
	} {
		for _, mode := range ledger.Modes {
			c.Set("root", c.root, mode, tt.policies...)
			act := authority.Act{Actor: tt.actor, Keys: []ledger.Hash{tt.key.ID()}, Payload: tt.payload}
			if got := codeOf(now(t, c.Ledger).May(act)); got != tt.want {
				t.Errorf("mode %s, %d policies: May(%s by %s) = %q, want %q", mode, len(tt.policies), tt.payload.Type(), tt.actor, got, tt.want)
			}
		}
	}
}

// TestWhoseKey is the table of signatures that do not count.
func TestWhoseKey(t *testing.T) {
	c := newCast(t)
	second, third := at.Key(t, "olga 2"), at.ECDSAKey(t, "olga 3")
	c.Sign("root", "", ledger.ActorEnrolled{Actor: "olga", Keys: at.Lines(c.olga, second, third), Roles: []ledger.Role{ledger.RoleOperator}}, c.root)
	c.Sign("root", "", ledger.ActorEnrolled{Actor: "olga", Keys: at.Lines(c.olga, second), Roles: []ledger.Role{ledger.RoleOperator}}, c.root)
	c.Sign("root", "", ledger.ActorRevoked{Actor: "olga", Key: second.ID(), Reason: "lost"}, c.root)
	c.Sign("root", "", ledger.ActorRevoked{Actor: "vera", Reason: "left"}, c.root)
	s := now(t, c.Ledger)
	id := at.Signer.ID
	for _, tt := range []struct {
		name, actor string
		keys        []ledger.Hash
		want        authority.Code
	}{
		{"the actor's key", "olga", []ledger.Hash{id(c.olga)}, ""},
		{"no key", "olga", nil, authority.SignatureRequired},
		{"a stranger's key", "olga", []ledger.Hash{id(at.Key(t, "eve"))}, authority.SignatureInvalid},
		{"another actor's key", "olga", []ledger.Hash{id(c.wim)}, authority.SignatureInvalid},
		{"a revoked key of another actor", "olga", []ledger.Hash{id(c.vera)}, authority.SignatureInvalid},
		{"two keys", "olga", []ledger.Hash{id(c.olga), id(c.wim)}, authority.SignatureInvalid},
		{"the same key twice", "olga", []ledger.Hash{id(c.olga), id(c.olga)}, authority.SignatureInvalid},
		{"a revoked key", "olga", []ledger.Hash{id(second)}, authority.Revoked},
		{"a key that the actor had before", "olga", []ledger.Hash{id(third)}, authority.Revoked},
		{"a revoked actor", "vera", []ledger.Hash{id(c.vera)}, authority.Revoked},
		{"a revoked actor with another key", "vera", []ledger.Hash{id(c.olga)}, authority.Revoked},
		{"a revoked actor without a signature", "vera", nil, authority.SignatureRequired},
		{"the name in another case", "Olga", []ledger.Hash{id(c.olga)}, authority.SignatureInvalid},
		{"the name in another case, as a claim", "OLGA", nil, authority.SignatureRequired},
		{"the name with a percent-encoding", "ol%67a", nil, authority.SignatureRequired},
		{"the name with a percent-encoding of the other case", "%4Flga", nil, authority.SignatureRequired},
		{"a revoked actor's name in another case", "VERA", nil, authority.SignatureRequired},
		{"a name that begins alike", "olga_2", nil, ""},
		{"a name in another script", "%D0%BElga", nil, ""}, // shown as it is spelt: in ASCII
	} {
		for _, p := range []ledger.Payload{paused, refused} {
			if got := codeOf(s.May(authority.Act{Actor: tt.actor, Keys: tt.keys, Payload: p})); got != tt.want {
				t.Errorf("%s: May(%s) = %q, want %q", tt.name, p.Type(), got, tt.want)
			}
		}
	}
	if got, want := s.LooksLike("%4FLGA"), "olga"; got != want {
		t.Errorf("LooksLike(%%4FLGA) = %q, want %q", got, want)
	}
}

// TestWithoutAuthority checks that nothing is asked in a ledger without authority, and that
// no signature counts there.
func TestWithoutAuthority(t *testing.T) {
	var s *authority.State
	for _, p := range []ledger.Payload{submitted, withPolicy, approved, denied, rebound, refused, rotated} {
		if no := s.May(authority.Act{Actor: "agent", Payload: p}); no != nil {
			t.Errorf("May(%s) = %v, want nil", p.Type(), no)
		}
		if got := codeOf(s.May(authority.Act{Actor: "agent", Keys: []ledger.Hash{hashOf("key")}, Payload: p})); got != authority.SignatureInvalid {
			t.Errorf("May(%s) with a signature = %q, want %q", p.Type(), got, authority.SignatureInvalid)
		}
	}
	if s.Mode() != ledger.ModeClaims || s.Enrolled("a") || s.Has("a", ledger.RoleAdmin) || s.InForce("a", hashOf("k")) || s.Owners(hashOf("k")) != nil ||
		s.Binds(hashOf("policy")) || s.Admins() != 0 || !s.Leaf().IsZero() || s.Actors() != nil || s.Policies() != nil {
		t.Error("the nil State says that something is set")
	}
}
