package connect_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/authoritytest"
)

// signed returns a request signed now by its actor.
func signed(t *testing.T, origin string, r commands.Request) commands.Request {
	t.Helper()
	text, err := commands.SignText(r, origin, time.Now(), 0)
	if err != nil {
		t.Fatal(err)
	}
	r.Signed = &commands.Signed{Text: text, Sigs: [][]byte{authoritytest.Key(t, r.Actor).Sign(t, text)}}
	return r
}

// Signed commands are carried out through a daemon as without one: an approver elsewhere asks
// what became of the request, fills in what waits, and signs that.
func TestSignedCommands(t *testing.T) {
	for _, through := range []connect.Daemon{connect.Never, connect.Require} {
		t.Run(string(through), func(t *testing.T) {
			o := options(t.TempDir())
			job := func(actor string, c commands.Command) commands.Request {
				return commands.Request{JobID: "job_1", Actor: actor, Command: c}
			}
			do := func(r commands.Request) commands.Result {
				t.Helper()
				result, err := connect.Do(t.Context(), o, r)
				if err != nil {
					t.Fatalf("%s by %s: %v", r.Command.Verb(), r.Actor, err)
				}
				return result
			}
			do(job("worker_1", commands.Submit{EnvironmentFingerprint: "here", ProducerVersion: "test"}))
			do(job("worker_1", commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "s", RequiredAction: "decide"}))
			if through == connect.Require {
				mustServe(t, o)
			}
			o.Daemon = through
			var origin string
			if err := connect.With(t.Context(), o, func(l *connect.Ledger) error { origin = l.Log.Origin(); return nil }); err != nil {
				t.Fatal(err)
			}
			enrol := func(name, bootstrap, by, id string, roles ...ledger.Role) {
				t.Helper()
				c := commands.AddActor{Actor: name, Bootstrap: bootstrap, Keys: []string{authoritytest.Key(t, name).String()}, Roles: roles}
				do(signed(t, origin, commands.Request{Actor: by, RequestID: id, Command: c}))
			}
			enrol("root_1", ledger.BootstrapFlag, "root_1", "r-1", ledger.RoleAdmin)
			enrol("cfo", "", "root_1", "r-2", ledger.RoleApprover)
			approve(t, o, job("cfo", commands.Approve{}))
		})
	}
}

// approve approves as a client does that may have been ended after it sent the command.
func approve(t *testing.T, o connect.Options, r commands.Request) {
	t.Helper()
	r.RequestID = "r-3"
	var first commands.Result
	for i := range 2 {
		err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
			before, used, err := l.Outcome(t.Context(), r)
			if used && i == 1 && before.Event.LeafHash() == first.Event.LeafHash() && before.Job.Approvals == 1 {
				return err
			}
			if used || err != nil || i == 1 {
				t.Fatalf("Outcome = %+v, %t, %v", before, used, err)
			}
			if _, err := l.Do(t.Context(), r); err == nil {
				t.Error("an approval that cfo did not sign was taken")
			}
			filled, err := l.FillVerdict(t.Context(), r)
			if err != nil {
				return err
			}
			filled = signed(t, l.Log.Origin(), filled)
			if first, err = l.Do(t.Context(), filled); err != nil {
				return err
			}
			if !bytes.Equal(first.Event.Command(), filled.Signed.Text) {
				t.Errorf("event %s", first.Event.Bytes())
			}
			again, err := l.Do(t.Context(), filled)
			if !again.Replayed {
				t.Errorf("the approval again = %+v", again)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	again := r
	again.RequestID = "r-4"
	err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
		filled, err := l.FillVerdict(t.Context(), again)
		if err != nil {
			return err
		}
		_, err = l.Do(t.Context(), signed(t, l.Log.Origin(), filled))
		return err
	})
	if no, ok := errors.AsType[*commands.RefusedError](err); !ok || no.Result.Event.RequestID() != "r-4" {
		t.Errorf("a second approval = %v", err)
	}
}
