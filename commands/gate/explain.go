package gate

import (
	"fmt"
	"strings"

	"github.com/cedar-policy/cedar-go"
	publicast "github.com/cedar-policy/cedar-go/ast"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"gait/ledger"
)

// An Explanation is a decision, and what each policy said.
type Explanation struct {
	Decision Decision
	Words    string         // the decision in a sentence
	Policies []PolicyResult // in the order of the file; none if no policy can be asked
}

// A PolicyResult is what one policy said of an intent.
type PolicyResult struct {
	ID      string   `json:"id"`
	Line    int      `json:"line"` // in the file
	Effect  string   `json:"effect"`
	Verdict string   `json:"verdict"`           // what it leads to if it applies: a verdict
	Applies bool     `json:"applies"`           // all that it asks for is true
	Why     []string `json:"why_not,omitempty"` // parts of it that are false, as Cedar
	Error   string   `json:"error,omitempty"`   // it could not be evaluated
}

// Explain decides as Evaluate does, and says what each policy said. The policies are asked
// even if something else blocks, if there are a policy, an intent and a job.
func Explain(in Input) Explanation {
	x := Explanation{Decision: Evaluate(in)}
	x.Words = fmt.Sprintf("%s: %s", x.Decision.Verdict, x.Decision.Detail)
	if in.Policy == nil || in.Intent.IsZero() || in.Job == nil {
		return x
	}
	err := guard(func() error {
		request, entities := requestOf(&in)
		for _, r := range in.Policy.rules {
			x.Policies = append(x.Policies, r.result(request, entities))
		}
		return nil
	})
	if err != nil {
		x.Policies = nil // the decision says that cedar-go panicked
	}
	return x
}

// verdict returns what a rule leads to if it applies.
func (r rule) verdict() ledger.GateVerdict {
	switch {
	case r.policy.Effect() == cedar.Forbid:
		return ledger.GateBlock
	case r.terms.asks:
		return ledger.GateRequireApproval
	}
	return ledger.GateAllow
}

func (r rule) effect() string {
	if r.policy.Effect() == cedar.Forbid {
		return "forbid"
	}
	return "permit"
}

func (r rule) result(request cedar.Request, entities cedar.EntityMap) PolicyResult {
	result := PolicyResult{ID: r.id, Line: r.policy.Position().Line, Effect: r.effect(), Verdict: string(r.verdict())}
	var err error
	if result.Applies, err = asked(r.policy, request, entities); err != nil {
		result.Error = err.Error()
	}
	if !result.Applies {
		result.Why = r.falseParts(request, entities)
	}
	return result
}

// asked asks one policy whether it applies.
func asked(p *cedar.Policy, request cedar.Request, entities cedar.EntityMap) (bool, error) {
	_, diagnostic := cedar.Authorize(cedar.PolicyMap{"p": p}, entities, request)
	if len(diagnostic.Errors) > 0 {
		return false, fmt.Errorf("%.512s", diagnostic.Errors[0].Message)
	}
	return len(diagnostic.Reasons) > 0, nil
}

// falseParts returns the parts of a policy that are false: its scope, and each condition, of
// which the operands of && are parts.
func (r rule) falseParts(request cedar.Request, entities cedar.EntityMap) (parts []string) {
	whole := (*ast.Policy)(r.policy.AST())
	probe := func(change func(*ast.Policy)) {
		p := ast.Permit()
		change(p)
		policy := cedar.NewPolicyFromAST((*publicast.Policy)(p))
		if holds, err := asked(policy, request, entities); err == nil && !holds {
			parts = append(parts, partText(policy))
		}
	}
	probe(func(p *ast.Policy) { p.Principal = whole.Principal })
	probe(func(p *ast.Policy) { p.Action = whole.Action })
	probe(func(p *ast.Policy) { p.Resource = whole.Resource })
	for _, c := range whole.Conditions {
		if c.Condition == ast.ConditionUnless {
			probe(func(p *ast.Policy) { p.Conditions = []ast.ConditionType{c} })
			continue
		}
		for _, body := range operands(c.Body, nil) {
			probe(func(p *ast.Policy) { p.Conditions = []ast.ConditionType{{Condition: c.Condition, Body: body}} })
		}
	}
	return parts
}

// operands returns the operands of && in order.
func operands(n ast.IsNode, list []ast.IsNode) []ast.IsNode {
	if and, ok := n.(ast.NodeTypeAnd); ok {
		return operands(and.Right, operands(and.Left, list))
	}
	return append(list, n)
}

// partText returns the one part that a probe has, as Cedar writes it.
func partText(p *cedar.Policy) string {
	text := strings.Join(strings.Fields(string(p.MarshalCedar())), " ")
	text = strings.TrimSuffix(text, ";")
	if condition, found := strings.CutPrefix(text, "permit ( principal, action, resource ) "); found {
		return fmt.Sprintf("%.512s", condition)
	}
	scope := strings.TrimSuffix(strings.TrimPrefix(text, "permit ( "), " )")
	for _, before := range []string{"principal, action, ", "principal, "} { // of the parts of the scope, only one says something
		if part, found := strings.CutPrefix(scope, before); found {
			return fmt.Sprintf("%.512s", strings.TrimSuffix(part, ", resource"))
		}
	}
	return fmt.Sprintf("%.512s", strings.TrimSuffix(scope, ", action, resource"))
}
