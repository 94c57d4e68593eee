package gate

import (
	"crypto/sha256"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cedar-policy/cedar-go"

	"gait/ledger"
)

// MaxPolicy bounds a policy file, in bytes.
const MaxPolicy = 256 << 10

// A Policy is a file of Cedar policies. It never changes, and is safe for concurrent use.
type Policy struct {
	digest ledger.Hash
	rules  []rule         // in the order of the file
	places map[string]int // of the rules, by id
}

// A rule is one policy of a file.
type rule struct {
	id     string
	policy *cedar.Policy
	terms  terms // what its annotations say
}

// ParsePolicy reads a file of Cedar policies, of which there is at least one. The error is
// an *Error.
func ParsePolicy(b []byte) (*Policy, error) {
	switch {
	case len(b) > MaxPolicy:
		return nil, &Error{Code: CodePolicyInvalid, Reason: fmt.Sprintf("the policy has %d bytes, more than %d", len(b), MaxPolicy)}
	case !utf8.Valid(b):
		return nil, &Error{Code: CodePolicyInvalid, Reason: "the policy is not UTF-8"}
	}
	if err := checkNesting(b); err != nil {
		return nil, err
	}
	var list cedar.PolicyList
	if err := guard(func() error { return list.UnmarshalCedar(b) }); err != nil {
		return nil, syntaxError(err)
	}
	if len(list) == 0 {
		return nil, &Error{Code: CodePolicyEmpty, Reason: "the policy file has no policy"}
	}
	if err := checkCost(list); err != nil {
		return nil, err
	}
	p := &Policy{digest: sha256.Sum256(b), places: map[string]int{}}
	for i, policy := range list {
		r, err := ruleOf(i, policy)
		if err != nil {
			return nil, err
		}
		if _, known := p.places[r.id]; known {
			return nil, annotationError(policy, "two policies have the id %q", r.id)
		}
		p.places[r.id] = i
		p.rules = append(p.rules, r)
	}
	return p, nil
}

// position is how cedar-go writes where it found an error.
var position = regexp.MustCompile(`<input>:([0-9]+):([0-9]+)`)

// syntaxError returns what cedar-go says of a file that it cannot read.
func syntaxError(err error) *Error {
	text := strings.TrimPrefix(err.Error(), "parser error: ")
	e := &Error{Code: CodePolicyInvalid}
	if at := position.FindStringSubmatch(text); at != nil {
		e.Line, _ = strconv.Atoi(at[1])
		e.Column, _ = strconv.Atoi(at[2])
		text = strings.Replace(text, at[0], fmt.Sprintf("line %d, column %d", e.Line, e.Column), 1)
	}
	e.Reason = "the policy is not valid: " + text
	return e
}

// ruleOf returns a policy with its id and what its annotations say.
func ruleOf(index int, policy *cedar.Policy) (rule, error) {
	r := rule{id: fmt.Sprintf("policy%d", index), policy: policy}
	annotations := policy.Annotations()
	if id, given := annotations["id"]; given {
		r.id = string(id)
		if err := ledger.FieldPolicyID.Check(r.id); err != nil {
			return r, annotationError(policy, "@id: %v", err)
		}
	}
	terms, err := termsOf(policy, annotations)
	r.terms = terms
	return r, err
}

// Digest returns the SHA-256 of the file.
func (p *Policy) Digest() ledger.Hash { return p.digest }

// Len returns how many policies there are.
func (p *Policy) Len() int { return len(p.rules) }

// All yields the policies with their ids, as cedar.Authorize wants them.
func (p *Policy) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, r := range p.rules {
			if !yield(cedar.PolicyID(r.id), r.policy) {
				return
			}
		}
	}
}

// rule returns the policy with an id.
func (p *Policy) rule(id cedar.PolicyID) (rule, bool) {
	place, known := p.places[string(id)]
	if !known {
		return rule{}, false
	}
	return p.rules[place], true
}

// guard calls f, which calls cedar-go, and returns a panic as an error. It is the one place
// that recovers.
func guard(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cedar-go panicked: %v", r)
		}
	}()
	return f()
}
