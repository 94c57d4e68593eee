// Package ask is what stands between gait and the places where agents live: a host's hook, an
// MCP server, a proxy of one. Each of them puts questions to a Desk, and tells its agent what
// Words says. None of them decides, hashes or approves.
package ask

import (
	"context"

	"gait/commands"
	"gait/commands/connect"
)

// A Desk carries out what an adapter is asked for, as one actor. It fills in request ids and
// signs, if the actor has a key. Several goroutines may use it.
type Desk interface {
	// Do carries out a command, whose Actor and RequestID may be empty.
	Do(ctx context.Context, r commands.Request) (commands.Result, error)

	// Ask asks the gate whether a tool may run. Whatever goes wrong, the answer is a block.
	Ask(ctx context.Context, q connect.GateQuestion) (commands.GateAnswer, commands.Result)

	// Settle says what became of a grant.
	Settle(ctx context.Context, s connect.Settlement) (commands.Result, error)

	// Read calls f with the ledger at one state.
	Read(ctx context.Context, f func(*connect.Ledger) error) error
}
