package projection

import (
	"fmt"

	"gait/ledger"
)

// A step turns a payload of one format version into one of the next.
type step struct {
	from, to string
	payload  func(ledger.Payload) ledger.Payload // nil if it stays the same
}

// steps lead from the first version of the format to the newest, in order. A new
// version adds one at the end. No step is ever changed or removed, since events of
// every version must stay readable.
var steps = []step{
	// 1.1.0 added types, key_rotated and imported. Payloads of 1.0.0 keep their meaning.
	{from: "1.0.0", to: "1.1.0"},
	// 1.2.0 added index_committed. Payloads of 1.1.0 keep their meaning.
	{from: "1.1.0", to: "1.2.0"},
	// 1.3.0 added continued, ledger_moved and optional fields: hold, continues and
	// predecessor.requests. Payloads of 1.2.0 keep their meaning.
	{from: "1.2.0", to: "1.3.0"},
	// 1.4.0 added authority, signed commands, content of jobs, and what a decision says of
	// who decides, until when and about what. Payloads of 1.3.0 keep their meaning.
	{from: "1.3.0", to: "1.4.0"},
	// 1.5.0 added the gate: gate_decided, dispatch_blocked and effect_settled. Payloads of
	// 1.4.0 keep their meaning.
	{from: "1.4.0", to: "1.5.0"},
	// 1.6.0 added leases, attempts, and what a submitted job waits for and works on. Payloads of
	// 1.5.0 keep their meaning.
	{from: "1.5.0", to: "1.6.0"},
}

// upcast returns an event's payload as the newest version would have it. The event
// was decoded and its bytes hashed before, and neither changes. upcast
// fails with ledger.ErrUnsupportedVersion if no step leads on. Views of
// single events, such as EventViewOf, show payloads as they were written.
func upcast(e ledger.Event) (ledger.Payload, error) {
	p, version := e.Payload(), e.Version()
	if version == ledger.EventSchemaVersion {
		return p, nil
	}
	for _, s := range steps {
		if s.from != version {
			continue
		}
		if s.payload != nil {
			p = s.payload(p)
		}
		version = s.to
	}
	if version != ledger.EventSchemaVersion {
		return nil, fmt.Errorf("event %d is of version %s, from which nothing leads to %s: %w", e.Seq(), version, ledger.EventSchemaVersion, ledger.ErrUnsupportedVersion)
	}
	return p, nil
}
