package recall

import (
	"crypto/sha256"
	"errors"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

// signedLedger returns a ledger in which actors sign, whose job ends with a step.
func signedLedger(t *testing.T, summary string) *ledgertest.Ledger {
	t.Helper()
	l := ledgertest.New(t)
	step := ledgertest.Progress("job_1", summary)
	step.Actor, step.Signers = "worker_1", []string{"worker_1"}
	ledgertest.Append(
		t, l.Log, ledgertest.FirstAdmin(t, "admin_1"), ledgertest.Enroll(t, "admin_1", "worker_1", ledger.RoleWorker),
		ledgertest.Submit("job_1"), step, ledgertest.Revoke("admin_1", "worker_1"),
	)
	ledgertest.Check(t, l.Log)
	return l
}

// A ledger with actors and signed events is compared with what was seen of its jobs as any
// other is: it passes if nothing differs, and another signed event in place of one is a fork.
func TestSignedEventsAreCompared(t *testing.T) {
	l, other := signedLedger(t, "step 1"), signedLedger(t, "another step")
	m := memory(t)
	seen, err := home.SeenJobs(m.Home, l.Keys().Keys())
	if err != nil {
		t.Fatal(err)
	}
	var head ledger.Event
	for e, err := range l.JobEvents(t.Context(), "job_1", 1) {
		if err == nil {
			head = e
			_, err = seen.See(e)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_, signed := l.Checkpoint()
	from := home.PackSeen{SHA256: sha256.Sum256([]byte("a pack")), Head: head.Bytes(), Checkpoint: signed}
	if _, err := seen.Keep(from); err != nil {
		t.Fatal(err)
	}
	compare := func(log *ledgertest.Ledger) error {
		compared, err := m.Ledger(log.Keys())
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range compared.Checked(log.Events(t.Context(), 0)) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := compare(l); err != nil {
		t.Errorf("the ledger that was seen: %v", err)
	}
	if _, forked := errors.AsType[*ForkedError](compare(other)); !forked {
		t.Error("a ledger with another signed event of the job is not a *ForkedError")
	}
}
