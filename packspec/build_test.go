package packspec_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"

	"gait/commands"
	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

var update = flag.Bool("update", false, "rewrite testdata")

// readZip reads an archive with the standard library.
func readZip(t testing.TB, pack []byte) []packspec.File {
	t.Helper()
	fs, err := packtest.Files(pack)
	if err != nil {
		t.Fatalf("archive/zip: %v", err)
	}
	return fs
}

// The bytes of a pack are a format. They change only with its version.
func TestGoldenPack(t *testing.T) {
	key := testKey(t, 1)
	for name, pack := range map[string][]byte{
		"pack_job_1.zip": buildFirst(t, history(t, key), "job_1"), "pack_job_1_indexed.zip": build(t, indexed(t, key), "job_1"),
	} {
		t.Run(name, func(t *testing.T) { isGolden(t, filepath.Join("testdata", name), pack) })
	}
}

func isGolden(t *testing.T, path string, pack []byte) {
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, pack, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files(t, want) {
		if got := files(t, pack)[i]; got.Name != f.Name || !bytes.Equal(got.Data, f.Data) {
			t.Errorf("%s differs:\n%s", f.Name, cmp.Diff(string(f.Data), string(got.Data)))
		}
	}
	if !bytes.Equal(pack, want) {
		t.Error("the pack is not the golden one")
	}
	if r := verify(t, want, testKey(t, 1)); !r.Verified {
		t.Errorf("the golden pack does not verify: %v", r.Failure)
	}
}

func TestPackIsDeterministic(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	one := build(t, log, "job_1")
	if two := build(t, log, "job_1"); !bytes.Equal(one, two) {
		t.Error("two packs of one head differ")
	}
	if again := build(t, history(t, key), "job_1"); !bytes.Equal(one, again) {
		t.Error("packs of two equal logs differ")
	}
}

// If only another job went on, the job's own bytes stay the same.
func TestLaterCheckpointChangesOnlyProofs(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	before := files(t, build(t, log, "job_1"))
	newScript(t, log).ok("job_3", "worker_3", "", commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "gait test"})
	after := files(t, build(t, log, "job_1"))
	var changed []string
	for i, f := range before {
		if !bytes.Equal(f.Data, after[i].Data) {
			changed = append(changed, f.Name)
		}
	}
	want := []string{"evidence.json", "head.tlog-proof", "ledger_created.tlog-proof", "pack_manifest.json"}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("entries that changed with the checkpoint (-want +got):\n%s", diff)
	}
}

// Any program that reads zip files reads a pack, and each header has the values that
// CONTRACT promises.
func TestStandardLibraryReadsPack(t *testing.T) {
	pack := build(t, history(t, testKey(t, 1)), "job_1")
	z, err := zip.NewReader(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		t.Fatal(err)
	}
	if z.Comment != "" || len(z.File) != 11 {
		t.Errorf("comment %q and %d entries, want none and 11", z.Comment, len(z.File))
	}
	for i, f := range z.File {
		if f.Method != zip.Store || f.Flags != 0 || len(f.Extra) != 0 || f.Comment != "" || f.Mode() != 0o644 ||
			!f.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: method %d, flags %d, extra %x, mode %v, time %v", f.Name, f.Method, f.Flags, f.Extra, f.Mode(), f.Modified)
		}
		if i > 0 && z.File[i-1].Name >= f.Name {
			t.Errorf("%s stands after %s", f.Name, z.File[i-1].Name)
		}
	}
}

// An independent implementation agrees that all JSON is canonical.
func TestJSONIsCanonical(t *testing.T) {
	n := 0
	for _, f := range files(t, build(t, history(t, testKey(t, 1)), "job_1")) {
		var values [][]byte
		switch filepath.Ext(f.Name) {
		case ".json":
			values = [][]byte{f.Data}
		case ".jsonl":
			values = bytes.SplitAfter(f.Data, []byte("\n"))
			if last := len(values) - 1; len(values[last]) != 0 {
				t.Errorf("%s does not end in a line feed", f.Name)
			}
			values = values[:len(values)-1]
			for i := range values {
				values[i] = bytes.TrimSuffix(values[i], []byte("\n"))
			}
		}
		for _, v := range values {
			want, err := jcs.Transform(v)
			if err != nil || !bytes.Equal(want, v) {
				t.Errorf("%s: %v\n got %s\nwant %s", f.Name, err, v, want)
			}
			n++
		}
	}
	t.Logf("%d JSON values are canonical", n)
}

// The views hold exactly the fields of PackSpec v1.
func TestViewFields(t *testing.T) {
	fs := files(t, build(t, history(t, testKey(t, 1)), "job_1"))
	want := map[string]string{
		"job_payload.json": "approval_count checkpoint_count created_at environment_fingerprint job_id safety_invariant_hash safety_invariant_version schema_id schema_version status status_reason_code stop_reason",
		"job_state.json":   "approvals checkpoints created_at environment_fingerprint identity job_id policy_digest policy_ref producer_version revision safety_invariant_hash safety_invariant_version safety_invariants schema_id schema_version status status_reason_code stop_reason updated_at",
	}
	for name, fields := range want {
		if got := fieldsOf(t, file(fs, name).Data); got != fields {
			t.Errorf("%s has the fields %s, want %s", name, got, fields)
		}
	}
	var state packspec.JobState
	if err := json.Unmarshal(file(fs, "job_state.json").Data, &state); err != nil {
		t.Fatal(err)
	}
	approvals := []packspec.Approval{{CreatedAt: state.Approvals[0].CreatedAt, Actor: "reviewer_2", Reason: "now it is"}}
	if diff := cmp.Diff(approvals, state.Approvals); diff != "" {
		t.Errorf("approvals are the approving verdicts alone (-want +got):\n%s", diff)
	}
	if len(state.Checkpoints) != 3 || state.Revision != 8 || state.Status != "paused" {
		t.Errorf("state has %d checkpoints, revision %d, status %s", len(state.Checkpoints), state.Revision, state.Status)
	}
	lines := bytes.Split(bytes.TrimSuffix(file(fs, "job_events.jsonl").Data, []byte("\n")), []byte("\n"))
	if len(lines) != 8 {
		t.Errorf("job_events.jsonl has %d lines, want one for each revision", len(lines))
	}
	for _, line := range lines {
		if got := fieldsOf(t, line); got != "actor created_at job_id payload reason_code revision schema_id schema_version type" {
			t.Errorf("an event has the fields %s", got)
		}
	}
}

func fieldsOf(t *testing.T, b []byte) (names string) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	depth, key := 0, true
	for {
		token, err := d.Token()
		if err == io.EOF {
			return names[1:]
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
			continue
		case json.Delim('}'), json.Delim(']'):
			if depth--; depth == 1 {
				key = true
			}
			continue
		}
		if depth != 1 {
			continue
		}
		if key {
			names += " " + token.(string)
		}
		key = !key
	}
}

func TestBuildRefuses(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), log, "job_9", key, packspec.JobOptions{}); !errors.Is(err, packspec.ErrJobNotFound) {
		t.Errorf("building a pack of no job: %v, want ErrJobNotFound", err)
	} else if f, ok := ledger.FaultOf(err); !ok || f.Code != "job_not_found" || !errors.Is(err, commands.ErrJobNotFound) {
		t.Errorf("building a pack of no job: the fault is %+v, want job_not_found", f)
	}
	if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), log, "job_1", testKey(t, 2), packspec.JobOptions{}); err == nil {
		t.Error("a pack was signed by a key that is not the ledger's")
	}
	log.moves = 5
	var b packspec.Buffer
	if _, err := packspec.BuildJob(t.Context(), &b, log, "job_1", key, packspec.JobOptions{}); err != nil {
		t.Errorf("building a pack while the log moves on: %v", err)
	}
	if r := verify(t, b.Bytes(), key); !r.Verified {
		t.Errorf("a pack made while the log moved on: %v", r.Failure)
	}
	log.moves = 1000
	if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), log, "job_1", key, packspec.JobOptions{}); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("building a pack of a log that never rests: %v, want ErrConflict", err)
	}
	log.moves = 0
	if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), &brokenLog{testLog: log}, "job_1", key, packspec.JobOptions{}); err == nil {
		t.Error("a pack was made of a broken chain")
	}
}

func TestInspect(t *testing.T) {
	pack := build(t, history(t, testKey(t, 1)), "job_1")
	i, err := packspec.Inspect(bytes.NewReader(pack), int64(len(pack)))
	if err != nil {
		t.Fatal(err)
	}
	fs := files(t, pack)
	for name, v := range map[string]any{"job_payload.json": i.Payload, "job_state.json": i.State, "pack_manifest.json": i.Manifest} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := jcs.Transform(b); err != nil || string(got) != string(file(fs, name).Data) {
			t.Errorf("Inspect shows %s as %s (%v), the pack holds %s", name, got, err, file(fs, name).Data)
		}
	}
	if i.Verified || len(i.Events) != 8 || i.Evidence.EventCount != 9 || i.Evidence.RefusalCount != 1 || i.Evidence.Key != testKey(t, 1).VerifierKey().String() {
		t.Errorf("Inspect = %+v", i)
	}
	if _, err := packspec.Inspect(bytes.NewReader(pack[1:]), int64(len(pack)-1)); !isFormat(err) {
		t.Errorf("inspecting half a pack: %v, want a FormatError", err)
	}
}

func isFormat(err error) bool {
	_, ok := errors.AsType[*finding.FormatError](err)
	return ok
}

// A brokenLog shows an event that does not follow the one before it in its job.
type brokenLog struct{ *testLog }

func (l *brokenLog) JobEvents(ctx context.Context, job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range l.testLog.JobEvents(ctx, job, from) {
			if e.JobSeq() == 2 {
				e = changed(l.t, e, func(d *ledger.Draft) { d.JobPrev = ledger.LeafHash(nil) })
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// A countingLog counts the passes over the events of a job.
type countingLog struct {
	*testLog
	passes int
}

func (l *countingLog) JobEvents(ctx context.Context, job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		l.passes++
		l.testLog.JobEvents(ctx, job, from)(yield)
	}
}

func TestJobPasses(t *testing.T) {
	l := &countingLog{testLog: history(t, testKey(t, 1))}
	if _, err := packspec.BuildJob(t.Context(), new(packspec.Buffer), l, "job_1", l.key, packspec.JobOptions{}); err != nil || l.passes != packspec.JobPasses {
		t.Errorf("BuildJob ranges %d times over the events (%v), want %d", l.passes, err, packspec.JobPasses)
	}
}

// A job that was checked first, and then a commitment appended, is ranged over no more
// often than any other; its pack is the same. If the job went on meanwhile, it is read
// again.
func TestCheckJob(t *testing.T) {
	l := &countingLog{testLog: history(t, testKey(t, 1))}
	want := build(t, l.testLog, "job_1")
	for _, goesOn := range []bool{false, true} {
		l.passes = 0
		checked, err := packspec.CheckJob(t.Context(), l, "job_1")
		if err != nil || l.passes != 1 {
			t.Fatalf("CheckJob = %v, and ranges %d times over the events", err, l.passes)
		}
		if goesOn {
			newScript(t, l.testLog).refused("job_1", "operator", commands.Pause{})
			want = build(t, l.testLog, "job_1")
			l.passes = 1
		}
		var b packspec.Buffer
		_, err = packspec.BuildJob(t.Context(), &b, l, "job_1", l.key, packspec.JobOptions{Checked: checked})
		if passes := l.passes; err != nil || passes == packspec.JobPasses == goesOn || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("the job goes on: %t: BuildJob = %v after %d passes, and the pack is that without a check: %t", goesOn, err, passes, bytes.Equal(b.Bytes(), want))
		}
	}
}
