package commands_test

import (
	"fmt"
	"strings"
	"time"

	"gait/commands"
	"gait/ledger"
)

// corpusPolicy has every annotation there is.
const corpusPolicy = `@id("read")
@gait_record("arguments.path")
permit(principal, action == Action::"read", resource);

@id("pay")
@gait_verdict("require_approval")
@gait_approvers("cfo, cto, role:approver")
@gait_quorum("2")
@gait_expires("24h")
@gait_action("approve the refund")
@gait_record("arguments.amount, target")
permit(principal, action == Action::"pay", resource);

@id("look")
@gait_verdict("require_approval")
permit(principal, action == Action::"look", resource);

@id("drop")
forbid(principal, action == Action::"drop", resource);
`

// A gateContent is the content that a writer has kept, with its salt.
type gateContent struct {
	corpusContent

	c          *writer
	secretless bool // the jobs have no secret yet
}

// ContentKey implements commands.Content.
func (g gateContent) ContentKey(job string) (ledger.Hash, error) {
	if g.secretless {
		return ledger.Hash{}, nil
	}
	return g.corpusContent.ContentKey(job)
}

// ReadOf implements commands.Content.
func (g gateContent) ReadOf(_ string, digest ledger.Hash, limit int64) ([]byte, error) {
	b, err := g.ReadPlain(digest, limit+16)
	if err != nil || len(b) < 16 {
		return nil, ledger.ErrContentMissing
	}
	return b[16:], nil
}

// ReadPlain implements commands.Content.
func (g gateContent) ReadPlain(digest ledger.Hash, limit int64) ([]byte, error) {
	b, ok := g.c.contents[digest.String()]
	if !ok || int64(len(b)) > limit {
		return nil, ledger.ErrContentMissing
	}
	return b, nil
}

// writeGate writes a ledger in which the gate is asked: every answer, what became of every kind
// of grant, and what is refused because of grants. It continues another one, in which a call was
// made, and a decision of the gate is open.
func writeGate(c *writer) {
	before := &writer{t: c.t}
	before.begin("gait.test/before-gate", nil)
	policy := before.gated()
	before.must("continued.asked", before.underPolicy(policy), before.asksGate("continued.asked", "read", "", "call-1"))
	before.settles("continued.asked", "worker_1", ledger.EffectDone, "")
	before.must("continued.asked", before.asksGate("continued.asked", "pay", "account_7", "call-2"), approve("cfo"))
	before.must("continued.open", before.underPolicy(policy), before.asksGate("continued.open", "read", "", ""))
	c.succeeds("gait.test/corpus-gate", before)
	policy = c.gated()
	c.continues(before, "continued.asked")
	c.must("continued.asked", approve("cfo"), approve("cto"), c.resumes(policy), c.asksGate("continued.asked", "pay", "account_7", "call-2"))
	c.must("continued.asked", c.asksGate("continued.asked", "read", "", "call-1")) // a ledger before knew the call
	c.continues(before, "continued.open")
	c.must("continued.open", because("boss", "a grant of the ledger before was not settled", commands.Pause{Hold: true}))
	writeAnswers(c, policy)
	writeEffects(c, policy)
	writeGateLimits(c)
	c.commitIndex()
	c.rotate(1, "the yearly one")
	writeSignedGate(c, policy)
	c.commitIndex()
}

// gated lets the engine read what the writer keeps, and keeps the policy.
func (c *writer) gated() ledger.Hash {
	c.engine.Content = gateContent{c: c}
	return c.keep([]byte(corpusPolicy), "").Digest
}

func (c *writer) underPolicy(policy ledger.Hash) commands.Request {
	return by("boss", commands.Submit{EnvironmentFingerprint: env, PolicyDigest: policy, PolicyRef: "refunds@v3", ProducerVersion: "gait/test"})
}

func (c *writer) resumes(policy ledger.Hash) commands.Request {
	return by("boss", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: policy})
}

// asksFor returns what a worker asks of the gate for a tool. target and call may be empty.
func (c *writer) asksFor(job, tool, target, call string) commands.GateEval {
	text := fmt.Sprintf(`{"arguments":{"amount":12.5,"path":"a/b"},"tool":%q}`, tool)
	if target != "" {
		text = fmt.Sprintf(`{"arguments":{"amount":12.5,"path":"a/b"},"target":%q,"tool":%q}`, target, tool)
	}
	return commands.GateEval{Tool: tool, Intent: c.keepOf(job, text, "application/json", "intent.json"), CallID: call}
}

func (c *writer) asksGate(job, tool, target, call string) commands.Request {
	return by("worker_1", c.asksFor(job, tool, target, call))
}

// settles settles the oldest grant of a job.
func (c *writer) settles(job, actor string, outcome ledger.EffectOutcome, result string) {
	c.t.Helper()
	s := commands.GateSettle{Grant: c.job(job).Grants[0].ID, Outcome: outcome}
	if result != "" {
		s.Result = c.keepOf(job, result, "text/plain", "result.txt")
	}
	r := by(actor, s)
	if actor == "boss" {
		r.Reason = "the bank says so"
	}
	c.must(job, r)
}

// settledOf returns a command that settles the oldest grant of a job.
func (c *writer) settledOf(job string, outcome ledger.EffectOutcome) commands.GateSettle {
	c.t.Helper()
	return commands.GateSettle{Grant: c.job(job).Grants[0].ID, Outcome: outcome}
}

// writeAnswers writes what the gate answers to claims.
func writeAnswers(c *writer, policy ledger.Hash) {
	const job = "gate.answers"
	c.must(job, c.underPolicy(policy))
	facts := c.asksFor(job, "read", "", "call-1")
	facts.Facts = commands.GateFacts{EnvironmentFingerprint: env, NotDoneExit: 75}
	asked := by("worker_1", facts)
	asked.RequestID = "gate-1"
	c.must(job, asked)
	c.must(job, c.asksGate(job, "read", "", "call-1"), c.asksGate(job, "drop", "", ""), c.asksGate(job, "write", "", "")) // blocks
	c.must(job, by("worker_1", commands.GateEval{Tool: "read", Problem: "intent_too_large", CallID: "call-9"}))
	c.must(job, by("worker_1", commands.GateEval{Tool: "read", Intent: c.keepOf(job, "read this", "", "")}))
	c.settles(job, "worker_1", ledger.EffectNotDone, "")
	c.must(job, c.asksGate(job, "read", "", "call-1"))
	c.settles(job, "worker_1", ledger.EffectDone, "42")
	c.must(job, c.asksGate(job, "read", "", "call-1"), c.asksGate(job, "read", "elsewhere", "call-1")) // it stands for another intent
	c.must(job, c.asksGate(job, "pay", "account_7", "call-2"), c.asksGate(job, "read", "", "call-3"))  // a block of a job that does not run
	c.must(job, approve("cfo"), approve("cto"), c.resumes(policy), c.asksGate(job, "pay", "account_7", "call-2"))
	c.do(job, checkpoint(ledger.CheckpointCompleted), false)
	c.settles(job, "worker_1", ledger.EffectDone, "")
	less := by("reviewer", commands.Approve{Amended: c.asksFor(job, "look", "elsewhere", "").Intent})
	c.must(job, c.asksGate(job, "look", "", "call-4"), less, c.resumes(policy))
	c.must(job, c.asksGate(job, "look", "", "call-4"), c.asksGate(job, "look", "elsewhere", "call-4")) // the one is blocked
	c.settles(job, "boss", ledger.EffectUnknown, "")
	c.must(job, c.asksGate(job, "read", "", ""))
	c.settles(job, "boss", ledger.EffectDone, "")
	c.must(job, checkpoint(ledger.CheckpointCompleted))
	c.do(job, c.asksGate(job, "read", "", ""), false)

	c.must("gate.unbound", submit(), c.asksGate("gate.unbound", "read", "", ""))
	c.must("gate.stopped", c.underPolicy(policy), by("boss", commands.Stop{}))
	c.must("gate.stopped", c.asksGate("gate.stopped", "read", "", "call-1"), by("worker_1", commands.GateEval{Tool: "read", Problem: "intent_unreadable"}))
}

// writeEffects writes what is refused because of grants, and grants that are settled in each
// status.
func writeEffects(c *writer, policy ledger.Hash) {
	const job = "gate.effects"
	c.must(job, c.underPolicy(policy), c.asksGate(job, "read", "", "call-1"))
	c.do(job, by("worker_1", c.settledOf(job, ledger.EffectNotDone)), false)
	c.do(job, by("worker_2", c.settledOf(job, ledger.EffectUnknown)), false)
	c.must(job, pause())
	c.do(job, c.resumes(policy), false)
	c.settles(job, "worker_1", ledger.EffectUnknown, "it timed out")
	c.do(job, c.resumes(policy), false)
	c.must(job, checkpoint(ledger.CheckpointFailed))
	c.settles(job, "boss", ledger.EffectDone, "")
	c.do(job, by("worker_1", commands.GateSettle{Grant: someGrant, Outcome: ledger.EffectDone}), false)

	const first = "gate.first_result" // whose intent was named when the job had no secret
	c.engine.Content = gateContent{c: c, secretless: true}
	c.must(first, c.underPolicy(policy), c.asksGate(first, "read", "", ""))
	c.engine.Content = gateContent{c: c}
	c.settles(first, "worker_1", ledger.EffectDone, "42")
}

// writeGateLimits writes names that are as long as they can be, in a job with as many grants as
// there can be.
func writeGateLimits(c *writer) {
	const job = "gate.limits"
	tool := fill("read.", ledger.MaxTool)
	var policies []string
	for i := range ledger.MaxDeterminedBy + 1 {
		record := ""
		if i == 0 {
			record = fmt.Sprintf("@gait_record(%q)\n", strings.Join(longPaths(), ", "))
		}
		policies = append(policies, fmt.Sprintf("@id(%q)\n%spermit(principal, action, resource);\n", fill(fmt.Sprintf("p%02d ", i), ledger.MaxPolicyID), record))
	}
	policy := c.keep([]byte(strings.Join(policies, "\n")), "").Digest
	c.must(job, c.underPolicy(policy))
	var arguments []string
	for _, path := range longPaths() {
		arguments = append(arguments, fmt.Sprintf("%q:%q", strings.TrimPrefix(path, "arguments."), strings.Repeat("x", ledger.MaxShownValue-2)))
	}
	text := fmt.Sprintf(`{"arguments":{%s},"tool":%q}`, strings.Join(arguments, ","), tool)
	c.must(job, by(longActor, commands.GateEval{Tool: tool, Intent: c.keepOf(job, text, "", ""), CallID: fill("call-", ledger.MaxCallID)}))
	for i := 1; i < ledger.MaxOpenGrants; i++ {
		c.must(job, c.asksGate(job, "read", "", fmt.Sprintf("call-%d", i)))
	}
	c.must(job, c.asksGate(job, "read", "", "one too many"[:3]))
}

// longPaths are as many paths of fields of an intent as an event shows, each as long as it can
// be.
func longPaths() (paths []string) {
	for i := range ledger.MaxShown {
		paths = append(paths, fill(fmt.Sprintf("arguments.field%02d_", i), ledger.MaxShownPath))
	}
	return paths
}

// writeSignedGate writes what enrolled actors ask and settle, in a mode in which verdicts are
// signed.
func writeSignedGate(c *writer, policy ledger.Hash) {
	c.must("", c.sign("", add(c.t, "root_1", ledger.BootstrapInit, "root_1")))
	for _, name := range []string{"ops_1", "agent_1", "cfo", "cto"} {
		c.must("", c.sign("", add(c.t, name, "", "root_1")))
	}
	c.must("", c.sign("", by("root_1", commands.SetAuthority{Admins: 1, Mode: ledger.ModeVerdicts})))
	const job = "gate.signed"
	submitted := commands.Submit{EnvironmentFingerprint: env, PolicyDigest: policy, ProducerVersion: "gait/test"}
	c.signs(job, "ops_1", submitted)
	pay := c.asksFor(job, "pay", "account_7", "call-1")
	pay.Policy, pay.Facts = policy, commands.GateFacts{EnvironmentFingerprint: env, NotDoneExit: 75}
	c.signs(job, "agent_1", pay)
	for _, who := range []string{"cfo", "cto"} {
		target, subject := c.target(job)
		c.signs(job, who, commands.Approve{Target: target, Subject: subject})
	}
	c.signs(job, "ops_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: policy})
	c.signs(job, "agent_1", pay)
	c.signsRefused(job, "cfo", c.settledOf(job, ledger.EffectUnknown))
	c.signsRefused(job, "agent_1", commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "done"})
	c.signs(job, "agent_1", c.settledOf(job, ledger.EffectUnknown))
	settled := by("ops_1", c.settledOf(job, ledger.EffectDone))
	settled.Reason = "the bank says so"
	c.must(job, c.sign(job, settled))
	c.signs(job, "ops_1", commands.Stop{})
	c.signs(job, "agent_1", pay)
	c.clock.Advance(time.Second)
}
