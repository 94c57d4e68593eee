package commands_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"gait/commands"
	"gait/ledger"
)

// errFault is the failure of an operation that was made to fail.
var errFault = errors.New("the disk is gone")

// A fault makes one operation fail: the n-th that an engine does.
type fault struct {
	n    int
	done []string // the operations so far
}

func (f *fault) try(operation string) error {
	f.done = append(f.done, operation)
	if len(f.done) == f.n {
		return fmt.Errorf("%s: %w", operation, errFault)
	}
	return nil
}

// A faultyLog is a log of which one operation fails.
type faultyLog struct {
	*hookedLog

	fault *fault
}

// Load fails if it is its turn.
func (l faultyLog) Load(ctx context.Context, jobs, requests []string, calls ...ledger.CallID) (ledger.Records, error) {
	if err := l.fault.try("Load"); err != nil {
		return ledger.Records{}, err
	}
	return l.hookedLog.Load(ctx, jobs, requests, calls...)
}

// Event fails if it is its turn.
func (l faultyLog) Event(ctx context.Context, seq ledger.Seq) (ledger.Event, error) {
	if err := l.fault.try("Event"); err != nil {
		return ledger.Event{}, err
	}
	return l.hookedLog.Event(ctx, seq)
}

// Begin fails if it is its turn.
func (l faultyLog) Begin(ctx context.Context, at ledger.Head) (ledger.Batch, error) {
	if err := l.fault.try("Begin"); err != nil {
		return nil, err
	}
	b, err := l.hookedLog.Begin(ctx, at)
	return faultyBatch{b, l.fault}, err
}

type faultyBatch struct {
	ledger.Batch

	fault *fault
}

// Add fails if it is its turn.
func (b faultyBatch) Add(ctx context.Context, e ledger.Entry) error {
	if err := b.fault.try("Add"); err != nil {
		return err
	}
	return b.Batch.Add(ctx, e)
}

// Sign fails if it is its turn.
func (b faultyBatch) Sign(ctx context.Context) error {
	if err := b.fault.try("Sign"); err != nil {
		return err
	}
	return b.Batch.Sign(ctx)
}

// Commit fails if it is its turn, before it has written or behind.
func (b faultyBatch) Commit(ctx context.Context) (ledger.Receipt, error) {
	if err := b.fault.try("Commit"); err != nil {
		b.Discard()
		return ledger.Receipt{}, err
	}
	receipt, err := b.Batch.Commit(ctx)
	if lost := b.fault.try("the end of Commit"); lost != nil {
		return ledger.Receipt{}, fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, lost)
	}
	return receipt, err
}

// Whatever fails while the gate is asked, an allow is what the policy says and is on the ledger,
// and what is on the ledger is permitted once: what is not known to its caller is open.
func TestGateFaults(t *testing.T) {
	operations := map[string]bool{}
	for n := 1; ; n++ {
		g := newGateBench(t)
		f := &fault{n: n}
		g.engine = &commands.Engine{Log: faultyLog{g.log, f}, Now: g.engine.Now, Entropy: g.engine.Entropy, Content: g.content}
		g.content.fail = f.try
		told := map[string]bool{} // grants that a caller got
		for i, r := range []commands.Request{
			identified(g.eval("read", 1, "call-1"), "r-1"), identified(g.eval("read", 1, "call-1"), "r-1"),
			g.eval("read", 2, "call-2"), g.eval("drop", 3, ""), g.eval("pay", 4, "call-4"), g.eval("read", 5, ""),
		} {
			if a := g.ask(r); a.Verdict == ledger.GateAllow {
				told[a.Grant] = true
				if tool := r.Command.(commands.GateEval).Tool; tool != "read" {
					t.Errorf("fault %d, %v: %s is allowed, which the policy does not permit", n, f.done, tool)
				}
			} else if a.Grant != "" && a.Verdict != ledger.GateBlock {
				t.Errorf("fault %d: answer %d is %+v", n, i, a)
			}
		}
		failed := len(f.done) >= n
		g.content.fail = nil
		g.engine = &commands.Engine{Log: g.log, Now: g.engine.Now, Entropy: g.engine.Entropy, Content: g.content}
		open := map[string]bool{}
		for _, grant := range g.job("job_1").Grants {
			open[grant.ID] = true
		}
		for grant := range told {
			if !open[grant] {
				t.Errorf("fault %d, %v: a caller was allowed %s, and no such grant is open", n, f.done, grant)
			}
		}
		if len(open) > len(told)+1 {
			t.Errorf("fault %d: %d grants are open, and callers know %d", n, len(open), len(told))
		}
		g.log.check(t)
		if !failed {
			break
		}
		operations[f.done[n-1]] = true
	}
	for _, operation := range []string{"Load", "Begin", "Add", "Sign", "Commit", "the end of Commit", "ReadOf", "ReadPlain", "ContentKey", "Check", "Sync"} {
		if !operations[operation] {
			t.Errorf("%s did not fail once: %v", operation, operations)
		}
	}
}
