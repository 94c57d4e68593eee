package projection

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/ledger"
	"gait/ledger/jcs"
)

// same requires that an appender has appended to "before" what encoding by reflection gives.
func same(t *rapid.T, v any, got []byte) {
	want, err := jcs.Append([]byte("before"), v)
	if err != nil || string(got) != string(want) {
		t.Fatalf("%#v\nis appended as %s, want %s, %v", v, got, want, err)
	}
}

// anyJob draws a job that no event leads to: any texts, and any numbers.
var anyJob = rapid.MakeCustom[Job](anyNumbers)

var anyNumbers = rapid.MakeConfig{Types: map[reflect.Type]*rapid.Generator[any]{
	reflect.TypeFor[int64](): rapid.Int64Range(-3, 1<<53-1).AsAny(),
}}

// encodedByReflection and decodedByReflection are how jobs were encoded and decoded
// before there were walk methods.
func encodedByReflection(t *rapid.T, j Job, leaf ledger.Hash) []byte {
	b, err := jcs.Marshal(&cachedJob{Job: j, Leaf: leaf, Version: Version})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func decodedByReflection(b []byte, leaf ledger.Hash) (Job, bool) {
	var c cachedJob
	if json.Unmarshal(b, &c) != nil || c.Version != Version || c.Leaf != leaf || !slices.Contains(Statuses, c.Job.Status) {
		return Job{}, false
	}
	again, err := jcs.Marshal(&c)
	return c.Job, err == nil && bytes.Equal(again, b)
}

// Jobs are encoded as encoding by reflection encodes them, but the view in the cache has
// no texts of decisions.
func TestJobsAreEncodedAsByReflection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		j, leaf := anyJob.Draw(t, "job"), ledger.Hash{rapid.Byte().Draw(t, "leaf")}
		if got, want := EncodeState(j, leaf), encodedByReflection(t, j, leaf); !bytes.Equal(got, want) {
			t.Fatalf("EncodeState = %s, want %s", got, want)
		}
		brief := j.Clone()
		for i := range brief.Decisions {
			withoutTexts(&brief.Decisions[i])
		}
		if brief.Stop != nil {
			withoutTexts(brief.Stop)
		}
		for i := range brief.Cleared {
			withoutTexts(&brief.Cleared[i].Ask)
		}
		if got, want := EncodeJob(j, leaf), encodedByReflection(t, brief, leaf); !bytes.Equal(got, want) {
			t.Fatalf("EncodeJob = %s, want %s", got, want)
		}
	})
}

func withoutTexts(a *Ask) {
	a.Summary, a.RequiredAction = "", ""
	a.Subject.Name, a.Subject.MediaType = "", ""
}

// Of a state that is changed in one place, DecodeState takes what decoding by
// reflection and encoding again took, and reads the same job.
func TestJobsAreDecodedAsByReflection(t *testing.T) {
	status := rapid.SampledFrom(Statuses)
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		j, leaf := anyJob.Draw(t, "job"), ledger.Hash{1}
		j.Status = status.Draw(t, "status")
		b := EncodeState(j, leaf)
		for range 100 {
			changed := bytes.Clone(b)
			at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				changed[at] = rapid.SampledFrom([]byte(" \"\\,:}]0-9a\xff")).Draw(t, "byte")
			case 1:
				changed = slices.Delete(changed, at, min(len(b), at+rapid.IntRange(0, 9).Draw(t, "bytes")))
			case 2:
				changed = slices.Insert(changed, at, b[at:min(len(b), at+rapid.IntRange(0, 9).Draw(t, "bytes"))]...)
			}
			want, ok := decodedByReflection(changed, leaf)
			got, taking := DecodeState(changed, leaf)
			if ok != taking || ok && cmp.Diff(want, got) != "" {
				t.Fatalf("DecodeState of %s\n= %+v, %t, want %+v, %t", changed, got, taking, want, ok)
			}
			if ok && !bytes.Equal(changed, b) {
				taken++
			}
		}
	})
	if taken < 20 {
		t.Errorf("%d changed states were taken: too few to tell anything", taken)
	}
}

// Views are written in the canonical form of what encoding/json writes.
func TestViewsAreCanonical(t *testing.T) {
	text := rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("\"\\/<>&\b\f\n\r\t\x00\x1f\x7f\u0085\u2028\u2029\ud7ff\ue000\uffff\U00010000aAé"))))
	hold := func(t *rapid.T, v any) {
		plain, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Recode(plain)
		if got, bad := jcs.Append([]byte("before"), v); errors.Join(err, bad) != nil || string(got) != "before"+string(want) {
			t.Fatalf("%#v\nis written %s, %v\nwant %s, %v", v, got, bad, want, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		checkpoint, approval := rapid.MakeCustom[Checkpoint](anyNumbers).Draw(t, "checkpoint"), rapid.Make[Approval]().Draw(t, "approval")
		hold(t, checkpoint)
		hold(t, approval)
		same(t, checkpoint, AppendCheckpoint([]byte("before"), &checkpoint))
		same(t, approval, AppendApproval([]byte("before"), &approval))
		hold(t, Checkpoint{Summary: text.Draw(t, "summary"), Actor: text.Draw(t, "actor")})
		hold(t, Approval{Reason: text.Draw(t, "reason"), CheckpointID: text.Draw(t, "id")})
		payload, err := jcs.Marshal(map[string]string{text.Draw(t, "key"): text.Draw(t, "value")})
		if err != nil {
			t.Fatal(err)
		}
		v := EventView{
			Actor: text.Draw(t, "by"), CreatedAt: "2026-11-22T20:32:58.058Z", JobID: text.Draw(t, "job"), Payload: payload,
			ReasonCode: text.Draw(t, "code"), Revision: rapid.Int64Range(0, 1<<53-1).Draw(t, "revision"), Type: "paused", SchemaID: EventSchemaID, SchemaVersion: SchemaVersion,
		}
		hold(t, v)
	})
}
