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

	"gait/ledger"
	"gait/ledger/root"
	"gait/ledger/witness"
)

func (a *app) cosignCommand() *cobra.Command {
	var timeout time.Duration
	cmd := exits(&cobra.Command{
		Use:   "cosign",
		Short: "Have witnesses cosign the newest checkpoint",
		Long: `Have the ledger's witnesses cosign its newest checkpoint, each with a proof that it
goes on from what that witness has cosigned before. Packs carry the cosignatures.

A witness that has seen another history of this ledger refuses. What was sent and
what it said is then evidence: it is printed and kept.`,
		Example: "gait ledger cosign\ngait ledger cosign --timeout 30s --json",
		Args:    noArgs,
	}, 0, 1, 2, 6, 7, 8)
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long to wait for each answer of a witness")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if timeout <= 0 {
			return &usageError{code: "invalid_timeout", text: "--timeout must be longer than nothing", hint: "--timeout 10s"}
		}
		return a.cosign(cmd.Context(), witness.Client{Timeout: timeout})
	}
	return cmd
}

// A cosigning is one run of ledger cosign.
type cosigning struct {
	*app
	ctx        context.Context
	client     witness.Client
	home       string
	checkpoint ledger.Checkpoint
	signed     []byte
	witnesses  []root.Witness
	list       []listedWitness
	got        []ledger.Cosignature // zero where there is none
	errs       []error
	opening    sync.Mutex
}

func (a *app) cosign(ctx context.Context, client witness.Client) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	c := &cosigning{app: a, ctx: ctx, client: client, home: home}
	if err := a.write(ctx, false, c.begin); err != nil {
		return err
	}
	// Others may use the ledger while witnesses take their time.
	var asking sync.WaitGroup
	for i := range c.witnesses {
		asking.Go(func() { c.ask(i) })
	}
	asking.Wait()
	if err := a.write(ctx, false, c.keep); err != nil {
		return err
	}
	return c.report()
}

func (c *cosigning) begin(r *openLedger) (err error) {
	c.checkpoint, c.signed = r.Log.Checkpoint()
	if c.witnesses, c.list, err = listWitnesses(c.home, r.Log); err != nil {
		return err
	}
	if len(c.witnesses) == 0 {
		return &usageError{code: "witness_missing", text: r.Log.Origin() + " has no witnesses", hint: "gait ledger witness add <URL> <KEY>"}
	}
	c.got, c.errs = make([]ledger.Cosignature, len(c.witnesses)), make([]error, len(c.witnesses))
	return nil
}

func (c *cosigning) ask(i int) {
	c.got[i], c.errs[i] = c.client.Cosign(c.ctx, witness.Witness(c.witnesses[i]), c.signed, c.list[i].Size, c.prove)
}

// prove opens the ledger for as long as a proof takes.
func (c *cosigning) prove(old int64) (path []ledger.Hash, err error) {
	c.opening.Lock()
	defer c.opening.Unlock()
	err = c.write(c.ctx, false, func(r *openLedger) error {
		path, err = r.Log.ConsistencyIn(c.signed, old)
		return err
	})
	return path, err
}

// keep keeps the cosignatures, and the evidence of conflicts.
func (c *cosigning) keep(r *openLedger) error {
	for i, err := range c.errs {
		if err == nil {
			if err := r.Log.Keep(c.signed, c.got[i]); err != nil {
				return err
			}
			c.list[i].cosigned(c.checkpoint.Size, c.got[i])
			c.list[i].Result = "cosigned"
			continue
		}
		f := classify(err)
		c.list[i].Result, c.list[i].Error, c.list[i].Code = "failed", err.Error(), f.code
		if conflict, ok := errors.AsType[*witness.ConflictError](err); ok {
			evidence := conflict.Evidence()
			path, err := root.KeepConflict(c.home, r.Log.Origin(), evidence)
			if err != nil {
				return err
			}
			c.list[i].Result, c.list[i].Path, c.list[i].Proof = "conflict", path, string(evidence)
		}
	}
	return nil
}

// A cosignError says that not every witness has cosigned. It is classified by
// the worst of what went wrong.
type cosignError struct {
	*cosigning
	worst error
}

func (e *cosignError) Error() string { return e.worst.Error() }

// Unwrap returns what classifies the error.
func (e *cosignError) Unwrap() error { return e.worst }

func (c *cosigning) fields() object {
	return object{"origin": c.checkpoint.Origin, "tree_size": c.checkpoint.Size, "root": c.checkpoint.Root, "witnesses": c.list}
}

func (c *cosigning) report() error {
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

// urgency orders errors: evidence of another history first, what does not
// hold next, what may go over last.
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

func (c *cosigning) show(s *screen) {
	fmt.Fprintf(s, "%s at %d events, root %s\n", s.bold(c.checkpoint.Origin), c.checkpoint.Size, c.checkpoint.Root)
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
