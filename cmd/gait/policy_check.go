package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/gate"
	"gait/ledger"
)

// maxSchema is how many bytes a Cedar schema has at most.
const maxSchema = 1 << 20

func policyCheckCommand(a *app) *cobra.Command {
	var schema string
	cmd := exits(&cobra.Command{
		Use:   "check FILE",
		Short: "Check a policy, and say in words what it does",
		Long: `Check a policy as the gate reads it, annotations too, and say in words what each policy in
the file does. A field of context or principal that the gate never gives is an error, and
two policies that ask different approvers about the same action are noted. With --schema,
each policy is also validated against a Cedar schema, as text or as JSON: names and types
of entities, actions and fields. Without one, a policy that names an argument that no
intent has is found only when the gate evaluates it, and blocks then.`,
		Example: "gait policy check policy.cedar\ngait policy check policy.cedar --schema tools.cedarschema --json",
		Args:    oneFile,
	}, 0, 1, 6)
	cmd.Flags().StringVar(&schema, "schema", "", "file with a Cedar schema to validate against")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		policy, err := a.readFile(args[0], gate.MaxPolicy)
		if err != nil {
			return err
		}
		var schemaText []byte
		if schema != "" {
			if schemaText, err = a.readFile(schema, maxSchema); err != nil {
				return err
			}
		}
		return reportCheck(a, args[0], gate.Check(policy, schemaText))
	}
	return cmd
}

// reportCheck prints a report. A policy that the gate does not take, or that does not fit the
// schema, is an error.
func reportCheck(a *app, name string, r gate.Report) error {
	fields := object{"path": name, "policies": append([]gate.PolicyFacts{}, r.Policies...), "validated": r.Schema, "problems": append([]gate.Problem{}, r.Problems...), "notes": append([]gate.Problem{}, r.Notes...)}
	if !r.Digest.IsZero() {
		fields["policy_digest"] = r.Digest
	}
	if len(r.Problems) > 0 {
		p := r.Problems[0]
		text := problemText(name, p)
		if more := len(r.Problems) - 1; more > 0 {
			text += fmt.Sprintf(" (and %s more)", count(int64(more), "problem"))
		}
		return &regressError{text: text, code: p.Code, category: ledger.CategoryInvalid, done: fields, hint: mendPolicy}
	}
	return a.print(fields, func(s *screen) {
		s.done("%s, %s, sha256 %s", s.bold(plain(name)), countOf(len(r.Policies), "policy", "policies"), r.Digest)
		for _, p := range r.Policies {
			fmt.Fprintf(s, "%s  line %d, %s: %s\n", s.bold(plain(p.ID)), p.Line, p.Effect, plain(p.Words))
			s.fields([2]string{"asks for", p.Action}, [2]string{"shows", strings.Join(p.Record, ", ")})
		}
		for _, p := range r.Notes {
			fmt.Fprintf(s, "%s %s\n", s.yellow("note:"), plain(problemText(name, p)))
		}
		if !r.Schema {
			fmt.Fprintf(s, "names and types of arguments were not checked: --schema FILE does that\n")
		}
	})
}

// problemText says where in a file a problem is, and what it is.
func problemText(name string, p gate.Problem) string {
	at := (&gate.Error{Line: p.Line, Column: p.Column}).In(name)
	if p.Policy != "" {
		return fmt.Sprintf("%s: policy %s: %s", at, p.Policy, p.Text)
	}
	return at + ": " + p.Text
}

// countOf writes a number with a word whose plural is not regular.
func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
