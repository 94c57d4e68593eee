package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/process"
	"gait/commands/worker"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// A supervisor issues the commands of leases for one worker process. It may be used by any
// number of goroutines.
type supervisor struct {
	*desk

	flags   *workerFlags
	name    string // of the worker, in its leases
	started startedCommands
}

func newSupervisor(a *app, flags *workerFlags) (*supervisor, error) {
	sweepResumes()
	d, err := newDesk(a, deskFlags{actor: flags.actor, signKey: flags.signKey})
	if err != nil {
		return nil, err
	}
	s := &supervisor{desk: d, flags: flags, name: flags.workerName()}
	d.o.Fatal = s.started.lose(d.o.Fatal)
	return s, nil
}

// A leasedJob is one job of a supervisor: what its attempts need of the ledger.
type leasedJob struct {
	*supervisor

	id    string
	epoch int64 // of the lease that the supervisor has or had; 0: none yet
}

// request returns a request under the lease.
func (j *leasedJob) request(c commands.Command) commands.Request {
	return commands.Request{JobID: j.id, Lease: j.epoch, Command: c}
}

// Look returns the job's state now.
func (j *leasedJob) Look(ctx context.Context) (s worker.State, err error) {
	o := j.o
	o.Mode = root.Read
	err = connect.Retry(ctx, o, func(l *connect.Ledger) error {
		is, approved, err := j.approved(ctx, l)
		if err == nil {
			s = j.state(is)
			s.Approved = approved
		}
		return err
	})
	return s, err
}

// approved reads the job, and reports whether it waits for nothing but a resume, as judged by who
// may approve now.
func (j *leasedJob) approved(ctx context.Context, l *connect.Ledger) (is projection.Job, approved bool, err error) {
	b, err := l.Basis(ctx)
	if err == nil {
		is, err = l.Job(ctx, j.id)
	}
	return is, err == nil && projection.ApprovedAt(is, b), err
}

// Take takes the lease. If the one before ended by time, and its attempt without a word, the
// attempt counts as lost.
func (j *leasedJob) Take(ctx context.Context) (worker.State, error) {
	var before projection.Job
	r := commands.Request{JobID: j.id, Command: commands.LeaseTake{TTL: int64(j.flags.ttl / time.Second), Worker: j.name}}
	taken, err := j.do(ctx, r, func(ctx context.Context, l *connect.Ledger, _ *commands.Request) (err error) {
		before, err = l.Job(ctx, j.id)
		return err
	})
	if fault, _ := ledger.FaultOf(err); err != nil && fault.Code == string(projection.InvalidTransition) {
		return j.Look(ctx) // it does not run
	}
	if err != nil {
		return worker.State{}, err
	}
	j.epoch = taken.Job.Lease.Epoch
	s := j.state(taken.Job)
	if lostAttempt(before.Lease) {
		ended, err := j.write(ctx, commands.EndAttempt{Cause: ledger.AttemptLost})
		if err != nil { // the lease is held all the same
			j.notice(fmt.Sprintf("job %s: that its last attempt was lost is not recorded: %v", j.id, err))
		} else {
			s = ended
		}
	}
	if s.Attempts > 0 {
		if s.Lost, err = j.lost(ctx, s.JobSeq); err != nil {
			j.notice(fmt.Sprintf("job %s: how many attempts were lost before is not known: %v", j.id, err))
		}
	}
	return s, nil
}

// lostAttempt reports whether an attempt under the lease before ended without a word of its
// supervisor: the lease ended by time, or someone else said that its holder is gone.
func lostAttempt(was *projection.Lease) bool {
	return was != nil && (was.Ended == "" || was.Outcome == ledger.LeaseLost && !was.Attempted)
}

// How many events are read to count the attempts that were lost: at once, and at most.
const (
	lostPage = 256
	lostMost = 16 * lostPage
)

// lost counts the attempts that were lost one after the other, up to the last one, among the
// job's newest events. It counts no further than it takes to say that none is left.
func (j *leasedJob) lost(ctx context.Context, seq int64) (n int, err error) {
	o := j.o
	o.Mode = root.Read
	err = connect.Retry(ctx, o, func(l *connect.Ledger) (err error) {
		n, err = lostBefore(ctx, l.Log, j.id, seq, j.flags.retries+1)
		return err
	})
	return n, err
}

// lostBefore is lost for a job with seq events.
func lostBefore(ctx context.Context, log ledger.EventReader, id string, seq int64, most int) (n int, err error) {
	for end := seq; end > max(0, seq-lostMost) && n < most; end -= lostPage {
		causes, err := attemptsIn(ctx, log, id, max(1, end-lostPage+1), end)
		if err != nil {
			return 0, err
		}
		for _, cause := range slices.Backward(causes) {
			if cause != ledger.AttemptLost {
				return min(n, most), nil
			}
			n++
		}
	}
	return min(n, most), nil
}

// attemptsIn returns how the attempts ended that ended from one event of a job to another.
func attemptsIn(ctx context.Context, log ledger.EventReader, id string, from, to int64) (causes []ledger.AttemptCause, err error) {
	for e, err := range log.JobEvents(ctx, id, from) {
		if err != nil {
			return nil, err
		}
		if p, ok := e.Payload().(ledger.AttemptEnded); ok {
			causes = append(causes, p.Cause)
		}
		if from++; from > to {
			break
		}
	}
	return causes, nil
}

// write carries a command out under the lease, and returns the state after it.
func (j *leasedJob) write(ctx context.Context, c commands.Command) (worker.State, error) {
	result, err := j.do(ctx, j.request(c), nil)
	if err != nil {
		return worker.State{}, err
	}
	return j.state(result.Job), nil
}

// Renew renews the lease.
func (j *leasedJob) Renew(ctx context.Context) (worker.State, error) {
	return j.write(ctx, commands.LeaseRenew{})
}

// Release gives the lease back.
func (j *leasedJob) Release(ctx context.Context, outcome ledger.LeaseOutcome) (worker.State, error) {
	return j.write(ctx, commands.LeaseRelease{Outcome: outcome})
}

// EndAttempt says how an attempt ended. Of a job that has ended meanwhile nothing more is
// recorded.
func (j *leasedJob) EndAttempt(ctx context.Context, cause ledger.AttemptCause, exit *process.Exit, tail []byte) (worker.State, error) {
	c := commands.EndAttempt{Cause: cause}
	if exit != nil {
		code := int64(exit.Code)
		c.Exit = &code
		if code == 0 {
			tail = nil
		}
	}
	result, err := j.do(ctx, j.request(c), func(ctx context.Context, l *connect.Ledger, r *commands.Request) error {
		c := c
		if len(tail) > 0 {
			put, err := l.PutContent(ctx, j.id, connect.Upload{Name: "attempt.log", MediaType: "text/plain", Bytes: bytes.NewReader(tail)})
			if err != nil {
				return fmt.Errorf("keeping the end of what the attempt wrote: %w", err)
			}
			c.Log = put.Content
		}
		r.Command = c
		return nil
	})
	if refused, is := errors.AsType[*commands.RefusedError](err); is && refused.Result.Job.Status.Final() {
		return j.state(refused.Result.Job), nil
	}
	if err != nil {
		return worker.State{}, err
	}
	return j.state(result.Job), nil
}

// Complete completes the job.
func (j *leasedJob) Complete(ctx context.Context, summary string) (worker.State, error) {
	return j.write(ctx, commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: summary})
}

// Fail ends the job as failed. The end of what its last attempt wrote is kept with that.
func (j *leasedJob) Fail(ctx context.Context, summary string, _ []byte) (worker.State, error) {
	return j.write(ctx, commands.AddCheckpoint{Type: ledger.CheckpointFailed, Summary: summary})
}

// Resume resumes the job as it was bound before, if it is approved as it is resumed: not if
// someone pauses it meanwhile.
func (j *leasedJob) Resume(ctx context.Context) (s worker.State, err error) {
	for range 3 {
		s, err = j.resume(ctx)
		if f, _ := ledger.FaultOf(err); err == nil || f.Code != new(commands.RevisionError).Fault().Code {
			break
		}
	}
	return s, err
}

func (j *leasedJob) resume(ctx context.Context) (worker.State, error) {
	r := commands.Request{JobID: j.id, Reason: "all that the job was stopped for is approved"}
	resumed, err := j.do(ctx, r, func(ctx context.Context, l *connect.Ledger, r *commands.Request) error {
		is, approved, err := j.approved(ctx, l)
		switch {
		case err != nil:
			return err
		case !approved:
			return &notApprovedError{id: j.id}
		}
		r.IfRevision = &is.Revision
		r.Command = commands.Resume{
			EnvironmentFingerprint: new(boundFlags).environment(), PolicyDigest: is.PolicyDigest, PolicyRef: is.PolicyRef,
		}
		return nil
	})
	if err != nil {
		return worker.State{}, err
	}
	return j.state(resumed.Job), nil
}

// A notApprovedError says that a job is not to be resumed any more.
type notApprovedError struct{ id string }

func (e *notApprovedError) Error() string {
	return fmt.Sprintf("job %s waits for more than a resume by now", e.id)
}

// Fault returns the error's code, invalid_transition.
func (e *notApprovedError) Fault() ledger.Fault {
	return ledger.Fault{Code: string(projection.InvalidTransition), Category: ledger.CategoryInvalid}
}

// Watch shows the state of the job at once, and whenever it has changed.
func (j *leasedJob) Watch(ctx context.Context, visit func(worker.State) bool) error {
	o := j.o
	o.Mode = root.Read
	return connect.WatchJob(ctx, o, j.id, func(is projection.Job) bool { return visit(j.state(is)) })
}

// state returns what a supervisor has to know of a job.
func (j *leasedJob) state(is projection.Job) worker.State {
	s := worker.State{
		JobSeq: is.JobSeq, Status: is.Status, Attempts: is.Attempts, OpenGrants: len(is.Grants),
		Asked: is.Status == projection.DecisionNeeded,
	}
	if l := is.Lease; l != nil {
		s.Epoch, s.TTL = l.Epoch, time.Duration(l.TTL)*time.Second
		s.Until, _ = ledger.ParseTime(l.Until) //nolint:errcheck // the fold wrote it
		s.Holder, s.Left = l.Epoch == j.epoch && l.Ended == "", l.Ended == projection.LeaseLeft
	}
	return s
}
