package commands

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// Submit starts a job.
type Submit struct {
	EnvironmentFingerprint string         `json:"environment_fingerprint"`
	Identity               string         `json:"identity,omitempty"`
	Labels                 []ledger.Label `json:"labels,omitempty"` // in any order
	PolicyDigest           ledger.Hash    `json:"policy_digest"`
	PolicyRef              string         `json:"policy_ref,omitempty"`
	ProducerVersion        string         `json:"-"` // not the caller's doing: a retry by a newer gait is the same command
}

// Verb returns "submit".
func (Submit) Verb() string { return "submit" }

func (c Submit) check() error {
	errs := []error{ledger.FieldFingerprint.Check(c.EnvironmentFingerprint),
		checkOptional(ledger.FieldIdentity, c.Identity), checkOptional(ledger.FieldPolicyRef, c.PolicyRef)}
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

func (Submit) summary(projection.Job) string { return "" } // never refused: the job would have to be there

func (c Submit) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.Submitted{EnvironmentFingerprint: c.EnvironmentFingerprint, Identity: c.Identity, Labels: c.sortedLabels(),
		PolicyDigest: c.PolicyDigest, PolicyRef: c.PolicyRef, ProducerVersion: c.ProducerVersion})
}
