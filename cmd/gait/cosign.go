package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/witness"
)

func cosignCommand(a *app) *cobra.Command {
	var timeout time.Duration
	cmd := exits(&cobra.Command{
		Use:   "cosign",
		Short: "Have witnesses cosign the newest checkpoint",
		Long: `Have the ledger's witnesses cosign its newest checkpoint, each with a proof that it
continues what that witness cosigned before. Packs carry the cosignatures. First the
ledger commits to its index, unless it has since its last event (gait ledger
commit-index), so that what witnesses cosign also says where each job ended.

A witness that has seen another history of this ledger refuses. What was sent and
what it said is then evidence: it is printed and kept.`,
		Example: "gait ledger cosign\ngait ledger cosign --timeout 30s --json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long to wait for each answer of a witness")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if timeout <= 0 {
			return &usageError{code: "invalid_timeout", text: "--timeout must be more than 0s", hint: "--timeout 10s"}
		}
		return cosignCheckpoint(cmd.Context(), a, witness.Client{Timeout: timeout})
	}
	return cmd
}

// A cosignRun is one run of ledger cosign.
type cosignRun struct {
	*app
	ctx        context.Context
	client     witness.Client
	home       string
	committed  ledger.Event // commits to the index of all events before it
	checkpoint ledger.Checkpoint
	signed     []byte
	witnesses  []home.Witness
	list       []listedWitness
	got        []ledger.Cosignature // zero if there is none
	errs       []error
	opening    sync.Mutex
}

func cosignCheckpoint(ctx context.Context, a *app, client witness.Client) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	c := &cosignRun{app: a, ctx: ctx, client: client, home: home}
	if err := a.write(ctx, c.commit); err != nil {
		return err
	}
	if err := a.write(ctx, c.begin); err != nil {
		return err
	}
	// Other processes can use the ledger while the witnesses are asked.
	var asking sync.WaitGroup
	for i := range c.witnesses {
		asking.Go(func() { c.ask(i) })
	}
	asking.Wait()
	if err := a.write(ctx, c.keep); err != nil {
		return err
	}
	return c.report()
}

// commit commits to the ledger's index, if there are witnesses to cosign that.
func (c *cosignRun) commit(r *connect.Ledger) error {
	witnesses, err := home.Witnesses(c.home, r.Log.Origin())
	if err != nil {
		return err
	}
	if len(witnesses) == 0 {
		return &usageError{code: "witness_missing", text: r.Log.Origin() + " has no witnesses", hint: "gait ledger witness add URL KEY"}
	}
	result, err := c.do(c.ctx, r, commands.Request{Command: commands.CommitIndex{}})
	c.committed = result.Event
	return err
}

func (c *cosignRun) begin(r *connect.Ledger) (err error) {
	c.checkpoint, c.signed = r.Log.Checkpoint()
	if c.witnesses, c.list, err = listWitnesses(c.ctx, c.home, r.Log); err != nil {
		return err
	}
	c.got, c.errs = make([]ledger.Cosignature, len(c.witnesses)), make([]error, len(c.witnesses))
	return nil
}

func (c *cosignRun) ask(i int) {
	c.got[i], c.errs[i] = c.client.Cosign(c.ctx, witness.Witness(c.witnesses[i]), c.signed, c.list[i].Size, c.prove)
}

// prove makes a consistency proof, and has the ledger open only while it does.
func (c *cosignRun) prove(old int64) (path []ledger.Hash, err error) {
	c.opening.Lock()
	defer c.opening.Unlock()
	err = c.write(c.ctx, func(r *connect.Ledger) error {
		path, err = r.Log.ConsistencyIn(c.ctx, c.signed, old)
		return err
	})
	return path, err
}

// keep stores the cosignatures, and the evidence of conflicts.
func (c *cosignRun) keep(r *connect.Ledger) error {
	for i, err := range c.errs {
		if err == nil {
			if err := r.Log.Keep(c.ctx, c.signed, c.got[i]); err != nil {
				return err
			}
			c.list[i].cosigned(c.checkpoint.Size, c.got[i])
			c.list[i].Result = "cosigned"
			continue
		}
		f := classify(err)
		c.list[i].Result, c.list[i].Error, c.list[i].Code = "failed", err.Error(), f.Code
		if conflict, ok := errors.AsType[*witness.ConflictError](err); ok {
			evidence := conflict.Evidence()
			path, err := home.KeepConflict(c.home, r.Log.Origin(), evidence)
			if err != nil {
				return err
			}
			c.list[i].Result, c.list[i].Path, c.list[i].Proof = "conflict", path, string(evidence)
		}
	}
	return nil
}

// A cosignError says that some witness has not cosigned. It is classified by
// the worst of the errors.
type cosignError struct {
	*cosignRun
	worst error
}

func (e *cosignError) Error() string { return e.worst.Error() }

// Unwrap returns what classifies the error.
func (e *cosignError) Unwrap() error { return e.worst }

func (c *cosignRun) fields() object {
	return object{"origin": c.checkpoint.Origin, "tree_size": c.checkpoint.Size, "root": c.checkpoint.Root, "committed": committed(c.committed), "witnesses": c.list}
}

func (c *cosignRun) report() error {
	if !c.json {
		s := c.screen()
		c.show(s)
		if _, err := io.WriteString(c.stdout, s.String()); err != nil {
			return err
		}
	}
	failed := slices.DeleteFunc(slices.Clone(c.errs), func(err error) bool { return err == nil })
	if len(failed) > 0 {
		return &cosignError{c, slices.MinFunc(failed, func(x, y error) int { return cmp.Compare(urgency(x), urgency(y)) })}
	}
	if c.json {
		return c.print(c.fields(), nil)
	}
	return nil
}

// urgency orders errors: evidence of another history first, then what failed
// verification, and last what may work later.
func urgency(err error) int {
	if _, ok := errors.AsType[*witness.ConflictError](err); ok {
		return 0
	}
	switch classify(err).exit {
	case exitVerify:
		return 1
	case exitDependency:
		return 3
	}
	return 2
}

func (c *cosignRun) show(s *screen) {
	fmt.Fprintf(s, "%s at %s, root %s\n", s.bold(c.checkpoint.Origin), count(c.checkpoint.Size, "event"), c.checkpoint.Root)
	rows := make([][]any, len(c.list))
	for i, w := range c.list {
		result, detail := s.green("✓ cosigned"), "at "+w.CosignedAt
		if w.Error != "" {
			result, detail = s.red("✗ "+w.Result), w.Error
		}
		rows[i] = []any{w.Name, result, detail}
	}
	s.table([]any{"witness", "result", "what it means"}, rows)
	for _, w := range c.list {
		if w.Path != "" {
			fmt.Fprintf(s, "\n%s\n%s\n", s.bold("kept as "+w.Path), w.Proof)
		}
	}
}
