package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
)

const zeroSig = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="

func TestFullEventBytes(t *testing.T) {
	e := seal(t, fullEvent())
	want := `{"actor":"worker_1","clock":"2026-11-22T20:32:57.058Z","command":"dGhlIHNpZ25lZCBjb21tYW5k","command_sigs":[` +
		`{"key_id":"01` + strings.Repeat("00", 31) + `","sig":"` + zeroSig + `"},{"key_id":"02` + strings.Repeat("00", 31) + `","sig":"` + zeroSig + `"}],` +
		`"created_at":"2026-11-22T20:32:58.058Z","event_id":"` + testULID + `","job_id":"job_1","job_prev":"` + hashOf("job_prev").String() + `","job_seq":3,` +
		`"origin":"gait.example/log1","payload":{"checkpoint_id":"cp_0001","checkpoint_type":"progress","late":true,"required_action":"look at it","summary":"step \"1\" c:\\done → ✓"},` +
		`"prev":"` + hashOf("prev").String() + `","request_digest":"` + hashOf("request").String() + `","request_id":"req-1","revision":2,` +
		`"schema_id":"gait.ledger.event","schema_version":"1.0.0","seq":7,"type":"checkpoint_added"}`
	if diff := cmp.Diff(want, string(e.Bytes())); diff != "" {
		t.Errorf("bytes of a full event (-want +got):\n%s", diff)
	}
	wantCanonical(t, e.Bytes())
	again, err := ledger.Decode(e.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, again, sealed); diff != "" {
		t.Errorf("decoding changed the event (-sealed +decoded):\n%s", diff)
	}
}

// The parts of an event's bytes are what the payload encodes to and how the time is
// spelt, in an event that was sealed and in one that was decoded.
func TestPartsOfAnEventsBytes(t *testing.T) {
	for _, form := range payloadForms() {
		want, err := ledger.EncodePayload(form.payload)
		if err != nil {
			t.Fatal(err)
		}
		d := eventOf(form.payload)
		d.Clock = testTime.Add(-time.Hour) // one more time, in front of that of the event
		e := seal(t, d)
		again, err := ledger.Decode(e.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for how, e := range map[string]ledger.Event{"sealed": e, "decoded": again} {
			if got := e.PayloadBytes(); !bytes.Equal(got, want) || cap(got) != len(got) {
				t.Errorf("the payload of a %s event is %s with room for %d more bytes, want %s and none", how, got, cap(got)-len(got), want)
			}
			if got, want := e.TimeText(), ledger.FormatTime(testTime); got != want {
				t.Errorf("the time of a %s event is %s, want %s", how, got, want)
			}
		}
	}
	if none := (ledger.Event{}); none.PayloadBytes() != nil || none.TimeText() != "" {
		t.Errorf("the zero event has the payload %s and the time %s", none.PayloadBytes(), none.TimeText())
	}
}

// spellings are edits of a full event's bytes. Each makes the event malformed; the
// error names field, the one that the decoder expects at that place.
var spellings = []struct{ name, old, new, field string }{
	{"unknown field", `"actor":`, `"acter":"x","actor":`, "actor"},
	{"unknown field inside", `"clock":`, `"clerk":"x","clock":`, "created_at"},
	{"unknown last field", `added"}`, `added","zone":"x"}`, "zone"},
	{"unknown payload field", `"late":true`, `"last":true,"late":true`, "summary"},
	{"doubled key", `"job_seq":3`, `"job_seq":3,"job_seq":3`, "origin"},
	{"doubled payload key", `"late":true`, `"late":true,"late":true`, "summary"},
	{"other-case key", `"actor"`, `"Actor"`, "actor"},
	{"other-case payload key", `"summary"`, `"Summary"`, "summary"},
	{"escaped key", `"actor"`, `"\u0061ctor"`, "actor"},
	{"wrong order", `"job_seq":3,"origin":"gait.example/log1"`, `"origin":"gait.example/log1","job_seq":3`, "job_seq"},
	{"missing actor", `"actor":"worker_1",`, ``, "actor"},
	{"missing created_at", `"created_at":"2026-11-22T20:32:58.058Z",`, ``, "created_at"},
	{"missing event_id", `"event_id":"` + testULID + `",`, ``, "event_id"},
	{"missing origin", `"origin":"gait.example/log1",`, ``, "origin"},
	{"missing revision", `"revision":2,`, ``, "revision"},
	{"missing job_id", `"job_id":"job_1",`, ``, "origin"},
	{"missing job_seq", `"job_seq":3,`, ``, "job_seq"},
	{"missing job_prev", `"job_prev":"` + hashOf("job_prev").String() + `",`, ``, "job_prev"},
	{"missing prev", `"prev":"` + hashOf("prev").String() + `",`, ``, "prev"},
	{"missing request_digest", `"request_digest":"` + hashOf("request").String() + `",`, ``, "request_digest"},
	{"missing request_id", `"request_id":"req-1",`, ``, "request_digest"},
	{"missing schema_id", `"schema_id":"gait.ledger.event",`, ``, "schema_id"},
	{"missing schema_version", `"schema_version":"1.0.0",`, ``, "schema_version"},
	{"missing seq", `"seq":7,`, ``, "seq"},
	{"missing type", `,"type":"checkpoint_added"`, ``, "type"},
	{"missing command", `"command":"dGhlIHNpZ25lZCBjb21tYW5k",`, ``, "command_sigs"},

	{"leading space", `{"actor"`, ` {"actor"`, "event"},
	{"space before a value", `"seq":7`, `"seq": 7`, "seq"},
	{"space after a value", `"seq":7`, `"seq":7 `, "type"},
	{"space after a comma", `,"seq"`, `, "seq"`, "seq"},
	{"tab", `,"seq"`, ",\t\"seq\"", "seq"},
	{"trailing comma", `added"}`, `added",}`, "event"},
	{"trailing newline", `added"}`, "added\"}\n", "event"},
	{"trailing byte", `added"}`, `added"}x`, "event"},
	{"trailing NUL", `added"}`, "added\"}\x00", "event"},
	{"trailing object", `added"}`, `added"}{}`, "event"},
	{"cut short", `added"}`, `added"`, "event"},
	{"byte order mark", `{"actor"`, "\ufeff{\"actor\"", "event"},
	{"comment", `,"seq"`, `/**/,"seq"`, "seq"},

	{"escaped letter", `"look at it"`, `"\u006cook at it"`, "required_action"},
	{"escaped slash", `gait.example/log1`, `gait.example\/log1`, "origin"},
	{"escaped newline", `"look at it"`, `"look\nat it"`, "required_action"},
	{"escaped quote as \\u", `\"1\"`, `\u00221\"`, "summary"},
	{"escape at the end", `"look at it"`, `"look at it\`, "required_action"},
	{"lone surrogate", `"look at it"`, `"look at \ud800"`, "required_action"},
	{"surrogate as UTF-8", `"look at it"`, "\"look at \xed\xa0\x80\"", "required_action"},
	{"bad UTF-8", `"look at it"`, "\"look at \xff\"", "required_action"},
	{"overlong UTF-8", `"look at it"`, "\"look at \xc0\xaf\"", "required_action"},
	{"cut UTF-8", `✓`, "\xe2\x9c", "summary"},
	{"beyond Unicode", `"look at it"`, "\"look at \xf4\x90\x80\x80\"", "required_action"},
	{"NUL in text", `"look at it"`, "\"look at \x00\"", "required_action"},
	{"newline in text", `"look at it"`, "\"look at \n\"", "required_action"},
	{"DEL in text", `"look at it"`, "\"look at \x7f\"", "required_action"},
	{"C1 control in text", `"look at it"`, "\"look at \u0085\"", "required_action"},
	{"bidi override in text", `"look at it"`, "\"look at \u202e\"", "required_action"},
	{"bidi isolate in text", `"look at it"`, "\"look at \u2066\"", "required_action"},
	{"right-to-left mark in text", `"look at it"`, "\"look at \u200f\"", "required_action"},
	{"Arabic letter mark in text", `"look at it"`, "\"look at \u061c\"", "required_action"},

	{"null", `"actor":"worker_1"`, `"actor":null`, "actor"},
	{"number for a string", `"actor":"worker_1"`, `"actor":1`, "actor"},
	{"empty string", `"actor":"worker_1"`, `"actor":""`, "actor"},
	{"empty optional string", `"look at it"`, `""`, "required_action"},
	{"string for a number", `"seq":7`, `"seq":"7"`, "seq"},
	{"null number", `"seq":7`, `"seq":null`, "seq"},
	{"leading zero", `"seq":7`, `"seq":07`, "seq"},
	{"plus sign", `"seq":7`, `"seq":+7`, "seq"},
	{"minus sign", `"seq":7`, `"seq":-7`, "seq"},
	{"minus zero", `"seq":7`, `"seq":-0`, "seq"},
	{"float", `"seq":7`, `"seq":7.0`, "type"},
	{"exponent", `"seq":7`, `"seq":7e0`, "type"},
	{"2^53", `"seq":7`, `"seq":9007199254740992`, "seq"},
	{"2^64", `"seq":7`, `"seq":18446744073709551616`, "seq"},
	{"huge number", `"seq":7`, `"seq":` + strings.Repeat("7", 5000), "seq"},
	{"hexadecimal number", `"seq":7`, `"seq":0x7`, "type"},
	{"job_seq 0", `"job_seq":3`, `"job_seq":0`, "job_seq"},
	{"revision 0", `"revision":2`, `"revision":0`, "revision"},
	{"false", `"late":true`, `"late":false`, "late"},
	{"boolean as a string", `"late":true`, `"late":"true"`, "late"},
	{"longer true", `"late":true`, `"late":trues`, "summary"},
	{"deep nesting", `"seq":7`, `"seq":` + strings.Repeat("[", 20000), "seq"},
	{"deep objects", `"actor":"worker_1"`, strings.Repeat(`"actor":{`, 6000), "actor"},

	{"upper-case hash", hashOf("prev").String(), strings.ToUpper(hashOf("prev").String()), "prev"},
	{"short hash", hashOf("prev").String(), hashOf("prev").String()[1:], "prev"},
	{"long hash", hashOf("prev").String(), hashOf("prev").String() + "0", "prev"},
	{"zero hash", hashOf("prev").String(), strings.Repeat("0", 64), "prev"},
	{"hash with an escape", hashOf("prev").String(), `\"` + hashOf("prev").String()[2:], "prev"},
	{"time without decimals", `58.058Z`, `58Z`, "created_at"},
	{"time with six decimals", `58.058Z`, `58.058000Z`, "created_at"},
	{"time with a comma", `58.058Z`, `58,058Z`, "created_at"},
	{"time with an offset", `58.058Z`, `58.058+00:00`, "created_at"},
	{"time in lower case", `58.058Z`, `58.058z`, "created_at"},
	{"leap second", `32:58.058Z`, `32:60.058Z`, "created_at"},
	{"no such day", `"created_at":"2026-11-22`, `"created_at":"2026-11-31`, "created_at"},
	{"year 0", `"created_at":"2026-11-22`, `"created_at":"0000-11-22`, "created_at"},
	{"clock not before created_at", `57.058Z`, `58.058Z`, "clock"},
	{"ULID in lower case", testULID, strings.ToLower(testULID), "event_id"},
	{"ULID overflow", testULID, "8" + testULID[1:], "event_id"},
	{"ULID with an I", testULID, testULID[:25] + "I", "event_id"},
	{"ULID with an L", testULID, testULID[:25] + "L", "event_id"},
	{"ULID with an O", testULID, testULID[:25] + "O", "event_id"},
	{"ULID with a U", testULID, testULID[:25] + "U", "event_id"},
	{"short ULID", testULID, testULID[:25], "event_id"},
	{"long ULID", testULID, testULID + "0", "event_id"},

	{"base64 without padding", zeroSig + `"},`, zeroSig[:86] + `"},`, "sig"},
	{"base64 with stray bits", zeroSig + `"},`, zeroSig[:85] + `B=="},`, "sig"},
	{"base64 with a line break", `dGhlIHNp`, "dGhl\nIHNp", "command"},
	{"base64 of the URL alphabet", `dGhlIHNp`, "dGhlIHN_", "command"},
	{"empty base64", `dGhlIHNpZ25lZCBjb21tYW5k`, ``, "command"},
	{"empty list", `[{"key_id"`, `[],"x":[{"key_id"`, "command_sigs"},
	{"list for a string", `"actor":"worker_1"`, `"actor":["worker_1"]`, "actor"},
	{"signatures out of order", `"key_id":"01`, `"key_id":"03`, "command_sigs"},
	{"one key twice", `"key_id":"02`, `"key_id":"01`, "command_sigs"},
	{"other schema", `gait.ledger.event`, `gait.ledger.evenT`, "schema_id"},
	{"no version", `"1.0.0"`, `"1.0"`, "schema_version"},
	{"version with a zero", `"1.0.0"`, `"1.00.0"`, "schema_version"},
	{"version newer than the type", `"1.0.0"`, `"1.1.0"`, "schema_version"},
	{"unknown type", `"type":"checkpoint_added"`, `"type":"checkpoint_lost"`, "type"},
	{"type of another payload", `"type":"checkpoint_added"`, `"type":"refused"`, "command"},
	{"ledger type with job fields", `"type":"checkpoint_added"`, `"type":"ledger_created"`, "format"},
	{"unknown checkpoint type", `"progress"`, `"regress"`, "checkpoint_type"},
}

func TestDecodeRefusesOtherSpellings(t *testing.T) {
	raw := string(seal(t, fullEvent()).Bytes())
	for _, tt := range spellings {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ledger.Decode([]byte(edit(t, raw, tt.old, tt.new)))
			if !errors.Is(err, ledger.ErrMalformed) {
				t.Fatalf("Decode with %s = %v, want ErrMalformed", tt.name, err)
			}
			wantField(t, err, tt.field)
			if len(err.Error()) > 400 {
				t.Errorf("the error has %d bytes: %.400s…", len(err.Error()), err)
			}
		})
	}
	for _, b := range []string{"", "{", "{}", "[]", "null", `""`, "0", "\x00", raw[1:], raw[:len(raw)-1], raw + raw} {
		if _, err := ledger.Decode([]byte(b)); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Decode(%.40q) = %v, want ErrMalformed", b, err)
		}
	}
}

// Each proper prefix of an event is malformed. So is the event with one bit
// flipped, unless the result is a different valid event.
func TestDecodeDamage(t *testing.T) {
	raw := seal(t, fullEvent()).Bytes()
	for n := range raw {
		if _, err := ledger.Decode(raw[:n]); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Decode of the first %d bytes = %v, want ErrMalformed", n, err)
		}
	}
	for i := range len(raw) * 8 {
		b := append([]byte(nil), raw...)
		b[i/8] ^= 1 << (i % 8)
		e, err := ledger.Decode(b)
		switch {
		case err == nil && string(seal(t, e.Draft()).Bytes()) != string(b):
			t.Errorf("bit %d flipped: decoded %s, sealed %s", i, b, seal(t, e.Draft()).Bytes())
		case err == nil && e.LeafHash() == ledger.LeafHash(raw):
			t.Errorf("bit %d flipped: the leaf hash is the same", i)
		case err != nil && !errors.Is(err, ledger.ErrMalformed) && !errors.Is(err, ledger.ErrUnsupportedVersion):
			t.Errorf("bit %d flipped: %v, want ErrMalformed or ErrUnsupportedVersion", i, err)
		}
	}
}

func TestDecodeOtherVersion(t *testing.T) {
	raw := string(seal(t, fullEvent()).Bytes())
	for _, b := range []string{
		edit(t, raw, `"1.0.0"`, `"1.0.1"`),
		edit(t, raw, `"1.0.0"`, `"2.0.0"`),
		edit(t, edit(t, raw, `"1.0.0"`, `"10.20.30"`), `"actor":`, `"abc":1.5,"actor":`),
		edit(t, edit(t, raw, `"1.0.0"`, `"1.999.0"`), `"type":"checkpoint_added"`, `"type":"later"`),
		`{"schema_version":"3.0.0", "schema_id":"gait.ledger.event"}`,
	} {
		if _, err := ledger.Decode([]byte(b)); !errors.Is(err, ledger.ErrUnsupportedVersion) || errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Decode(%s) = %v, want ErrUnsupportedVersion", b, err)
		}
	}
}

// Seal checks what Decode checks: every event that it seals can be read.
func TestSealRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		edit  func(*ledger.Draft)
		field string
	}{
		{"no payload", func(e *ledger.Draft) { e.Payload = nil }, "type"},
		{"payload by pointer", func(e *ledger.Draft) { e.Payload = &ledger.Paused{} }, "payload"},
		{"an index by another actor", func(e *ledger.Draft) {
			*e = eventOf(ledger.IndexCommitted{Index: hashOf("index")})
			e.Actor = "worker_1"
		}, "actor"},
		{"no index", func(e *ledger.Draft) { *e = eventOf(ledger.IndexCommitted{}) }, "index"},
		{"no actor", func(e *ledger.Draft) { e.Actor = "" }, "actor"},
		{"actor with a space", func(e *ledger.Draft) { e.Actor = "a b" }, "actor"},
		{"no time", func(e *ledger.Draft) { e.Time = time.Time{} }, "created_at"},
		{"microseconds", func(e *ledger.Draft) { e.Time = e.Time.Add(time.Microsecond) }, "created_at"},
		{"local time", func(e *ledger.Draft) { e.Time = e.Time.In(time.FixedZone("", 3600)) }, "created_at"},
		{"year 10000", func(e *ledger.Draft) { e.Time = e.Time.AddDate(8000, 0, 0) }, "created_at"},
		{"year 0", func(e *ledger.Draft) { e.Clock = e.Time.AddDate(-2026, 0, 0) }, "clock"},
		{"clock at created_at", func(e *ledger.Draft) { e.Clock = e.Time }, "clock"},
		{"no id", func(e *ledger.Draft) { e.ID = "" }, "event_id"},
		{"lower-case id", func(e *ledger.Draft) { e.ID = strings.ToLower(e.ID) }, "event_id"},
		{"no origin", func(e *ledger.Draft) { e.Origin = "" }, "origin"},
		{"negative seq", func(e *ledger.Draft) { e.Seq = -1 }, "seq"},
		{"seq 0 with prev", func(e *ledger.Draft) { e.Seq = 0 }, "prev"},
		{"seq 2^53", func(e *ledger.Draft) { e.Seq = 1 << 53 }, "seq"},
		{"no prev", func(e *ledger.Draft) { e.Prev = ledger.Hash{} }, "prev"},
		{"no job", func(e *ledger.Draft) { e.JobID = "" }, "job_id"},
		{"no job, no job fields", func(e *ledger.Draft) { e.JobID, e.JobSeq, e.JobPrev, e.Revision = "", 0, ledger.Hash{}, 0 }, "job_id"},
		{"no job_prev", func(e *ledger.Draft) { e.JobPrev = ledger.Hash{} }, "job_prev"},
		{"first with job_prev", func(e *ledger.Draft) { e.JobSeq = 1 }, "job_prev"},
		{"job_seq 0", func(e *ledger.Draft) { e.JobSeq = 0 }, "job_seq"},
		{"revision 0", func(e *ledger.Draft) { e.Revision = 0 }, "revision"},
		{"digest alone", func(e *ledger.Draft) { e.RequestID = "" }, "request_digest"},
		{"request id alone", func(e *ledger.Draft) { e.RequestDigest = ledger.Hash{} }, "request_digest"},
		{"request id with a space", func(e *ledger.Draft) { e.RequestID = "a b" }, "request_id"},
		{"signatures alone", func(e *ledger.Draft) { e.Command = nil }, "command_sigs"},
		{"short signature", func(e *ledger.Draft) { e.CommandSigs[0].Sig = make([]byte, 63) }, "sig"},
		{"signature without a key", func(e *ledger.Draft) { e.CommandSigs[0].KeyID = ledger.Hash{} }, "key_id"},
		{"signatures out of order", func(e *ledger.Draft) { e.CommandSigs[0].KeyID = ledger.Hash{9} }, "command_sigs"},
		{"second ledger_created", func(e *ledger.Draft) { e.Payload = ledger.LedgerCreated{Format: 1, Key: vkeyText} }, "job_id"},
		{"format 0", func(e *ledger.Draft) { *e = eventOf(ledger.LedgerCreated{Key: vkeyText}) }, "format"},
		{"exit 0", func(e *ledger.Draft) { e.Payload = ledger.Refused{Command: "pause", Refusal: "x"} }, "exit"},
		{"exit 256", func(e *ledger.Draft) { e.Payload = ledger.Refused{Command: "pause", Refusal: "x", Exit: 256} }, "exit"},
		{"decision without action", func(e *ledger.Draft) {
			e.Payload = ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, Summary: "s"}
		}, "required_action"},
		{"checkpoint id without padding", func(e *ledger.Draft) {
			e.Payload = ledger.CheckpointAdded{CheckpointID: "cp_1", CheckpointType: ledger.CheckpointPlan, Summary: "s"}
		}, "checkpoint_id"},
		{"labels out of order", func(e *ledger.Draft) {
			e.Payload = ledger.Submitted{EnvironmentFingerprint: "e", ProducerVersion: "1", Labels: []ledger.Label{{"b", "1"}, {"a", "1"}}}
		}, "labels"},
		{"one label twice", func(e *ledger.Draft) {
			e.Payload = ledger.Submitted{EnvironmentFingerprint: "e", ProducerVersion: "1", Labels: []ledger.Label{{"a", "1"}, {"a", "2"}}}
		}, "labels"},
		{"label key with a quote", func(e *ledger.Draft) {
			e.Payload = ledger.Submitted{EnvironmentFingerprint: "e", ProducerVersion: "1", Labels: []ledger.Label{{`a":"","b`, "1"}}}
		}, "labels"},
		{"zero hash in a list", func(e *ledger.Draft) {
			e.Payload = ledger.Resumed{ExpectedFingerprint: "e", ActualFingerprint: "e", Consumes: make([]ledger.Hash, 1)}
		}, "consumes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := fullEvent()
			tt.edit(&e)
			got, err := ledger.Seal(e)
			if err == nil {
				t.Fatalf("Seal = %s, want an error about %s", got.Bytes(), tt.field)
			}
			wantField(t, err, tt.field)
		})
	}
}

// Before version 1.2.0 a command could name gait as its actor. Those events stay readable.
func TestEventsByGaitStay(t *testing.T) {
	d := fullEvent()
	d.Actor = ledger.ActorGait
	again, err := ledger.Decode(seal(t, d).Bytes())
	if err != nil || again.Actor() != "gait" {
		t.Errorf("Decode of an event by gait = %q, %v", again.Actor(), err)
	}
	wantField(t, ledger.FieldActor.Check("gait"), "actor")
}

// An event shares no fields with the draft it was made from, nor with a draft
// taken from it: changes to the drafts do not change the event.
func TestEventIsNotItsDraft(t *testing.T) {
	d := fullEvent()
	e := seal(t, d)
	d.Actor = "somebody_else"
	again, err := ledger.Decode(e.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for from, e := range map[string]ledger.Event{"Seal": e, "Decode": again} {
		d := e.Draft()
		d.Actor, d.Payload = "somebody_else", ledger.Paused{}
		if e.Actor() != "worker_1" || e.Type() != ledger.TypeCheckpointAdded {
			t.Errorf("after a change of a draft, what %s made is %s by %q, want checkpoint_added by worker_1", from, e.Type(), e.Actor())
		}
		if diff := cmp.Diff(fullEvent(), e.Draft()); diff != "" {
			t.Errorf("Draft of what %s made (-want +got):\n%s", from, diff)
		}
	}
	if got := fmt.Sprint(e.LeafHash()); got != ledger.LeafHash(e.Bytes()).String() {
		t.Errorf("LeafHash prints as %s", got)
	}
}

func TestZeroEvent(t *testing.T) {
	var e ledger.Event
	if e.Type() != "" || e.Payload() != nil || e.Bytes() != nil || !e.LeafHash().IsZero() {
		t.Errorf("the zero Event has type %q, payload %v, bytes %q, leaf hash %s, want none", e.Type(), e.Payload(), e.Bytes(), e.LeafHash())
	}
	if diff := cmp.Diff(ledger.Draft{}, e.Draft()); diff != "" {
		t.Errorf("Draft of the zero Event (-want +got):\n%s", diff)
	}
}
