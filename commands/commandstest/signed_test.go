package commandstest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"gait/commands"
	"gait/commands/commandstest"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/authoritytest"
	"gait/ledger/ledgertest"
)

// Half of the clients sign, and send the same bytes again now and then. They get the answers of
// a ledger that carries out one request after another, each signed one once.
func TestSignedRetriesAreLinearizable(t *testing.T) {
	const clients, each = 6, 30
	counts := map[string]int{}
	for seed := range uint64(4) {
		l := ledgertest.New(t)
		engine := &commands.Engine{Log: l.Log, Now: ledgertest.Now, Entropy: ledgertest.Entropy(seed)}
		enrol(t, engine, "root", ledger.BootstrapFlag, ledger.RoleAdmin)
		for client := range clients / 2 { // the first has no role to pause
			roles := []ledger.Role{ledger.RoleWorker}
			if client > 0 {
				roles = append(roles, ledger.RoleOperator)
			}
			enrol(t, engine, fmt.Sprintf("worker_%d", client), "", roles...)
		}
		in, err := authority.At(t.Context(), l.Log, l.Log.Head().Authority)
		if err != nil {
			t.Fatal(err)
		}
		h := commandstest.History{Authority: in, Now: ledgertest.Now}
		var wait sync.WaitGroup
		for client := range clients {
			rng := rand.New(rand.NewPCG(seed, uint64(client)))
			wait.Go(func() {
				var sent []commands.Request
				for i := range each {
					r := commandstest.Request(rng.IntN, client)
					switch again := len(sent) > 0 && rng.IntN(4) == 0; {
					case again:
						r = sent[rng.IntN(len(sent))]
					case client < clients/2 && r.Actor != "retrier":
						r.RequestID = fmt.Sprintf("s-%d-%d", client, i)
						r = signed(t, l.Log.Origin(), r)
						sent = append(sent, r)
					}
					h.Do(client, r, func(r commands.Request) (commands.Result, error) { return engine.Do(context.Background(), r) })
				}
			})
		}
		wait.Wait()
		if !h.Linearizable() {
			t.Errorf("seed %d: no order of the requests gives these answers", seed)
		}
		for _, op := range h.Operations() {
			counts[commandstest.Kind(op)]++
		}
		ledgertest.Check(t, l.Log)
	}
	for _, kind := range []string{"written", "refused", "replayed", "refusal replayed", "stale revision", "no such job"} {
		if counts[kind] == 0 {
			t.Errorf("no request was %s", kind)
		}
	}
	t.Logf("answers: %v", counts)
}

func enrol(t *testing.T, e *commands.Engine, name, bootstrap string, roles ...ledger.Role) {
	t.Helper()
	c := commands.AddActor{Actor: name, Bootstrap: bootstrap, Keys: []string{authoritytest.Key(t, name).String()}, Roles: roles}
	r := signed(t, e.Log.Origin(), commands.Request{Actor: "root", RequestID: "enrol-" + name, Command: c})
	if _, err := e.Do(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func signed(t *testing.T, origin string, r commands.Request) commands.Request {
	t.Helper()
	text, err := commands.SignText(r, origin, ledgertest.Now(), 0)
	if err != nil {
		t.Error(err)
		return r
	}
	r.Signed = &commands.Signed{Text: text, Sigs: [][]byte{authoritytest.Key(t, r.Actor).Sign(t, text)}}
	return r
}
