package commands

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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

	After     []string       `json:"after,omitempty"`     // ids of jobs, in any order: no lease of the job is given before they are completed
	NotBefore time.Time      `json:"not_before,omitzero"` // no lease of the job is given before; UTC, whole milliseconds; as JSON it is spelled as events spell it
	Input     ledger.Content `json:"input,omitzero"`      // content of the job, which its caller names then: what it is to work on
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
	decode:       decodeSubmit,
	encodeSigned: func(c Submit) (json.RawMessage, error) { return jcs.Marshal(c.digested()) },
	depends:      func(c Submit, _ projection.Job) []string { return c.After },
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
	return struct {
		submitArguments
		ProducerVersion string `json:"producer_version,omitempty"` // hides that of Submit
	}{submitArguments: c.arguments()}
}

// A submitArguments spells the time of a Submit as events do.
type submitArguments struct {
	Submit

	NotBefore string `json:"not_before,omitempty"` // hides that of Submit
}

// arguments returns the one spelling of the arguments.
func (c Submit) arguments() submitArguments {
	c.Labels, c.After = c.sortedLabels(), slices.Sorted(slices.Values(c.After))
	a := submitArguments{Submit: c}
	if !c.NotBefore.IsZero() {
		a.NotBefore = ledger.FormatTime(c.NotBefore)
	}
	return a
}

func (c Submit) encode() (json.RawMessage, error) { return jcs.Marshal(c.arguments()) }

func decodeSubmit(b json.RawMessage) (Submit, error) {
	a, err := decodeObject[submitArguments](b)
	if err != nil || a.NotBefore == "" {
		return a.Submit, err
	}
	a.Submit.NotBefore, err = ledger.ParseTime(a.NotBefore)
	return a.Submit, err
}

func (c Submit) check(by Request) error {
	errs := []error{
		ledger.FieldFingerprint.Check(c.EnvironmentFingerprint),
		checkOptional(ledger.FieldIdentity, c.Identity), checkOptional(ledger.FieldPolicyRef, c.PolicyRef), c.checkWork(by),
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

// checkWork checks what the job waits for and works on.
func (c Submit) checkWork(by Request) error {
	if len(c.After) == 0 && c.NotBefore.IsZero() && c.Input == (ledger.Content{}) {
		return nil
	}
	for _, id := range c.After {
		if err := ledger.FieldAfter.Check(id); err != nil {
			return err
		}
		if id == by.JobID {
			return &ledger.FieldError{Field: "after", Problem: "the job would wait for itself"}
		}
	}
	if c.Input != (ledger.Content{}) && by.JobID == "" {
		return &ledger.FieldError{Field: "job_id", Problem: "missing: the input of a job is kept as that job's"}
	}
	sorted := slices.Sorted(slices.Values(c.After))
	return checkAll(checkOnce("after", sorted), checkPayload(ledger.Submitted{
		EnvironmentFingerprint: "envfp:0", ProducerVersion: "gait", After: sorted, NotBefore: c.NotBefore, Input: c.Input,
	}))
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
		After: slices.Sorted(slices.Values(c.After)), NotBefore: c.NotBefore, Input: c.Input,
	})
}
