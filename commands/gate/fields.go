package gate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// fields is a record that the gate gives to policies: its members by name, and what records
// among them have. A member that is nil is no such record: anything may be asked of it.
type fields map[string]fields

// given is what the gate gives to policies, by variable: what requestOf makes. The members of
// arguments and labels are not known.
var given = fields{
	"principal": {"proven": nil, "roles": nil},
	"context": {
		"arguments": nil,
		"job": {
			"id": nil, "status": nil, "labels": nil, "environment_fingerprint": nil, "submitted_by": nil, "checkpoints": nil,
			"approvals": nil, "refusals": nil, "allows": nil, "blocks": nil, "open_grants": nil, "unknown_grants": nil, "cleared": nil,
			"identity": nil, "policy_ref": nil,
		},
		"environment": {"fingerprint": nil, "not_done_exit": nil},
		"time":        nil,
	},
}

// CodeFieldUnknown is the code of a Problem of a policy that names a field which no call has,
// and CodeMayConflict that of a note about two policies which, if both apply, ask different
// approvers.
const (
	CodeFieldUnknown = "field_unknown"
	CodeMayConflict  = "may_conflict"
)

// unknownFields returns a problem for each field of context and principal that a policy names
// and the gate never gives.
func unknownFields(p *Policy) (problems []Problem) {
	for _, r := range p.rules {
		told := map[string]bool{}
		look := func(n ast.IsNode) bool {
			name, of, missing := unknownField(n)
			if missing && !told[name] {
				told[name] = true
				at := r.policy.Position()
				text := fmt.Sprintf("there is no %s, only: %s", name, strings.Join(slices.Sorted(maps.Keys(of)), ", "))
				problems = append(problems, Problem{Code: CodeFieldUnknown, Policy: r.id, Text: text, Line: at.Line, Column: at.Column})
			}
			return true
		}
		for _, c := range (*ast.Policy)(r.policy.AST()).Conditions {
			ast.Inspect(ast.NewNode(c.Body), look)
		}
	}
	return problems
}

// unknownField returns the field that a node names, if the gate gives a record that does not
// have it.
func unknownField(n ast.IsNode) (name string, of fields, missing bool) {
	op, is := strOp(n)
	if !is {
		return "", nil, false
	}
	of, name = recordOf(op.Arg)
	_, known := of[string(op.Value)]
	return name + "." + string(op.Value), of, of != nil && !known
}

// strOp returns the operand and the field of x.field and of x has field.
func strOp(n ast.IsNode) (ast.StrOpNode, bool) {
	if access, is := n.(ast.NodeTypeAccess); is {
		return access.StrOpNode, true
	}
	has, is := n.(ast.NodeTypeHas)
	return has.StrOpNode, is
}

// recordOf returns the record of the gate's that a node stands for, and its name; nil if it is
// none.
func recordOf(n ast.IsNode) (fields, string) {
	if variable, is := n.(ast.NodeTypeVariable); is {
		return given[string(variable.Name)], string(variable.Name)
	}
	if access, is := n.(ast.NodeTypeAccess); is {
		of, name := recordOf(access.Arg)
		return of[string(access.Value)], name + "." + string(access.Value)
	}
	return nil, ""
}

// conflicts returns a note for each pair of policies that ask different approvers, and whose
// scopes one call can be in. Whether both apply to one is for their conditions to say.
func conflicts(p *Policy) (notes []Problem) {
	for i, a := range p.rules {
		for _, b := range p.rules[i+1:] {
			if len(a.terms.approvers) == 0 || len(b.terms.approvers) == 0 || slices.Equal(a.terms.approvers, b.terms.approvers) {
				continue
			}
			x, y := (*ast.Policy)(a.policy.AST()), (*ast.Policy)(b.policy.AST())
			if meet(x.Principal, y.Principal) && meet(x.Action, y.Action) && meet(x.Resource, y.Resource) {
				at := b.policy.Position()
				text := fmt.Sprintf("it asks %s, and %s asks %s: a call to which both apply is blocked (%s)",
					strings.Join(b.terms.approvers, ", "), a.id, strings.Join(a.terms.approvers, ", "), CodePolicyConflict)
				notes = append(notes, Problem{Code: CodeMayConflict, Policy: b.id, Text: text, Line: at.Line, Column: at.Column})
			}
		}
	}
	return notes
}

// meet reports whether something can be in two scopes. Roles and groups have members that are
// not known.
func meet(a, b any) bool {
	x, y := only(a), only(b)
	return x == nil || y == nil || slices.ContainsFunc(x, func(id types.EntityUID) bool { return slices.Contains(y, id) })
}

// only returns the entities that a scope names, if it takes no others; nil if it can. An action
// is in no other action.
func only(scope any) []types.EntityUID {
	switch s := scope.(type) {
	case ast.ScopeTypeEq:
		return []types.EntityUID{s.Entity}
	case ast.ScopeTypeInSet:
		return s.Entities
	case ast.ScopeTypeIn:
		if s.Entity.Type == typeAction {
			return []types.EntityUID{s.Entity}
		}
	}
	return nil
}
