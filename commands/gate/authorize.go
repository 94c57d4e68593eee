package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"gait/ledger"
	"gait/projection"
)

// authorize asks the policy. The strictest policy that determines the answer counts.
func authorize(in *Input) Decision {
	request, entities := requestOf(in)
	decision, diagnostic := cedar.Authorize(in.Policy, entities, request)
	var d Decision
	rules := in.Policy.named(diagnostic.Reasons)
	asking := slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return !r.terms.asks })
	switch {
	case len(diagnostic.Errors) > 0:
		d, rules = diagnosed(diagnostic.Errors), nil
	case len(rules) != len(diagnostic.Reasons):
		d = block(CodeInternal, "a policy determines the answer that is not in the file")
	case decision != cedar.Allow && len(rules) > 0:
		d = block(CodeForbids, "forbidden by "+idsOf(rules))
	case decision != cedar.Allow || len(rules) == 0:
		d = block(CodePermitsNone, "no policy permits it")
	case len(asking) > 0:
		d, rules = ask(in, asking), asking
	default:
		d = allow(in, CodePermits, "permitted by "+idsOf(rules))
	}
	if len(rules) > 0 {
		d.DeterminedBy = idList(rules)
	}
	d.Facts.Shown = shown(in.Intent, rules)
	d.Engine = Engine
	return d
}

// diagnosed returns the block of policies that could not be evaluated.
func diagnosed(errs []cedar.DiagnosticError) Decision {
	slices.SortFunc(errs, func(a, b cedar.DiagnosticError) int { return cmp.Compare(a.PolicyID, b.PolicyID) })
	d := block(CodeDiagnostic, fmt.Sprintf("policy %s could not be evaluated: %.512s", errs[0].PolicyID, errs[0].Message))
	for _, e := range errs {
		if len(d.DeterminedBy) < ledger.MaxDeterminedBy {
			d.DeterminedBy = append(d.DeterminedBy, string(e.PolicyID))
		}
	}
	return d
}

// named returns the rules that Cedar names, by id.
func (p *Policy) named(reasons []cedar.DiagnosticReason) (rules []rule) {
	for _, reason := range reasons {
		if r, known := p.rule(reason.PolicyID); known {
			rules = append(rules, r)
		}
	}
	slices.SortFunc(rules, func(a, b rule) int { return strings.Compare(a.id, b.id) })
	return rules
}

// idList returns the ids of rules, as many as an event names.
func idList(rules []rule) (ids []string) {
	for _, r := range rules[:min(len(rules), ledger.MaxDeterminedBy)] {
		ids = append(ids, r.id)
	}
	return ids
}

func idsOf(rules []rule) string { return strings.Join(idList(rules), ", ") }

// allow returns an allow, which uses up the approval of the intent if there is one.
func allow(in *Input, code, detail string) Decision {
	d := Decision{Verdict: ledger.GateAllow, ReasonCode: code, Detail: detail}
	if c, cleared := in.Job.ClearedFor(in.Digest, in.Basis); cleared {
		d.ReasonCode, d.Clearance = CodeApproved, c.Resume
		d.Detail = "this intent was approved: " + c.Ask.CheckpointID
	}
	return d
}

// ask returns what policies lead to that ask for an approval: an allow, if the intent was
// approved under terms that are no weaker, and otherwise a decision with the strictest of
// their terms.
func ask(in *Input, rules []rule) Decision {
	d := joined(in, rules)
	if d.Verdict == ledger.GateBlock {
		return d
	}
	c, cleared := in.Job.ClearedFor(in.Digest, in.Basis)
	weaker := ""
	if cleared && !in.asAsked {
		weaker = weakerThan(c.Ask, d)
	}
	switch full := checkRoom(in); {
	case cleared && weaker == "":
		return allow(in, CodeApproved, "")
	case full.decided():
		return full
	case cleared:
		d.Detail += ": it was approved under weaker terms: " + weaker
	}
	return d
}

// joined returns the decision that policies ask for, with the strictest of their terms.
func joined(in *Input, rules []rule) Decision {
	d := Decision{Verdict: ledger.GateRequireApproval, ReasonCode: CodeRequiresApproval, Detail: "an approval is needed by " + idsOf(rules)}
	for _, r := range rules {
		t := r.terms
		if len(t.approvers) > 0 && len(d.Approvers) > 0 && !slices.Equal(t.approvers, d.Approvers) {
			return block(CodePolicyConflict, "policies name different approvers: "+idsOf(rules))
		}
		if len(t.approvers) > 0 {
			d.Approvers = slices.Clone(t.approvers)
		}
		d.Quorum = max(d.Quorum, t.quorum)
		d.RequiredAction = cmp.Or(d.RequiredAction, t.action)
		if at := in.Basis.Reading.Add(t.expires); t.expires > 0 && (d.ExpiresAt.IsZero() || at.Before(d.ExpiresAt)) {
			d.ExpiresAt = at
		}
	}
	if d.Quorum > int64(len(d.Approvers)) && len(d.Approvers) > 0 && !hasRole(d.Approvers) {
		return block(CodePolicyConflict, fmt.Sprintf("policies ask for %d approvals and name %d approvers: %s", d.Quorum, len(d.Approvers), idsOf(rules)))
	}
	return d
}

// weakerThan says in words how the terms that an intent was approved under are weaker than
// those that are asked for now: fewer approvals, or other approvers. "" if they are not.
func weakerThan(a projection.Ask, d Decision) string {
	had, needed := max(1, a.Quorum), max(1, d.Quorum)
	switch {
	case had < needed:
		return fmt.Sprintf("%d of %d approvals", had, needed)
	case len(d.Approvers) == 0:
		return ""
	case len(a.Approvers) == 0:
		return "by anyone, and not by " + strings.Join(d.Approvers, ", ")
	case !slices.Equal(slices.Sorted(slices.Values(a.Approvers)), d.Approvers):
		return "by " + strings.Join(a.Approvers, ", ") + ", and not by " + strings.Join(d.Approvers, ", ")
	}
	return ""
}

// checkRoom blocks a decision that the job has no room for.
func checkRoom(in *Input) Decision {
	j, waiting := in.Job, 0
	for _, c := range j.Cleared { // the new decision takes the place of those of this intent, and of what expired
		if about := cmp.Or(c.Ask.Amended, c.Ask.Subject); about.Digest != in.Digest && j.Judge(c.Ask, in.Basis).Outcome != projection.OutcomeExpired {
			waiting++
		}
	}
	switch {
	case len(j.Decisions) >= ledger.MaxCleared:
		return block(CodeTooManyDecisions, fmt.Sprintf("job %s has %d open decisions", j.ID, len(j.Decisions)))
	case waiting >= ledger.MaxCleared:
		return block(CodeTooManyCleared, fmt.Sprintf("job %s has %d approved intents that were not granted", j.ID, waiting))
	}
	return Decision{}
}
