package commands_test

import (
	"errors"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authority"
)

// An event that does not say what was signed is no answer to it.
func TestCheckAnswer(t *testing.T) {
	o, asked := begun(t)
	r := o.signed(on("cfo", commands.Approve{Target: asked.LeafHash()}))
	e := o.take(r).Event
	in, err := authority.At(t.Context(), o.log, e.Authority())
	if err != nil {
		t.Fatal(err)
	}
	unsigned, resigned := r, r
	unsigned.Signed, resigned.Signed = nil, nil
	resigned = o.signed(resigned)
	for _, ok := range []error{
		commands.CheckAnswer(r, e, false, in), commands.CheckAnswer(r, e, true, in),
		commands.CheckAnswer(resigned, e, true, in), commands.CheckAnswer(unsigned, asked, false, in),
	} {
		if ok != nil {
			t.Errorf("CheckAnswer = %v", ok)
		}
	}
	denied := e.Draft()
	denied.Payload = ledger.Denied{Reason: "denied", Target: asked.LeafHash()}
	claimed := e.Draft()
	claimed.Command, claimed.CommandSigs = nil, nil
	forged := e.Draft()
	forged.CommandSigs = ledger.SortedSigs([][]byte{append([]byte(nil), o.signed(on("cfo", commands.Stop{})).Signed.Sigs[0]...)})
	elsewhere := e.Draft()
	elsewhere.JobID = "job_2"
	for name, d := range map[string]ledger.Draft{
		"a denial": denied, "a claim": claimed, "a signature over another command": forged, "another job": elsewhere, "another event": asked.Draft(),
	} {
		event, err := ledger.Seal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := errors.AsType[*ledger.CorruptError](commands.CheckAnswer(r, event, false, in)); !ok {
			t.Errorf("%s is taken for the answer to an approval", name)
		}
	}
	if commands.CheckAnswer(resigned, e, false, in) == nil {
		t.Error("an event of before is taken for the one that was written now")
	}
	if commands.CheckAnswer(r, e, false, nil) == nil {
		t.Error("the event counts in a ledger without authority")
	}
}
