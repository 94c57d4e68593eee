package ledger_test

import (
	"strings"
	"time"

	"pgregory.net/rapid"

	"gait/ledger"
)

const testTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// leaseForms are the forms of what version 1.6.0 brought.
func leaseForms(a, b ledger.Hash) []payloadForm {
	ha, hb := a.String(), b.String()
	content := ledger.Content{Digest: a, MediaType: "application/json", Name: "order.json", Size: 12}
	object := `{"digest":"` + ha + `","media_type":"application/json","name":"order.json","size":12}`
	failed, ended := int64(137), int64(0)
	continued := continuedForm(a, b)
	continued.Epoch, continued.Attempts = 3, 4
	continued.After, continued.NotBefore, continued.Input = []string{"job_0"}, testTime, content
	return []payloadForm{
		{
			ledger.Submitted{
				EnvironmentFingerprint: "envfp:1", ProducerVersion: "1.0.0", After: []string{"job_0", "job_00"}, NotBefore: testTime, Input: content, ContentKey: b,
			},
			`{"after":["job_0","job_00"],"content_key":"` + hb + `","environment_fingerprint":"envfp:1","input":` + object +
				`,"not_before":"2026-11-22T20:32:58.058Z","producer_version":"1.0.0"}`,
		},
		{
			ledger.CheckpointAdded{
				CheckpointID: "cp_0003", CheckpointType: ledger.CheckpointProgress, Late: true, Progress: ledger.StepCount{Done: 3, Total: 14}, RequiredAction: "look", Summary: "s",
			},
			`{"checkpoint_id":"cp_0003","checkpoint_type":"progress","late":true,"progress":{"done":3,"total":14},"required_action":"look","summary":"s"}`,
		},
		{
			ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointPlan, Progress: ledger.StepCount{Total: 1}, Summary: "s"},
			`{"checkpoint_id":"cp_0001","checkpoint_type":"plan","progress":{"done":0,"total":1},"summary":"s"}`,
		},
		{continued, `{"after":["job_0"],"approval_count":4,"attempt_count":4,"checkpoint_count":3,` +
			`"created_at":"2026-11-22T20:32:58.058Z","decision_count":2,"environment_fingerprint":"envfp:1","epoch":3,"hold":true,` +
			`"identity":"bot-1","imported_by":"ann","input":` + object + `,"job_seq":12,"labels":{"app":"märz"},"leaf":"` + ha +
			`","not_before":"2026-11-22T20:32:58.058Z","origin":"gait.example/log0","policy_digest":"` + hb + `","policy_ref":"p v1",` +
			`"producer_version":"1.0.0","proof":{"digest":"` + hb + `","media_type":"application/gait-continued-proof","name":"job_1.json","size":99},"refusal_count":5,"revision":7,` +
			`"root":"` + hb + `","size":40,"status":"paused","status_reason_code":"paused","stop_reason":"paused_by_user","stopped_by":"bob","submitted_by":"cid"}`},

		{
			ledger.Leased{After: []ledger.Hash{b, a}, Epoch: 2, TTL: 60, Until: testTime, Worker: "host-1/4711"},
			`{"after":["` + hb + `","` + ha + `"],"epoch":2,"ttl":60,"until":"2026-11-22T20:32:58.058Z","worker":"host-1/4711"}`,
		},
		{
			ledger.Leased{Epoch: 1, TTL: 5, Until: testTime, Worker: "w"},
			`{"epoch":1,"ttl":5,"until":"2026-11-22T20:32:58.058Z","worker":"w"}`,
		},
		{
			ledger.LeaseRenewed{Epoch: 2, TTL: 86400, Until: testTime, Worker: "host-1/4711"},
			`{"epoch":2,"ttl":86400,"until":"2026-11-22T20:32:58.058Z","worker":"host-1/4711"}`,
		},
		{
			ledger.LeaseRenewed{Epoch: 1, TTL: 5, Until: testTime, Worker: "w"},
			`{"epoch":1,"ttl":5,"until":"2026-11-22T20:32:58.058Z","worker":"w"}`,
		},
		{
			ledger.LeaseReleased{Epoch: 2, Outcome: ledger.LeaseGaveUp, TTL: 60, Until: testTime, Worker: "host-1/4711"},
			`{"epoch":2,"outcome":"gave_up","ttl":60,"until":"2026-11-22T20:32:58.058Z","worker":"host-1/4711"}`,
		},
		{
			ledger.LeaseReleased{Epoch: 1, Outcome: ledger.LeaseLost, TTL: 5, Until: testTime, Worker: "w"},
			`{"epoch":1,"outcome":"lost","ttl":5,"until":"2026-11-22T20:32:58.058Z","worker":"w"}`,
		},
		{
			ledger.AttemptEnded{Number: 3, Cause: ledger.AttemptSignaled, Exit: &failed, Log: content, ContentKey: b},
			`{"cause":"signaled","content_key":"` + hb + `","exit":137,"log":` + object + `,"number":3}`,
		},
		{ledger.AttemptEnded{Number: 2, Cause: ledger.AttemptExited, Exit: &ended}, `{"cause":"exited","exit":0,"number":2}`},
		{ledger.AttemptEnded{Number: 1, Cause: ledger.AttemptLost}, `{"cause":"lost","number":1}`},
	}
}

// Generators of what version 1.6.0 brought.
var (
	anyTrace = rapid.StringMatching(`00-[0-9a-f]{31}[1-9a-f]-[1-9a-f][0-9a-f]{15}-[0-9a-f]{2}`)
	anyAfter = anySet(anyJob, 1, ledger.MaxAfter)
	anyTTL   = rapid.Int64Range(ledger.MinLeaseTTL, ledger.MaxLeaseTTL)
	anySteps = rapid.Custom(func(t *rapid.T) ledger.StepCount {
		total := rapid.Int64Range(1, ledger.MaxTotal).Draw(t, "total")
		return ledger.StepCount{Done: rapid.Int64Range(0, total).Draw(t, "done"), Total: total}
	})
	anyLeased = asPayload(func(t *rapid.T) ledger.Leased {
		return ledger.Leased{
			After: maybe(t, "after", rapid.SliceOfN(anyHash, 1, ledger.MaxAfter)), Epoch: anyInt.Draw(t, "epoch"), TTL: anyTTL.Draw(t, "ttl"),
			Until: anyTime.Draw(t, "until"), Worker: anyName.Draw(t, "worker"),
		}
	})
	anyLeaseRenewed = asPayload(func(t *rapid.T) ledger.LeaseRenewed {
		return ledger.LeaseRenewed{Epoch: anyInt.Draw(t, "epoch"), TTL: anyTTL.Draw(t, "ttl"), Until: anyTime.Draw(t, "until"), Worker: anyName.Draw(t, "worker")}
	})
	anyLeaseReleased = asPayload(func(t *rapid.T) ledger.LeaseReleased {
		return ledger.LeaseReleased{
			Epoch: anyInt.Draw(t, "epoch"), Outcome: rapid.SampledFrom(ledger.LeaseOutcomes).Draw(t, "outcome"), TTL: anyTTL.Draw(t, "ttl"),
			Until: anyTime.Draw(t, "until"), Worker: anyName.Draw(t, "worker"),
		}
	})
	anyAttemptEnded = asPayload(func(t *rapid.T) ledger.AttemptEnded {
		p := ledger.AttemptEnded{Number: anyInt.Draw(t, "number"), Cause: rapid.SampledFrom(ledger.AttemptCauses).Draw(t, "cause"), Log: maybe(t, "log", anyContent)}
		if rapid.Bool().Draw(t, "exit is there") {
			code := rapid.Int64Range(0, 255).Draw(t, "exit")
			p.Exit = &code
		}
		if p.Log != (ledger.Content{}) {
			p.ContentKey = maybe(t, "content key", anyHash)
		}
		return p
	})
)

// anyTask draws what a job waits for and works on.
func anyTask(t *rapid.T) (after []string, notBefore time.Time, input ledger.Content, key ledger.Hash) {
	after, notBefore, input = maybe(t, "after", anyAfter), maybe(t, "not before", anyTime), maybe(t, "input", anyContent)
	if input != (ledger.Content{}) {
		key = maybe(t, "content key", anyHash)
	}
	return after, notBefore, input, key
}

// longestWorker is the longest name of a worker.
var longestWorker = strings.Repeat("x", 128)
