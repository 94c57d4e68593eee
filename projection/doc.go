// Package projection holds every rule of a durable job and folds events into views.
//
// Next is the state machine: what may follow what, and what it leads to.
// Package commands asks it before an event is written, Apply asks it when one
// is read, and nothing else decides. An event that cannot follow stops the fold.
//
//	from               plan, progress  decision-needed  blocked  completed  failed  pause   stop     approve/deny  resume   cancel
//	running            =               decision_needed  blocked  completed  failed  paused  stopped  no            no       cancelled
//	paused             = late          no               no       no         failed  no      stopped  =/blocked     running  cancelled
//	decision_needed    = late          = (one more)     blocked  no         failed  paused  stopped  =/blocked     running  cancelled
//	blocked            = late          decision_needed  =        no         failed  paused  stopped  =/blocked     running  cancelled
//	emergency_stopped  no              no               no       no         no      no      no       no            no       cancelled
//	completed, failed, cancelled: nothing follows
//
// # Verdicts
//
// A decision-needed checkpoint asks for a verdict, and so may a pause or a
// block. An approval or denial names the event it judges. Resume is possible
// only when every decision that was asked for since the job last ran has an
// approval as its last verdict, and nothing else is denied; it uses the
// approvals up. Where a verdict names no checkpoint, it goes to the one
// undecided decision; where there is none, to the one that is denied; where
// there is none, to the pause or block. A newer pause or block takes the place
// of an older one, except of one that was denied: pausing launders nothing.
//
// # Views
//
// A Job is the bounded state that the rules need. It is kept as a cache beside
// the events, with the version of this package and the leaf hash of the event
// it was made at, and made anew by replay when either differs. StatusView shows a
// Job; View and the events show everything. Every view is canonical
// JSON (RFC 8785), so that equal views are equal bytes.
package projection
