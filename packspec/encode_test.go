package packspec_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec"
	"gait/projection"
)

// payloadTypes is how many types payloads generates: all that a job's event can have.
const payloadTypes = 10

// payloads generates a payload of one type, with any text that an event can hold.
func payloads(which int) *rapid.Generator[ledger.Payload] {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("aZ09 \"\\/<>&'é\u2028\ufffd\uffff🟦")), 1, 30, -1)
	maybe := rapid.OneOf(rapid.Just(""), text)
	hash := rapid.Custom(func(t *rapid.T) ledger.Hash { return ledger.LeafHash([]byte(text.Draw(t, "hashed"))) })
	id := rapid.Custom(func(t *rapid.T) string { return ledger.CheckpointID(rapid.Int64Range(1, 1e6).Draw(t, "number")) })
	at := rapid.Custom(func(t *rapid.T) time.Time { return time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "ms")).UTC() })
	kind := rapid.SampledFrom(ledger.CheckpointTypes)
	return rapid.Custom(func(t *rapid.T) ledger.Payload {
		switch which {
		case 0:
			return ledger.Submitted{EnvironmentFingerprint: text.Draw(t, "env"), ProducerVersion: text.Draw(t, "version"), PolicyRef: maybe.Draw(t, "ref"), Labels: []ledger.Label{{Key: "k", Value: text.Draw(t, "label")}}}
		case 1:
			return ledger.CheckpointAdded{CheckpointID: id.Draw(t, "id"), CheckpointType: kind.Draw(t, "kind"), Late: rapid.Bool().Draw(t, "late"), RequiredAction: text.Draw(t, "action"), Summary: text.Draw(t, "summary")}
		case 2:
			return ledger.Paused{Reason: maybe.Draw(t, "reason")}
		case 3:
			return ledger.Approved{CheckpointID: id.Draw(t, "id"), Reason: text.Draw(t, "reason"), Target: hash.Draw(t, "target")}
		case 4:
			return ledger.Denied{Reason: text.Draw(t, "reason"), Target: hash.Draw(t, "target")}
		case 5:
			return ledger.Resumed{ActualFingerprint: text.Draw(t, "actual"), ExpectedFingerprint: text.Draw(t, "expected"), Consumes: []ledger.Hash{hash.Draw(t, "approval")}, PolicyChanged: rapid.Bool().Draw(t, "changed")}
		case 6:
			return ledger.Refused{Command: "resume", Exit: 6, Refusal: "not_running", Summary: maybe.Draw(t, "summary")}
		case 7:
			return ledger.Cancelled{Reason: maybe.Draw(t, "reason")}
		case 8:
			return ledger.Stopped{Reason: maybe.Draw(t, "reason")}
		}
		return ledger.Imported{
			Approvals: []ledger.ImportedApproval{{Actor: text.Draw(t, "by"), CreatedAt: at.Draw(t, "at"), Reason: text.Draw(t, "why")}, {Actor: "b", CreatedAt: at.Draw(t, "at"), Reason: "c"}},
			Checkpoints: []ledger.ImportedCheckpoint{
				{Actor: maybe.Draw(t, "by"), CheckpointType: kind.Draw(t, "kind"), CreatedAt: at.Draw(t, "at"), RequiredAction: text.Draw(t, "action"), Summary: text.Draw(t, "summary")},
				{CheckpointType: ledger.CheckpointPlan, CreatedAt: at.Draw(t, "at"), Summary: text.Draw(t, "summary")},
			},
			CreatedAt: at.Draw(t, "at"), EnvironmentFingerprint: "e", PackID: hash.Draw(t, "pack"), PackSHA256: hash.Draw(t, "sum"), ProducerVersion: "v",
			Revision: 7, Status: "running", StatusReasonCode: "resumed", StopReason: "none", UpdatedAt: at.Draw(t, "at"),
		}
	})
}

// What is appended for an event is the canonical JSON of its views.
func TestPartsOfViews(t *testing.T) {
	seen := map[ledger.Type]bool{}
	for which := range payloadTypes {
		rapid.Check(t, func(t *rapid.T) { seen[checkParts(t, payloads(which).Draw(t, "payload"))] = true })
	}
	if len(seen) != payloadTypes {
		t.Errorf("of the types of a job's events, %d were tried: %v", len(seen), seen)
	}
}

// checkParts checks the parts of an event with a payload, and returns its type.
func checkParts(t *rapid.T, p ledger.Payload) ledger.Type {
	canonical := func(t *rapid.T, v any) []byte {
		b, err := jcs.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	e, err := ledger.Seal(ledger.Draft{
		Seq: 7, ID: "01JD0000000000000000000000", Origin: origin, Time: time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "time")).UTC(), Prev: ledger.LeafHash(nil),
		Actor: rapid.SampledFrom([]string{"worker_1", "os:a%2Fb", "agent/7@host"}).Draw(t, "actor"), JobID: "job.1", JobSeq: 3, JobPrev: ledger.LeafHash(nil),
		Revision: rapid.Int64Range(1, 1<<53-1).Draw(t, "revision"), Payload: p,
	})
	if err != nil {
		t.Fatal(err)
	}
	view, approvals, checkpoints := packspec.EventParts(e)
	want := append(canonical(t, projection.EventViewOf(e)), '\n')
	if e.Type() == ledger.TypeRefused {
		want = nil
	}
	if string(view) != string(want) {
		t.Errorf("the line of %s is\n%s, want\n%s", e.Bytes(), view, want)
	}
	want = nil
	for _, a := range packspec.ApprovalsOf(e) {
		want = append(append(want, ','), canonical(t, a)...)
	}
	if string(approvals) != string(want) {
		t.Errorf("the approvals of %s are\n%s, want\n%s", e.Bytes(), approvals, want)
	}
	want = nil
	for _, c := range packspec.CheckpointsOf(e) {
		want = append(append(want, ','), canonical(t, c)...)
	}
	if string(checkpoints) != string(want) {
		t.Errorf("the checkpoints of %s are\n%s, want\n%s", e.Bytes(), checkpoints, want)
	}
	return e.Type()
}
