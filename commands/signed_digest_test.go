package commands_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/jcs"
)

// unsigned are the verbs that no actor signs.
var unsigned = []string{"commit-index"}

// TestEveryVerbCanBeSigned checks that each verb has a row in authority's table that takes
// all its arguments, and that a signed command has the digest of the same request without a
// signature.
func TestEveryVerbCanBeSigned(t *testing.T) {
	for _, r := range slices.Concat(everyVerb(), barely()) {
		verb := r.Command.Verb()
		message, err := r.Message()
		if err != nil {
			t.Fatal(err)
		}
		c := authority.Command{
			Actor: r.Actor, Arguments: signedArguments(t, verb, message.Arguments), CreatedAt: epoch, ExpiresAt: epoch.Add(time.Minute),
			IfRevision: r.IfRevision, JobID: r.JobID, Lease: r.Lease, Origin: "gait.example/log1", Reason: r.Reason, RequestID: "r-1", Verb: verb,
		}
		text, err := c.Encode()
		if slices.Contains(unsigned, verb) {
			if err == nil {
				t.Errorf("%s can be signed: %s", verb, text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s cannot be signed: %v", verb, err)
			continue
		}
		want, err := commands.Digest(r)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.RequestDigest(); err != nil || got != want {
			t.Errorf("digest of a signed %s = %s, %v; of the same request %s", verb, got, err, want)
		}
	}
}

// signedArguments returns the arguments as a signed command has them: without the
// producer's version, and of a claim only the digest of its pack.
func signedArguments(t *testing.T, verb string, arguments json.RawMessage) json.RawMessage {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(arguments, &fields); err != nil {
		t.Fatal(err)
	}
	switch verb {
	case "submit":
		delete(fields, "producer_version")
	case "import":
		fields = map[string]json.RawMessage{"pack_sha256": fields["pack_sha256"]}
	}
	b, err := jcs.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestEveryCommandLeadsToItsType checks that authority's table names, for each verb, the
// types of events that the command leads to.
func TestEveryCommandLeadsToItsType(t *testing.T) {
	types := map[string]ledger.Type{
		"submit": ledger.TypeSubmitted, "import": ledger.TypeImported, "checkpoint add": ledger.TypeCheckpointAdded,
		"approve": ledger.TypeApproved, "deny": ledger.TypeDenied, "resume": ledger.TypeResumed, "pause": ledger.TypePaused,
		"stop": ledger.TypeStopped, "cancel": ledger.TypeCancelled, "content erase": ledger.TypeContentErased,
		"actor add": ledger.TypeActorEnrolled, "actor revoke": ledger.TypeActorRevoked, "authority set": ledger.TypeAuthoritySet,
		"gate eval": ledger.TypeGateDecided, "gate settle": ledger.TypeEffectSettled,
		"lease take": ledger.TypeLeased, "lease renew": ledger.TypeLeaseRenewed, "lease release": ledger.TypeLeaseReleased,
		"attempt end": ledger.TypeAttemptEnded,
		"rotate":      ledger.TypeKeyRotated, "move": ledger.TypeLedgerMoved, // by no command of this package
	}
	others := map[string]ledger.Type{"gate eval": ledger.TypeDispatchBlocked} // in some states of the job
	bindings := authority.Bindings()
	for _, b := range bindings {
		if b.Event != types[b.Verb] && b.Event != others[b.Verb] {
			t.Errorf("%s leads to %s, want %s", b.Verb, b.Event, types[b.Verb])
		}
	}
	for _, verb := range commands.Verbs() {
		has := slices.ContainsFunc(bindings, func(b authority.Binding) bool { return b.Verb == verb })
		if has == slices.Contains(unsigned, verb) {
			t.Errorf("%s has a row in authority's table: %t", verb, has)
		}
	}
	if want := len(types) + len(others); len(bindings) != want {
		t.Errorf("authority's table has %d rows, want %d", len(bindings), want)
	}
}
