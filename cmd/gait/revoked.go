package main

import (
	"context"
	"crypto/sha256"
	"fmt"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/revocations"
	"gait/ledger"
)

// readRevocations reads a list of revoked identities for a resume, whose event then names
// the list by its digest. A list that is not understood blocks.
func readRevocations(a *app, c *commands.Resume, file string) error {
	if file == "" {
		return nil
	}
	text, err := a.readFile(file, revocations.MaxSize)
	if err != nil {
		return err
	}
	if a.revoked, err = revocations.Parse(text); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	c.IdentityValidationSource = fmt.Sprintf("revocations sha256:%x", sha256.Sum256(text))
	return nil
}

// A revokedError says that an identity is on the list that was given.
type revokedError struct{ identity string }

func (e *revokedError) Error() string {
	return e.identity + " is on the list of revoked identities: the job is not resumed"
}

// Fault returns what kind of error it is.
func (*revokedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "identity_revoked", Category: ledger.CategoryPolicy}
}

// checkRevoked fails if a resume is by, or of a job that acts as, a revoked identity.
func checkRevoked(ctx context.Context, a *app, l *connect.Ledger, r commands.Request) error {
	c, resumes := r.Command.(commands.Resume)
	if !resumes || a.revoked.Len() == 0 {
		return nil
	}
	job, err := l.Job(ctx, r.JobID)
	if err != nil {
		return err
	}
	for _, name := range []string{c.Identity, job.Identity, r.Actor} {
		if name != "" && a.revoked.Has(name) {
			return &revokedError{identity: name}
		}
	}
	return nil
}
