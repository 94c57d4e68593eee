package projection

import (
	"fmt"

	"gait/ledger"
)

// A step says what a payload that one format version wrote means in the next.
type step struct {
	from, to string
	payload  func(ledger.Payload) ledger.Payload // nil: the same
}

// steps lead from the first version of the format to the newest, one after the
// other. A new version adds one at the end; none is ever changed or taken out,
// since events of every version are read for ever.
var steps = []step{
	// 1.1.0 added types, key_rotated and imported. What 1.0.0 wrote means what it did.
	{from: "1.0.0", to: "1.1.0"},
}

// upcast returns an event's payload as the newest version would have it. The
// event was decoded, and its bytes hashed, before: both stay what they are. It
// fails with ledger.ErrUnsupportedVersion where no step leads on. Views of
// single events, such as EventViewOf, show them as they were written.
func upcast(e ledger.Event) (ledger.Payload, error) {
	p, version := e.Payload, e.Type().Version()
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
		return nil, fmt.Errorf("event %d is of version %s, from which nothing leads to %s: %w", e.Seq, version, ledger.EventSchemaVersion, ledger.ErrUnsupportedVersion)
	}
	return p, nil
}
