package gate

import (
	"fmt"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"

	"gait/ledger"
)

// MaxCost bounds how long a decision under a policy may take, as estimated. cedar-go cannot be
// interrupted, and an engine that decides does nothing else.
const MaxCost = 200 * time.Millisecond

// What the steps of cedar-go cost at most, in nanoseconds. TestWorstPolicies measures them.
const (
	costPolicy = 2_000
	costNode   = 60
	costMember = 100 // of a set or record that is compared, built, or gone through
	costProbe  = 25  // past a value that is in the way in a set
	costRead   = 40  // a byte of a text that a function reads, and that an error may quote
	costQuote  = 150 // a byte of an entity that an error quotes
	costHash   = 2   // a byte of a text
)

// What an intent of MaxIntent bytes has at most.
const (
	intentValues = ledger.MaxIntent / 2 // a digit and a comma
	longRun      = 7_000                // integers that follow one another
	longRunFar   = 2_500                // of them, where the hash of a text can lie: 2^53 is far
	manySteps    = 6_000_000            // that look-ups of all members of a list in another take
)

// checkCost refuses policies of which an evaluation could take more than MaxCost, on the
// intent that is the worst for them: like takes the product of text and pattern, comparing
// sets and records takes their size, and so on.
func checkCost(list cedar.PolicyList) error {
	total, most, line := 0, -1, 0
	for _, policy := range list {
		c := cost{}
		c.policy((*ast.Policy)(policy.AST()))
		if total += c.ns; c.ns > most {
			most, line = c.ns, policy.Position().Line
		}
	}
	if took := time.Duration(total); took > MaxCost {
		return &Error{Code: CodePolicyInvalid, Line: line, Reason: fmt.Sprintf(
			"on the worst intent a decision could take %v, more than %v; the policy in line %d takes %v of it: compare with constants, and let no pattern repeat itself after a *",
			took.Round(time.Millisecond), MaxCost, line, time.Duration(most).Round(10*time.Microsecond))}
	}
	return nil
}

// A size bounds a value that an expression has.
type size struct {
	values int  // of which it is made
	bytes  int  // of its texts
	nested bool // it may be a set or a record
	fixed  bool // it is made of constants
	texts  bool // its constants are texts, or entities
	target bool // it may be the resource, or have it: errors quote what an intent names
}

var (
	scalar = size{values: 1, bytes: 8}
	little = size{values: 128, bytes: 8 << 10, nested: true} // of the job, whose fields are bounded
	huge   = size{values: intentValues, bytes: ledger.MaxIntent, nested: true}
)

// cost adds up what an evaluation takes.
type cost struct{ ns int }

func (c *cost) policy(p *ast.Policy) {
	c.ns += costPolicy
	if in, is := p.Action.(ast.ScopeTypeInSet); is {
		c.ns += len(in.Entities) * costMember
	}
	for _, condition := range p.Conditions {
		c.of(condition.Body)
	}
}

// of adds what an expression takes, and returns the size of its value.
func (c *cost) of(n ast.IsNode) size {
	c.ns += costNode
	switch v := n.(type) {
	case ast.NodeValue:
		return sizeOfConstant(v.Value)
	case ast.NodeTypeVariable:
		return sizeOfVariable(v)
	case ast.NodeTypeAccess:
		return c.access(v)
	case ast.NodeTypeHas:
		c.of(v.Arg)
	case ast.NodeTypeLike:
		c.like(c.of(v.Arg), v.Value)
	case ast.NodeTypeIs:
		c.of(v.Left)
	case ast.NodeTypeIsIn:
		c.in(c.of(v.Left), c.of(v.Entity))
	case ast.NodeTypeIfThenElse:
		c.of(v.If)
		return either(c.of(v.Then), c.of(v.Else))
	case ast.NodeTypeExtensionCall:
		c.call(v)
	case ast.NodeTypeRecord:
		members := make([]size, len(v.Elements))
		for i, e := range v.Elements {
			members[i] = c.of(e.Value)
			members[i].bytes += len(e.Key)
		}
		return c.built(members)
	case ast.NodeTypeSet:
		members := make([]size, len(v.Elements))
		for i, e := range v.Elements {
			members[i] = c.of(e)
		}
		return c.built(members)
	case ast.NodeTypeNot:
		c.of(v.Arg)
	case ast.NodeTypeNegate:
		c.of(v.Arg)
	case ast.NodeTypeIsEmpty:
		c.of(v.Arg)
	default:
		c.operator(n)
	}
	return scalar
}

// operator adds what takes two operands.
func (c *cost) operator(n ast.IsNode) {
	switch v := n.(type) {
	case ast.NodeTypeEquals:
		c.equal(c.of(v.Left), c.of(v.Right))
	case ast.NodeTypeNotEquals:
		c.equal(c.of(v.Left), c.of(v.Right))
	case ast.NodeTypeContains:
		c.contains(c.of(v.Left), c.of(v.Right))
	case ast.NodeTypeContainsAll:
		c.containsMany(c.of(v.Left), c.of(v.Right))
	case ast.NodeTypeContainsAny:
		c.containsMany(c.of(v.Left), c.of(v.Right))
	case ast.NodeTypeIn:
		c.in(c.of(v.Left), c.of(v.Right))
	case ast.NodeTypeGetTag:
		c.quoted(c.of(v.Left), c.of(v.Right))
	case ast.NodeTypeHasTag:
		c.in(c.of(v.Left), c.of(v.Right))
	case ast.NodeTypeAnd:
		c.both(v.BinaryNode)
	case ast.NodeTypeOr:
		c.both(v.BinaryNode)
	case ast.NodeTypeLessThan:
		c.both(v.BinaryNode)
	case ast.NodeTypeLessThanOrEqual:
		c.both(v.BinaryNode)
	case ast.NodeTypeGreaterThan:
		c.both(v.BinaryNode)
	case ast.NodeTypeGreaterThanOrEqual:
		c.both(v.BinaryNode)
	case ast.NodeTypeAdd:
		c.both(v.BinaryNode)
	case ast.NodeTypeSub:
		c.both(v.BinaryNode)
	case ast.NodeTypeMult:
		c.both(v.BinaryNode)
	default: // none that cedar-go 1.9.0 has
		c.ns += int(MaxCost)
	}
}

func (c *cost) both(b ast.BinaryNode) {
	c.of(b.Left)
	c.of(b.Right)
}

// sizeOfConstant returns the size of a constant of a policy: no set and no record, which are
// expressions there.
func sizeOfConstant(v types.Value) size {
	s := size{values: 1, bytes: 8, fixed: true}
	switch v := v.(type) {
	case types.String:
		s.bytes, s.texts = len(v), true
	case types.EntityUID:
		s.bytes, s.texts = len(v.Type)+len(v.ID), true
	default:
	}
	return s
}

func sizeOfVariable(v ast.NodeTypeVariable) size {
	switch v.Name {
	case "context":
		return huge
	case "resource":
		return size{values: 1, bytes: ledger.MaxIntent, target: true}
	}
	return size{values: 8, bytes: 512, nested: true} // the actor has proven and roles, the action its name
}

// access adds what it takes to read a member, and returns a bound of its size: that of all of
// which it is a member, except for context.
func (c *cost) access(v ast.NodeTypeAccess) size {
	s := c.of(v.Arg)
	c.quoted(s)
	if variable, is := v.Arg.(ast.NodeTypeVariable); is && variable.Name == "context" && v.Value != "arguments" {
		return little
	}
	return s
}

// quoted adds an error that quotes the resource.
func (c *cost) quoted(list ...size) {
	for _, s := range list {
		if s.target {
			c.ns += ledger.MaxIntent * costQuote
		}
	}
}

func either(a, b size) size {
	return size{
		values: max(a.values, b.values), bytes: max(a.bytes, b.bytes), nested: a.nested || b.nested,
		fixed: a.fixed && b.fixed, texts: a.texts && b.texts, target: a.target || b.target,
	}
}
