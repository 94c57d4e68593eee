package otel

import (
	"encoding/hex"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// A span is one of OTLP, and what is not written of it.
type span struct {
	Attributes attributes  `json:"attributes"`
	End        string      `json:"endTimeUnixNano"`
	Events     []spanEvent `json:"events,omitempty"`
	Kind       int         `json:"kind"`
	Links      []link      `json:"links,omitempty"`
	Name       string      `json:"name"`
	ParentID   string      `json:"parentSpanId,omitempty"`
	SpanID     string      `json:"spanId"`
	Start      string      `json:"startTimeUnixNano"`
	Status     *status     `json:"status,omitempty"`
	TraceID    string      `json:"traceId"`

	newest ledger.Seq // of the events that the span says something of
	open   bool       // it has not ended
}

// A Job makes the spans of one job from its events. The zero Job is ready for the first.
type Job struct {
	origin  string
	spans   []*span // in the order of their first events
	root    *span
	segment *span             // the one that the job is in; nil after the job's end
	status  projection.Status // of the segment
	tools   map[string]*span  // by grant
	newest  time.Time         // of the events
}

// Add adds the job's next event, with the job after it.
func (j *Job) Add(after projection.Job, e ledger.Event) {
	j.newest = e.Time()
	if j.root == nil {
		j.begin(after, e)
	}
	j.touch(j.root, e)
	if after.Status != j.status {
		j.enter(after.Status, e)
	}
	at := j.segment
	if at == nil {
		at = j.root
	}
	j.touch(at, e)
	at.Events = append(at.Events, eventOf(e))
	switch p := e.Payload().(type) {
	case ledger.GateDecided:
		j.decided(e, p)
	case ledger.EffectSettled:
		j.settled(e, p)
	default: // all that is to be said of it is in the segment's event
	}
}

func (j *Job) touch(s *span, e ledger.Event) { s.newest = max(s.newest, e.Seq()) }

// start starts a span with an event.
func (j *Job) start(name string, e ledger.Event, id string) *span {
	s := &span{
		Name: name, Kind: kindInternal, TraceID: traceID(e), SpanID: id,
		Start: nanoseconds(e.Time()), newest: e.Seq(), open: true,
	}
	if j.root != nil {
		s.TraceID, s.ParentID = j.root.TraceID, j.root.SpanID
	}
	j.spans = append(j.spans, s)
	return s
}

func (s *span) end(e ledger.Event) { s.End, s.open, s.newest = nanoseconds(e.Time()), false, e.Seq() }

// begin starts the job's own span.
func (j *Job) begin(after projection.Job, e ledger.Event) {
	s := j.start("job", e, earlyID(e))
	if trace, parent, ok := traceOf(e); ok {
		s.TraceID, s.ParentID = trace, parent
	}
	a := &s.Attributes
	a.text("gait.job.id", after.ID)
	a.text("gait.job.identity", after.Identity)
	a.text("gait.job.submitted_by", after.SubmittedBy)
	a.text("gait.policy.digest", digest(after.PolicyDigest))
	a.text("gait.policy.ref", after.PolicyRef)
	for _, l := range after.Labels {
		a.text("gait.label."+l.Key, l.Value)
	}
	if after.Continued != nil {
		if p, ok := e.Payload().(ledger.Continued); ok {
			a.text("gait.continued_from", p.Origin)
		}
	}
	j.origin, j.root, j.tools = e.Origin(), s, map[string]*span{}
}

// enter ends the segment, and starts the next one unless the job has ended.
func (j *Job) enter(to projection.Status, e ledger.Event) {
	if j.segment != nil {
		j.segment.end(e)
		j.segment = nil
	}
	j.status = to
	if !to.Final() {
		j.segment = j.start("job "+string(to), e, lateID(e))
		j.segment.Attributes.text("gait.job.id", e.JobID())
		j.segment.Attributes.text("gait.job.status", string(to))
		return
	}
	j.root.end(e)
	j.root.Attributes.text("gait.job.status", string(to))
	switch to {
	case projection.Completed:
		j.root.Status = &status{Code: statusOK}
	case projection.Failed:
		j.root.Status = &status{Code: statusError, Message: "failed"}
		j.root.Attributes.text("error.type", "failed")
	default: // a job that was cancelled did not fail
	}
}

// decided adds the spans of an answer of the gate, and of the tool if it may run.
func (j *Job) decided(e ledger.Event, p ledger.GateDecided) {
	gate := j.start("gate "+p.Tool, e, earlyID(e))
	if j.segment != nil {
		gate.ParentID = j.segment.SpanID
	}
	if trace, parent, ok := traceOf(e); ok {
		if j.segment != nil {
			gate.Links = []link{{SpanID: j.segment.SpanID, TraceID: j.segment.TraceID}}
		}
		gate.TraceID, gate.ParentID = trace, parent
	}
	ofTool(&gate.Attributes, e, p)
	decision(&gate.Attributes, p)
	gate.end(e)
	if p.Verdict != ledger.GateAllow {
		return
	}
	tool := j.start("execute_tool "+p.Tool, e, lateID(e))
	tool.TraceID, tool.ParentID, tool.Links = gate.TraceID, gate.SpanID, gate.Links
	tool.Attributes.text("gen_ai.operation.name", "execute_tool")
	ofTool(&tool.Attributes, e, p)
	tool.Attributes.text("gait.grant", p.Grant)
	j.tools[p.Grant] = tool
}

// settled ends the span of a tool. What was settled as unknown is settled again one day.
func (j *Job) settled(e ledger.Event, p ledger.EffectSettled) {
	tool := j.tools[p.Grant]
	if tool == nil {
		return // the grant was given in the ledger before
	}
	tool.end(e)
	tool.Events = append(tool.Events, eventOf(e))
	if p.Outcome == ledger.EffectUnknown {
		tool.Status = &status{Code: statusError, Message: "it is not known what was done"}
		return
	}
	if tool.Status = nil; p.Outcome == ledger.EffectNotDone {
		tool.Status = &status{Code: statusError, Message: "it was not done"}
	}
	outcome(tool, p.Outcome)
	delete(j.tools, p.Grant)
}

// outcome says what became of a tool.
func outcome(tool *span, o ledger.EffectOutcome) {
	tool.Attributes.text("gait.outcome", string(o))
	if o != ledger.EffectDone {
		tool.Attributes.text("error.type", string(o))
	}
}

// Line returns the spans that an event from since on says something of, as one line of
// OTLP/JSON without a line feed, and how many they are. It returns nil if there is none. After
// it the Job takes no more events.
func (j *Job) Line(since ledger.Seq) (line []byte, n int, err error) {
	var spans []*span
	for _, s := range j.spans {
		if s.open {
			s.End = nanoseconds(j.newest)
			s.Attributes.flag("gait.open", true)
		}
		if s.newest >= since {
			spans = append(spans, s)
		}
	}
	for _, tool := range j.tools { // in any order: each has its own attributes
		if tool.Status != nil {
			outcome(tool, ledger.EffectUnknown)
		}
	}
	if len(spans) == 0 {
		return nil, 0, nil
	}
	var of attributes
	of.text("service.name", "gait")
	of.text("gait.origin", j.origin)
	line, err = jcs.Marshal(traces{[]resourceSpans{{
		Resource: resource{of}, SchemaURL: schemaURL,
		ScopeSpans: []scopeSpans{{SchemaURL: schemaURL, Scope: scope{"gait", scopeVersion}, Spans: spans}},
	}}})
	return line, len(spans), err
}

func traceID(e ledger.Event) string { return hexOf(e, 0, 16) }
func earlyID(e ledger.Event) string { return hexOf(e, 16, 24) }
func lateID(e ledger.Event) string  { return hexOf(e, 24, 32) }

func hexOf(e ledger.Event, from, to int) string {
	leaf := e.LeafHash()
	return hex.EncodeToString(leaf[from:to])
}

// traceOf returns the trace and the span that an event's traceparent names.
func traceOf(e ledger.Event) (trace, parent string, ok bool) {
	parts := strings.Split(e.Trace(), "-")
	if len(parts) != 4 {
		return "", "", false
	}
	return parts[1], parts[2], true
}

// digest spells a digest, or nothing if there is none.
func digest(h ledger.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}
