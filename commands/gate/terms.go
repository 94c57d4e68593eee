package gate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cedar-policy/cedar-go"

	"gait/ledger"
)

// The annotations that the gate knows. Cedar itself ignores annotations.
const (
	annotationVerdict   = "gait_verdict"
	annotationApprovers = "gait_approvers"
	annotationQuorum    = "gait_quorum"
	annotationExpires   = "gait_expires"
	annotationAction    = "gait_action"
	annotationRecord    = "gait_record"
)

// The bounds of @gait_expires.
const (
	MinExpires = time.Minute
	MaxExpires = 720 * time.Hour
)

// terms is what the annotations of a policy say.
type terms struct {
	asks      bool     // @gait_verdict("require_approval")
	approvers []string // ascending
	quorum    int64    // 0: one
	expires   time.Duration
	action    string
	record    [][]string // paths of fields of the intent that may be shown
}

func annotationError(p *cedar.Policy, format string, args ...any) error {
	at := p.Position()
	return &Error{
		Code: CodePolicyAnnotation, Reason: fmt.Sprintf("the policy in line %d: ", at.Line) + fmt.Sprintf(format, args...),
		Line: at.Line, Column: at.Column,
	}
}

// termsOf reads the annotations of a policy that begin with gait, in any case of letters:
// such a one that is misspelt would otherwise be no condition at all.
func termsOf(p *cedar.Policy, all cedar.Annotations) (t terms, err error) {
	t.asks = all[annotationVerdict] == cedar.String(ledger.GateRequireApproval)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if name := string(key); strings.HasPrefix(strings.ToLower(name), "gait") {
			if problem := t.set(p, name, string(all[key])); problem != "" {
				return t, annotationError(p, "@%s: %s", name, problem)
			}
		}
	}
	if t.quorum > int64(len(t.approvers)) && len(t.approvers) > 0 && !hasRole(t.approvers) {
		return t, annotationError(p, "@%s: %d of %d approvers cannot agree", annotationQuorum, t.quorum, len(t.approvers))
	}
	return t, nil
}

// set reads one annotation, and says in words what is wrong with it.
func (t *terms) set(p *cedar.Policy, name, value string) (problem string) {
	switch name {
	case annotationVerdict:
		return checkVerdict(p, value)
	case annotationRecord:
		t.record, problem = pathsOf(value)
		return problem
	case annotationApprovers, annotationQuorum, annotationExpires, annotationAction:
		if !t.asks {
			return `goes with @gait_verdict("require_approval")`
		}
		return t.setDecision(name, value)
	}
	return "the gate knows no annotation of this name"
}

// checkVerdict says what is wrong with @gait_verdict. A policy that permits says allow or
// require_approval; one that forbids has nothing to choose.
func checkVerdict(p *cedar.Policy, value string) string {
	switch {
	case p.Effect() == cedar.Forbid:
		return "a forbid has no verdict but block"
	case value != string(ledger.GateAllow) && value != string(ledger.GateRequireApproval):
		return fmt.Sprintf("%.80q is not allow or require_approval", value)
	}
	return ""
}

// setDecision reads an annotation about the decision that is asked for.
func (t *terms) setDecision(name, value string) string {
	switch name {
	case annotationApprovers:
		return t.setApprovers(value)
	case annotationQuorum:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != value || n < 2 || n > ledger.MaxQuorum {
			return fmt.Sprintf("%.80q is not a number from 2 to %d", value, ledger.MaxQuorum)
		}
		t.quorum = n
	case annotationExpires:
		d, err := time.ParseDuration(value)
		if err != nil || d < MinExpires || d > MaxExpires || d%time.Second != 0 {
			return fmt.Sprintf("%.80q is not a duration from 1m to 720h", value)
		}
		t.expires = d
	case annotationAction:
		if err := ledger.FieldRequiredAction.Check(value); err != nil {
			return err.Error()
		}
		t.action = value
	}
	return ""
}

func (t *terms) setApprovers(value string) string {
	for who := range strings.SplitSeq(value, ",") {
		t.approvers = append(t.approvers, strings.TrimSpace(who))
	}
	slices.Sort(t.approvers)
	if len(slices.Compact(slices.Clone(t.approvers))) != len(t.approvers) {
		return "it names an approver twice"
	}
	probe := ledger.CheckpointAdded{
		CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "a", RequiredAction: "a",
		Decision: ledger.Decision{Approvers: t.approvers},
	}
	if _, err := ledger.EncodePayload(probe); err != nil {
		return err.Error()
	}
	return ""
}

// hasRole reports whether a role is among approvers, so that their number is not known.
func hasRole(approvers []string) bool {
	return slices.ContainsFunc(approvers, func(s string) bool { return strings.HasPrefix(s, ledger.RolePrefix) })
}

// pathsOf reads the fields of @gait_record: target, or names of members joined by dots that
// begin with arguments.
func pathsOf(value string) (paths [][]string, problem string) {
	for field := range strings.SplitSeq(value, ",") {
		field = strings.TrimSpace(field)
		path := strings.Split(field, ".")
		known := field == "target" || path[0] == "arguments" && len(path) > 1 && !slices.Contains(path, "")
		if !known || ledger.FieldShownPath.Check(field) != nil {
			return nil, fmt.Sprintf("%.80q is not target, nor arguments. and the names of members joined by dots", field)
		}
		paths = append(paths, path)
	}
	if len(paths) > ledger.MaxShown {
		return nil, fmt.Sprintf("it names more than %d fields", ledger.MaxShown)
	}
	return paths, ""
}
