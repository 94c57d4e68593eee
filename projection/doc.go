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
// approvals up: of each decision it names the newest one. If a verdict names no checkpoint, it goes to the one
// undecided decision; if there is none, to the one that is denied; if
// there is none, to the pause or block. A newer pause or block replaces an older
// one unless the last verdict on that is a denial: pausing a job does not get rid
// of a denial.
//
// # What a decision says
//
// A decision can name who may decide it, by name or by role, how many must approve, until
// when, and what it is about. This holds with and without authority:
//
//   - Someone who is not among its approvers gives no verdict on it (role_required).
//   - It is approved when as many actors have approved as it says. Each counts once, and
//     each key once (already_decided). Until then a resume is refused as quorum_pending, if
//     nothing else keeps the job from it. One denial denies it, and clears its approvals.
//   - From the time at which it expires it can neither be approved nor be used up by a
//     resume (decision_expired). A denial is still taken. Times are compared with what the
//     clock read, which an event has in clock or else in created_at.
//   - A verdict that names another content than the decision is about is refused as
//     subject_changed. An approval can amend the content: the approvals so far are dropped,
//     this one counts, and later ones name the new content.
//   - A decision can take the place of another one, or of a block, by its checkpoint id,
//     whatever the verdict on that was, and of a pause or hold that was denied. What it
//     replaces is taken out, also while the job is paused.
//
// # Authority
//
// If the ledger has authority events, package authority says which acts need a signature,
// and by whom. What depends on the job is said here:
//
//   - A denial stands. Only a decision that takes its place lifts it.
//   - Verdicts name the content that is decided about, if there is one.
//   - Who asked, or asked for what a decision took the place of, approves nothing, under no
//     name that their key was ever enrolled under, and
//     neither do the job's identity and the actor who imported it. In modes verdicts and all the
//     submitter does not either, and what a claim asked for needs two approvals.
//   - A resume judges all approvals again, by the authority and the clock at the resume. One
//     counts if it is a claim under a name that is not enrolled, in mode claims, or signed by
//     a key in force of an actor who is an approver. The actor must still be among the
//     decision's approvers, and not approve their own request. An approval that does not
//     count when the next one is given is dropped.
//   - In modes verdicts and all a resume under a policy needs an operator who binds it: the
//     one who signs the resume, or the one who bound it before and is still in force. None
//     is needed for a policy that the ledger lets anyone bind.
//
// An event that names no authority is judged without. What expires or is revoked changes no
// event and no stored view: a Basis says by which authority and at which time to judge.
//
// The table has a row for each state, first without authority and then with it, in mode
// claims. In lapsed a decision was approved and has expired since; in two, one of two
// decisions has expired. In column replace the decision takes the place of cp_0001. Cells
// are as above, or:
//
//	no:open     refused: decision_not_open
//	no:expired  refused: decision_expired
//	no:pending  refused: quorum_pending
//
//	from                                plan   decision-needed  replace          replace-pause    blocked  pause   hold    approve     amend       deny      resume      cancel
//	running                             =      decision_needed  no:open          no:open          blocked  paused  paused  no          no          no        no          cancelled
//	paused                              =late  no               no:open          no:open          no       no      =       =approved   =approved   denied    running     cancelled
//	paused,denied                       =late  no               decision_needed  no:open          no       no      =       =approved   =approved   no:twice  no!         cancelled
//	paused,open                         =late  no               decision_needed  no:open          no       no      =       =approved   =approved   denied    no!         cancelled
//	paused,pending                      =late  no               decision_needed  no:open          no       no      =       =approved   =approved   denied    no:pending  cancelled
//	paused,expired                      =late  no               decision_needed  no:open          no       no      =       no:expired  no:expired  denied    no:expired  cancelled
//	paused,held                         =late  no               no:open          no:open          no       no      no      =approved   =approved   denied    no!         cancelled
//	decision_needed                     =late  =                =                no:open          blocked  paused  paused  =approved   =approved   denied    no!         cancelled
//	decision_needed,pending             =late  =                =                no:open          blocked  paused  paused  =approved   =approved   denied    no:pending  cancelled
//	decision_needed,approved            =late  =                =                no:open          blocked  paused  paused  no:twice    no:twice    denied    running     cancelled
//	decision_needed,expired             =late  =                =                no:open          blocked  paused  paused  no:expired  no:expired  denied    no:expired  cancelled
//	decision_needed,lapsed              =late  =                =                no:open          blocked  paused  paused  no:expired  no:expired  denied    no:expired  cancelled
//	decision_needed,two                 =late  =                =                no:open          blocked  paused  paused  =approved   =approved   denied    no:expired  cancelled
//	blocked                             =late  decision_needed  decision_needed  no:open          =        paused  paused  =approved   =approved   denied    running     cancelled
//	blocked,denied                      =late  decision_needed  decision_needed  no:open          =        paused  paused  =approved   =approved   no:twice  no!         cancelled
//	blocked,pending                     =late  decision_needed  decision_needed  no:open          =        paused  paused  =approved   =approved   denied    no:pending  cancelled
//	blocked,held                        =late  decision_needed  no:open          decision_needed  =        paused  no      =approved   =approved   no:twice  no!         cancelled
//	blocked,paused                      =late  decision_needed  no:open          decision_needed  =        paused  no      =approved   =approved   no:twice  no!         cancelled
//	blocked,block                       =late  decision_needed  decision_needed  no:open          =        paused  no      =approved   =approved   no:twice  no!         cancelled
//	emergency_stopped                   no     no               no               no               no       no      no      no          no          no        no          cancelled
//	completed                           no     no               no               no               no       no      no      no          no          no        no          no
//	authority:running                   =      decision_needed  no:open          no:open          blocked  paused  paused  no          no          no        no          cancelled
//	authority:paused                    =late  no               no:open          no:open          no       no      =       =approved   =approved   denied    running     cancelled
//	authority:paused,denied             =late  no               decision_needed  no:open          no       no      =       no:twice    no:twice    no:twice  no!         cancelled
//	authority:paused,open               =late  no               decision_needed  no:open          no       no      =       =approved   =approved   denied    no!         cancelled
//	authority:paused,pending            =late  no               decision_needed  no:open          no       no      =       =approved   =approved   denied    no:pending  cancelled
//	authority:paused,expired            =late  no               decision_needed  no:open          no       no      =       no:expired  no:expired  denied    no:expired  cancelled
//	authority:paused,held               =late  no               no:open          no:open          no       no      no      =approved   =approved   denied    no!         cancelled
//	authority:decision_needed           =late  =                =                no:open          blocked  paused  paused  =approved   =approved   denied    no!         cancelled
//	authority:decision_needed,pending   =late  =                =                no:open          blocked  paused  paused  =approved   =approved   denied    no:pending  cancelled
//	authority:decision_needed,approved  =late  =                =                no:open          blocked  paused  paused  no:twice    no:twice    denied    running     cancelled
//	authority:decision_needed,expired   =late  =                =                no:open          blocked  paused  paused  no:expired  no:expired  denied    no:expired  cancelled
//	authority:decision_needed,lapsed    =late  =                =                no:open          blocked  paused  paused  no:expired  no:expired  denied    no:expired  cancelled
//	authority:decision_needed,two       =late  =                =                no:open          blocked  paused  paused  =approved   =approved   denied    no:expired  cancelled
//	authority:blocked                   =late  decision_needed  decision_needed  no:open          =        paused  paused  =approved   =approved   denied    running     cancelled
//	authority:blocked,denied            =late  decision_needed  decision_needed  no:open          =        paused  paused  no:twice    no:twice    no:twice  no!         cancelled
//	authority:blocked,pending           =late  decision_needed  decision_needed  no:open          =        paused  paused  =approved   =approved   denied    no:pending  cancelled
//	authority:blocked,held              =late  decision_needed  no:open          decision_needed  =        paused  no      no:twice    no:twice    no:twice  no!         cancelled
//	authority:blocked,paused            =late  decision_needed  no:open          decision_needed  =        paused  no      no:twice    no:twice    no:twice  no!         cancelled
//	authority:blocked,block             =late  decision_needed  decision_needed  no:open          =        paused  no      no:twice    no:twice    no:twice  no!         cancelled
//	authority:emergency_stopped         no     no               no               no               no       no      no      no          no          no        no          cancelled
//	authority:completed                 no     no               no               no               no       no      no      no          no          no        no          no
//
// Tests read it from testdata/decisions.txt. The next table says how approvals, denials and
// resumes are judged in a ledger without authority and in each mode. A cell is what the
// decision, or the job, came to, or the code of the refusal. Decisions are asked for by a
// worker, and jobs submitted by an operator, who sign if they are enrolled.
//
//	case                           none               claims             verdicts            all
//	approve,approver               approved           approved           approved            approved
//	approve,stranger               approved           approved           signature_required  signature_required
//	approve,unsigned               approved           signature_required signature_required  signature_required
//	approve,look-alike             approved           signature_required signature_required  signature_required
//	approve,worker                 approved           role_required      role_required       role_required
//	approve,other-key              approved           signature_invalid  signature_invalid   signature_invalid
//	approve,revoked                approved           revoked            revoked             revoked
//	approve,revoked-key            approved           revoked            revoked             revoked
//	approve,asked-by-claim         approved           approved           1-of-2              1-of-2
//	approve,asker                  self_approval      self_approval      self_approval       self_approval
//	approve,submitter              approved           approved           self_approval       self_approval
//	approve,identity               self_approval      self_approval      self_approval       self_approval
//	approve,listed                 approved           approved           approved            approved
//	approve,listed-by-role         role_required      approved           approved            approved
//	approve,not-listed             role_required      role_required      role_required       role_required
//	approve,first-of-two           1-of-2             1-of-2             1-of-2              1-of-2
//	approve,second-of-two          approved           approved           approved            approved
//	approve,same-actor-of-two      already_decided    already_decided    already_decided     already_decided
//	approve,approved               already_decided    already_decided    already_decided     already_decided
//	approve,denied                 approved           already_decided    already_decided     already_decided
//	approve,expired                decision_expired   decision_expired   decision_expired    decision_expired
//	approve,without-subject        approved           subject_changed    subject_changed     subject_changed
//	approve,other-subject          subject_changed    subject_changed    subject_changed     subject_changed
//	approve,amending               approved           approved           approved            approved
//	approve,amended                approved           approved           approved            approved
//	approve,before-amendment       subject_changed    subject_changed    subject_changed     subject_changed
//	deny,approver                  blocked            blocked            blocked             blocked
//	deny,not-listed                role_required      role_required      role_required       role_required
//	deny,asker                     blocked            blocked            blocked             blocked
//	deny,expired                   blocked            blocked            blocked             blocked
//	deny,first-of-two              blocked            blocked            blocked             blocked
//	deny,approved                  blocked            blocked            blocked             blocked
//	deny,denied                    already_decided    already_decided    already_decided     already_decided
//	deny,other-subject             subject_changed    subject_changed    subject_changed     subject_changed
//	resume,open                    approval_required  approval_required  approval_required   approval_required
//	resume,approved                running            running            running             running
//	resume,approved-by-claim       running            running            approval_required   approval_required
//	resume,approved-by-submitter   running            running            approval_required   approval_required
//	resume,denied                  approval_required  approval_required  approval_required   approval_required
//	resume,expired                 decision_expired   decision_expired   decision_expired    decision_expired
//	resume,first-of-two            quorum_pending     quorum_pending     quorum_pending      quorum_pending
//	resume,two-of-two              running            running            running             running
//	resume,two-of-two,revoked      running            quorum_pending     quorum_pending      quorum_pending
//	resume,first-of-two,open       approval_required  approval_required  approval_required   approval_required
//	resume,asked-by-claim          running            running            quorum_pending      quorum_pending
//	resume,revoked                 running            approval_required  approval_required   approval_required
//	resume,revoked-key             running            approval_required  approval_required   approval_required
//	resume,kept-key                running            running            running             running
//	resume,without-the-role        running            approval_required  approval_required   approval_required
//	resume,enrolled-since          running            approval_required  approval_required   approval_required
//	resume,listed-role-lost        approval_required  approval_required  approval_required   approval_required
//	resume,claimed-policy          running            running            role_required       signature_required
//	resume,claimed-policy-signed   running            running            running             running
//	resume,signed-policy           running            running            running             signature_required
//	resume,revoked-policy          running            running            role_required       signature_required
//	resume,policy-for-all          running            running            running             signature_required
//	resume,other-policy            running            running            signature_required  signature_required
//
// Tests read it from testdata/verdicts.txt.
//
// # Holds
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
// event, and rebuilt by replay if either differs. The texts of its decisions, and the names
// of what they are about, are read from the events that asked for them. StatusView shows a
// Job; View and the events show everything. Every view is canonical
// JSON (RFC 8785), so that equal views are equal bytes.
package projection
