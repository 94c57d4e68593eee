package authority_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
)

// idOfLine returns the SHA-256 of the wire form of a key.
func idOfLine(line string) string {
	_, encoded, _ := strings.Cut(line, " ")
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		panic(err)
	}
	id := sha256.Sum256(blob)
	return string(id[:])
}

// TestReference makes random actors, keys, roles, modes, revocations and commands, honest and
// not, and holds what May, Check and a Chain say of each to what the reference says.
func TestReference(t *testing.T) {
	var keys []at.Signer
	for i := range 7 {
		keys = append(keys, at.Key(t, fmt.Sprint("reference ", i)))
	}
	taken, refused := map[ledger.Type]int{}, map[ledger.Type]int{}
	rapid.Check(t, func(r *rapid.T) {
		l, chain := at.New(t), &authority.Chain{}
		w := world{r, keys}
		for range rapid.IntRange(3, 40).Draw(r, "events") {
			p := w.plan(l.Events)
			e := l.Seal(p)
			s := chain.Newest()
			want := reference(l.Events).admits(e)
			_, err := s.Check(e)
			if (err == nil) != want {
				r.Fatalf("event %d, %s by %s: Check = %v, and the reference admits it: %t\n%s", e.Seq(), e.Type(), e.Actor(), err, want, e.Bytes())
			}
			if err := authority.VerifySignatures(e); err != nil {
				r.Fatal(err)
			}
			if want || (p.EditCommand == nil && p.EditDraft == nil) { // an honest command: May alone decides
				signed, err := authority.KeysOf(e)
				if no := s.May(authority.Act{Actor: e.Actor(), Keys: signed, Payload: e.Payload()}); err != nil || (no == nil) != want {
					r.Fatalf("event %d, %s by %s: May = %v, and the reference admits it: %t", e.Seq(), e.Type(), e.Actor(), no, want)
				}
			}
			if e.Type().OfAuthority() {
				if err := chain.Add(e); (err == nil) != want {
					r.Fatalf("event %d, %s by %s: Add = %v, and the reference admits it: %t", e.Seq(), e.Type(), e.Actor(), err, want)
				}
			}
			if want {
				taken[e.Type()]++
				l.Append(e)
			} else {
				refused[e.Type()]++
			}
		}
		sameState(r, chain.Newest(), l.Events, keys)
	})
	if testing.Short() {
		return
	}
	for _, typ := range slices.Concat(authorityTypes, jobTypes) {
		if taken[typ] == 0 || refused[typ] == 0 {
			t.Errorf("of %s, %d events were admissible and %d were not: both are to come about", typ, taken[typ], refused[typ])
		}
	}
}

// sameState compares what a State says of names and keys with what the reference says.
func sameState(r *rapid.T, s *authority.State, events reference, keys []at.Signer) {
	for _, name := range worldNames {
		for _, role := range ledger.Roles {
			if got, want := s.Has(name, role), events.has(name, role); got != want {
				r.Fatalf("Has(%s, %s) = %t, want %t", name, role, got, want)
			}
		}
		for _, key := range keys {
			id := key.ID()
			if got, want := s.InForce(name, id), slices.Contains(events.keys(name), string(id[:])); got != want {
				r.Fatalf("InForce(%s) = %t, want %t", name, got, want)
			}
		}
	}
	if set := events.set(); s.Mode() != set.Mode || !slices.Equal(s.Policies(), set.Policies) {
		r.Fatalf("mode %s, want %s", s.Mode(), set.Mode)
	}
}

var (
	worldNames     = []string{"root", "ann", "Ann", "bob", "cid"}
	authorityTypes = []ledger.Type{ledger.TypeActorEnrolled, ledger.TypeActorRevoked, ledger.TypeAuthoritySet}
	jobTypes       = []ledger.Type{
		ledger.TypeSubmitted, ledger.TypeCheckpointAdded, ledger.TypeApproved, ledger.TypeDenied, ledger.TypePaused, ledger.TypeResumed, ledger.TypeRefused,
		ledger.TypeGateDecided, ledger.TypeDispatchBlocked, ledger.TypeEffectSettled,
		ledger.TypeLeased, ledger.TypeLeaseRenewed, ledger.TypeLeaseReleased, ledger.TypeAttemptEnded,
	}
)

// A world draws events.
type world struct {
	*rapid.T

	keys []at.Signer
}

// chance draws whether something happens. rapid prefers small numbers, which stand for what
// is usual.
func (w world) chance(percent int, what string) bool {
	n := rapid.IntRange(1, 100).Draw(w.T, what)
	if percent < 50 {
		return n > 100-percent
	}
	return n <= percent
}

func (w world) name() string { return rapid.SampledFrom(worldNames).Draw(w.T, "name") }

func (w world) key() at.Signer { return rapid.SampledFrom(w.keys).Draw(w.T, "key") }

func (w world) policy() ledger.Hash {
	return rapid.SampledFrom([]ledger.Hash{{}, hashOf("policy"), hashOf("other")}).Draw(w.T, "policy")
}

// plan draws an event after some authority events.
func (w world) plan(before reference) at.Plan {
	p := at.Plan{Actor: w.name()}
	if len(before.everEnrolled()) == 0 && w.chance(80, "begins") {
		k := w.keys[0]
		p.Actor, p.Payload, p.Signers = "root", ledger.ActorEnrolled{Actor: "root", Bootstrap: "init", Keys: at.Lines(k), Roles: ledger.Roles}, []at.Signer{k}
		return w.edited(p)
	}
	if w.chance(50, "of authority") {
		p.Payload = w.ofAuthority()
		if w.chance(60, "by root") {
			p.Actor = "root"
		}
	} else {
		p.JobID, p.Payload = "job_1", w.ofJob()
		if p.Payload.Type() != ledger.TypeSubmitted && len(before.ofJob(p.JobID)) > 0 && w.chance(30, "under a lease") {
			p.Lease = rapid.Int64Range(1, 3).Draw(w.T, "lease")
		}
	}
	if w.chance(60, "honest") {
		return w.edited(w.honest(p, before))
	}
	for _, k := range w.keys {
		most := 3
		if p.JobID != "" {
			most = 1 // the format takes no more
		}
		if len(p.Signers) < most && w.chance(25, "signs") {
			p.Signers = append(p.Signers, k)
		}
	}
	return w.edited(p)
}

// honest returns a plan with signatures that count: of the actor, or of enough admins.
func (w world) honest(p at.Plan, before reference) at.Plan {
	who := []string{p.Actor}
	if admins := before.admins(); p.JobID == "" && len(admins) > 0 {
		who = rapid.Permutation(admins).Draw(w.T, "admins")
		who = who[:min(len(who), int(before.set().Admins))]
		p.Actor = who[0]
	}
	for _, name := range who {
		theirs := before.keys(name)
		i := slices.IndexFunc(w.keys, func(k at.Signer) bool { id := k.ID(); return slices.Contains(theirs, string(id[:])) })
		if i >= 0 {
			p.Signers = append(p.Signers, w.keys[i])
		}
	}
	return p
}

func (w world) ofAuthority() ledger.Payload {
	switch rapid.IntRange(0, 5).Draw(w.T, "payload") {
	case 0:
		return ledger.AuthoritySet{
			Admins: rapid.Int64Range(1, 3).Draw(w.T, "admins"), Mode: rapid.SampledFrom(ledger.Modes).Draw(w.T, "mode"), Policies: w.policies(),
		}
	case 1:
		p := ledger.ActorRevoked{Actor: w.name(), Reason: "r"}
		if w.chance(60, "one key") {
			p.Key = w.key().ID()
		}
		return p
	}
	p := ledger.ActorEnrolled{Actor: w.name(), Keys: at.Lines(w.key())}
	if w.chance(30, "two keys") {
		p.Keys = at.Lines(w.key(), w.key())
	}
	if w.chance(5, "bootstrap") {
		p.Bootstrap = ledger.BootstrapFlag
	}
	for _, role := range ledger.Roles {
		if w.chance(50, "role") || role == ledger.RoleWorker && p.Roles == nil {
			p.Roles = append(p.Roles, role)
		}
	}
	return p
}

func (w world) policies() []ledger.Hash {
	if p := w.policy(); !p.IsZero() {
		return []ledger.Hash{p}
	}
	return nil
}

func (w world) ofJob() ledger.Payload {
	switch rapid.IntRange(0, 13).Draw(w.T, "payload") {
	case 9:
		return leased
	case 10:
		return renewed
	case 11:
		return released
	case 12:
		return attempted
	case 6:
		return ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "pay", ReasonCode: "policy_missing"}
	case 7:
		return ledger.DispatchBlocked{Tool: "pay", ReasonCode: "emergency_stopped"}
	case 8:
		return settled
	case 0:
		return ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/1", PolicyDigest: w.policy()}
	case 1:
		return progress
	case 2:
		return ledger.Approved{Reason: "approved", Target: hashOf("target")}
	case 3:
		return ledger.Denied{Reason: "no", Target: hashOf("target")}
	case 4:
		return ledger.Paused{Reason: "look"}
	case 5:
		p := ledger.Resumed{ExpectedFingerprint: "env", ActualFingerprint: "env", PreviousPolicyDigest: w.policy(), CurrentPolicyDigest: w.policy()}
		p.PolicyChanged = !p.PreviousPolicyDigest.IsZero() && p.PreviousPolicyDigest != p.CurrentPolicyDigest
		return p
	}
	return ledger.Refused{Command: "pause", Exit: 6, Refusal: "invalid_transition"}
}

// edited draws an attack, now and then: a command that leads to another event.
func (w world) edited(p at.Plan) at.Plan {
	if len(p.Signers) == 0 || !w.chance(25, "attack") {
		return p
	}
	revision := rapid.Int64Range(0, 3).Draw(w.T, "revision")
	attacks := []func(*authority.Command){
		func(c *authority.Command) { c.Actor = "eve" },
		func(c *authority.Command) { c.Origin = "gait.example/other" },
		func(c *authority.Command) {
			c.CreatedAt = c.CreatedAt.Add(-time.Hour)
			c.ExpiresAt = c.CreatedAt.Add(time.Minute)
		},
		func(c *authority.Command) { c.CreatedAt = c.CreatedAt.Add(6 * time.Minute) },
		func(c *authority.Command) {
			if c.JobID != "" {
				c.JobID = "job_2"
			}
		},
		func(c *authority.Command) {
			if p.JobID != "" && c.Verb != "submit" {
				c.Lease++
			}
		},
		func(c *authority.Command) {
			if c.Verb == "pause" {
				c.Reason = "another"
			}
		},
		func(c *authority.Command) {
			if p.JobID != "" && c.Verb != "submit" {
				c.IfRevision = &revision
			}
		},
	}
	attack := rapid.SampledFrom(attacks).Draw(w.T, "attack")
	p.EditCommand = attack
	if swaps := map[ledger.Type]ledger.Payload{
		ledger.TypeApproved: denied, ledger.TypeDenied: approved, ledger.TypePaused: ledger.Refused{Command: "pause", Exit: 6, Refusal: "invalid_transition"},
	}; w.chance(40, "another payload") && swaps[p.Payload.Type()] != nil {
		put := swaps[p.Payload.Type()]
		p.EditCommand, p.EditDraft = nil, func(d *ledger.Draft) { d.Payload = put }
	}
	return p
}
