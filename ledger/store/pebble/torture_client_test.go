package pebble_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// A client issues random commands, one at a time. Each has a tag that no other
// has, which its event holds.
type client struct {
	name    string
	rng     *rand.Rand
	issued  int
	settled []commands.Request // with a request id, and done
	open    *commands.Request  // whose outcome is unknown
	epochs  map[string]int64   // of the leases that it got, by job
}

const clients, jobs = 4, 3

// next returns what the client asks for next: with an outcome open, most often
// the same again.
func (c *client) next(revision func(job string) int64) (r commands.Request, retry bool) {
	if c.open != nil && c.open.RequestID != "" && c.rng.IntN(4) > 0 {
		return *c.open, true
	}
	if n := len(c.settled); n > 0 && c.rng.IntN(12) == 0 {
		return c.settled[c.rng.IntN(n)], true
	}
	c.issued++
	tag := fmt.Sprintf("%s-%d", c.name, c.issued)
	r = commands.Request{JobID: fmt.Sprint("job_", 1+c.rng.IntN(jobs)), Actor: c.name}
	r.Command = c.command(tag, revision(r.JobID) == 0)
	if commands.RowOf(r.Command).ReasonElsewhere == "" {
		r.Reason = tag
	}
	r.Lease = c.lease(r)
	switch n := c.rng.IntN(20); {
	case n < 10:
		r.RequestID = tag
	case n == 10:
		r.DryRun = true
	case n < 13 && r.Command.Verb() != "submit":
		at := max(0, revision(r.JobID)-int64(c.rng.IntN(2)))
		r.IfRevision = &at
	case n == 13 && len(c.settled) > 0:
		r.RequestID = c.settled[0].RequestID // which is another command's
	}
	return r, false
}

var types = []ledger.CheckpointType{
	ledger.CheckpointPlan, ledger.CheckpointProgress, ledger.CheckpointProgress,
	ledger.CheckpointDecisionNeeded, ledger.CheckpointDecisionNeeded, ledger.CheckpointBlocked, ledger.CheckpointFailed,
}

// command draws a command, for a job that is new most often submit, and those
// that end a job seldom.
func (c *client) command(tag string, fresh bool) commands.Command {
	switch n := c.rng.IntN(40); {
	case n < 1 || fresh && n < 36:
		return commands.Submit{EnvironmentFingerprint: "envfp:test", ProducerVersion: "test", Labels: []ledger.Label{{Key: "tag", Value: tag}}}
	case n < 4:
		return commands.LeaseTake{TTL: ledger.MinLeaseTTL, Worker: tag}
	case n < 20:
		a := commands.AddCheckpoint{Type: types[c.rng.IntN(len(types)-1)], Summary: tag}
		if a.Type == ledger.CheckpointDecisionNeeded {
			a.RequiredAction = "decide"
		}
		if c.rng.IntN(4) == 0 {
			a.Summary += " " + strings.Repeat("x", c.rng.IntN(ledger.MaxSummary-len(tag)))
		}
		return a
	case n < 24:
		return commands.Pause{}
	case n < 29:
		return commands.Approve{}
	case n < 31:
		return commands.Deny{}
	case n < 38:
		return commands.Resume{EnvironmentFingerprint: "envfp:test"}
	case n == 38:
		return commands.Stop{}
	}
	return commands.Cancel{}
}

// tagOf returns the tag that the payload of a client's command holds.
func tagOf(said ledger.Payload) string {
	tag := ""
	switch p := said.(type) {
	case ledger.Submitted:
		tag = p.Labels[0].Value
	case ledger.CheckpointAdded:
		tag = p.Summary
	case ledger.Paused:
		tag = p.Reason
	case ledger.Approved:
		tag = p.Reason
	case ledger.Denied:
		tag = p.Reason
	case ledger.Resumed:
		tag = p.Reason
	case ledger.Stopped:
		tag = p.Reason
	case ledger.Cancelled:
		tag = p.Reason
	case ledger.GateDecided:
		tag = p.Grant
	case ledger.Leased:
		tag = p.Worker
	case ledger.EffectSettled:
		tag = "settled-" + p.Grant
	case ledger.Refused:
		if tag = p.Reason; tag == "" {
			tag = p.Summary
		}
	}
	tag, _, _ = strings.Cut(tag, " ")
	return tag
}

// An answer is what a client was told.
type answer struct {
	client  *client
	request commands.Request
	retry   bool
	was     ledger.Seq // of the event that used the request id up before; -1: none
	result  commands.Result
	err     error
}

// written returns the event that the answer is about, new or old, or nil if nothing
// was written.
func (a answer) written() *commands.Result {
	if no, ok := errors.AsType[*commands.RefusedError](a.err); ok {
		return &no.Result
	}
	if a.err != nil {
		return nil
	}
	return &a.result
}

// declined reports whether the engine wrote nothing, as it may.
func (a answer) declined() bool {
	_, stale := errors.AsType[*commands.RevisionError](a.err)
	_, taken := errors.AsType[*commands.RequestIDError](a.err)
	_, no := errors.AsType[*projection.Refusal](a.err)
	_, quiet := errors.AsType[*commands.UnrecordedError](a.err)
	dry := no && a.request.DryRun
	return stale || taken || dry || quiet || errors.Is(a.err, commands.ErrJobExists) || errors.Is(a.err, commands.ErrJobNotFound)
}
