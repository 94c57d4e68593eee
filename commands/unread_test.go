package commands_test

import (
	"errors"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

// newUnread returns a ledger with two jobs and two authority events, which no engine has read.
func newUnread(t *testing.T, admin string, edit func(ledgertest.Rows)) *tampered {
	t.Helper()
	b := newTampered(t)
	for _, job := range []string{"job_1", "job_2", "job_3"} {
		b.must(commands.Request{JobID: job, Command: submit().Command})
	}
	b.engine.Drain()
	ledgertest.Append(t, b.store, ledgertest.FirstAdmin(t, admin), ledgertest.Enroll(t, admin, "unread_approver", ledger.RoleApprover))
	b.reopen(edit)
	return b
}

func authorityRow(rows ledgertest.Rows) (first string) {
	for key := range rows {
		if key[0] == 'a' && (first == "" || key < first) {
			first = key
		}
	}
	return first
}

// If rows of authority events are lost, a job can be stopped and cancelled, as the events say
// that its actor may, and nothing else is decided.
func TestStopWithoutAuthorityRows(t *testing.T) {
	b := newUnread(t, "unread_admin_1", func(r ledgertest.Rows) { delete(r, authorityRow(r)) })
	if _, err := b.do(commands.Request{JobID: "job_1", Command: progress(1).Command}); !isIndexError(err) {
		t.Errorf("checkpoint add = %v, want an *ledger.IndexError", err)
	}
	_, err := b.do(commands.Request{JobID: "job_3", Actor: "unread_approver", Reason: "because", Command: commands.Stop{}})
	if f, _ := ledger.FaultOf(err); f.Code != "signature_required" {
		t.Errorf("an unsigned stop by an enrolled name = %v, want signature_required", err)
	}
	b.must(commands.Request{JobID: "job_1", Command: commands.Stop{}})
	b.must(commands.Request{JobID: "job_2", Command: commands.Cancel{}})
}

// If an authority event is damaged, a job can be stopped and cancelled by anyone, and nothing
// else is decided.
func TestStopWithDamagedAuthority(t *testing.T) {
	b := newUnread(t, "unread_admin_2", func(r ledgertest.Rows) {
		key := "e" + authorityRow(r)[1:]
		damaged := append([]byte(nil), r[key]...)
		damaged[20] ^= 1
		r[key] = damaged
	})
	_, err := b.do(commands.Request{JobID: "job_1", Command: progress(1).Command})
	if _, damaged := errors.AsType[*ledger.CorruptError](err); !damaged {
		t.Errorf("checkpoint add = %v, want a *ledger.CorruptError", err)
	}
	b.must(commands.Request{JobID: "job_1", Command: commands.Stop{}})
	b.must(commands.Request{JobID: "job_2", Command: commands.Cancel{}})
	if e, err := b.store.Event(t.Context(), ledger.Seq(b.store.Head().Size-1)); err != nil || e.Authority() != b.store.Head().Authority || e.Authority().IsZero() {
		t.Errorf("the cancel names the authority %s, %v, want the ledger's", e.Authority(), err)
	}
}
