package commands_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// writeBefore writes a ledger with a job in each state, to be continued.
func writeBefore(t testing.TB) *writer {
	before := &writer{t: t}
	before.begin("gait.test/before", nil)
	for _, state := range slices.Sorted(maps.Keys(states)) {
		first := submit()
		first.RequestID = "submit:" + state
		before.must("before."+strings.ReplaceAll(state, ",", "."), append([]commands.Request{first}, states[state]...)...)
	}
	before.must("before.bound", bound(), checkpoint(ledger.CheckpointProgress), pause(), approve("reviewer"))
	before.do("before.bound", resume(), false)
	before.must("before.denied", submit(), pause(), deny("reviewer"))
	before.must("before.imported", by("importer", commands.Import{Claim: claim("decision_needed", "decision_needed", "decision_needed")}))
	before.must("before.imported.paused", by("importer", commands.Import{Claim: claim("paused", "paused_by_user", "paused")}))
	before.must("before.hold", submit(), because("boss", "until the audit is done", commands.Pause{Hold: true}))
	return before
}

// succeeds creates the ledger that continues another one, whose newest state was found.
func (c *writer) succeeds(origin string, before *writer) {
	c.t.Helper()
	for _, e := range before.events() {
		if id := e.RequestID(); id != "" {
			c.inherited = append(c.inherited, ledger.RequestKey(id))
		}
		if call, ok := ledger.CallOf(e.Payload()); ok && !slices.Contains(c.inherited, ledger.CallKey(e.JobID(), call.ID)) {
			c.inherited = append(c.inherited, ledger.CallKey(e.JobID(), call.ID))
		}
	}
	requests, content := ledger.RequestsOf(c.inherited)
	c.keep(content, "")
	tree, _ := before.log.Checkpoint()
	c.begin(origin, &ledger.Predecessor{
		Origin: tree.Origin, SeenSize: tree.Size, SeenRoot: tree.Root, FoundSize: tree.Size, FoundRoot: tree.Root, Requests: requests,
	})
}

// writeContinued continues all jobs of another ledger.
func writeContinued(c *writer, before *writer) {
	for entry, err := range before.log.Jobs(c.t.Context(), "") {
		if err != nil {
			c.t.Fatal(err)
		}
		c.continues(before, entry.ID)
	}
	c.must("hold", submit(), because("boss", "until the audit is done", commands.Pause{Hold: true}))
	c.do("hold", resume(), false)
	c.do("hold", pause(), false)
	c.must("hold", deny("reviewer"), decision())
	c.do("hold", resume(), false)
	c.do("before.hold", approve("boss"), false)
	c.do("before.hold", resume(), false)
	c.must("before.hold", approve("reviewer"), resume())
	c.do("before.denied", resume(), false)
	c.do("before.imported", approve("importer"), false)
	c.do("before.imported.paused", approve("importer"), false)
	c.must("before.imported", approve("reviewer"), resume(), checkpoint(ledger.CheckpointCompleted))
	c.do("before.decision_needed", approve("worker_1"), false)
	c.must("before.decision_needed", approve("reviewer"), resume(), decision())
}

// continues continues a job of another ledger, and keeps the proof of it.
func (c *writer) continues(before *writer, job string) {
	c.t.Helper()
	j, head, _, err := projection.Load(c.t.Context(), before.log, job)
	if err != nil {
		c.t.Fatal(err)
	}
	tree, signed := before.log.Checkpoint()
	first, err := projection.JobEvent(c.t.Context(), before.log, job, 1)
	if err != nil {
		c.t.Fatal(err)
	}
	proof := projection.ContinuedProof{}
	if proof.Event, err = before.log.Event(c.t.Context(), head.Seq); err == nil {
		proof.Proof, err = before.log.ProofIn(c.t.Context(), signed, head.Seq)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := proof.Encode()
	if err != nil {
		c.t.Fatal(err)
	}
	p, again, err := projection.Continue(j, first, proof.Event, tree, c.keep(text, projection.ContinuedProofMediaType))
	if err == nil {
		err = proof.Check(job, p)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.append(ledger.Draft{JobID: job, Actor: "operator", Payload: p})
	zero, err := c.log.Event(c.t.Context(), 0)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, ask := range again {
		c.append(ledger.Draft{JobID: job, Actor: ask.Actor, Payload: ask.After(zero.LeafHash())})
	}
}

// writeLongestContinued writes a continued event in which all is as long as it can be.
// Nothing proves it.
func writeLongestContinued(c *writer) {
	p := ledger.Continued{
		Origin: fill("gait.test/before/", ledger.MaxOrigin), Size: 1<<53 - 1, Root: one, Leaf: two, JobSeq: 1<<53 - 1, Revision: 1<<53 - 1,
		Status: "decision_needed", StopReason: "decision_needed", StatusReasonCode: "approval_recorded", Hold: true, StoppedBy: fill("A Person ", 128),
		ImportedBy: longActor, SubmittedBy: longActor, Decisions: ledger.MaxOpenDecisions, CreatedAt: epoch, ProducerVersion: fill("gait/", ledger.MaxProducerVersion),
		EnvironmentFingerprint: fill("envfp:here ", ledger.MaxFingerprint), Identity: longIdentity, Labels: longLabels(),
		PolicyDigest: one, PolicyRef: fill("policy v1 ", ledger.MaxPolicyRef), Checkpoints: 1<<53 - 100, Approvals: 1<<53 - 1, Refusals: 1<<53 - 1,
		Proof: ledger.Content{Digest: two, MediaType: fill("application/", ledger.MaxMediaType), Name: fill("proof of ", ledger.MaxFileName), Size: 1<<53 - 1},
	}
	c.append(ledger.Draft{JobID: "continued", Actor: longActor, Payload: p})
	for i := range p.Decisions {
		c.append(ledger.Draft{JobID: "continued", Actor: longActor, Payload: ledger.CheckpointAdded{
			CheckpointID: ledger.CheckpointID(p.Checkpoints + i + 1), CheckpointType: ledger.CheckpointDecisionNeeded, Continues: one,
			RequiredAction: "decide", Summary: "about decision-needed",
		}})
	}
	c.move(2, fill("as long as a reason can be ", ledger.MaxReason))
}
