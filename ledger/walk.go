package ledger

import "slices"

func walkReason(c *coder, reason *string) { c.text("reason", reason, optional, reasonRule) }

func (p *Approved) walk(c *coder) {
	c.since("1.4.0", func() { c.optionalContent("amended", &p.Amended) })
	c.text("checkpoint_id", &p.CheckpointID, optional, checkpointID)
	c.since("1.4.0", func() { c.hash("content_key", &p.ContentKey, optional) })
	c.text("reason", &p.Reason, required, reasonRule)
	c.since("1.4.0", func() { c.hash("subject", &p.Subject, optional) })
	c.hash("target", &p.Target, required)
	switch {
	case p.Amended != Content{} && p.Subject.IsZero():
		c.fail("subject", "missing: only a decision with a subject can be amended")
	case !p.ContentKey.IsZero() && p.Amended == Content{}:
		c.fail("content_key", "goes with content")
	}
}

func (p *Denied) walk(c *coder) {
	c.text("checkpoint_id", &p.CheckpointID, optional, checkpointID)
	c.text("reason", &p.Reason, required, reasonRule)
	c.since("1.4.0", func() { c.hash("subject", &p.Subject, optional) })
	c.hash("target", &p.Target, required)
}

func (p *LedgerCreated) walk(c *coder) {
	c.int("format", &p.Format, 1)
	c.text("key", &p.Key, required, vkeyRule)
	if !c.key("predecessor", p.Predecessor != nil) {
		return
	}
	was := &Predecessor{}
	if c.writing {
		was = p.Predecessor
	}
	c.object("predecessor", func() {
		c.hash("found_root", &was.FoundRoot, optional)
		c.int("found_size", &was.FoundSize, 0)
		c.text("origin", &was.Origin, required, originRule)
		c.since("1.3.0", func() { c.requests("requests", &was.Requests) })
		c.hash("seen_root", &was.SeenRoot, optional)
		c.int("seen_size", &was.SeenSize, 0)
	})
	p.Predecessor = was
}

func (p *KeyRotated) walk(c *coder) {
	c.text("key", &p.Key, required, vkeyRule)
	c.text("previous", &p.Previous, required, vkeyRule)
	c.text("reason", &p.Reason, optional, reasonRule)
	if p.Key == p.Previous {
		c.fail("key", "the key it takes the place of")
	}
}

func (p *LedgerMoved) walk(c *coder) {
	c.text("reason", &p.Reason, optional, reasonRule)
	c.text("to", &p.To, required, vkeyRule)
}

func (p *Paused) walk(c *coder) {
	c.since("1.3.0", func() { c.flag("hold", &p.Hold) })
	walkReason(c, &p.Reason)
}

func (p *Submitted) walk(c *coder) {
	c.since("1.6.0", func() {
		ascending(c, "after", &p.After, MaxAfter, jobIDRule)
		c.hash("content_key", &p.ContentKey, optional)
	})
	c.text("environment_fingerprint", &p.EnvironmentFingerprint, required, envRule)
	c.text("identity", &p.Identity, optional, nameRule)
	c.since("1.6.0", func() { c.optionalContent("input", &p.Input) })
	c.pairs("labels", &p.Labels, labelRules)
	c.since("1.6.0", func() { c.time("not_before", &p.NotBefore, optional) })
	c.hash("policy_digest", &p.PolicyDigest, optional)
	c.text("policy_ref", &p.PolicyRef, optional, policyRefRule)
	c.text("producer_version", &p.ProducerVersion, required, producerRule)
	if !p.ContentKey.IsZero() && p.Input == (Content{}) {
		c.fail("content_key", "goes with content")
	}
}

func (p *CheckpointAdded) walk(c *coder) {
	c.since("1.4.0", func() {
		ascending(c, "approvers", &p.Approvers, MaxApprovers, approverRule)
		c.attachments(&p.Attachments)
	})
	c.text("checkpoint_id", &p.CheckpointID, required, checkpointID)
	c.checkpointType(&p.CheckpointType)
	c.since("1.4.0", func() { c.hash("content_key", &p.ContentKey, optional) })
	c.since("1.3.0", func() { c.hash("continues", &p.Continues, optional) })
	c.since("1.4.0", func() { c.time("expires_at", &p.ExpiresAt, optional) })
	c.flag("late", &p.Late)
	c.since("1.6.0", func() { walkProgress(c, &p.Progress) })
	c.since("1.4.0", func() {
		c.quorum(&p.Quorum)
		c.text("replaces", &p.Replaces, optional, replacesRule)
	})
	c.text("required_action", &p.RequiredAction, optional, actionRule)
	c.since("1.4.0", func() { c.optionalContent("subject", &p.Subject) })
	c.text("summary", &p.Summary, required, summaryRule)
	p.check(c)
}

// check checks the rules that join several fields.
func (p *CheckpointAdded) check(c *coder) {
	if !p.Decision.IsZero() && p.CheckpointType != CheckpointDecisionNeeded {
		c.fail("checkpoint_type", "only a decision has approvers, a quorum, a subject, a time to expire or another that it replaces")
	}
	if !p.ContentKey.IsZero() && p.Subject == (Content{}) && len(p.Attachments) == 0 {
		c.fail("content_key", "goes with content")
	}
	if !p.Continues.IsZero() && p.CheckpointType != CheckpointDecisionNeeded {
		c.fail("continues", "only a decision is asked for again")
	}
	if p.CheckpointType == CheckpointDecisionNeeded && p.RequiredAction == "" {
		c.fail("required_action", "missing: a decision-needed checkpoint says what must be decided")
	}
}

func (c *coder) checkpointType(v *CheckpointType) {
	kind := string(*v)
	c.text("checkpoint_type", &kind, required, textRule{max: 32})
	*v = CheckpointType(kind)
	if !slices.Contains(CheckpointTypes, *v) {
		c.fail("checkpoint_type", "%.40q is not one of %s", kind, OneOf(CheckpointTypes))
	}
}

func (p *Resumed) walk(c *coder) {
	c.text("actual_fingerprint", &p.ActualFingerprint, required, envRule)
	c.hashes("consumes", &p.Consumes, MaxOpenDecisions+1)
	c.hash("current_policy_digest", &p.CurrentPolicyDigest, optional)
	c.text("current_policy_ref", &p.CurrentPolicyRef, optional, policyRefRule)
	c.text("expected_fingerprint", &p.ExpectedFingerprint, required, envRule)
	c.text("identity", &p.Identity, optional, nameRule)
	c.text("identity_validation_source", &p.IdentityValidationSource, optional, sourceRule)
	c.flag("policy_changed", &p.PolicyChanged)
	c.hash("previous_policy_digest", &p.PreviousPolicyDigest, optional)
	c.text("previous_policy_ref", &p.PreviousPolicyRef, optional, policyRefRule)
	c.text("reason", &p.Reason, optional, reasonRule)
}

func (p *Refused) walk(c *coder) {
	c.text("command", &p.Command, required, verbRule)
	c.int("exit", &p.Exit, 1)
	c.text("reason", &p.Reason, optional, reasonRule)
	c.text("refusal", &p.Refusal, required, codeRule)
	c.text("summary", &p.Summary, optional, summaryRule)
	if p.Exit > 255 {
		c.fail("exit", "%d is not an exit code", p.Exit)
	}
}
