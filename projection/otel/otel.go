// Package otel writes the jobs of a ledger as traces in OTLP/JSON (OpenTelemetry protocol
// 1.x, JSON protobuf encoding), which collectors and trace viewers read. It is a pure
// function of a job's events: a second export gives the same bytes, and so the same traces.
//
// # Spans
//
// A job is a trace:
//
//	job                            from its first event to the one that ends it
//	├─ job running                 a segment: as long as the job had that status
//	│  ├─ gate pay                 a question to the gate, which takes no time in the ledger
//	│  │  └─ execute_tool pay      from an allow to the event that settles it
//	├─ job decision_needed         and below it the question to the gate that began it
//	└─ job running
//
// Each event of the job is an event of the segment that it is in, or begins, and of the span
// job if it ends the job or comes after that. Its name is gait. and its type, and its attributes say
// what it says, reasons and summaries included; content is named by digest only. Events about
// the ledger itself are in no trace. A span that has not ended is written as ending with the job's
// newest event, with the attribute gait.open. The status of a span is an error if the job
// failed, or if it is not known that a tool was done; a block is no error of the gate.
//
// Tools have the attributes of the semantic conventions for generative AI, 1.41.0: the gate
// and the tool gen_ai.tool.name and gen_ai.tool.call.id, the tool gen_ai.operation.name
// execute_tool, and error.type if it was not done (not_done) or if that is not known
// (unknown). All other attributes begin with gait.
//
// # Ids
//
// Ids are cut out of leaf hashes. The trace has bytes 0 to 15 of that of the job's first event.
// A span has those of the event that it begins with: job and gate bytes 16 to 23, segments and
// tools bytes 24 to 31.
//
// If the first event has a trace (W3C Trace Context), the job is in that trace, and its span
// is the child of the span that is named there. If a question to the gate has one, the spans of the
// gate and the tool are in that trace, below that span, and link to the segment.
//
// # Form
//
// A line is one message of OTLP, as an exporter writes it into a file or posts it to
// /v1/traces: resource, scope gait 1.0.0, and the spans of one job in the order of their
// first events. It is canonical JSON (RFC 8785). A line is as long as its job: some 700 bytes an
// event, of which a collector takes 20 MiB at once unless it is told otherwise.
package otel

import (
	"math"
	"strconv"
	"time"
)

// schemaURL names the semantic conventions.
const schemaURL = "https://opentelemetry.io/schemas/1.41.0"

// scopeVersion is the version of what this package makes of a ledger.
const scopeVersion = "1.0.0"

// The messages of OTLP, as far as they are used, by the names that its JSON has.
type (
	traces struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		SchemaURL  string       `json:"schemaUrl"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes attributes `json:"attributes"`
	}
	scopeSpans struct {
		SchemaURL string  `json:"schemaUrl"`
		Scope     scope   `json:"scope"`
		Spans     []*span `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	spanEvent struct {
		Attributes attributes `json:"attributes,omitempty"`
		Name       string     `json:"name"`
		Time       string     `json:"timeUnixNano"`
	}
	link struct {
		Attributes attributes `json:"attributes,omitempty"`
		SpanID     string     `json:"spanId"`
		TraceID    string     `json:"traceId"`
	}
	status struct {
		Code    int    `json:"code"`
		Message string `json:"message,omitempty"`
	}
	attribute struct {
		Key   string         `json:"key"`
		Value map[string]any `json:"value"`
	}
)

// The codes of a status.
const (
	statusOK    = 1
	statusError = 2
)

// kindInternal is the kind of all spans: the work of an application itself.
const kindInternal = 1

// attributes are in the order in which they were added. What is empty is left out.
type attributes []attribute

func (a *attributes) text(key, value string) {
	if value != "" {
		*a = append(*a, attribute{key, map[string]any{"stringValue": value}})
	}
}

func (a *attributes) number(key string, value int64) {
	*a = append(*a, attribute{key, map[string]any{"intValue": strconv.FormatInt(value, 10)}})
}

func (a *attributes) flag(key string, value bool) {
	if value {
		*a = append(*a, attribute{key, map[string]any{"boolValue": true}})
	}
}

func (a *attributes) texts(key string, values []string) {
	if len(values) == 0 {
		return
	}
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = map[string]any{"stringValue": v}
	}
	*a = append(*a, attribute{key, map[string]any{"arrayValue": map[string]any{"values": list}}})
}

// nanoseconds spells a time as OTLP does: since 1970, as decimal digits. The protocol has no
// earlier ones.
func nanoseconds(at time.Time) string {
	const most = math.MaxInt64 / int64(time.Millisecond)
	return strconv.FormatInt(min(max(at.UnixMilli(), 0), most)*int64(time.Millisecond), 10)
}
