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
	default:
		r.Command = commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "step"}
	}
	if !commands.RowOf(r.Command).BeginsJob && r.IfRevision == nil && intN(4) == 0 {
		// The same id with the same command by the same actor is a retry.
		r.Actor, r.Command = "retrier", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "again"}
		r.RequestID = fmt.Sprintf("r-%d-%d", job, intN(10))
	}
	return r
}
