package cloudevents_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection/cloudevents"
)

// attribute is what the specification demands of the name of an attribute.
var attribute = regexp.MustCompile(`^[a-z0-9]{1,20}$`)

// Every event of every golden ledger is one line in canonical form, has the attributes that
// the specification demands, and holds the event as it is stored.
func TestGoldenLedgers(t *testing.T) {
	files, err := filepath.Glob("../../fixtures/ledgers/*/events.jsonl")
	if err != nil || len(files) < 8 {
		t.Fatalf("golden ledgers: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ids, before := map[string]bool{}, ""
		for line := range bytes.Lines(text) {
			e, err := ledger.Decode(bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				t.Fatal(err)
			}
			got := cloudevents.Append(nil, e)
			if again, err := jcs.Recode(got); err != nil || !bytes.Equal(again, got) {
				t.Fatalf("event %d is not canonical: %s, %v", e.Seq(), got, err)
			}
			checkAttributes(t, e, got)
			var a struct{ ID, Sequence string }
			if err := json.Unmarshal(got, &a); err != nil || ids[a.ID] || a.Sequence <= before {
				t.Fatalf("event %d has id %s and sequence %s after %s: %v", e.Seq(), a.ID, a.Sequence, before, err)
			}
			ids[a.ID], before = true, a.Sequence
		}
	}
}

func checkAttributes(t *testing.T, e ledger.Event, got []byte) {
	t.Helper()
	var all map[string]json.RawMessage
	if err := json.Unmarshal(got, &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "source", "specversion", "type"} {
		if len(all[name]) < 3 {
			t.Errorf("event %d has no %s: %s", e.Seq(), name, got)
		}
	}
	for name := range all {
		if !attribute.MatchString(name) {
			t.Errorf("%q is no name of an attribute", name)
		}
	}
	if !bytes.Equal(all["data"], e.Bytes()) {
		t.Errorf("event %d has the data %s, want %s", e.Seq(), all["data"], e.Bytes())
	}
	if _, subject := all["subject"]; subject != (e.JobID() != "") {
		t.Errorf("event %d of job %q: %s", e.Seq(), e.JobID(), got)
	}
	if _, traced := all["traceparent"]; traced != (e.Trace() != "") {
		t.Errorf("event %d with trace %q: %s", e.Seq(), e.Trace(), got)
	}
}
