package projection

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// What is written without reflection is what Canonical writes.
func TestLinesAreCanonical(t *testing.T) {
	text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\"\\/<>&\b\f\n\r\t\x00\x1f\x7f\u0085\u2028\u2029\ud7ff\ue000\uffff\U00010000aAé"))))
	hold := func(t *rapid.T, v appender) {
		want, err := Canonical(v)
		if got := string(v.appendJSON([]byte("before"))); err != nil || got != "before"+string(want) {
			t.Fatalf("%#v\nis written  %s\nCanonical = %s, %v", v, got, want, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		hold(t, rapid.Make[Checkpoint]().Draw(t, "checkpoint"))
		hold(t, rapid.Make[Approval]().Draw(t, "approval"))
		number := rapid.Custom(func(t *rapid.T) int64 { return rapid.Int64Range(-3, 1<<53-1).Draw(t, "number") })
		c := rapid.MakeCustom[cached](rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{reflect.TypeFor[int64](): number.AsAny()}}).Draw(t, "job")
		c.Version %= 1 << 53
		hold(t, c)
		hold(t, Checkpoint{Summary: text.Draw(t, "summary"), Actor: text.Draw(t, "actor")})
		hold(t, Approval{Reason: text.Draw(t, "reason"), CheckpointID: text.Draw(t, "id")})
		payload, err := Canonical(map[string]string{text.Draw(t, "key"): text.Draw(t, "value")})
		if err != nil {
			t.Fatal(err)
		}
		v := EventView{Actor: text.Draw(t, "by"), CreatedAt: "2026-11-22T20:32:58.058Z", JobID: text.Draw(t, "job"), Payload: json.RawMessage(payload),
			ReasonCode: text.Draw(t, "code"), Revision: rapid.Int64Range(0, 1<<53-1).Draw(t, "revision"), Type: "paused", SchemaID: EventSchemaID, SchemaVersion: SchemaVersion}
		hold(t, v)
	})
}
