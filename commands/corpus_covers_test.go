package commands_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

// A coverage is what was found in the stored corpus.
type coverage struct {
	types, checkpoints, refusals, statuses, codes, cells map[string]bool
	verdicts, outcomes                                   map[string]bool // of the gate, and of what it has allowed
	released, causes                                     map[string]bool // of leases, and of attempts
	fields                                               map[string]bool // of payloads and events; false: always empty
	longest                                              map[string]int  // by field, of texts in bytes and of lists in elements
	runes                                                map[rune]bool
	interleaved                                          int
}

// TestCorpusCovers reads the stored events of the corpus. What they must hold is
// read from the code, so that the test fails for what is new there.
func TestCorpusCovers(t *testing.T) {
	c := coverage{
		types: map[string]bool{}, checkpoints: map[string]bool{}, refusals: map[string]bool{}, statuses: map[string]bool{}, codes: map[string]bool{},
		verdicts: map[string]bool{}, outcomes: map[string]bool{}, released: map[string]bool{}, causes: map[string]bool{}, cells: map[string]bool{}, fields: map[string]bool{}, longest: map[string]int{}, runes: map[rune]bool{},
	}
	for _, name := range slices.Sorted(maps.Keys(corpus)) {
		c.walk(t, name)
	}
	for _, file := range []string{"payload", "gate", "lease"} {
		wantAll(t, "event type", constants(t, "../ledger/"+file+".go", "Type"), c.types)
	}
	wantAll(t, "outcome of a lease", ledger.LeaseOutcomes, c.released)
	wantAll(t, "cause of the end of an attempt", ledger.AttemptCauses, c.causes)
	wantAll(t, "verdict of the gate", ledger.GateVerdicts, c.verdicts)
	wantAll(t, "outcome of an effect", ledger.EffectOutcomes, c.outcomes)
	wantAll(t, "refusal code", constants(t, "../projection/refusal.go", ""), c.refusals)
	wantAll(t, "stop reason", constants(t, "../projection/standing.go", "Stop"), c.codes)
	wantAll(t, "reason code", constants(t, "../projection/standing.go", "Reason"), c.codes)
	wantAll(t, "status", projection.Statuses, c.statuses)
	wantAll(t, "checkpoint type", ledger.CheckpointTypes, c.checkpoints)
	table := cells(t)
	for _, cell := range table {
		if !c.cells[cell.from+"/"+cell.column] {
			t.Errorf("in no event of the corpus does %s come to a job that is %s, with %q", cell.column, cell.from, cell.want)
		}
	}
	for _, field := range slices.Sorted(maps.Keys(c.fields)) {
		if !c.fields[field] {
			t.Errorf("no event of the corpus fills in %s", field)
		}
	}
	if c.interleaved < len(table) {
		t.Errorf("%d events of jobs stand apart from the one before of their job, want %d", c.interleaved, len(table))
	}
	c.checkLimits(t)
	c.checkTexts(t)
}

// constants returns the values of the string constants of a file whose names
// begin with prefix.
func constants(t *testing.T, file, prefix string) (values []string) {
	t.Helper()
	eachConstant(t, file, prefix, func(_ string, value ast.Expr) {
		if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, text)
		}
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants %s…", file, prefix)
	}
	return values
}

func eachConstant(t *testing.T, file, prefix string, do func(name string, value ast.Expr)) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		group, ok := d.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, s := range group.Specs {
			spec := s.(*ast.ValueSpec)
			if name := spec.Names[0].Name; ast.IsExported(name) && strings.HasPrefix(name, prefix) && len(spec.Values) == 1 {
				do(name, spec.Values[0])
			}
		}
	}
}

func wantAll[S ~string](t *testing.T, what string, want []S, have map[string]bool) {
	t.Helper()
	for _, s := range want {
		if !have[string(s)] {
			t.Errorf("no event of the corpus leads to the %s %s", what, s)
		}
	}
}

// walk folds the events of a ledger, and records what each is and does.
func (c *coverage) walk(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(goldenLedgers, name, "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	jobs, chain := map[string]*projection.Folder{}, &authority.Chain{}
	states := func(leaf ledger.Hash) (*authority.State, error) {
		s, known := chain.At(leaf)
		if !known {
			return nil, fmt.Errorf("no authority event %s", leaf)
		}
		return s, nil
	}
	for line := range bytes.Lines(b) {
		e, err := ledger.Decode(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		c.types[string(e.Type())] = true
		c.measure(e)
		if e.Type().OfAuthority() {
			if err := chain.Add(e); err != nil {
				t.Fatal(err)
			}
		}
		if e.Type().OfLedger() {
			continue
		}
		job := jobs[e.JobID()]
		if job == nil {
			job = &projection.Folder{States: states}
			jobs[e.JobID()] = job
		}
		if job.Head.JobSeq > 0 && job.Head.Seq+1 != e.Seq() {
			c.interleaved++
		}
		before := job.Job
		if err := job.Add(e); err != nil {
			t.Fatal(err)
		}
		c.fold(t, before, e, job.Job)
	}
}

func (c *coverage) fold(t *testing.T, before projection.Job, e ledger.Event, after projection.Job) {
	t.Helper()
	view := projection.EventViewOf(e)
	c.statuses[string(after.Status)] = true
	c.codes[string(after.StopReason)], c.codes[string(after.ReasonCode)], c.codes[view.ReasonCode] = true, true, true
	got := outcome{Status: string(after.Status), StopReason: string(after.StopReason), ReasonCode: string(after.ReasonCode)}
	switch p := e.Payload().(type) {
	case ledger.CheckpointAdded:
		c.checkpoints[string(p.CheckpointType)] = true
		got.Late = p.Late
	case ledger.GateDecided:
		c.verdicts[string(p.Verdict)] = true
	case ledger.EffectSettled:
		c.outcomes[string(p.Outcome)] = true
	case ledger.LeaseReleased:
		c.released[string(p.Outcome)] = true
	case ledger.AttemptEnded:
		c.causes[string(p.Cause)] = true
	case ledger.Refused:
		c.refusals[p.Refusal] = true
		got.Exit, got.Code = p.Exit, projection.RefusalCode(p.Refusal)
	}
	undecided := 0
	for _, a := range after.Decisions {
		if a.Verdict == projection.Undecided {
			undecided++
		}
	}
	c.longest["open_decisions"] = max(c.longest["open_decisions"], undecided)
	row, column := rowOf(before), columnOfEvent(e)
	for _, cell := range cells(t) {
		if cell.from == row && cell.column == column && cell.outcome(before) == got {
			c.cells[row+"/"+column] = true
		}
	}
}

// rowOf returns the row of the table that a job is in.
func rowOf(j projection.Job) string {
	row, mark := string(j.Status), ""
	for _, a := range j.Decisions {
		switch {
		case a.Verdict == projection.Undecided:
			mark = ",open"
		case a.Verdict == projection.Denied && mark != ",open":
			mark = ",denied"
		case mark == "":
			mark = ",approved"
		}
	}
	if s := j.Stop; s != nil && s.Hold && mark == "" {
		mark = ",held"
		if s.Verdict == projection.Approved {
			mark = ",lifted"
		}
	}
	if _, known := states[row+mark]; known {
		return row + mark
	}
	return row
}

// columnOfEvent returns the column of the table that an event is in. A refusal
// holds no type of checkpoint, but its summary, which here names it.
func columnOfEvent(e ledger.Event) string {
	switch p := e.Payload().(type) {
	case ledger.CheckpointAdded:
		return string(p.CheckpointType)
	case ledger.Refused:
		if kind, ok := strings.CutPrefix(p.Summary, "about "); ok && p.Command == "checkpoint add" {
			return kind
		}
		if p.Summary == "hold" {
			return "hold"
		}
		return p.Command
	case ledger.Paused:
		if p.Hold {
			return "hold"
		}
		return "pause"
	case ledger.Stopped:
		return "stop"
	case ledger.Approved:
		return "approve"
	case ledger.Denied:
		return "deny"
	case ledger.Resumed:
		return "resume"
	case ledger.Cancelled:
		return "cancel"
	case ledger.ContentErased:
		return "erase"
	}
	return ""
}

// measure records how long every field of an event is.
func (c *coverage) measure(e ledger.Event) {
	c.longest["event"] = max(c.longest["event"], len(e.Bytes()))
	c.measureFields("event", reflect.ValueOf(e.Draft()))
	c.measureFields(string(e.Type()), reflect.ValueOf(e.Payload()))
}

// A field of versions up to 1.3.0 that no gait has written, and the payload, which is
// measured by its type.
var notMeasured = []string{"event.CommandSigs[].KeyID", "event.Payload"}

func (c *coverage) measureFields(name string, v reflect.Value) {
	if slices.Contains(notMeasured, name) {
		return
	}
	c.fields[name] = c.fields[name] || !v.IsZero()
	switch {
	case v.Kind() == reflect.String:
		c.longest[name] = max(c.longest[name], v.Len())
		for _, r := range v.String() {
			c.runes[r] = true
		}
	case v.Kind() == reflect.Slice:
		c.longest[name] = max(c.longest[name], v.Len())
		for i := range v.Len() {
			c.measureFields(name+"[]", v.Index(i))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		c.measureFields(name, v.Elem())
	case v.Kind() == reflect.Struct && v.Type().PkgPath() != "time":
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				c.measureFields(name+"."+f.Name, v.Field(i))
			}
		}
	}
}

// limited says for each limit of the format which fields reach it.
var limited = map[string]struct {
	max    int
	fields string
}{
	"MaxEventSize":       {ledger.MaxEventSize, "event"},
	"MaxSummary":         {ledger.MaxSummary, "checkpoint_added.Summary refused.Summary imported.Checkpoints[].Summary"},
	"MaxReason":          {ledger.MaxReason, "paused.Reason approved.Reason denied.Reason resumed.Reason cancelled.Reason emergency_stop_acknowledged.Reason refused.Reason key_rotated.Reason imported.Reason imported.Approvals[].Reason ledger_moved.Reason"},
	"MaxRequiredAction":  {ledger.MaxRequiredAction, "checkpoint_added.RequiredAction"},
	"MaxPolicyRef":       {ledger.MaxPolicyRef, "submitted.PolicyRef resumed.PreviousPolicyRef resumed.CurrentPolicyRef imported.PolicyRef continued.PolicyRef"},
	"MaxFingerprint":     {ledger.MaxFingerprint, "submitted.EnvironmentFingerprint resumed.ExpectedFingerprint resumed.ActualFingerprint continued.EnvironmentFingerprint"},
	"MaxProducerVersion": {ledger.MaxProducerVersion, "submitted.ProducerVersion continued.ProducerVersion"},
	"MaxRequestID":       {ledger.MaxRequestID, "event.RequestID"},
	"MaxOrigin":          {ledger.MaxOrigin, "event.Origin ledger_created.Predecessor.Origin continued.Origin"},
	"MaxLabels":          {ledger.MaxLabels, "submitted.Labels continued.Labels"},
	"MaxLabelKey":        {ledger.MaxLabelKey, "submitted.Labels[].Key continued.Labels[].Key"},
	"MaxLabelValue":      {ledger.MaxLabelValue, "submitted.Labels[].Value continued.Labels[].Value"},
	"MaxOpenDecisions":   {ledger.MaxOpenDecisions, "open_decisions"},
	"MaxMediaType":       {ledger.MaxMediaType, "continued.Proof.MediaType"},
	"MaxFileName":        {ledger.MaxFileName, "continued.Proof.Name"},
}

func (c *coverage) checkLimits(t *testing.T) {
	t.Helper()
	reach := func(limit string, most int, fields string) {
		for field := range strings.FieldsSeq(fields) {
			if got := c.longest[field]; got != most {
				t.Errorf("%s is at most %d long in the corpus, and may be %d (%s)", field, got, most, limit)
			}
		}
	}
	eachConstant(t, "../ledger/text.go", "Max", func(name string, _ ast.Expr) {
		l, known := limited[name]
		if !known {
			t.Errorf("%s is new: have the corpus reach it", name)
		}
		reach(name, l.max, l.fields)
	})
	reach("approvals that a resume uses up", ledger.MaxOpenDecisions+1, "resumed.Consumes")
	for _, f := range []struct {
		field  ledger.Field
		fields string
	}{{ledger.FieldActor, "event.Actor"}, {ledger.FieldJobID, "event.JobID"}, {ledger.FieldIdentity, "submitted.Identity resumed.Identity imported.Identity continued.Identity continued.ImportedBy continued.SubmittedBy"}} {
		most := 1
		for f.field.Check(fill("", most+1)) == nil {
			most++
		}
		reach("a name", most, f.fields)
	}
}

// checkTexts checks that characters of every kind are in the corpus.
func (c *coverage) checkTexts(t *testing.T) {
	t.Helper()
	for what, is := range map[string]func(rune) bool{
		"of two bytes": func(r rune) bool { return r >= 0x80 && r < 0x800 }, "of three bytes": func(r rune) bool { return r >= 0x800 && r < 0x10000 },
		"of four bytes": func(r rune) bool { return r >= 0x10000 }, "that combine": func(r rune) bool { return unicode.Is(unicode.Mn, r) },
		"of Hebrew": func(r rune) bool { return unicode.Is(unicode.Hebrew, r) }, "of Arabic": func(r rune) bool { return unicode.Is(unicode.Arabic, r) },
		"that are quotes": func(r rune) bool { return r == '"' }, "that are backslashes": func(r rune) bool { return r == '\\' },
		"that HTML escapes": func(r rune) bool { return r == '<' }, "that end lines": func(r rune) bool { return r == '\u2028' },
		"that join others": func(r rune) bool { return r == '\u200d' }, "that are the last there is": func(r rune) bool { return r == unicode.MaxRune },
	} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(c.runes)), is) {
			t.Errorf("no text of the corpus has characters %s", what)
		}
	}
}
