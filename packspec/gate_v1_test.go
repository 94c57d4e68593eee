package packspec_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// A reader of PackSpec v1 that follows a job's events knows dispatch_blocked, and refuses
// gate_decided and effect_settled for their types, as it does denied.
func TestV1ReaderOfTheGate(t *testing.T) {
	key := testKey(t, 9)
	o := packspec.Options{Trusted: []packspec.TrustedKey{{Key: nameless(t, key), From: "test"}}}
	for _, tt := range []struct {
		pack, becomes string // what the type of the pause becomes; "" if it stays
		refused       bool
	}{
		{"stopped", "", false},
		{"signed", "", false},
		{"signed", "denied", true},
		{"signed", "gate_decided", true},
		{"signed", "effect_settled", true},
	} {
		fs := slices.DeleteFunc(files(t, v1Pack(t, tt.pack)), func(f packspec.File) bool { return f.Name == "proof_records.jsonl" })
		events := packtest.Find(fs, "job_events.jsonl")
		if tt.pack == "stopped" {
			lines := bytes.SplitAfter(events.Data, []byte("\n"))
			again := strings.NewReplacer(`"revision":3`, `"revision":4`, `"type":"emergency_stop_acknowledged"`, `"type":"dispatch_blocked"`, `"reason_code":"emergency_stop_preempted"`, `"reason_code":"dispatch_blocked"`)
			events.Data = append(events.Data, again.Replace(string(lines[2]))...)
			state := packtest.Find(fs, "job_state.json")
			state.Data = bytes.Replace(state.Data, []byte(`"revision":3`), []byte(`"revision":4`), 1)
			if !bytes.Contains(events.Data, []byte(`"revision":4,"schema_id":"gait.job.event","schema_version":"1.0.0","type":"dispatch_blocked"`)) {
				t.Errorf("the stopped job has no dispatch_blocked: %s", events.Data)
			}
		}
		if tt.becomes != "" {
			if !bytes.Contains(events.Data, []byte(`"type":"paused"`)) {
				t.Fatal("the job was not paused")
			}
			events.Data = bytes.Replace(events.Data, []byte(`"type":"paused"`), []byte(`"type":"`+tt.becomes+`"`), 1)
		}
		pack := resign(t, fs, key)
		r := verifyV1(t, pack, o)
		if r.Format != packspec.FormatV1 || r.Verified == tt.refused {
			t.Errorf("%s with %q: format %q, verified: %t, %v", tt.pack, tt.becomes, r.Format, r.Verified, r.Failure)
		}
		if tt.refused && (r.Failure == nil || r.Failure.Level != finding.LevelStateMachine || !strings.Contains(r.Failure.Error(), tt.becomes+`" is not an event of PackSpec v1`)) {
			t.Errorf("%s with %q: it fails with %v, want its type", tt.pack, tt.becomes, r.Failure)
		}
	}
}
