package packspec

import "gait/ledger"

// workVersion is the version of events that leases, attempts, and what a job waits for and works
// on came with.
const workVersion = "1.6.0"

// ofWork reports whether an event is of that version: it is about a lease or an attempt, names a
// lease or a trace, or says how far its job has come, what that waits for or works on.
func ofWork(e ledger.Event) bool { return e.Version() == workVersion }
