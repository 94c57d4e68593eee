package commands_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/authoritytest"
	"gait/ledger/ledgertest"
)

// Signed and unsigned commands share a batch: each is decided behind the one before, and one
// that is denied takes no other with it.
func TestSignedAndUnsignedShareABatch(t *testing.T) {
	s := newStage(t)
	hook := s.log.onCommit
	s.log.onCommit = nil
	o := &office{bench: s.bench}
	o.enrol("root_1", ledger.BootstrapFlag, "root_1")
	o.enrol("ops_1", "", "root_1")
	s.log.onCommit = hook
	for range len(s.decided) {
		<-s.decided
	}
	paused := o.signed(on("ops_1", commands.Pause{}))
	forged := o.signed(on("ops_1", commands.Stop{}), "root_1")
	again := o.signed(on("ops_1", commands.Pause{}))
	s.start(t.Context(), progress(0))
	<-s.began
	var ran []*outcomes
	for _, r := range []commands.Request{paused, progress(1), forged, on("ops_1", commands.Stop{}), again, paused, progress(2)} {
		ran = append(ran, s.start(t.Context(), r))
	}
	s.through <- struct{}{}
	if n := <-s.began; n != 4 {
		t.Errorf("the batch has %d events, want 4: paused, two checkpoints, and a refusal", n)
	}
	s.through <- struct{}{}
	s.wait.Wait()
	var denied *authority.Denial
	var refused *commands.RefusedError
	for i, ok := range []func(error) bool{
		func(err error) bool { return err == nil },
		func(err error) bool { return err == nil },
		func(err error) bool { return errors.As(err, &denied) && denied.Code == authority.SignatureInvalid },
		func(err error) bool { return errors.As(err, &denied) && denied.Code == authority.SignatureRequired },
		func(err error) bool {
			return errors.As(err, &refused) && refused.Result.Event.RequestID() == again.RequestID
		},
		func(err error) bool { return err == nil && ran[5].results[0].Replayed },
		func(err error) bool { return err == nil },
	} {
		if err := ran[i].errs[0]; !ok(err) {
			t.Errorf("command %d = %v", i, err)
		}
	}
	s.log.check(t)
}

// If it is not known whether a signed command was carried out, the same bytes settle it, also
// for another engine, after the power was cut.
func TestUnknownOutcomeOfASignedCommand(t *testing.T) {
	o, _ := begun(t)
	r := o.signed(on("ops_1", commands.Pause{}))
	o.log.fail = []error{ledger.ErrOutcomeUnknown}
	if _, err := o.give(r); !errors.Is(err, ledger.ErrOutcomeUnknown) {
		t.Fatalf("Do = %v", err)
	}
	if o.take(r).Replayed { // it was not
		t.Error("a command that was not written is answered as carried out")
	}

	l := ledgertest.New(t)
	do := func(log commands.Log, r commands.Request) (commands.Result, error) {
		e := &commands.Engine{Log: log, Now: ledgertest.Now, Entropy: ledgertest.Entropy(uint64(l.Log.Head().Size))}
		return e.Do(t.Context(), r)
	}
	admin := withID(add(t, "root_1", ledger.BootstrapFlag, "root_1"), "enrol")
	admin = signAt(t, l.Log.Origin(), ledgertest.Now(), admin, "root_1")
	first, err := do(l.Log, admin)
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Check(t, l.Log, first.Event)
	after := ledgertest.Reopen(t, l.FS.CrashClone(vfs.CrashCloneCfg{}))
	again, err := do(after, admin)
	if err != nil || !again.Replayed || again.Event.LeafHash() != first.Event.LeafHash() {
		t.Errorf("after a power cut: %+v, %v", again, err)
	}
	ledgertest.Check(t, after, first.Event)
}

// Many callers send the same signed bytes: one event follows.
func TestSameSignedBytesFromManyCallers(t *testing.T) {
	o, asked := begun(t)
	r := o.signed(on("cfo", commands.Approve{Target: asked.LeafHash()}))
	size := o.size()
	var wait sync.WaitGroup
	var mu sync.Mutex
	leaves, written := map[ledger.Hash]bool{}, 0
	for range 32 {
		wait.Go(func() {
			result, err := o.engine.Do(t.Context(), r)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			leaves[result.Event.LeafHash()] = true
			if !result.Replayed {
				written++
			}
		})
	}
	wait.Wait()
	if len(leaves) != 1 || written != 1 || o.size() != size+1 {
		t.Errorf("%d events, %d answers that one was written; %d events more in the ledger", len(leaves), written, o.size()-size)
	}
	o.log.check(t)
}

// Whatever actors sign, nothing panics, what is written is what was signed, and every reader
// takes the ledger.
func TestRandomSignedCommands(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o, _ := begun(t)
		who := rapid.SampledFrom([]string{"agent_1", "cfo", "cto", "ops_1", "root_1", "root_2", "visitor"})
		if mode := rapid.SampledFrom(ledger.Modes).Draw(rt, "mode"); mode != ledger.ModeClaims {
			o.set(mode, 1, "root_1")
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			r := someSigned(rt, o, who)
			before := o.log.Head()
			result, err := o.give(r)
			if no, ok := errors.AsType[*commands.RefusedError](err); ok {
				result = no.Result
			}
			fault, known := ledger.FaultOf(err)
			if err != nil && (!known || fault.Category == ledger.CategoryInternal || fault.Category == ledger.CategoryVerification) {
				rt.Fatalf("%s by %s: %v", r.Command.Verb(), r.Actor, err)
			}
			if grown := o.size() - before.Size; grown == 0 {
				continue
			}
			in, err := authority.At(t.Context(), o.log, before.Authority)
			if err == nil {
				err = commands.CheckAnswer(r, result.Event, false, in)
			}
			if err != nil {
				rt.Fatalf("%s by %s: %v", r.Command.Verb(), r.Actor, err)
			}
		}
		o.log.check(rt)
	})
}

// someSigned draws a request that some actors signed, for a time and a ledger that may be
// another.
func someSigned(t *rapid.T, o *office, who *rapid.Generator[string]) commands.Request {
	r := someRequest(t)
	r.JobID, r.Actor, r.DryRun = "job_1", who.Draw(t, "actor"), false
	r.RequestID = rapid.SampledFrom([]string{"r-1", "r-2", o.id(), o.id(), o.id(), o.id()}).Draw(t, "request id")
	if rapid.IntRange(0, 5).Draw(t, "about the ledger") == 0 {
		name := who.Draw(t, "name")
		keys := []string{authoritytest.Key(o.t, rapid.SampledFrom([]string{name, "another"}).Draw(t, "key")).String()}
		r = commands.Request{Actor: r.Actor, Reason: "why", RequestID: r.RequestID, Command: rapid.SampledFrom([]commands.Command{
			commands.AddActor{Actor: name, Keys: keys, Roles: rapid.SliceOfNDistinct(rapid.SampledFrom(ledger.Roles), 1, 3, rapid.ID[ledger.Role]).Draw(t, "roles")},
			commands.RevokeActor{Actor: name},
			commands.SetAuthority{Admins: rapid.Int64Range(1, 3).Draw(t, "admins"), Mode: rapid.SampledFrom(ledger.Modes).Draw(t, "mode"), Policies: []ledger.Hash{one}},
		}).Draw(t, "command")}
	}
	if filled, err := commands.FillVerdict(r, o.job("job_1")); err == nil && rapid.IntRange(0, 4).Draw(t, "filled") > 0 {
		r = filled
	}
	origin := rapid.SampledFrom([]string{o.log.Origin(), o.log.Origin(), o.log.Origin(), "gait.example/other"}).Draw(t, "origin")
	at := o.now.Add(rapid.SampledFrom([]time.Duration{0, 0, 0, time.Minute, -time.Hour, time.Hour}).Draw(t, "at"))
	signers := rapid.SampledFrom([][]string{{r.Actor}, {r.Actor}, {r.Actor}, {"root_1", "root_2"}, {"cto"}, {"stranger"}}).Draw(t, "signers")
	if err := r.Check(); err != nil {
		t.Skip(err)
	}
	return signAt(o.t, origin, at, r, signers...)
}

func FuzzSigned(f *testing.F) {
	o, asked := begun(f)
	origin := o.log.Origin()
	for i, r := range everyVerb() {
		if r.Actor == "" {
			continue // no actor signs it
		}
		r.RequestID = fmt.Sprint("seed-", i)
		r.IfRevision = nil
		text, err := commands.SignText(r, origin, o.now, time.Hour)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	approval := o.signed(on("cfo", commands.Approve{Target: asked.LeafHash()}))
	f.Add(approval.Signed.Text)
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := commands.ParseSigned(text, nil)
		if err != nil {
			if _, ok := errors.AsType[*commands.InvalidError](err); !ok {
				t.Fatalf("ParseSigned fails with %T: %v", err, err)
			}
			return
		}
		r = withSigs(t, r.Fill(commands.Surroundings{EnvironmentFingerprint: env, ProducerVersion: "gait/test"}), text, "root_1", "cfo", "worker_1")
		for _, sigs := range [][][]byte{r.Signed.Sigs, r.Signed.Sigs[:1], r.Signed.Sigs[1:2], r.Signed.Sigs[2:]} {
			one := r
			one.Signed = &commands.Signed{Text: text, Sigs: sigs}
			_, err := o.engine.Do(t.Context(), one)
			if fault, known := ledger.FaultOf(err); err != nil && !known {
				t.Fatalf("%s: %v (%s)", text, err, fault.Code)
			}
		}
	})
}
