package commands_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authoritytest"
)

// writeAuthority writes a ledger in which actors sign: every event of authority, every field
// of a decision as an object, and every refusal for want of a signature, a role or approvals.
func writeAuthority(c *writer) {
	c.begin("gait.test/corpus-authority", nil)
	c.engine.Content = corpusContent{}
	c.must("before", submit(), decision())
	writeActors(c)
	c.commitIndex()
	writeSubjects(c)
	writeDenials(c)
	c.rotate(1, "the yearly one")
	c.clock.Advance(-300 * time.Millisecond) // the next events are clamped: readings count
	writeQuorum(c)
	writeUnwritten(c)
	writeModes(c)
	c.commitIndex()
}

// A corpusContent is the content of the jobs of a ledger of the corpus: all of it is there.
type corpusContent struct{}

func secretOf(job string) [32]byte { return sha256.Sum256([]byte("secret of " + job)) }

// ContentKey implements commands.Content.
func (corpusContent) ContentKey(job string) (ledger.Hash, error) {
	secret := secretOf(job)
	return sha256.Sum256(secret[:]), nil
}

// Check implements commands.Content.
func (corpusContent) Check(ledger.Event) error { return nil }

// Sync implements commands.Content.
func (corpusContent) Sync(context.Context, []ledger.Event) error { return nil }

// ReadOf implements commands.Content. No event here depends on bytes.
func (corpusContent) ReadOf(string, ledger.Hash, int64) ([]byte, error) {
	return nil, ledger.ErrContentMissing
}

// ReadPlain implements commands.Content.
func (corpusContent) ReadPlain(ledger.Hash, int64) ([]byte, error) {
	return nil, ledger.ErrContentMissing
}

// EraseOf implements commands.Content. The corpus keeps what was erased, as a backup may.
func (corpusContent) EraseOf(string, ledger.Hash) error { return nil }

// keepOf keeps content of a job beside the ledger.
func (c *writer) keepOf(job, text, mediaType, name string) ledger.Content {
	secret := secretOf(job)
	mac := hmac.New(sha256.New, secret[:])
	mac.Write([]byte(text))
	kept := c.keep(slices.Concat(mac.Sum(nil)[:16], []byte(text)), mediaType)
	kept.Name, kept.Size = name, int64(len(text))
	return kept
}

// sign returns a request as its actor signs it now, or those given. It gets a request id.
func (c *writer) sign(job string, r commands.Request, signers ...string) commands.Request {
	c.t.Helper()
	c.signed++
	r.JobID, r.RequestID = job, fmt.Sprintf("signed-%d", c.signed)
	if len(signers) == 0 {
		signers = []string{r.Actor}
	}
	return signAt(c.t, c.log.Origin(), c.clock.Now(), r, signers...)
}

// signs carries out what an actor signs, which is allowed.
func (c *writer) signs(job, actor string, all ...commands.Command) {
	c.t.Helper()
	for _, command := range all {
		c.do(job, c.sign(job, by(actor, command)), true)
	}
}

// signsRefused carries out what an actor signs, which is refused.
func (c *writer) signsRefused(job, actor string, command commands.Command) {
	c.t.Helper()
	c.do(job, c.sign(job, by(actor, command)), false)
}

// enrols enrols the actors, and changes who may do what.
func writeActors(c *writer) {
	reason := func(actor, why string, command commands.Command) commands.Request {
		return commands.Request{Actor: actor, Reason: why, Command: command}
	}
	c.must("", c.sign("", add(c.t, "root_1", ledger.BootstrapInit, "root_1")))
	for _, name := range []string{"root_2", "ops_1", "agent_1", "cfo", "cto"} {
		r := add(c.t, name, "", "root_1")
		r.Reason = "joined"
		c.must("", c.sign("", r))
	}
	several := add(c.t, "cto", "", "root_1").Command.(commands.AddActor)
	several.Keys = append(several.Keys, authoritytest.ECDSAKey(c.t, "cto").String())
	c.must("", c.sign("", by("root_1", several)))
	lost := commands.RevokeActor{Actor: "cto", Key: authoritytest.ECDSAKey(c.t, "cto").ID()}
	c.must("", c.sign("", reason("root_1", "lost", lost)))
	visitor := commands.AddActor{Actor: "visitor", Keys: []string{authoritytest.ECDSAKey(c.t, "visitor").String()}, Roles: ledger.Roles}
	c.must("", c.sign("", by("root_1", visitor)), c.sign("", reason("root_1", "left", commands.RevokeActor{Actor: "visitor"})))
	c.must("", c.sign("", reason("root_1", "two must agree", commands.SetAuthority{Admins: 2, Mode: ledger.ModeClaims, Policies: []ledger.Hash{one}})))
}

// asks returns a decision as an object.
func (c *writer) asks(job string) commands.AddCheckpoint {
	return commands.AddCheckpoint{
		Type: ledger.CheckpointDecisionNeeded, Summary: "refund", RequiredAction: "approve the refund",
		Approvers: []string{"role:approver", "cfo"}, Quorum: 2, ExpiresAt: c.clock.Now().Add(time.Hour).Truncate(time.Millisecond),
		Subject: c.keepOf(job, `{"amount":900}`, "application/json", "refund.json"),
		Attachments: []ledger.Attachment{
			{Content: c.keepOf(job, "state", "application/octet-stream", "state.bin"), Role: ledger.AttachState},
			{Content: c.keepOf(job, "log", "", ""), Role: ledger.AttachLog},
		},
	}
}

// signedSubmit is a submit by an actor who signs, under a policy that anyone may bind.
func signedSubmit() commands.Command {
	return commands.Submit{EnvironmentFingerprint: env, PolicyDigest: one, PolicyRef: "policy v1", ProducerVersion: "gait/test"}
}

// target returns the event that the newest decision of a job asks in.
func (c *writer) target(job string) (leaf ledger.Hash, subject ledger.Hash) {
	c.t.Helper()
	r, err := commands.FillVerdict(commands.Request{JobID: job, Command: commands.Approve{}}, c.job(job))
	if err != nil {
		c.t.Fatal(err)
	}
	a := r.Command.(commands.Approve)
	return a.Target, a.Subject
}

// writeSubjects writes decisions about content, one of which an approver amends.
func writeSubjects(c *writer) {
	const job = "refund.amended"
	c.signs(job, "agent_1", signedSubmit(), c.asks(job))
	target, subject := c.target(job)
	c.signsRefused(job, "cfo", commands.Approve{Target: target, Subject: two})
	c.signsRefused(job, "agent_1", commands.Approve{Target: target, Subject: subject})
	c.signs(job, "cfo", commands.Approve{CheckpointID: "cp_0001", Target: target, Subject: subject})
	c.signsRefused(job, "cfo", commands.Approve{Target: target, Subject: subject})
	c.signsRefused(job, "ops_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one}) // one of two
	less := c.keepOf(job, `{"amount":100}`, "application/json", "refund.json")
	c.signs(job, "cto", commands.Approve{Target: target, Subject: subject, Amended: less})
	c.signsRefused(job, "cfo", commands.Approve{Target: target, Subject: subject})
	c.signs(job, "cfo", commands.Approve{Target: target, Subject: less.Digest})
	c.signs(job, "ops_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one})
	c.do(job, c.sign(job, commands.Request{Actor: "ops_1", Reason: "personal data", Command: commands.EraseContent{Digest: subject}}), true)
	c.signs(job, "agent_1", commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "paid"})

	const amended = "refund.amended_first" // whose subject was named when the job had no secret
	content := c.engine.Content
	c.engine.Content = nil
	c.signs(amended, "agent_1", signedSubmit(), c.asks(amended))
	c.engine.Content = content
	target, subject = c.target(amended)
	c.signs(amended, "cto", commands.Approve{Target: target, Subject: subject, Amended: c.keepOf(amended, "less", "text/plain", "")})
}

// writeDenials writes decisions that were denied or have expired, and are replaced.
func writeDenials(c *writer) {
	const job = "refund.denied"
	c.signs(job, "agent_1", signedSubmit(), c.asks(job))
	target, subject := c.target(job)
	c.signs(job, "cfo", commands.Deny{Target: target, Subject: subject})
	c.signsRefused(job, "cto", commands.Approve{Target: target, Subject: subject})
	c.signsRefused(job, "ops_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one})
	again := c.asks(job)
	again.Replaces, again.Quorum, again.ExpiresAt = "cp_0001", 0, c.clock.Now().Add(time.Second).Truncate(time.Millisecond)
	c.signs(job, "agent_1", again)
	c.clock.Advance(2 * time.Second)
	target, subject = c.target(job)
	c.signsRefused(job, "cfo", commands.Approve{Target: target, Subject: subject})
	again.Replaces, again.ExpiresAt = "cp_0002", time.Time{}
	c.signs(job, "agent_1", again)
	target, subject = c.target(job)
	c.signs(job, "cfo", commands.Approve{Target: target, Subject: subject})
	c.signs(job, "ops_1", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: one})
}

// writeQuorum writes a decision that two claims approve: quorum and approvers hold for them too.
func writeQuorum(c *writer) {
	ask := decision()
	ask.Command = commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "s", RequiredAction: "decide", Quorum: 2}
	c.must("claims", submit(), ask)
	c.must("claims", approve("reviewer"))
	c.do("claims", approve("reviewer"), false)
	c.do("claims", resume(), false)
	c.must("claims", approve("reviewer_2"), resume())
}

// writeModes writes what the stricter modes refuse.
func writeModes(c *writer) {
	c.must("", c.sign("", by("root_1", commands.SetAuthority{Admins: 1, Mode: ledger.ModeVerdicts}), "root_1", "root_2"))
	c.do("before", approve("reviewer"), false)
	c.signsRefused("before", "ops_1", commands.Approve{Target: ledger.Hash{1}})
	target, _ := c.target("before")
	c.signs("before", "cfo", commands.Approve{Target: target})
	c.signsRefused("before", "ops_1", commands.Resume{EnvironmentFingerprint: env}) // a claim asked: two must approve
	c.signs("before", "cto", commands.Approve{Target: target})
	c.signs("before", "ops_1", commands.Resume{EnvironmentFingerprint: env})
	c.must("", c.sign("", by("root_1", commands.SetAuthority{Admins: 1, Mode: ledger.ModeAll})))
	c.signs("before", "ops_1", commands.Pause{Hold: true})
	c.signsRefused("before", "agent_1", commands.Stop{})
	c.signs("before", "ops_1", commands.Stop{}, commands.Cancel{})
}

// writeUnwritten writes the refusals that no command leads to: what is refused so leaves no
// event. But they are codes, and may be on a disk.
func writeUnwritten(c *writer) {
	for _, code := range []string{"signature_invalid", "revoked", "command_expired", "command_used"} {
		d := ledger.Draft{JobID: "claims", Actor: "worker_1", Payload: ledger.Refused{Command: "pause", Exit: 3, Refusal: code, Summary: code}}
		c.append(d)
	}
}
