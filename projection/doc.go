// Package projection holds every rule of a durable job and folds events into views.
//
// Next is the state machine: it says which event may follow in which state, and
// what state it leads to. Package commands calls it before an event is written, and
// Apply calls it when one is read. An event that cannot follow stops the fold.
//
// The table has a row for each state a job can be in and a column for each
// command, in which hold is a pause with hold. A state is a status, or a status in which
// decisions wait that are open, denied or approved, or that is on hold, or was until an
// approval lifted it. A cell is the status that follows, or:
//
//	=          recorded, nothing else changes
//	=late      recorded as late, nothing else changes
//	=approved  recorded, the reason code becomes approval_recorded
//	denied     blocked, stop reason and reason code are decision_denied
//	no         refused: invalid_transition
//	no!        refused: approval_required
//	no:twice   refused: already_decided
//
//	from                      plan   progress  decision-needed  blocked  completed  failed  pause   hold    stop               approve    deny      resume   cancel     erase
//	running                   =      =         decision_needed  blocked  completed  failed  paused  paused  emergency_stopped  no         no        no       cancelled  =
//	paused                    =late  =late     no               no       no         failed  no      paused  emergency_stopped  =approved  denied    running  cancelled  =
//	paused,open               =late  =late     no               no       no         failed  no      paused  emergency_stopped  =approved  denied    no!      cancelled  =
//	paused,denied             =late  =late     no               no       no         failed  no      paused  emergency_stopped  =approved  no:twice  no!      cancelled  =
//	paused,approved           =late  =late     no               no       no         failed  no      paused  emergency_stopped  =approved  denied    running  cancelled  =
//	paused,held               =late  =late     no               no       no         failed  no      no      emergency_stopped  =approved  denied    no!      cancelled  =
//	paused,lifted             =late  =late     no               no       no         failed  no      paused  emergency_stopped  no:twice   denied    running  cancelled  =
//	decision_needed           =late  =late     =                blocked  no         failed  paused  paused  emergency_stopped  =approved  denied    no!      cancelled  =
//	decision_needed,approved  =late  =late     =                blocked  no         failed  paused  paused  emergency_stopped  no:twice   denied    running  cancelled  =
//	blocked                   =late  =late     decision_needed  =        no         failed  paused  paused  emergency_stopped  =approved  denied    running  cancelled  =
//	blocked,open              =late  =late     decision_needed  =        no         failed  paused  paused  emergency_stopped  =approved  denied    no!      cancelled  =
//	blocked,denied            =late  =late     decision_needed  =        no         failed  paused  paused  emergency_stopped  =approved  no:twice  no!      cancelled  =
//	blocked,approved          =late  =late     decision_needed  =        no         failed  paused  paused  emergency_stopped  no:twice   denied    running  cancelled  =
//	blocked,held              =late  =late     decision_needed  =        no         failed  paused  no      emergency_stopped  =approved  no:twice  no!      cancelled  =
//	emergency_stopped         no     no        no               no       no         no      no      no      no                 no         no        no       cancelled  =
//	emergency_stopped,open    no     no        no               no       no         no      no      no      no                 no         no        no       cancelled  =
//	completed                 no     no        no               no       no         no      no      no      no                 no         no        no       no         =
//	failed                    no     no        no               no       no         no      no      no      no                 no         no        no       no         =
//	cancelled                 no     no        no               no       no         no      no      no      no                 no         no        no       no         =
//
// Tests read it from testdata/transitions.txt.
//
// # Verdicts
//
// A decision-needed checkpoint asks for a verdict, and so may a pause or a
// block. An approval or denial names the event it judges. Resume is possible
// only when every decision that was asked for since the job last ran has an
// approval as its last verdict, and nothing else is denied; it uses the
// approvals up. If a verdict names no checkpoint, it goes to the one
// undecided decision; if there is none, to the one that is denied; if
// there is none, to the pause or block. A newer pause or block replaces an older
// one unless the last verdict on that is a denial: pausing a job does not get rid
// of a denial.
//
// A pause can be a hold. Then a resume is possible only after an approval of it, as of a
// decision, and until then no newer pause or block replaces it. A paused job can be put
// on hold, unless its pause or block needs an approval already.
//
// # What else the rules say
//
// A verdict that repeats the last one on the same thing is refused as
// already_decided. At most 64 decisions may be asked for since the job last ran,
// approved ones included: a resume names each approval that it uses up, and the
// event has room for 65. A pause or block that was denied stays the job's stop
// until it is approved.
//
// A resume in another environment needs AllowEnvMismatch and a reason. It does
// not bind the job to that environment: the fingerprint stays the one that the
// job was submitted with, and each resume in another environment records that.
//
// What a PackSpec v1 pack says of an imported job is a claim. If the job was stopped
// in the pack, it needs an approval in this ledger, even if the pack has one.
//
// A job that another ledger held before continues as it stood there. Its decisions are
// asked for again at once, approved ones too, and nothing else may come in between. Its
// pause or block is a hold if it was one, was denied, or was claimed by an import.
//
// # Views
//
// A Job is the bounded state that the rules need. It is kept as a cache beside
// the events, with the version of the folds and the leaf hash of the job's last
// event, and rebuilt by replay if either differs. The texts of its decisions are read
// from the events that asked for them. StatusView shows a
// Job; View and the events show everything. Every view is canonical
// JSON (RFC 8785), so that equal views are equal bytes.
package projection
