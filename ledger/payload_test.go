package ledger_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"gait/ledger"
)

// sealed compares events by their fields and by their bytes.
var sealed = cmp.Comparer(func(a, b ledger.Event) bool {
	return string(a.Bytes()) == string(b.Bytes()) && a.LeafHash() == b.LeafHash() &&
		a.Seq() == b.Seq() && a.ID() == b.ID() && a.Origin() == b.Origin() && a.Time().Equal(b.Time()) && a.Clock().Equal(b.Clock()) &&
		a.Actor() == b.Actor() && a.Prev() == b.Prev() && a.JobID() == b.JobID() && a.JobSeq() == b.JobSeq() && a.JobPrev() == b.JobPrev() &&
		a.Revision() == b.Revision() && a.Lease() == b.Lease() && a.Trace() == b.Trace() && a.Authority() == b.Authority() && a.RequestID() == b.RequestID() && a.RequestDigest() == b.RequestDigest() &&
		string(a.Command()) == string(b.Command()) && cmp.Equal(a.CommandSigs(), b.CommandSigs()) && cmp.Equal(a.Payload(), b.Payload())
})

const vkeyText = "gait.example/log1+b7ecafab+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"

// payloadForms holds each payload type twice: with every field, and with only the
// required fields. The text is what the format specifies.
func payloadForms() []payloadForm {
	a, b := ledger.Hash{0xaa}, ledger.Hash{0xbb}
	ha, hb := a.String(), b.String()
	return append(slices.Concat(authorityForms(a, b), gateForms(a, b), leaseForms(a, b)), []payloadForm{
		{
			ledger.LedgerCreated{Format: 1, Key: vkeyText, Predecessor: &ledger.Predecessor{
				Origin: "gait.example/log0", SeenSize: 9, SeenRoot: a, FoundSize: 8, FoundRoot: b,
			}},
			`{"format":1,"key":"` + vkeyText + `","predecessor":{"found_root":"` + hb + `","found_size":8,"origin":"gait.example/log0","seen_root":"` + ha + `","seen_size":9}}`,
		},
		{
			ledger.LedgerCreated{Format: 1, Key: vkeyText, Predecessor: &ledger.Predecessor{Origin: "gait.example/log0"}},
			`{"format":1,"key":"` + vkeyText + `","predecessor":{"found_size":0,"origin":"gait.example/log0","seen_size":0}}`,
		},
		{ledger.LedgerCreated{Format: 1, Key: vkeyText}, `{"format":1,"key":"` + vkeyText + `"}`},
		{
			ledger.LedgerCreated{Format: 1, Key: vkeyText, Predecessor: &ledger.Predecessor{Origin: "gait.example/log0", Requests: &ledger.Requests{Count: 3, Digest: a}}},
			`{"format":1,"key":"` + vkeyText + `","predecessor":{"found_size":0,"origin":"gait.example/log0","requests":{"count":3,"digest":"` + ha + `"},"seen_size":0}}`,
		},

		{
			ledger.Submitted{
				EnvironmentFingerprint: "envfp:1", Identity: "bot-1", PolicyDigest: a, PolicyRef: "policy v1", ProducerVersion: "1.0.0",
				Labels: []ledger.Label{{Key: "app", Value: "märz"}, {Key: "team/x", Value: `a "b" \c`}},
			},
			`{"environment_fingerprint":"envfp:1","identity":"bot-1","labels":{"app":"märz","team/x":"a \"b\" \\c"},"policy_digest":"` + ha + `","policy_ref":"policy v1","producer_version":"1.0.0"}`,
		},
		{
			ledger.Submitted{EnvironmentFingerprint: "envfp:1", ProducerVersion: "1.0.0"},
			`{"environment_fingerprint":"envfp:1","producer_version":"1.0.0"}`,
		},

		{
			ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointBlocked, Late: true, RequiredAction: "ask", Summary: "stuck"},
			`{"checkpoint_id":"cp_0001","checkpoint_type":"blocked","late":true,"required_action":"ask","summary":"stuck"}`,
		},
		{
			ledger.CheckpointAdded{CheckpointID: "cp_12345", CheckpointType: ledger.CheckpointPlan, Summary: "s"},
			`{"checkpoint_id":"cp_12345","checkpoint_type":"plan","summary":"s"}`,
		},
		{
			ledger.CheckpointAdded{CheckpointID: "cp_0003", CheckpointType: ledger.CheckpointDecisionNeeded, Continues: a, RequiredAction: "ask", Summary: "s"},
			`{"checkpoint_id":"cp_0003","checkpoint_type":"decision-needed","continues":"` + ha + `","required_action":"ask","summary":"s"}`,
		},

		{ledger.Paused{Reason: "tea"}, `{"reason":"tea"}`},
		{ledger.Paused{}, `{}`},
		{ledger.Paused{Hold: true, Reason: "tea"}, `{"hold":true,"reason":"tea"}`},
		{ledger.Paused{Hold: true}, `{"hold":true}`},
		{ledger.Cancelled{Reason: "tea"}, `{"reason":"tea"}`},
		{ledger.Cancelled{}, `{}`},
		{ledger.Stopped{Reason: "tea"}, `{"reason":"tea"}`},
		{ledger.Stopped{}, `{}`},

		{ledger.Approved{CheckpointID: "cp_0002", Reason: "fine", Target: a}, `{"checkpoint_id":"cp_0002","reason":"fine","target":"` + ha + `"}`},
		{ledger.Approved{Reason: "fine", Target: a}, `{"reason":"fine","target":"` + ha + `"}`},
		{ledger.Denied{CheckpointID: "cp_0002", Reason: "no", Target: a}, `{"checkpoint_id":"cp_0002","reason":"no","target":"` + ha + `"}`},
		{ledger.Denied{Reason: "no", Target: a}, `{"reason":"no","target":"` + ha + `"}`},

		{
			ledger.Resumed{
				Consumes: []ledger.Hash{b, a}, ExpectedFingerprint: "envfp:1", ActualFingerprint: "envfp:2",
				PreviousPolicyDigest: a, CurrentPolicyDigest: b, PreviousPolicyRef: "v1", CurrentPolicyRef: "v2", PolicyChanged: true,
				Identity: "bot-1", IdentityValidationSource: "list", Reason: "go on",
			},
			`{"actual_fingerprint":"envfp:2","consumes":["` + hb + `","` + ha + `"],"current_policy_digest":"` + hb + `","current_policy_ref":"v2","expected_fingerprint":"envfp:1","identity":"bot-1","identity_validation_source":"list","policy_changed":true,"previous_policy_digest":"` + ha + `","previous_policy_ref":"v1","reason":"go on"}`,
		},
		{
			ledger.Resumed{ExpectedFingerprint: "envfp:1", ActualFingerprint: "envfp:1"},
			`{"actual_fingerprint":"envfp:1","expected_fingerprint":"envfp:1"}`,
		},

		{
			ledger.Refused{Command: "checkpoint add", Exit: 6, Reason: "why", Refusal: "invalid_transition", Summary: "done anyway"},
			`{"command":"checkpoint add","exit":6,"reason":"why","refusal":"invalid_transition","summary":"done anyway"}`,
		},
		{ledger.Refused{Command: "pause", Exit: 255, Refusal: "x"}, `{"command":"pause","exit":255,"refusal":"x"}`},

		{ledger.KeyRotated{Key: vkeyText, Previous: "old", Reason: "lost"}, `{"key":"` + vkeyText + `","previous":"old","reason":"lost"}`},
		{importedForm(a, b), `{"approvals":[{"actor":"ann","created_at":"2026-11-22T20:32:58.058Z","reason":"ok"}],"checkpoints":[` +
			`{"actor":"bob","checkpoint_type":"decision-needed","created_at":"2026-11-22T20:32:58.058Z","open":true,"required_action":"ask","summary":"s"},` +
			`{"checkpoint_type":"plan","created_at":"2026-11-22T20:32:58.058Z","summary":"t"}],` +
			`"created_at":"2026-11-22T20:32:58.058Z","environment_fingerprint":"envfp:1","identity":"bot-1","pack_id":"` + ha + `","pack_key_id":"` + hb + `","pack_sha256":"` + ha +
			`","pack_trusted":true,"policy_digest":"` + hb + `","policy_ref":"p v1","producer_version":"0.9","reason":"moved","revision":7,"status":"paused",` +
			`"status_reason_code":"paused","stop_reason":"paused_by_user","stopped_at":"2026-11-22T20:32:58.058Z","stopped_by":"ann","updated_at":"2026-11-22T20:32:58.058Z"}`},
		{
			ledger.Imported{
				CreatedAt: testTime, EnvironmentFingerprint: "e", PackID: a, PackSHA256: b, ProducerVersion: "0.9", Revision: 1, Status: "running",
				StatusReasonCode: "submitted", StopReason: "none", UpdatedAt: testTime,
			},
			`{"created_at":"2026-11-22T20:32:58.058Z","environment_fingerprint":"e","pack_id":"` + ha + `","pack_sha256":"` + hb +
				`","producer_version":"0.9","revision":1,"status":"running","status_reason_code":"submitted","stop_reason":"none","updated_at":"2026-11-22T20:32:58.058Z"}`,
		},
		{ledger.IndexCommitted{Index: a}, `{"index":"` + ha + `"}`},
		{ledger.IndexCommitted{Index: b}, `{"index":"` + hb + `"}`},
		{ledger.KeyRotated{Key: vkeyText, Previous: "old"}, `{"key":"` + vkeyText + `","previous":"old"}`},
		{ledger.LedgerMoved{Reason: "a new host", To: vkeyText}, `{"reason":"a new host","to":"` + vkeyText + `"}`},
		{ledger.LedgerMoved{To: vkeyText}, `{"to":"` + vkeyText + `"}`},
		{continuedForm(a, b), `{"approval_count":4,"checkpoint_count":3,"created_at":"2026-11-22T20:32:58.058Z","decision_count":2,"environment_fingerprint":"envfp:1","hold":true,` +
			`"identity":"bot-1","imported_by":"ann","job_seq":12,"labels":{"app":"märz"},"leaf":"` + ha + `","origin":"gait.example/log0","policy_digest":"` + hb + `","policy_ref":"p v1",` +
			`"producer_version":"1.0.0","proof":{"digest":"` + hb + `","media_type":"application/gait-continued-proof","name":"job_1.json","size":99},"refusal_count":5,"revision":7,` +
			`"root":"` + hb + `","size":40,"status":"paused","status_reason_code":"paused","stop_reason":"paused_by_user","stopped_by":"bob","submitted_by":"cid"}`},
		{
			ledger.Continued{
				Origin: "gait.example/log0", Size: 2, Root: a, Leaf: b, JobSeq: 1, Revision: 1, Status: "running", StatusReasonCode: "submitted", StopReason: "none",
				CreatedAt: testTime, ProducerVersion: "1.0.0", EnvironmentFingerprint: "e", Proof: ledger.Content{Digest: a},
			},
			`{"approval_count":0,"checkpoint_count":0,"created_at":"2026-11-22T20:32:58.058Z","decision_count":0,"environment_fingerprint":"e","job_seq":1,"leaf":"` + hb +
				`","origin":"gait.example/log0","producer_version":"1.0.0","proof":{"digest":"` + ha + `","size":0},"refusal_count":0,"revision":1,"root":"` + ha +
				`","size":2,"status":"running","status_reason_code":"submitted","stop_reason":"none"}`,
		},
	}...)
}

// continuedForm is a continued with every field.
func continuedForm(a, b ledger.Hash) ledger.Continued {
	return ledger.Continued{
		Origin: "gait.example/log0", Size: 40, Root: b, Leaf: a, JobSeq: 12, Revision: 7, Status: "paused", StatusReasonCode: "paused", StopReason: "paused_by_user",
		Hold: true, StoppedBy: "bob", ImportedBy: "ann", Decisions: 2, CreatedAt: testTime, SubmittedBy: "cid", ProducerVersion: "1.0.0", EnvironmentFingerprint: "envfp:1", Identity: "bot-1",
		Labels: []ledger.Label{{Key: "app", Value: "märz"}}, PolicyDigest: b, PolicyRef: "p v1", Checkpoints: 3, Approvals: 4, Refusals: 5,
		Proof: ledger.Content{Digest: b, MediaType: "application/gait-continued-proof", Name: "job_1.json", Size: 99},
	}
}

type payloadForm struct {
	payload ledger.Payload
	text    string
}

// importedForm is an import with every field.
func importedForm(a, b ledger.Hash) ledger.Imported {
	return ledger.Imported{
		Approvals: []ledger.ImportedApproval{{Actor: "ann", CreatedAt: testTime, Reason: "ok"}},
		Checkpoints: []ledger.ImportedCheckpoint{
			{Actor: "bob", CheckpointType: ledger.CheckpointDecisionNeeded, CreatedAt: testTime, Open: true, RequiredAction: "ask", Summary: "s"},
			{CheckpointType: ledger.CheckpointPlan, CreatedAt: testTime, Summary: "t"},
		},
		CreatedAt: testTime, EnvironmentFingerprint: "envfp:1", Identity: "bot-1", PackID: a, PackKeyID: b, PackSHA256: a, PackTrusted: true,
		PolicyDigest: b, PolicyRef: "p v1", ProducerVersion: "0.9", Reason: "moved", Revision: 7, Status: "paused", StatusReasonCode: "paused",
		StopReason: "paused_by_user", StoppedAt: testTime, StoppedBy: "ann", UpdatedAt: testTime,
	}
}

func TestPayloadBytes(t *testing.T) {
	for i, tt := range payloadForms() {
		t.Run(fmt.Sprintf("%02d_%s", i, tt.payload.Type()), func(t *testing.T) {
			got, err := ledger.EncodePayload(tt.payload)
			if err != nil || string(got) != tt.text {
				t.Errorf("EncodePayload = %s, %v\nwant %s", got, err, tt.text)
			}
			e := seal(t, eventOf(tt.payload))
			if want := `,"payload":` + tt.text + `,`; !strings.Contains(string(e.Bytes()), want) {
				t.Errorf("event %s\nlacks %s", e.Bytes(), want)
			}
			again, err := ledger.Decode(e.Bytes())
			if err != nil {
				t.Fatalf("Decode(%s): %v", e.Bytes(), err)
			}
			if diff := cmp.Diff(e, again, sealed); diff != "" {
				t.Errorf("decoding changed the event (-sealed +decoded):\n%s", diff)
			}
			wantCanonical(t, e.Bytes())
		})
	}
}

// payloadForms has every event type, and every Go type that is a payload, so a
// new one cannot be forgotten. Tests encode each form, which fails if the table
// of event types has no row for it.
func TestPayloadFormsHasEveryType(t *testing.T) {
	seen, goTypes := map[ledger.Type]int{}, map[string]bool{}
	for _, f := range payloadForms() {
		seen[f.payload.Type()]++
		goTypes[fmt.Sprintf("%T", f.payload)] = true
	}
	for _, typ := range ledger.Types() {
		if seen[typ] < 2 {
			t.Errorf("%s has %d forms in payloadForms, want at least 2", typ, seen[typ])
		}
	}
	for _, name := range declaredPayloads(t) {
		if !goTypes["ledger."+name] {
			t.Errorf("payloadForms has no ledger.%s", name)
		}
	}
}

// declaredPayloads returns the names of the package's types that have the method
// sealed.
func declaredPayloads(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == "sealed" && f.Type.Results == nil {
				if typ, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
					names = append(names, typ.Name)
				}
			}
		}
	}
	if len(names) < 12 {
		t.Fatalf("found %d payload types", len(names))
	}
	return names
}

// The package's doc says of each type what its payload holds.
func TestDocNamesEveryType(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, payloads, _ := strings.Cut(string(doc), "# Payloads\n")
	payloads, _, _ = strings.Cut(payloads, "# Chain\n")
	for _, typ := range ledger.Types() {
		if !regexp.MustCompile(`(?m)^//\t([a-z_]+, )*` + string(typ) + `\b`).MatchString(payloads) {
			t.Errorf("doc.go does not say what the payload of %s holds", typ)
		}
	}
}

// Every field of every payload is required or optional as the format says. To
// leave one out is an error about that field, or gives another value that
// round-trips.
func TestPayloadFieldsLeftOut(t *testing.T) {
	optional := map[string]string{
		"ledger_created": "predecessor", "submitted": "after content_key identity input labels not_before policy_digest policy_ref",
		"checkpoint_added": "approvers attachments content_key continues expires_at late progress quorum replaces required_action subject", "paused": "hold reason", "cancelled": "reason", "emergency_stop_acknowledged": "reason",
		"approved": "amended checkpoint_id content_key subject", "denied": "checkpoint_id subject", "refused": "reason summary", "key_rotated": "reason",
		"actor_enrolled": "bootstrap reason", "actor_revoked": "key", "authority_set": "policies reason",
		"ledger_moved": "reason", "continued": "after attempt_count epoch hold identity imported_by input labels not_before policy_digest policy_ref stopped_by submitted_by",
		"leased": "after", "attempt_ended": "content_key exit log",
		"gate_decided":     "approvers call_id call_prev clearance content_key continues determined_by engine expires_at facts quorum required_action",
		"dispatch_blocked": "call_id content_key intent", "effect_settled": "call_id content_key reason result",
		"imported": "approvals checkpoints identity policy_digest policy_ref reason stopped_at stopped_by pack_trusted",
		"resumed":  "consumes current_policy_digest current_policy_ref identity identity_validation_source policy_changed previous_policy_digest previous_policy_ref reason",
	}
	for _, tt := range payloadForms() {
		typ := string(tt.payload.Type())
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(tt.text), &fields); err != nil {
			t.Fatal(err)
		}
		raw := string(seal(t, eventOf(tt.payload)).Bytes())
		for name := range fields {
			left := map[string]string{ // goes with it
				"amended": "content_key", "attachments": "content_key", "intent": "content_key", "result": "content_key", "input": "content_key", "log": "content_key", "call_id": "call_prev",
			}[name]
			without := []string{name, left}
			if typ == "effect_settled" && name == "call_id" {
				without = append(without, "intent")
			}
			err := decodeAsAny(edit(t, raw, tt.text, objectWithout(fields, without...)))
			may := slices.Contains(strings.Fields(optional[typ]), name)
			if name == "required_action" && string(fields["checkpoint_type"]) == `"decision-needed"` {
				may = false
			}
			if name == "subject" && fields["amended"] != nil {
				may = false
			}
			if (name == "intent" || name == "policy_digest") && string(fields["verdict"]) == `"block"` {
				may = true
			}
			if may != (err == nil) {
				t.Errorf("%s without %s: error %v, want an error: %t", typ, name, err, !may)
			} else if err != nil {
				wantField(t, err, name)
			}
		}
	}
}

// decodeAsAny decodes an event as it is, or else as one of another version:
// without a field that came later, an event is of an older one.
func decodeAsAny(event string) error {
	_, err := ledger.Decode([]byte(event))
	before, rest, _ := strings.Cut(event, `"schema_version":"`)
	_, after, _ := strings.Cut(rest, `"`)
	for _, version := range ledger.Versions() {
		if _, other := ledger.Decode([]byte(before + `"schema_version":"` + version + `"` + after)); other == nil {
			return nil
		}
	}
	return err
}

func objectWithout(fields map[string]json.RawMessage, names ...string) string {
	var kept []string
	for key, value := range fields {
		if !slices.Contains(names, key) {
			kept = append(kept, fmt.Sprintf("%q:%s", key, value))
		}
	}
	slices.Sort(kept)
	return "{" + strings.Join(kept, ",") + "}"
}

// wantCanonical checks raw in two ways: with an RFC 8785 implementation, and by
// the rule that every walk visits its keys in ascending order.
func wantCanonical(t rapid.TB, raw []byte) {
	t.Helper()
	canonical, err := jcs.Transform(raw)
	if err != nil || string(canonical) != string(raw) {
		t.Errorf("not canonical: %s\njcs: %s, %v", raw, canonical, err)
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	wantSorted(t, d)
}

// wantSorted reads one value and requires the keys of each object in it to ascend.
func wantSorted(t rapid.TB, d *json.Decoder) {
	t.Helper()
	open, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	delim, ok := open.(json.Delim)
	if !ok {
		return
	}
	for last := ""; d.More(); {
		if delim == '{' {
			key, err := d.Token()
			if err != nil {
				t.Fatal(err)
			}
			if last != "" && key.(string) <= last {
				t.Errorf("key %q after %q", key, last)
			}
			last = key.(string)
		}
		wantSorted(t, d)
	}
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
}
