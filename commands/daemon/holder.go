package daemon

import (
	"context"
	"fmt"
	"slices"

	"gait/commands"
	"gait/ledger"
)

// Errors of what a token does not allow.
var (
	// ErrRole says that a token's role may not send a command, or ask for something.
	ErrRole = ledger.NewError("the token's role does not allow it", ledger.Fault{Code: "token_role", Category: ledger.CategoryPolicy})

	// ErrActor says that a command names another actor than the token is for.
	ErrActor = ledger.NewError("the token is for another actor", ledger.Fault{Code: "token_actor", Category: ledger.CategoryPolicy})
)

// A Holder is whom a token stands for.
type Holder struct {
	Actor string
	Role  string
	Key   [32]byte // the public half of the token's key
}

// holderKey is the key of the admitted holder of a token in a request's context. A request
// of the user's own has none.
type holderKey struct{}

// admitted is the holder of a token, and whether the token is accepted still.
type admitted struct {
	Holder
	still func() bool
}

// holderOf returns the holder whose token a request came with, if it came with one.
func holderOf(ctx context.Context) (admitted, bool) {
	a, ok := ctx.Value(holderKey{}).(admitted)
	return a, ok
}

// mayAsk fails with ErrRole if the request came with a token of none of some roles. No role
// stands for every one.
func mayAsk(ctx context.Context, roles ...ledger.Role) error {
	h, ok := holderOf(ctx)
	if !ok || len(roles) == 0 || slices.Contains(roles, ledger.Role(h.Role)) {
		return nil
	}
	return fmt.Errorf("%w: it takes the role %s, and the token has the role %s", ErrRole, ledger.OneOf(roles), h.Role)
}

// mayIssue fails if the request came with a token that does not allow a command.
func mayIssue(ctx context.Context, r commands.Request) error {
	h, ok := holderOf(ctx)
	if !ok {
		return nil
	}
	row := commands.RowOf(r.Command)
	if !row.MayIssue(h.Role) {
		return fmt.Errorf("%w: %s takes the role %s, and the token has the role %s", ErrRole, row.Verb, ledger.OneOf(row.Roles), h.Role)
	}
	if row.Actor == "" && r.Actor != h.Actor {
		return fmt.Errorf("%w: it is for %s, not for %.130q", ErrActor, h.Actor, r.Actor)
	}
	return nil
}

// MayIssue fails if the request with a context came with a token that does not allow a command. It
// is for Server.Further, whose handlers issue commands themselves.
func MayIssue(ctx context.Context, r commands.Request) error { return mayIssue(ctx, r) }

// HolderOf returns the holder of the token that the request with a context came with, if it came
// with one.
func HolderOf(ctx context.Context) (Holder, bool) {
	h, ok := holderOf(ctx)
	return h.Holder, ok
}

// isStillAdmitted reports whether the token of a request is accepted still.
func isStillAdmitted(ctx context.Context) bool {
	h, ok := holderOf(ctx)
	return !ok || h.still()
}
