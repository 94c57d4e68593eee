package commands

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// Submit starts a job.
type Submit struct {
	EnvironmentFingerprint string         `json:"environment_fingerprint"`
	Identity               string         `json:"identity,omitempty"`
	Labels                 []ledger.Label `json:"labels,omitempty"` // in any order
	PolicyDigest           ledger.Hash    `json:"policy_digest"`
	PolicyRef              string         `json:"policy_ref,omitempty"`
	ProducerVersion        string         `json:"producer_version"`
}

var submitRow = add(verb[Submit]{
	Row: Row{
		Verb: "submit", BeginsJob: true, OptionalJobID: true, CreatesLedger: true, ReasonElsewhere: "say it in a label",
		Roles: []ledger.Role{ledger.RoleWorker, ledger.RoleOperator},
	},
	fill:         Submit.fill,
	check:        Submit.check,
	digested:     Submit.digested,
	encode:       Submit.encode,
	encodeSigned: func(c Submit) (json.RawMessage, error) { return jcs.Marshal(c.digested()) },
	decide:       Submit.decide,
})

// Verb returns "submit".
func (Submit) Verb() string { return submitRow.Verb }

func (Submit) row() *Row { return submitRow }

func (c Submit) fill(s Surroundings) Submit {
	c.EnvironmentFingerprint = cmp.Or(c.EnvironmentFingerprint, s.EnvironmentFingerprint)
	c.ProducerVersion = cmp.Or(c.ProducerVersion, s.ProducerVersion)
	return c
}

// digested leaves out the producer's version, which is not the caller's choice:
// a retry by a newer gait is the same command.
func (c Submit) digested() any {
	c.Labels = c.sortedLabels()
	return struct {
		Submit
		ProducerVersion string `json:"producer_version,omitempty"` // hides that of Submit
	}{Submit: c}
}

func (c Submit) encode() (json.RawMessage, error) {
	c.Labels = c.sortedLabels()
	return jcs.Marshal(c)
}

func (c Submit) check(Request) error {
	errs := []error{
		ledger.FieldFingerprint.Check(c.EnvironmentFingerprint),
		checkOptional(ledger.FieldIdentity, c.Identity), checkOptional(ledger.FieldPolicyRef, c.PolicyRef),
	}
	if len(c.Labels) > ledger.MaxLabels {
		errs = append(errs, &ledger.FieldError{Field: "label", Problem: fmt.Sprintf("%d labels, at most %d", len(c.Labels), ledger.MaxLabels)})
	}
	sorted := c.sortedLabels()
	for i, l := range sorted {
		errs = append(errs, within("key", ledger.FieldLabelKey.Check(l.Key)), within("value of "+l.Key, ledger.FieldLabelValue.Check(l.Value)))
		if i > 0 && sorted[i-1].Key == l.Key {
			errs = append(errs, &ledger.FieldError{Field: "label", Problem: fmt.Sprintf("%s is given twice", l.Key)})
		}
	}
	return checkAll(errs...)
}

// within says in which part of its field the problem is.
func within(part string, err error) error {
	if field, ok := errors.AsType[*ledger.FieldError](err); ok {
		field.Problem = part + ": " + field.Problem
	}
	return err
}

func (c Submit) sortedLabels() []ledger.Label {
	labels := slices.Clone(c.Labels)
	slices.SortStableFunc(labels, func(a, b ledger.Label) int { return strings.Compare(a.Key, b.Key) })
	return labels
}

func (c Submit) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.Submitted{
		EnvironmentFingerprint: c.EnvironmentFingerprint, Identity: c.Identity, Labels: c.sortedLabels(),
		PolicyDigest: c.PolicyDigest, PolicyRef: c.PolicyRef, ProducerVersion: c.ProducerVersion,
	})
}
