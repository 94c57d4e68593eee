package ledger_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
)

func TestFormatTable(t *testing.T) {
	for _, problem := range ledger.FormatProblems() {
		t.Error(problem)
	}
}

// says returns the schema_version in an event's bytes.
func says(e ledger.Event) string {
	_, after, _ := strings.Cut(string(e.Bytes()), `"schema_version":"`)
	version, _, _ := strings.Cut(after, `"`)
	return version
}

// An event is of the newest version that it uses. A field or a value of a later
// version changes the version of the events that have it, and of no others.
func TestEventNamesTheVersionItUses(t *testing.T) {
	plain := seal(t, eventOf(ledger.Paused{Reason: "tea"}))
	rotated := seal(t, eventOf(ledger.KeyRotated{Key: vkeyText, Previous: vkeyText + "x"}))
	ledger.NextVersion(t)
	ledger.GrowPaused(t)
	for _, tt := range []struct {
		name    string
		payload ledger.GrownPause
		want    string
	}{
		{"neither", ledger.GrownPause{Reason: "tea"}, "1.0.0"},
		{"an old value", ledger.GrownPause{Grade: "old"}, "1.0.0"},
		{"the new value", ledger.GrownPause{Grade: "new"}, "1.999.0"},
		{"the new field", ledger.GrownPause{Firm: true, Reason: "tea"}, "1.999.0"},
		{"both", ledger.GrownPause{Firm: true, Grade: "new"}, "1.999.0"},
	} {
		e := seal(t, eventOf(tt.payload))
		if says(e) != tt.want || e.Version() != tt.want {
			t.Errorf("with %s an event is of %s and says %s, want %s", tt.name, e.Version(), says(e), tt.want)
		}
		again, err := ledger.Decode(e.Bytes())
		if err != nil || again.Payload() != tt.payload || again.Version() != tt.want {
			t.Errorf("with %s, Decode = %+v of %s, %v, want %+v of %s", tt.name, again.Payload(), again.Version(), err, tt.payload, tt.want)
		}
		for _, other := range ledger.Versions() {
			if other == tt.want {
				continue
			}
			_, err := ledger.Decode([]byte(edit(t, string(e.Bytes()), `"schema_version":"`+tt.want+`"`, `"schema_version":"`+other+`"`)))
			if !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("with %s, Decode of one that says %s = %v, want ErrMalformed", tt.name, other, err)
			}
		}
	}
	if again := seal(t, eventOf(ledger.GrownPause{Reason: "tea"})); !bytes.Equal(again.Bytes(), plain.Bytes()) {
		t.Errorf("without the field an event became %s, want %s", again.Bytes(), plain.Bytes())
	}
	if rotated.Version() != "1.1.0" || says(rotated) != "1.1.0" {
		t.Errorf("key_rotated is of %s and says %s, want 1.1.0", rotated.Version(), says(rotated))
	}
	_, err := ledger.Decode([]byte(edit(t, string(plain.Bytes()), `{"reason"`, `{"firm":true,"reason"`)))
	wantField(t, err, "firm")
}

// A type may get another shape. Events of earlier versions keep theirs.
func TestTypeOfTwoShapes(t *testing.T) {
	plain := seal(t, eventOf(ledger.Paused{Reason: "tea"}))
	ledger.NextVersion(t)
	ledger.ReshapePaused(t)
	for _, tt := range []struct {
		payload ledger.Payload
		text    string
		want    string
	}{
		{ledger.Paused{Reason: "tea"}, `{"reason":"tea"}`, "1.0.0"},
		{ledger.ReshapedPause{Reason: "tea"}, `{"why":"tea"}`, "1.999.0"},
	} {
		e := seal(t, eventOf(tt.payload))
		if says(e) != tt.want || !strings.Contains(string(e.Bytes()), tt.text) {
			t.Errorf("Seal of %T = %s, want %s of %s", tt.payload, e.Bytes(), tt.text, tt.want)
		}
		again, err := ledger.Decode(e.Bytes())
		if err != nil || again.Payload() != tt.payload {
			t.Errorf("Decode(%s) = %#v, %v, want %#v", e.Bytes(), again.Payload(), err, tt.payload)
		}
	}
	_, err := ledger.Decode([]byte(edit(t, string(plain.Bytes()), "1.0.0", "1.999.0")))
	wantField(t, err, "why")
}

// Events of one version are read and written the same when a later version is known.
func TestNextVersionKeepsLedgers(t *testing.T) {
	ledger.NextVersion(t)
	files, err := filepath.Glob("../fixtures/ledgers/*/events.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("golden ledgers: %v, %v", files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			e, err := ledger.Decode(line)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if again, err := ledger.Seal(e.Draft()); err != nil || !bytes.Equal(again.Bytes(), line) || again.Version() != says(e) {
				t.Fatalf("%s: %s is written as %s, %v", name, line, again.Bytes(), err)
			}
		}
	}
}

// closed lists, for each closed version, what the payloads of a type may hold.
// A version is added when it is closed, which it is when the next one begins,
// and never changed.
var closed = map[string]map[ledger.Type]string{
	"1.0.0": {
		"ledger_created":              "format key predecessor",
		"submitted":                   "environment_fingerprint identity labels policy_digest policy_ref producer_version",
		"checkpoint_added":            "checkpoint_id checkpoint_type late required_action summary",
		"paused":                      "reason",
		"cancelled":                   "reason",
		"emergency_stop_acknowledged": "reason",
		"approved":                    "checkpoint_id reason target",
		"denied":                      "checkpoint_id reason target",
		"resumed": "actual_fingerprint consumes current_policy_digest current_policy_ref expected_fingerprint identity identity_validation_source " +
			"policy_changed previous_policy_digest previous_policy_ref reason",
		"refused": "command exit reason refusal summary",
	},
	"1.1.0": {
		"key_rotated": "key previous reason",
		"imported": "approvals checkpoints created_at environment_fingerprint identity pack_id pack_key_id pack_sha256 pack_trusted policy_digest policy_ref " +
			"producer_version reason revision status status_reason_code stop_reason stopped_at stopped_by updated_at",
	},
	"1.2.0": {"index_committed": "index"},
	"1.3.0": {
		"ledger_created":   "format key predecessor",
		"checkpoint_added": "checkpoint_id checkpoint_type continues late required_action summary",
		"paused":           "hold reason",
		"ledger_moved":     "reason to",
		"continued": "approval_count checkpoint_count created_at decision_count environment_fingerprint hold identity imported_by job_seq labels leaf origin " +
			"policy_digest policy_ref producer_version proof refusal_count revision root size status status_reason_code stop_reason stopped_by submitted_by",
	},
	"1.4.0": {
		"checkpoint_added": "approvers attachments checkpoint_id checkpoint_type content_key continues expires_at late quorum replaces required_action subject summary",
		"approved":         "amended checkpoint_id content_key reason subject target",
		"denied":           "checkpoint_id reason subject target",
		"actor_enrolled":   "actor bootstrap keys reason roles",
		"actor_revoked":    "actor key reason",
		"authority_set":    "admins mode policies reason",
		"content_erased":   "digest reason",
	},
	"1.5.0": {
		"gate_decided": "approvers call_id call_prev checkpoint_id clearance content_key continues determined_by engine expires_at facts grant intent policy_digest " +
			"quorum reason_code required_action tool verdict",
		"dispatch_blocked": "call_id content_key intent reason_code tool",
		"effect_settled":   "call_id call_prev content_key grant intent outcome reason result",
	},
}

// Nothing is added to a closed version: a new type or field is of a later one.
func TestClosedVersionsStay(t *testing.T) {
	for _, version := range ledger.Versions() {
		if version != ledger.EventSchemaVersion && closed[version] == nil {
			t.Errorf("version %s is closed: list in closed what it added", version)
		}
	}
	for _, form := range payloadForms() {
		e := seal(t, eventOf(form.payload))
		types, isClosed := closed[e.Version()]
		if !isClosed {
			continue
		}
		if _, ok := types[e.Type()]; !ok {
			t.Errorf("%s is a type of version %s, which is closed: give it a later since", e.Type(), e.Version())
			continue
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(form.text), &fields); err != nil {
			t.Fatal(err)
		}
		for name := range fields {
			if !slices.Contains(strings.Fields(types[e.Type()]), name) {
				t.Errorf("%s has %s in version %s, which is closed: give it a later since", e.Type(), name, e.Version())
			}
		}
	}
}
