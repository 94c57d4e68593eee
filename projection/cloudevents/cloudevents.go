// Package cloudevents writes the events of a ledger as CloudEvents 1.0.2 (CNCF, 2022-02-05)
// in the JSON event format, which brokers, functions and webhooks read. It is a pure function
// of an event, so that the same ledger gives the same bytes.
//
// Event 3 of the ledger example.com/pay, a job's, is
//
//	{"data":{…},"datacontenttype":"application/json",
//	 "dataschema":"https://gait.example/schemas/gait.ledger.event.schema.json",
//	 "id":"ad14…","partitionkey":"job_1","sequence":"0000000000000003",
//	 "source":"gait:example.com/pay","specversion":"1.0","subject":"job_1",
//	 "time":"2026-11-22T20:32:58.058Z","type":"gait.job.approved"}
//
// on one line, in canonical form (RFC 8785). The attributes:
//
//   - data: the event, byte for byte what is stored. Its leaf hash, with which a receipt or a
//     pack proves it, is the SHA-256 of a zero byte and these bytes.
//   - id: that leaf hash. source and id name the event wherever it is delivered, however often;
//     two histories of one ledger have different ids.
//   - source: the URI gait: and the ledger's origin.
//   - type: gait.job. and the event's type, or gait.ledger. and the type if it is about the
//     ledger itself.
//   - subject: the job's id. Events about the ledger have none.
//   - time: the event's created_at.
//   - sequence (the extension of that name): the event's seq in 16 decimal digits, so that the
//     order of the texts is that of the ledger.
//   - partitionkey (the partitioning extension): the job's id, so that a broker keeps the order
//     of a job.
//   - traceparent (the distributed tracing extension): the event's trace, if it has one.
package cloudevents

import (
	"fmt"

	"gait/ledger"
	"gait/ledger/jcs"
)

// MediaType is the media type of one event in the JSON event format.
const MediaType = "application/cloudevents+json"

// schema describes the data of all events.
const schema = "https://gait.example/schemas/gait.ledger.event.schema.json"

// TypeOf returns the type attribute of an event.
func TypeOf(e ledger.Event) string {
	if e.JobID() == "" {
		return "gait.ledger." + string(e.Type())
	}
	return "gait.job." + string(e.Type())
}

// Source returns the source attribute of all events of a ledger.
func Source(origin string) string { return "gait:" + origin }

// ID returns the id attribute of an event.
func ID(e ledger.Event) string { return e.LeafHash().String() }

// Append appends an event in the JSON event format to b, without a line feed.
func Append(b []byte, e ledger.Event) []byte {
	b = append(b, `{"data":`...)
	b = append(b, e.Bytes()...)
	text := func(name, value string) {
		if value != "" {
			b = append(append(append(b, `,"`...), name...), `":`...)
			b = jcs.AppendString(b, value)
		}
	}
	text("datacontenttype", "application/json")
	text("dataschema", schema)
	text("id", ID(e))
	text("partitionkey", e.JobID())
	text("sequence", fmt.Sprintf("%016d", e.Seq()))
	text("source", Source(e.Origin()))
	text("specversion", "1.0")
	text("subject", e.JobID())
	text("time", e.TimeText())
	text("traceparent", e.Trace())
	text("type", TypeOf(e))
	return append(b, '}')
}
