package commands_test

import (
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
)

// everyVerb returns a request of each verb, with every argument set.
func everyVerb() []commands.Request {
	revision := int64(3)
	request := func(c commands.Command) commands.Request {
		return commands.Request{JobID: "job_1", Actor: "worker_1", Reason: `it <says> "so" & é`, Command: c, RequestID: "r-1", IfRevision: &revision}
	}
	begins := func(reason string, c commands.Command) commands.Request {
		return commands.Request{JobID: "job_1", Actor: "worker_1", Reason: reason, Command: c, RequestID: "r-1"}
	}
	leased := func(c commands.Command) commands.Request { // the events have no place for a reason
		r := request(c)
		r.Reason, r.Lease, r.Trace = "", 2, someTrace
		return r
	}
	labels := []ledger.Label{{Key: "team", Value: "payments"}, {Key: "env", Value: "<prod>"}}
	added := request(commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "refund is 900 € & more", RequiredAction: "approve the refund"})
	added.Reason = ""
	asked := request(commands.GateEval{
		Tool: "refund.pay", Intent: ledger.Content{Digest: one, MediaType: "application/json", Name: "intent.json", Size: 9}, CallID: "step-1", Policy: two,
		Facts: commands.GateFacts{EnvironmentFingerprint: env, NotDoneExit: 3},
	})
	asked.Reason = ""
	ofLedger := func(c commands.Command) commands.Request {
		r := request(c)
		r.JobID, r.IfRevision = "", nil
		return r
	}
	return []commands.Request{
		begins("", commands.Submit{EnvironmentFingerprint: env, Identity: "agent_7", Labels: labels, PolicyDigest: one, PolicyRef: "refunds@v3", ProducerVersion: "gait/1"}),
		begins("moved here", commands.Import{Claim: everyClaim()}),
		added,
		request(commands.Approve{CheckpointID: "cp_0001", Target: one, Subject: two}),
		request(commands.Deny{CheckpointID: "cp_0002", Target: one, Subject: two}),
		request(commands.Resume{EnvironmentFingerprint: env, AllowEnvMismatch: true, Identity: "agent_8", PolicyDigest: two, PolicyRef: "refunds@v4"}),
		request(commands.Pause{Hold: true}),
		request(commands.Stop{}),
		request(commands.Cancel{}),
		request(commands.EraseContent{Digest: one}),
		asked,
		request(commands.GateSettle{Grant: someGrant, Outcome: ledger.EffectDone, Result: ledger.Content{Digest: two, Size: 2}}),
		leased(commands.LeaseTake{TTL: 60, Worker: "host_1"}),
		leased(commands.LeaseRenew{TTL: 90}),
		leased(commands.LeaseRelease{Outcome: ledger.LeaseLost, Epoch: 2}),
		leased(commands.EndAttempt{Cause: ledger.AttemptExited, Exit: new(int64(0)), Log: ledger.Content{Digest: one, MediaType: "text/plain", Name: "log.txt", Size: 4}, Number: 3}),
		ofLedger(commands.AddActor{Actor: "ops_1", Bootstrap: ledger.BootstrapFlag, Keys: []string{otherKey, someKey}, Roles: []ledger.Role{ledger.RoleOperator, ledger.RoleAdmin}}),
		ofLedger(commands.RevokeActor{Actor: "ops_1", Key: one}),
		ofLedger(commands.SetAuthority{Admins: 2, Mode: ledger.ModeAll, Policies: []ledger.Hash{two, one}}),
		{Command: commands.CommitIndex{}},
	}
}

// A traceparent.
const someTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// The id of a grant.
const someGrant = "01JA0000000000000000000000"

// Two keys of actors.
const (
	someKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
	otherKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC"
)

// barely returns a request of each verb, with nothing set that may be left out.
func barely() []commands.Request {
	var all []commands.Request
	for _, c := range []commands.Command{
		commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/1"},
		commands.Import{Claim: ledger.Imported{
			CreatedAt: epoch, EnvironmentFingerprint: env, PackID: one, PackSHA256: two, ProducerVersion: "0.9",
			Revision: 1, Status: "running", StatusReasonCode: "submitted", StopReason: "none", UpdatedAt: epoch,
		}},
		commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "step 1"},
		commands.Approve{},
		commands.Deny{},
		commands.Resume{EnvironmentFingerprint: env},
		commands.Pause{},
		commands.Stop{},
		commands.Cancel{},
		commands.GateEval{Tool: "refund.pay", Problem: "intent_too_large"},
		commands.GateSettle{Grant: someGrant, Outcome: ledger.EffectUnknown},
		commands.LeaseTake{TTL: 60, Worker: "host_1"},
		commands.LeaseRenew{},
		commands.LeaseRelease{Outcome: ledger.LeaseDone},
		commands.EndAttempt{Cause: ledger.AttemptLost},
	} {
		r := commands.Request{JobID: "job_1", Actor: "worker_1", Command: c}
		if c.Verb() == "lease renew" {
			r.Lease = 1 // which it renews
		}
		all = append(all, r)
	}
	all[0].JobID = "" // the engine makes one
	return append(all,
		commands.Request{JobID: "job_1", Actor: "boss", Reason: "personal data", Command: commands.EraseContent{Digest: one}},
		commands.Request{Actor: "ops_1", Command: commands.AddActor{Actor: "ops_1", Keys: []string{someKey}, Roles: []ledger.Role{ledger.RoleWorker}}},
		commands.Request{Actor: "ops_1", Reason: "left", Command: commands.RevokeActor{Actor: "ops_2"}},
		commands.Request{Actor: "ops_1", Command: commands.SetAuthority{Admins: 1, Mode: ledger.ModeClaims}},
		commands.Request{Command: commands.CommitIndex{}},
	)
}

// everyClaim returns a claim with every field set but the reason, which is the
// request's.
func everyClaim() ledger.Imported {
	at := func(minute int) time.Time { return epoch.Add(time.Duration(minute-60) * time.Minute) }
	return ledger.Imported{
		Approvals:   []ledger.ImportedApproval{{Actor: "reviewer", CreatedAt: at(3), Reason: "fine"}},
		Checkpoints: []ledger.ImportedCheckpoint{{Actor: "worker", CheckpointType: ledger.CheckpointDecisionNeeded, CreatedAt: at(2), Open: true, RequiredAction: "decide", Summary: "what now?"}},
		CreatedAt:   at(1), EnvironmentFingerprint: env, Identity: "agent_7", PackID: one, PackKeyID: two, PackSHA256: two, PackTrusted: true,
		PolicyDigest: one, PolicyRef: "refunds@v3", ProducerVersion: "0.9", Revision: 7, Status: "paused", StatusReasonCode: "paused",
		StopReason: "paused_by_user", StoppedAt: at(5), StoppedBy: "boss", UpdatedAt: at(5),
	}
}

// A request digest is on the ledger beside the request id it used up. It must
// not change: the same request, asked again, would then be another one.
func TestRequestDigestsStay(t *testing.T) {
	want := map[string][2]string{
		"submit": {
			"2faed1964552b28fbf8013d3d165ca19be523142dabf2ab75013081f8b08f109",
			"5f2402145071f798a1b1e75bdae20b81a7e5e6ae12050a81839d9fbc5504ae16",
		},
		"import": {
			"0271b19f6ecd97d763c8fe1d5a6221ae1f6a55c347a3be7064ead29362eb089e",
			"a6093ebf94387a2ac4ea70bf5a6cecd2ea39bcbbce9f5643fca6022f6f73a179",
		},
		"checkpoint add": {
			"490231f4ff996d241ac928df26a7328bda0770c7947fcff0db7db8f5df5ce701",
			"eadf1d217712c97d0a9e4b7c222fe2ff5371995c7e8bb5ce5deae0b13e0f8be2",
		},
		"approve": {
			"b72a53296e013edb2522526dc647ca597e02ced37f29fbfa5a61c10c4c1e74b1",
			"97205895d55d15bbb55f352e67a2308969a1d50181f2717f0fd0c13834ba8c54",
		},
		"deny": {
			"301d83ec4df5975e74d450f30d6946498c26abc0381ed7f53b1cf6dae2b39b99",
			"9aa2456ba209e256b3eb061596e8ddd23c1254960630f4122156241045616ec1",
		},
		"resume": {
			"cf936583c9e1a120a917b4d2111562c972361db5e670a0ae12330d95c8673cd5",
			"e7419daac08b0cf05d0041c8b4fa5d5563216b44e8423a62e35a78c79241f7cf",
		},
		"pause": {
			"f0d9a14008faff4d13b283acd4f8b44068382696ac50410f0d5007baef88ea31",
			"d3b2620abdb8f47a2b1e4c702fbb9811295195240d33e2ea0b252901bfc15568",
		},
		"commit-index": {
			"eed64679ec948a975ba8894e94378260a6ae462b4474900df20bb4aba9cc70a0",
			"eed64679ec948a975ba8894e94378260a6ae462b4474900df20bb4aba9cc70a0",
		},
		"stop": {
			"1eae9278badc033e5006359c521b1034911267978504b4656d21b3205b07ef80",
			"4e5a4d2d6892fefe2446f5d7f58d4c0bfdd36e38ca9dc8fd63ae2937921dba82",
		},
		"cancel": {
			"60b6754fddaae5451a8521f4091e92b465b590574c31583b9afb2fda294d97ef",
			"68d6eacd0e246823611ab369f258135d9a458ab197ce4c8808645eba21bc9385",
		},
		"content erase": {
			"894b331da6c44fe057704c5e5996691123a75208113f23f8b34475e3c63be3c2",
			"c185fdc46cae9e1deb1c736e0e93f1e37b98a080bf13847f4a68cad98c7749d7",
		},
		"gate eval": {
			"77b1ffa02248f1aafa4385b7b77deeb2b8a425376dd1778aa1c9112e7a89883e",
			"a07b35946aa5b9b6357e390b20598179f138499e845153de30d2a9cc071cb557",
		},
		"gate settle": {
			"5d483ab52d29d4beb006d02421d8bb9bdc99d204017f96086f8eba35c652fa68",
			"612cb5a5ead566539fa39778f66ea029cf68d23efb347d27af6142a58c02e6e3",
		},
		"lease take": {
			"ed8f99e47ed9fe6ab199e6969b0704d92e82c9e94813615432e27479d6a69b61",
			"ed8f99e47ed9fe6ab199e6969b0704d92e82c9e94813615432e27479d6a69b61",
		},
		"lease renew": {
			"db2fef616bb5e2a085af5d1b4a08135e73d2e129092b9a44f287aabc76326adb",
			"9b4d2b4edd899077f8f999b0cdac626544b127181c1f4ba85bd1f3c2a36b7069",
		},
		"lease release": {
			"e80ab0d42b5c697f34cda05a358f0c3d922782c3e9ee3e738e0361027a477a49",
			"246dd2426ab0c7728b03ca9d189df0105b503ffc350d2321893fb0775474aba9",
		},
		"attempt end": {
			"6db28644ccdc0447962700cb50e6ee4d4fa74c168edc116c0318a48b0e46acf4",
			"f4621af92340dfb13e5d90b5f0565e7116f9ac65b0994521ba32c25edb124fac",
		},
		"actor add": {
			"a84fdd396acac1495335e11ee6611978a0ee22b2416c37f89d39810b1c07deb1",
			"6c8b7d49828b2d7fe7e53d4cd897de9081ba6b6231d072afc9781852295d504c",
		},
		"actor revoke": {
			"2dc9a0e86554d209c1a9c5ad404f92ed9ce542af2f8604f7380bd940cfe95653",
			"63a2f27f9fbd1861e0033099890afcf8ee1c04698727dd2ec50f4dd00b17b087",
		},
		"authority set": {
			"382074e733f086625502a236a84c690a16b38fd9807a88bc3f743585390258c4",
			"6ff19e0a35f7e29c9b882630a100fa2011aee8637e94e1331224ea5a49e7f275",
		},
	}
	for i, all := range [][]commands.Request{everyVerb(), barely()} {
		for _, r := range all {
			if err := r.Check(); err != nil {
				t.Fatalf("%s: %v", r.Command.Verb(), err)
			}
			got, err := commands.Digest(r)
			if err != nil {
				t.Fatal(err)
			}
			if want := want[r.Command.Verb()][i]; got.String() != want {
				t.Errorf("digest of %s = %s, want %s", r.Command.Verb(), got, want)
			}
			if _, adds := r.Command.(commands.AddCheckpoint); adds && i == 0 {
				wantMore(t, r, got)
			}
			if _, submits := r.Command.(commands.Submit); submits {
				wantWork(t, r, got)
			}
			r.Lease, r.Trace = r.Lease+1, "" // a retry under a newer lease is the same command
			if again, err := commands.Digest(r); again != got || err != nil {
				t.Errorf("digest of %s under another lease = %s, %v, want %s", r.Command.Verb(), again, err, got)
			}
			if p, pauses := r.Command.(commands.Pause); pauses && p.Hold { // as it was before there were holds
				r.Command = commands.Pause{}
				if got, err := commands.Digest(r); err != nil || got.String() != "08cf3b91214e1ea75cec15770f2ea0fe6b8c40876b290d370646d37194356a5f" {
					t.Errorf("digest of pause without hold = %s, %v", got, err)
				}
			}
		}
	}
}
