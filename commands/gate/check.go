package gate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go/x/exp/ast"
	"github.com/cedar-policy/cedar-go/x/exp/schema"
	"github.com/cedar-policy/cedar-go/x/exp/schema/validate"

	"gait/ledger"
)

// A Report says what a policy file is.
type Report struct {
	Digest   ledger.Hash // of the file
	Policies []PolicyFacts
	Problems []Problem // none: the gate takes the file
	Notes    []Problem // what may be meant, and may block calls
	Schema   bool      // the policies were validated against a schema
}

// PolicyFacts is what one policy of a file says.
type PolicyFacts struct {
	ID        string   `json:"id"`
	Line      int      `json:"line"`
	Effect    string   `json:"effect"`  // permit or forbid
	Verdict   string   `json:"verdict"` // what it leads to if it applies
	Approvers []string `json:"approvers,omitempty"`
	Quorum    int64    `json:"quorum,omitempty"`
	Expires   string   `json:"expires,omitempty"`
	Action    string   `json:"required_action,omitempty"`
	Record    []string `json:"record,omitempty"` // fields of the intent that events show
	Words     string   `json:"words"`
}

// A Problem is why the gate does not take a policy, or why it does not fit a schema.
type Problem struct {
	Code   string `json:"code"`
	Policy string `json:"policy,omitempty"` // its id, if it is one policy's
	Text   string `json:"text"`
	Line   int    `json:"line,omitempty"` // in the file
	Column int    `json:"column,omitempty"`
}

// CodeSchemaInvalid is the code of a Problem of the schema itself, and CodeSchemaMismatch that
// of a policy that does not fit it.
const (
	CodeSchemaInvalid  = "schema_invalid"
	CodeSchemaMismatch = "schema_mismatch"
)

// Check reads a policy file as the gate does and, if a schema is given, validates each policy
// against it: a Cedar schema, as text or as JSON. Names of fields that the gate gives are
// checked in any case. Without a schema nothing is said of arguments and types: a policy that
// names an argument that no intent has is found when it is evaluated.
func Check(policy, schemaText []byte) Report {
	var r Report
	p, err := ParsePolicy(policy)
	if err != nil {
		d := blockFor(err, CodePolicyInvalid)
		r.Problems = []Problem{{Code: d.ReasonCode, Text: d.Detail}}
		if e, ok := errors.AsType[*Error](err); ok {
			r.Problems[0].Line, r.Problems[0].Column = e.Line, e.Column
		}
		return r
	}
	r.Digest = p.digest
	for _, rule := range p.rules {
		r.Policies = append(r.Policies, rule.facts())
	}
	r.Problems, r.Notes = unknownFields(p), conflicts(p)
	if schemaText != nil {
		r.Schema = true
		r.Problems = append(r.Problems, validated(p, schemaText)...)
	}
	return r
}

func (r rule) facts() PolicyFacts {
	t := r.terms
	f := PolicyFacts{
		ID: r.id, Line: r.policy.Position().Line, Effect: r.effect(), Verdict: string(r.verdict()),
		Approvers: t.approvers, Quorum: t.quorum, Action: t.action,
	}
	if t.expires > 0 {
		f.Expires = durationText(t.expires)
	}
	for _, path := range t.record {
		f.Record = append(f.Record, strings.Join(path, "."))
	}
	f.Words = f.words()
	return f
}

// durationText writes a duration without the units that are zero at its end.
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// words says in a sentence what a policy does if it applies.
func (f PolicyFacts) words() string {
	switch ledger.GateVerdict(f.Verdict) {
	case ledger.GateBlock:
		return "if it applies, the tool is blocked, whatever other policies say"
	case ledger.GateAllow:
		return "if it applies, and no forbid and no policy that asks for an approval does, the tool may run"
	case ledger.GateRequireApproval:
	}
	text := "if it applies, and no forbid does, an approval is needed"
	if f.Quorum > 0 {
		text = fmt.Sprintf("if it applies, and no forbid does, %d approvals are needed", f.Quorum)
	}
	if len(f.Approvers) > 0 {
		text += " from among " + strings.Join(f.Approvers, ", ")
	}
	if f.Expires != "" {
		text += ", and used within " + f.Expires
	}
	return text
}

// validated returns how policies do not fit a schema.
func validated(p *Policy, text []byte) (problems []Problem) {
	err := guard(func() error {
		var s schema.Schema
		read := s.UnmarshalCedar
		if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
			read = s.UnmarshalJSON
		}
		if err := read(text); err != nil {
			return err
		}
		resolved, err := s.Resolve()
		if err != nil {
			return err
		}
		v := validate.New(resolved)
		for _, r := range p.rules {
			if err := v.Policy(r.id, (*ast.Policy)(r.policy.AST())); err != nil {
				problems = append(problems, Problem{Code: CodeSchemaMismatch, Policy: r.id, Text: fmt.Sprintf("%.1024v", err)})
			}
		}
		return nil
	})
	if err != nil {
		problems = append(problems, Problem{Code: CodeSchemaInvalid, Text: fmt.Sprintf("the schema is not valid: %.1024v", err)})
	}
	return problems
}
