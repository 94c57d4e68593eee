package commandstest

import (
	"fmt"

	"gait/commands"
	"gait/ledger"
)

// Request draws a request of a client for one of a few jobs. intN returns a number
// from 0 to n-1.
func Request(intN func(n int) int, client int) commands.Request {
	const env = "envfp:here"
	job := intN(3)
	r := commands.Request{JobID: fmt.Sprintf("job_%d", job), Actor: fmt.Sprintf("worker_%d", client)}
	switch intN(12) {
	case 0:
		r.Command = commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "test"}
	case 1, 2, 3:
		r.Command = commands.Pause{Hold: intN(8) == 0}
	case 4, 5, 6:
		r.Command = commands.Resume{EnvironmentFingerprint: env}
	case 7:
		revision := int64(intN(40))
		r.Command, r.IfRevision = commands.Pause{}, &revision
	case 8:
		if intN(20) == 0 {
			r.Command = commands.Cancel{}
			break
		}
		fallthrough
	case 9:
		r.Lease, r.Command = lease(intN)
	default:
		r.Command = commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "step"}
		r.Lease = int64(max(0, intN(8)-4))
	}
	if !commands.RowOf(r.Command).BeginsJob && r.IfRevision == nil && intN(4) == 0 {
		// The same id with the same command by the same actor is a retry.
		r.Actor, r.Command = "retrier", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "again"}
		r.Lease, r.RequestID = 0, fmt.Sprintf("r-%d-%d", job, intN(10))
	}
	return r
}

// lease draws a command about a lease, with the epoch that it names. The first few leases of a
// job end soon, since the job is paused.
func lease(intN func(n int) int) (epoch int64, c commands.Command) {
	epoch = int64(1 + intN(3))
	switch intN(6) {
	case 0:
		return epoch, commands.LeaseRenew{}
	case 1:
		return epoch, commands.LeaseRelease{Outcome: ledger.LeaseDone}
	case 2:
		return 0, commands.LeaseRelease{Outcome: ledger.LeaseLost}
	case 3:
		return epoch, commands.EndAttempt{Cause: ledger.AttemptExited}
	}
	return 0, commands.LeaseTake{TTL: ledger.MinLeaseTTL, Worker: "host"}
}
