package otel_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
	"gait/projection/otel"
)

var update = flag.Bool("update", false, "write the digests of the traces again")

// A message is one of OTLP, as a reader sees it.
type message struct {
	ResourceSpans []struct {
		ScopeSpans []struct{ Spans []span }
	}
}

type span struct {
	TraceID, SpanID, ParentSpanID, Name, StartTimeUnixNano, EndTimeUnixNano string

	Attributes []attribute
	Events     []struct {
		Name, TimeUnixNano string
		Attributes         []attribute
	}
	Links  []struct{ TraceID, SpanID string }
	Status struct{ Code int }
}

type attribute struct {
	Key   string
	Value struct{ StringValue, IntValue string }
}

func read(t *testing.T, file string) (events []ledger.Event) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		e, err := ledger.Decode(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

// lines returns the lines of all jobs, in the order of their first events.
func lines(t *testing.T, events []ledger.Event, since ledger.Seq) (all [][]byte) {
	t.Helper()
	folds, spans := map[string]*projection.Folder{}, map[string]*otel.Job{}
	var ids []string
	for _, e := range events {
		id := e.JobID()
		if id == "" {
			continue
		}
		if folds[id] == nil {
			f := projection.Believer()
			folds[id], spans[id], ids = &f, &otel.Job{}, append(ids, id)
		}
		if err := folds[id].Add(e); err != nil {
			t.Fatal(err)
		}
		spans[id].Add(folds[id].Job, e)
	}
	for _, id := range ids {
		line, n, err := spans[id].Line(since)
		if err != nil {
			t.Fatal(err)
		}
		if (n == 0) != (line == nil) {
			t.Errorf("job %s has %d spans in %s", id, n, line)
		}
		if line != nil {
			all = append(all, line)
		}
	}
	return all
}

func spansOf(t *testing.T, line []byte) []span {
	t.Helper()
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		t.Fatal(err)
	}
	return m.ResourceSpans[0].ScopeSpans[0].Spans
}

func ledgers(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../fixtures/ledgers/*/events.jsonl")
	if err != nil || len(files) < 8 {
		t.Fatalf("golden ledgers: %v, %v", files, err)
	}
	return files
}

// The traces of every golden ledger are canonical, the same when they are made again, and
// well formed: ids are unique, parents are there, times and events are in their spans' order.
func TestGoldenLedgers(t *testing.T) {
	for _, file := range ledgers(t) {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			events := read(t, file)
			all := lines(t, events, 0)
			if diff := cmp.Diff(all, lines(t, events, 0)); diff != "" {
				t.Errorf("the second export differs: %s", diff)
			}
			ids, inSpans := map[string]bool{}, 0
			for _, line := range all {
				if again, err := jcs.Recode(line); err != nil || !bytes.Equal(again, line) {
					t.Errorf("not canonical: %v, %s", err, line)
				}
				spans := spansOf(t, line)
				for _, s := range spans {
					checkSpan(t, s, spans)
					if ids[s.SpanID] {
						t.Errorf("two spans have the id %s", s.SpanID)
					}
					ids[s.SpanID] = true
					if s.Name == "job" || strings.HasPrefix(s.Name, "job ") {
						inSpans += len(s.Events)
					}
				}
			}
			ofJobs := 0
			for _, e := range events {
				if e.JobID() != "" {
					ofJobs++
				}
			}
			if inSpans != ofJobs {
				t.Errorf("%d events are in the spans of jobs, want %d", inSpans, ofJobs)
			}
		})
	}
}

var hexID = regexp.MustCompile(`^[0-9a-f]+$`)

func checkSpan(t *testing.T, s span, all []span) {
	t.Helper()
	if len(s.TraceID) != 32 || len(s.SpanID) != 16 || !hexID.MatchString(s.TraceID+s.SpanID) {
		t.Errorf("span %q has the ids %s and %s", s.Name, s.TraceID, s.SpanID)
	}
	parent := s.ParentSpanID == "" || len(s.Links) > 0 || s.Name == "job"
	for _, other := range all {
		parent = parent || other.SpanID == s.ParentSpanID && other.TraceID == s.TraceID
	}
	if !parent {
		t.Errorf("span %q has the parent %s, which is not there", s.Name, s.ParentSpanID)
	}
	start, err := strconv.ParseInt(s.StartTimeUnixNano, 10, 64)
	end, errEnd := strconv.ParseInt(s.EndTimeUnixNano, 10, 64)
	if err != nil || errEnd != nil || end < start {
		t.Errorf("span %q is from %s to %s", s.Name, s.StartTimeUnixNano, s.EndTimeUnixNano)
	}
	checkKeys(t, s.Name, s.Attributes)
	before := s.StartTimeUnixNano
	for _, e := range s.Events {
		if len(e.TimeUnixNano) < len(before) || len(e.TimeUnixNano) == len(before) && e.TimeUnixNano < before {
			t.Errorf("an event of %q is at %s, after one at %s", s.Name, e.TimeUnixNano, before)
		}
		before = e.TimeUnixNano
		checkKeys(t, e.Name, e.Attributes)
	}
}

func checkKeys(t *testing.T, of string, list []attribute) {
	t.Helper()
	seen := map[string]bool{}
	for _, a := range list {
		if seen[a.Key] {
			t.Errorf("%q has the attribute %s twice", of, a.Key)
		}
		seen[a.Key] = true
	}
}

// What is exported since an event are the spans that it, or one after it, says something of,
// with the ids that they had before.
func TestSince(t *testing.T) {
	for _, name := range []string{"1.5.0", "1.6.0"} {
		file := filepath.Join("../../fixtures/ledgers", name, "events.jsonl")
		events := read(t, file)
		whole := map[string]string{}
		for _, line := range lines(t, events, 0) {
			for _, s := range spansOf(t, line) {
				whole[s.SpanID] = s.Name
			}
		}
		for _, since := range []ledger.Seq{1, ledger.Seq(len(events) / 2), ledger.Seq(len(events) - 1)} {
			part := 0
			for _, line := range lines(t, events, since) {
				for _, s := range spansOf(t, line) {
					part++
					if whole[s.SpanID] != s.Name {
						t.Errorf("%s, since %d: span %q has another id than before", file, since, s.Name)
					}
				}
			}
			if part > len(whole) {
				t.Errorf("%s, since %d: %d spans of %d", file, since, part, len(whole))
			}
		}
		if got := lines(t, events, ledger.Seq(len(events))); got != nil {
			t.Errorf("%s: spans since the end: %s", file, got)
		}
	}
}

// The traces of the ledgers that were shipped stay as they are: ids and bytes are known to those
// who have exported before.
func TestShippedTraces(t *testing.T) {
	var got strings.Builder
	for _, file := range ledgers(t) {
		name := filepath.Base(filepath.Dir(file))
		if !strings.HasPrefix(name, "corpus-") {
			fmt.Fprintf(&got, "%x  %s\n", sha256.Sum256(bytes.Join(lines(t, read(t, file), 0), []byte("\n"))), name)
		}
	}
	path := filepath.Join("testdata", "traces.sha256")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if diff := cmp.Diff(string(want), got.String()); err != nil || diff != "" {
		t.Errorf("the traces differ (%v): go test ./projection/otel -update, and say why in the commit (-then +now):\n%s", err, diff)
	}
}
