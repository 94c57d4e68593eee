package regress

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// Masked lists what normalising removes from a history. Results of comparisons show it.
var Masked = []string{
	"times", "ids of jobs, events and requests", "sequence numbers", "producer versions", "hosts of actors, after an @",
	"fingerprints and digests, numbered as they come", "leaf hashes, as the number of their event", "grants and calls of the gate, numbered as they come",
	"leases, which are left out, and what attempts wrote",
}

// A Step is an event of a job, normalised.
type Step struct {
	Type       ledger.Type    `json:"type"`
	ReasonCode string         `json:"reason_code"`
	Actor      string         `json:"actor"`
	Payload    map[string]any `json:"payload"`
}

// A normaliser assigns numbers to hashes, fingerprints and digests.
type normaliser struct {
	count  int64             // events that are not about a lease or an attempt
	events map[string]string // leaf hash → the number of its event, among those
	seen   map[string]int    // the numbers of fingerprints and digests, in order of appearance
}

func newNormaliser() *normaliser {
	return &normaliser{events: map[string]string{}, seen: map[string]int{}}
}

var (
	hashForm        = regexp.MustCompile(`^[0-9a-f]{64}$`)
	fingerprintForm = regexp.MustCompile(`^envfp:[0-9a-f]{64}$`)
)

// step normalises a job's next event.
func (n *normaliser) step(e ledger.Event) (Step, error) {
	view := projection.EventViewOf(e)
	if !ofLease(view.Type) && view.Type != ledger.TypeAttemptEnded {
		n.count++
		n.events[e.LeafHash().String()] = fmt.Sprintf("event %d", n.count)
	}
	s := Step{Type: view.Type, ReasonCode: view.ReasonCode, Actor: maskHost(view.Actor), Payload: map[string]any{}}
	if err := json.Unmarshal(view.Payload, &s.Payload); err != nil {
		return Step{}, fmt.Errorf("event %d: %w", e.Seq(), err)
	}
	delete(s.Payload, "producer_version")
	n.gate(s)
	n.work(s)
	n.value(s.Payload)
	return s, nil
}

// ofLease reports whether events of a type are about a lease: who works at a job, and how long.
func ofLease(t ledger.Type) bool {
	return t == ledger.TypeLeased || t == ledger.TypeLeaseRenewed || t == ledger.TypeLeaseReleased
}

// work takes out of an event what another run of the work has otherwise: when a job is due and a
// lease ends, which machine holds it, and what an attempt wrote. The ids of the jobs that a job
// waits for are numbered.
func (n *normaliser) work(s Step) {
	switch s.Type { //nolint:exhaustive // no other type has these
	case ledger.TypeSubmitted, ledger.TypeContinued:
		delete(s.Payload, "not_before")
		after, _ := s.Payload["after"].([]any)
		for i := range after {
			if id, is := after[i].(string); is {
				after[i] = n.number("job", id)
			}
		}
	case ledger.TypeLeased, ledger.TypeLeaseRenewed, ledger.TypeLeaseReleased:
		for _, field := range []string{"after", "until", "worker"} {
			delete(s.Payload, field)
		}
	case ledger.TypeAttemptEnded:
		for _, field := range []string{"content_key", "log"} {
			delete(s.Payload, field)
		}
	}
}

// gate numbers the grant and the call of an event of the gate: another run has other ones.
func (n *normaliser) gate(s Step) {
	switch s.Type { //nolint:exhaustive // no other type has these
	case ledger.TypeGateDecided, ledger.TypeDispatchBlocked, ledger.TypeEffectSettled:
	default:
		return
	}
	for _, field := range []string{"call_id", "grant"} { // numbers are assigned in this order
		if text, is := s.Payload[field].(string); is {
			s.Payload[field] = n.number(strings.TrimSuffix(field, "_id"), text)
		}
	}
}

func maskHost(actor string) string {
	if name, _, host := strings.Cut(actor, "@"); host {
		return name + "@*"
	}
	return actor
}

// value normalises a value of a payload.
func (n *normaliser) value(v any) any {
	switch v := v.(type) {
	case string:
		if event, ok := n.events[v]; ok {
			return event
		}
		if hashForm.MatchString(v) {
			return n.number("digest", v)
		}
		if fingerprintForm.MatchString(v) {
			return n.number("envfp", v)
		}
	case []any:
		for i := range v {
			v[i] = n.value(v[i])
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) { // numbers are assigned in this order
			v[name] = n.value(v[name])
		}
	}
	return v
}

func (n *normaliser) number(kind, text string) string {
	if n.seen[text] == 0 {
		n.seen[text] = len(n.seen) + 1
	}
	return fmt.Sprintf("%s:%d", kind, n.seen[text])
}

// A state is the state of a job after an event.
type state struct {
	Status           projection.Status `json:"status"`
	StopReason       string            `json:"stop_reason"`
	StatusReasonCode string            `json:"status_reason_code"`
	Revision         int64             `json:"revision"`
	WaitingFor       string            `json:"waiting_for"`
}

func stateOf(j projection.Job) state {
	return state{j.Status, string(j.StopReason), string(j.ReasonCode), j.Revision, j.WaitingFor()}
}
