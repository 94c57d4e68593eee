// Package commandstest compares the answers that many callers of an engine got
// with the pure state machine. It is for tests only.
package commandstest

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

// A History is requests and their answers, in the order that the callers could
// observe. Its zero value is empty.
type History struct {
	Authority *authority.State // in force all the time; nil if the ledger has none

	// Gate returns the policy and the intent that a GateEval is decided on. It may be nil if
	// there are no such requests.
	Gate func(commands.Request) commands.GateInput

	// Now returns what the clock of the engine reads, without changing it. It may be nil if
	// nothing depends on the time: no leases, and no request that comes again after a minute.
	Now func() time.Time

	clock atomic.Int64

	mu  sync.Mutex
	ops []porcupine.Operation
}

// An answer is what a request led to.
type answer struct {
	result commands.Result
	err    error

	from, to time.Time // what the clock read at call and return
}

// readings returns what the clock may have read when a request was decided for a job, as far as
// the answer can depend on it.
func (a answer) readings(j projection.Job) []time.Time {
	all := []time.Time{a.from, a.to}
	texts := []string{j.NotBefore}
	if j.Lease != nil {
		texts = append(texts, j.Lease.Until)
	}
	for _, text := range texts {
		if at, err := ledger.ParseTime(text); err == nil && at.After(a.from) && at.Before(a.to) {
			all = append(all, at)
		}
	}
	return all
}

// Do calls do with the request of a client, and records the answer. do may be an
// engine's or anything that answers like one. A client waits for an answer before
// its next request. A request names its job, and its request id, if any, is used
// for no other job.
func (h *History) Do(client int, r commands.Request, do func(commands.Request) (commands.Result, error)) (commands.Result, error) {
	now := h.Now
	if now == nil {
		now = func() time.Time { return time.Time{} }
	}
	called, from := h.clock.Add(1), now()
	result, err := do(r)
	to, returned := now(), h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: r, Call: called, Output: answer{result, err, from, to}, Return: returned})
	return result, err
}

// Operations returns what was recorded.
func (h *History) Operations() []porcupine.Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]porcupine.Operation{}, h.ops...)
}

// Linearizable reports whether a ledger that carries out one request after
// another, each at some moment between call and return, could give the same
// answers. The jobs begin with the history.
func (h *History) Linearizable() bool {
	return porcupine.CheckOperations(h.Model(), h.Operations())
}

// A state is a job as the model knows it. It is never changed.
type state struct {
	job  projection.Job
	head ledger.JobHead
	used map[string]ledger.Event    // by request id
	call map[string]projection.Call // by the id of the call

	history *History
}

// Model returns the model of a History: each job by itself, by commands.Decide and
// projection.Apply, under its authority.
func (h *History) Model() porcupine.Model {
	return porcupine.Model{
		Partition: byJob,
		Init:      func() any { return state{history: h} },
		Step: func(s, input, output any) (bool, any) {
			next, ok := s.(state).step(input.(commands.Request), output.(answer))
			return ok, next
		},
		Equal: func(a, b any) bool { return a.(state).head.Leaf == b.(state).head.Leaf },
	}
}

func byJob(all []porcupine.Operation) [][]porcupine.Operation {
	jobs := map[string]int{}
	var parts [][]porcupine.Operation
	for _, op := range all {
		job := op.Input.(commands.Request).JobID
		i, known := jobs[job]
		if !known {
			i = len(parts)
			jobs[job] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], op)
	}
	return parts
}

// step returns the job after a request with the answer a, and whether that answer
// is possible.
func (s state) step(r commands.Request, a answer) (state, bool) {
	begins := commands.RowOf(r.Command).BeginsJob
	var stale *commands.RevisionError
	var refused *commands.RefusedError
	var quiet *commands.UnrecordedError
	if event, used := s.used[r.RequestID]; used {
		if !s.asksAgain(r, event) {
			return s, s.repeats(r, a, event)
		}
		r.RequestID = ""
	}
	switch there := s.head.JobSeq > 0; {
	case begins && there:
		return s, errors.Is(a.err, commands.ErrJobExists)
	case !begins && !there:
		return s, errors.Is(a.err, commands.ErrJobNotFound)
	case r.IfRevision != nil && *r.IfRevision != s.job.Revision:
		return s, errors.As(a.err, &stale) && stale.Found == s.job.Revision
	case errors.As(a.err, &refused):
		return s.refuses(r, refused)
	case errors.As(a.err, &quiet):
		return s, s.refusesQuietly(r, a, quiet.Refusal)
	case a.err != nil || a.result.Replayed:
		return s, false
	}
	e := a.result.Event
	payload, no := s.decide(r, e)
	if no != nil || !reflect.DeepEqual(payload, e.Payload()) {
		return s, false
	}
	if repeated := s.lastBlock(r, e.Payload()); a.result.Repeated != repeated {
		return s, false
	} else if repeated {
		return s, e.LeafHash() == s.head.Leaf
	}
	return s.follow(r, a.result)
}

// decide decides a request at the moment of the event that it led to.
func (s state) decide(r commands.Request, e ledger.Event) (ledger.Payload, *projection.Refusal) {
	m := commands.Moment{At: e.Time(), Reading: e.Reading(), Authority: s.history.Authority, Gate: s.gate(r, e)}
	if r.Signed != nil {
		var err error
		if m.Keys, err = authority.KeysOf(e); err != nil {
			return nil, &projection.Refusal{Reason: err.Error()}
		}
	}
	return commands.Decide(s.job, m, r)
}

// refuses is step for an answer that is a refusal.
func (s state) refuses(r commands.Request, a *commands.RefusedError) (state, bool) {
	_, no := s.decide(r, a.Result.Event)
	if no == nil || no.Code != a.Refusal.Code {
		return s, false
	}
	p, ok := a.Result.Event.Payload().(ledger.Refused)
	switch repeats := ok && r.Signed == nil && s.job.Repeats(r.Actor, p); {
	case !ok || a.Result.Repeated != repeats:
		return s, false
	case repeats:
		return s, a.Result.Event.LeafHash() == s.head.Leaf
	}
	return s.follow(r, a.Result)
}

// refusesQuietly reports whether an answer is possible that is a refusal without an event.
func (s state) refusesQuietly(r commands.Request, a answer, want *projection.Refusal) bool {
	return commands.RowOf(r.Command).Quiet && r.Signed == nil && slices.ContainsFunc(a.readings(s.job), func(at time.Time) bool {
		_, no := commands.Decide(s.job, commands.Moment{At: at, Reading: at, Authority: s.history.Authority}, r)
		return no != nil && no.Code == want.Code
	})
}

// follow returns the job after the event of an answer, which must follow, and
// lead to the job that the answer shows.
func (s state) follow(r commands.Request, a commands.Result) (state, bool) {
	head, err := s.head.Follow(a.Event)
	if err != nil {
		return s, false
	}
	job, err := projection.Apply(s.job, a.Event, s.history.Authority, s.callOf(r))
	if err != nil || !reflect.DeepEqual(job, a.Job) {
		return s, false
	}
	next := state{job: job, head: head, used: s.used, call: s.call, history: s.history}
	if about, ok := ledger.CallOf(a.Event.Payload()); ok {
		next.call = with(s.call, about.ID, projection.CallIn(a.Event))
	}
	if a.Event.RequestID() == r.RequestID && r.RequestID != "" {
		next.used = with(s.used, r.RequestID, a.Event)
	}
	return next, true
}

// with returns a copy of a map with one more key.
func with[V any](m map[string]V, key string, v V) map[string]V {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]V{}
	}
	m[key] = v
	return m
}

// Kind says in words which answer an operation of a History got.
func Kind(op porcupine.Operation) string {
	a := op.Output.(answer)
	refused, isRefused := errors.AsType[*commands.RefusedError](a.err)
	_, stale := errors.AsType[*commands.RevisionError](a.err)
	_, unrepeated := errors.AsType[*commands.UnrepeatedError](a.err)
	quiet, isQuiet := errors.AsType[*commands.UnrecordedError](a.err)
	switch {
	case isQuiet:
		return string(quiet.Refusal.Code)
	case a.err == nil && a.result.Repeated:
		return "blocked before"
	case unrepeated:
		return "not allowed again"
	case a.err == nil && a.result.Replayed:
		return "replayed"
	case isRefused && refused.Result.Replayed:
		return "refusal replayed"
	case a.err == nil:
		return "written"
	case isRefused && refused.Result.Repeated:
		return "refused before"
	case isRefused:
		return "refused"
	case stale:
		return "stale revision"
	case errors.Is(a.err, commands.ErrJobExists):
		return "job exists"
	case errors.Is(a.err, commands.ErrJobNotFound):
		return "no such job"
	}
	return a.err.Error()
}
