package authority_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
	"gait/projection"
)

// TestDecisionsReference makes random decisions, verdicts, resumes, revocations and modes, and
// holds what the rules of a job say of each event to what the reference says.
func TestDecisionsReference(t *testing.T) {
	var keys []at.Signer
	for _, name := range worldNames {
		keys = append(keys, at.Key(t, "decides "+name))
	}
	taken, refused := map[ledger.Type]int{}, map[ledger.Type]int{}
	rapid.Check(t, func(r *rapid.T) {
		l, chain, job := at.New(t), &authority.Chain{}, projection.Job{}
		w := deciding{world{r, keys}, l}
		if w.chance(80, "with authority") {
			w.begin(chain)
		}
		for range rapid.IntRange(5, 40).Draw(r, "events") {
			p := w.draw(job, chain.Newest())
			e := l.Seal(p)
			s := chain.Newest()
			if e.Type().OfAuthority() {
				if chain.Add(e) == nil {
					l.Append(e)
				}
				continue
			}
			events := reference(l.Events)
			want := events.admits(e) && events.allows(e)
			after, err := projection.Apply(job, e, s)
			if (err == nil) != want {
				r.Fatalf("event %d, %s by %s: Apply = %v, and the reference allows it: %t\n%s", e.Seq(), e.Type(), e.Actor(), err, want, history(append(l.Events, e)))
			}
			if !want {
				refused[e.Type()]++
				continue
			}
			taken[e.Type()]++
			job = after
			l.Append(e)
		}
	})
	for _, typ := range decisionTypes {
		if !testing.Short() && (taken[typ] == 0 || refused[typ] == 0) {
			t.Errorf("of %s, %d events were allowed and %d were not: both are to come about", typ, taken[typ], refused[typ])
		}
	}
	t.Logf("allowed %v, not allowed %v", taken, refused)
}

// history lists events of a ledger but the first, one a line.
func history(events []ledger.Event) string {
	var b strings.Builder
	for _, e := range events[1:] {
		fmt.Fprintf(&b, "%d %s by %s, %d signatures: %s\n", e.Seq(), e.Type(), e.Actor(), len(e.CommandSigs()), e.PayloadBytes())
	}
	return b.String()
}

var decisionTypes = []ledger.Type{
	ledger.TypeSubmitted, ledger.TypeCheckpointAdded, ledger.TypePaused, ledger.TypeApproved, ledger.TypeDenied, ledger.TypeResumed,
}

// A deciding world draws events of one job, most of them such that they can follow.
type deciding struct {
	world

	l *at.Ledger
}

// keyOf returns the key that a name has, if it has one in force.
func (w deciding) keyOf(name string) at.Signer { return w.keys[slices.Index(worldNames, name)] }

func (w deciding) begin(chain *authority.Chain) {
	root := w.keyOf("root")
	events := []ledger.Event{w.l.Begin("root", root)}
	for _, name := range []string{"ann", "bob", "cid"} {
		if w.chance(70, "enrolled") {
			events = append(events, w.l.Enroll("root", root, name, w.keyOf(name), w.someRoles()...))
		}
	}
	for _, e := range events {
		if err := chain.Add(e); err != nil {
			w.Fatal(err)
		}
	}
}

func (w deciding) someRoles() []ledger.Role {
	roles := []ledger.Role{ledger.RoleApprover}
	for _, role := range ledger.Roles {
		if role != ledger.RoleAdmin && w.chance(70, "role") {
			roles = append(roles, role)
		}
	}
	return roles
}

// draw draws an event after those of the job.
func (w deciding) draw(job projection.Job, s *authority.State) at.Plan {
	if s != nil && w.chance(12, "of authority") {
		return w.change()
	}
	n := rapid.IntRange(0, 11).Draw(w.T, "payload")
	p := at.Plan{Actor: w.name(), JobID: "job_1"}
	if w.chance(80, "likely") { // who often may
		p.Actor = []string{"ann", "ann", "ann", "root", "bob", "bob", "cid", "cid", "cid", "root", "root", "ann"}[n]
	}
	if _, known := s.Actor(p.Actor); known && w.chance(95, "signs") {
		p.Signers = []at.Signer{w.keyOf(p.Actor)}
	}
	switch {
	case job.Status == "" && w.chance(90, "submits"):
		p.Payload = ledger.Submitted{
			EnvironmentFingerprint: "env", ProducerVersion: "gait/1", PolicyDigest: w.policy(), Identity: rapid.SampledFrom([]string{"", "", "bob", "agent"}).Draw(w.T, "identity"),
		}
	case n < 3 && (len(job.Decisions) < 2 || w.chance(20, "one more")):
		p.Payload = w.ask(job)
	case n == 3:
		p.Payload = ledger.Paused{Hold: w.chance(50, "hold"), Reason: "r"}
	case n < 8:
		p.Payload = w.approve(job)
	case n < 9 && w.chance(40, "denies"):
		a := w.verdictOn(job)
		p.Payload = ledger.Denied{CheckpointID: a.CheckpointID, Reason: "no", Target: a.Target, Subject: a.Subject}
	case n < 11:
		p.Payload = w.resume(job, projection.Basis{Authority: s, Reading: w.next()})
	case n < 12 && w.chance(80, "approves"):
		p.Payload = w.approve(job)
	default:
		p.Payload = ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/1"}
	}
	return p
}

// next returns when the next event is written.
func (w deciding) next() time.Time { return at.Start.Add(time.Duration(len(w.l.Events)) * time.Second) }

// change draws an authority event that root signs.
func (w deciding) change() at.Plan {
	p := at.Plan{Actor: "root", Signers: []at.Signer{w.keyOf("root")}}
	name := rapid.SampledFrom([]string{"ann", "bob", "cid"}).Draw(w.T, "changed")
	switch rapid.IntRange(0, 3).Draw(w.T, "change") {
	case 0:
		p.Payload = ledger.ActorEnrolled{Actor: name, Keys: at.Lines(w.keyOf(name)), Roles: slices.Compact(slices.Sorted(slices.Values(w.someRoles())))}
	case 1:
		p.Payload = ledger.ActorRevoked{Actor: name, Reason: "r"}
	default:
		p.Payload = ledger.AuthoritySet{Admins: 1, Mode: rapid.SampledFrom(ledger.Modes).Draw(w.T, "mode"), Policies: w.policies()}
	}
	return p
}

func (w deciding) ask(job projection.Job) ledger.Payload {
	d := ledger.Decision{Quorum: rapid.SampledFrom([]int64{0, 0, 0, 2, 3}).Draw(w.T, "quorum")}
	d.Approvers = rapid.SampledFrom([][]string{nil, nil, nil, {"ann", "bob"}, {"role:approver"}, {"role:operator", "root"}}).Draw(w.T, "approvers")
	d.Subject.Digest = w.policy()
	if !d.Subject.Digest.IsZero() {
		d.Subject.Size = 1
	}
	if w.chance(30, "expires") {
		d.ExpiresAt = w.next().Add(time.Duration(rapid.IntRange(0, 30).Draw(w.T, "seconds")) * time.Second)
	}
	if w.chance(25, "replaces") {
		d.Replaces = ledger.ReplacesPause
		if len(job.Decisions) > 0 && w.chance(80, "a decision") {
			d.Replaces = rapid.SampledFrom(job.Decisions).Draw(w.T, "replaced").CheckpointID
		}
	}
	return ledger.CheckpointAdded{
		CheckpointID: ledger.CheckpointID(job.Checkpoints + 1), CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "decide", Summary: "s", Decision: d,
	}
}

// verdictOn draws what a verdict names: mostly what the job waits for.
func (w deciding) verdictOn(job projection.Job) ledger.Approved {
	asks := slices.Clone(job.Decisions)
	if job.Stop != nil {
		asks = append(asks, *job.Stop)
	}
	if len(asks) == 0 || w.chance(3, "something else") {
		return ledger.Approved{CheckpointID: "cp_0001", Target: hashOf("nothing")}
	}
	a := rapid.SampledFrom(asks).Draw(w.T, "ask")
	about := a.Subject.Digest
	if a.Amended != (ledger.Content{}) {
		about = a.Amended.Digest
	}
	if w.chance(10, "another subject") {
		about = w.policy()
	}
	return ledger.Approved{CheckpointID: a.DecisionID(), Target: a.Target, Subject: about}
}

func (w deciding) approve(job projection.Job) ledger.Payload {
	p := w.verdictOn(job)
	p.Reason = "fine"
	if !p.Subject.IsZero() && w.chance(15, "amended") {
		p.Amended = ledger.Content{Digest: hashOf("amended"), Size: 1}
	}
	return p
}

func (w deciding) resume(job projection.Job, b projection.Basis) ledger.Payload {
	p := ledger.Resumed{
		Consumes: job.UsableApprovals(b), ExpectedFingerprint: "env", ActualFingerprint: "env", Identity: job.Identity,
		PreviousPolicyDigest: job.PolicyDigest, CurrentPolicyDigest: job.PolicyDigest,
	}
	if w.chance(20, "another policy") {
		p.CurrentPolicyDigest = w.policy()
	}
	if len(p.Consumes) > 0 && w.chance(5, "a verdict less") {
		p.Consumes = p.Consumes[1:]
	}
	p.PolicyChanged = !p.PreviousPolicyDigest.IsZero() && p.PreviousPolicyDigest != p.CurrentPolicyDigest
	return p
}
