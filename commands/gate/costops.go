package gate

import (
	"encoding/json"
	"strings"

	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/ast"
)

// like adds what it takes to look for a pattern. cedar-go tries each literal part that
// follows a * at each place. At a place of the text, it compares once for itself, and once
// for each place before at which an attempt goes on: there the text has the first byte of
// the part, and so the part has it again where this place lies.
func (c *cost) like(s size, p types.Pattern) {
	parts, whole := partsOf(p)
	tries := 1
	for i, part := range parts {
		if part != "" && (i > 0 || !whole) {
			tries = max(tries, 3+strings.Count(part, part[:1]))
		}
		c.ns += len(part)
	}
	if len(parts) > 1 || !whole {
		c.ns += s.bytes * tries
	}
}

// partsOf returns the literal parts of a pattern, and whether the first one stands at the
// beginning of the text, without a *.
func partsOf(p types.Pattern) (parts []string, whole bool) {
	b, err := p.MarshalJSON()
	var list []any
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil { // as if the first byte came again at each place
		return []string{strings.Repeat("a", len(p.MarshalCedar()))}, false
	}
	for i, part := range list {
		object, is := part.(map[string]any)
		literal, _ := object["Literal"].(string)
		if is {
			parts, whole = append(parts, literal), whole || i == 0
		}
	}
	return parts, whole
}

// equal adds a comparison, which ends with the smaller of two values.
func (c *cost) equal(a, b size) {
	c.ns += min(a.bytes, b.bytes) / 8
	if a.nested && b.nested {
		c.ns += min(a.values, b.values) * costMember
	}
}

// contains adds a look-up of one value in a set.
func (c *cost) contains(set, member size) {
	c.ns += member.bytes*costHash + steps(set, member)*costProbe
	c.equal(set, member)
}

// containsMany adds look-ups in a set of all that another has.
func (c *cost) containsMany(set, others size) {
	c.ns += others.bytes*costHash + others.values*costMember
	if set.fixed { // as many as there are have different hashes among these
		others.values = min(others.values, set.values)
	}
	c.ns += min(others.values*steps(set, others), manySteps) * costProbe
	c.equal(set, others)
}

// steps returns how many values may be in the way of one in a set.
func steps(set, member size) int {
	if member.fixed && member.texts {
		return min(set.values, longRunFar)
	}
	return min(set.values, longRun)
}

// in adds a walk through the parents of an entity, of which there are few.
func (c *cost) in(_, b size) { c.ns += b.bytes/4 + b.values*costMember }

// call adds a function: one that reads a text may fail, and quote it.
func (c *cost) call(v ast.NodeTypeExtensionCall) {
	for _, arg := range v.Args {
		s := c.of(arg)
		switch v.Name {
		case "decimal", "ip", "datetime", "duration":
			c.ns += costMember + s.bytes*costRead
		default:
			c.ns += costMember
		}
	}
}

// built adds a set or a record that an expression builds each time, unless it is made of
// constants.
func (c *cost) built(members []size) size {
	whole := size{values: 1, nested: true, fixed: true, texts: true}
	for _, m := range members {
		whole.values += m.values
		whole.bytes += m.bytes
		whole.fixed, whole.texts = whole.fixed && m.fixed, whole.texts && m.texts
		whole.target = whole.target || m.target
		if !m.fixed {
			c.ns += 2 * m.bytes * costHash
			c.equal(m, m)
		}
	}
	if !whole.fixed {
		c.ns += len(members)*costMember + len(members)*len(members)/2*costProbe
	}
	return whole
}
