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
// # The gate
//
// A worker asks the gate before it lets a tool do something: the intent. What the gate decides
// by, and why, package commands/gate says. Here is what may follow what:
//
//   - An allow is a grant. It permits its intent once, needs a job that runs and its policy,
//     and is open until it is settled. Of one call, and if it has no name of one intent, there
//     is one open grant at a time. A call that is done, or may have been done, is not granted
//     again, however long ago that was. At most 64 grants are open.
//   - A require_approval asks for a decision about its intent: a checkpoint that needs a
//     decision, which says who decides, how many, and until when, as any other. The job waits
//     for it as for others. When it is approved and the job is resumed, the intent is cleared,
//     or what an approver put in its place. At most 64 intents are.
//   - A grant can name the resume that cleared its intent. Then the approvals are judged
//     again, by the authority and the clock at the grant, and the clearance is used up. A grant
//     that names none uses it up, too, and asking again drops it.
//   - In modes verdicts and all, a grant needs an operator in force who has bound the job to
//     its policy, unless the ledger lets anyone bind that.
//   - A block changes nothing but the count of blocks. From an emergency stop on it is a
//     dispatch_blocked. A job that has ended takes none.
//   - A grant is settled whatever the status of the job is: it was done, not done, or that is
//     unknown. While one is unknown, no other intent is decided on but by a block. Open and
//     unknown grants keep a job from resuming and from completing (effects_unsettled). It
//     can still fail, be cancelled or be stopped.
//   - The worker that got a grant settles it as done or unknown, and as not done only if the
//     grant names the exit code that says so, and while it is open. All else is said by
//     another actor, by name and by key, with a reason: an operator who signs, or a name that
//     is not enrolled, in a ledger without authority or in mode claims.
//
// The table has a row for each state, first without authority and then with it, in mode
// verdicts. In open a grant of call c1 is open, which names an exit code; in unknown, done
// and not_done it was settled so. In cleared the intent of c1 was approved, and in lapsed
// the decision about it has expired since. In decision_needed,open another intent has an open
// grant, without an exit code. Column allow is a grant of another intent without a call,
// allow-again and require_approval are about call c1, and allow-cleared names the
// clearance. The worker settles in done, not_done and unknown, an operator in hand-done and
// hand-not_done, and another worker in worker-not_done. Cells are as above, or:
//
//	granted     there is a grant more
//	settled     there is one less
//	unknown     it is unknown what became of the grant
//	blocked     recorded as a block
//	no:effects  refused: effects_unsettled
//	no:grant    refused: grant_not_found
//	no:role     refused: role_required
//
//	from                                 allow       allow-again  allow-cleared  require_approval  block    dispatch_blocked  done      not_done  unknown   hand-done  hand-not_done  worker-not_done  resume      completed   failed  stop
//	running                              granted     granted      no             decision_needed   blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	running,open                         granted     no:effects   no:effects     no:effects        blocked  no                settled   settled   unknown   settled    settled        settled          no          no:effects  failed  emergency_stopped
//	running,unknown                      no:effects  no:effects   no:effects     no:effects        blocked  no                settled   no:role   no        settled    settled        settled          no          no:effects  failed  emergency_stopped
//	running,done                         granted     no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	running,not_done                     granted     granted      no             decision_needed   blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	running,cleared                      granted     granted      granted        decision_needed   blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	running,lapsed                       granted     granted      no             decision_needed   blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	paused                               no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         running     no          failed  emergency_stopped
//	paused,open                          no          no           no             no                blocked  no                settled   settled   unknown   settled    settled        settled          no:effects  no          failed  emergency_stopped
//	paused,unknown                       no          no           no             no                blocked  no                settled   no:role   no        settled    settled        settled          no:effects  no          failed  emergency_stopped
//	paused,cleared                       no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         running     no          failed  emergency_stopped
//	decision_needed                      no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no!         no          failed  emergency_stopped
//	decision_needed,approved             no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         running     no          failed  emergency_stopped
//	decision_needed,open                 no          no           no             no                blocked  no                settled   no:role   unknown   settled    settled        settled          no:effects  no          failed  emergency_stopped
//	blocked                              no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         running     no          failed  emergency_stopped
//	blocked,denied                       no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no!         no          failed  emergency_stopped
//	emergency_stopped                    no          no           no             no                no       blocked           no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          no          no      no
//	emergency_stopped,open               no          no           no             no                no       blocked           settled   settled   unknown   settled    settled        settled          no          no          no      no
//	emergency_stopped,cleared            no          no           no             no                no       blocked           no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          no          no      no
//	completed                            no          no           no             no                no       no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          no          no      no
//	failed,open                          no          no           no             no                no       no                settled   settled   unknown   settled    settled        settled          no          no          no      no
//	cancelled,unknown                    no          no           no             no                no       no                settled   no:role   no        settled    settled        settled          no          no          no      no
//	authority:running                    granted     granted      no             decision_needed   blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	authority:running,open               granted     no:effects   no:effects     no:effects        blocked  no                settled   settled   unknown   settled    settled        no:role          no          no:effects  failed  emergency_stopped
//	authority:running,unknown            no:effects  no:effects   no:effects     no:effects        blocked  no                settled   no:role   no        settled    settled        no:role          no          no:effects  failed  emergency_stopped
//	authority:running,done               granted     no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	authority:running,not_done           granted     granted      no             decision_needed   blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	authority:running,cleared            granted     granted      granted        decision_needed   blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	authority:running,lapsed             granted     granted      no             decision_needed   blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          completed   failed  emergency_stopped
//	authority:paused                     no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         running     no          failed  emergency_stopped
//	authority:paused,open                no          no           no             no                blocked  no                settled   settled   unknown   settled    settled        no:role          no:effects  no          failed  emergency_stopped
//	authority:paused,unknown             no          no           no             no                blocked  no                settled   no:role   no        settled    settled        no:role          no:effects  no          failed  emergency_stopped
//	authority:paused,cleared             no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         running     no          failed  emergency_stopped
//	authority:decision_needed            no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no!         no          failed  emergency_stopped
//	authority:decision_needed,approved   no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         running     no          failed  emergency_stopped
//	authority:decision_needed,open       no          no           no             no                blocked  no                settled   no:role   unknown   settled    settled        no:role          no:effects  no          failed  emergency_stopped
//	authority:blocked                    no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         running     no          failed  emergency_stopped
//	authority:blocked,denied             no          no           no             no                blocked  no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no!         no          failed  emergency_stopped
//	authority:emergency_stopped          no          no           no             no                no       blocked           no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          no          no      no
//	authority:emergency_stopped,open     no          no           no             no                no       blocked           settled   settled   unknown   settled    settled        no:role          no          no          no      no
//	authority:emergency_stopped,cleared  no          no           no             no                no       blocked           no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          no          no      no
//	authority:completed                  no          no           no             no                no       no                no:grant  no:grant  no:grant  no:grant   no:grant       no:grant         no          no          no      no
//	authority:failed,open                no          no           no             no                no       no                settled   settled   unknown   settled    settled        no:role          no          no          no      no
//	authority:cancelled,unknown          no          no           no             no                no       no                settled   no:role   no        settled    settled        no:role          no          no          no      no
//
// Tests read it from testdata/gate.txt.
//
// # Leases
//
// A worker takes a lease of a job before it acts for it, so that no two do. A lease has an
// epoch, which counts the job's leases, and lasts for its ttl. All times are compared with what
// the clock read, which an event has in clock or else in created_at.
//
//   - A lease is given if the job runs, is due, and no other lease of it lives. It names the
//     events that completed the jobs that this one comes after; that they did, the engine sees
//     to. The grants of the leases before, and those of none, become unknown.
//   - It lives until its end, until it is released, or until the job leaves the status running.
//     Each event that its holder writes under it, but a refusal or a release, makes it last for
//     its ttl from then on. Its holder releases it as done or given up; an operator, or a name
//     that may settle grants by hand, takes it away as lost.
//   - What names a lease names the newest one, and is its holder's: by name, by key, or by a
//     name that the key was enrolled under. All else is fenced, whatever its type is, but for
//     refusals. So nothing lands under an older epoch.
//   - While a lease lives, a worker names it: with checkpoints, at the gate, to settle its own
//     grants, and when an attempt has ended. What people do names none.
//   - A job that was ever leased gets no grant, and no decision of the gate, but under a lease
//     that lives. Under one that has ended, it is neither completed nor failed, and the lease is
//     neither renewed nor released; nor does its holder complete or fail it under none, but after
//     releasing it. The holder may still add other checkpoints, settle grants, end attempts and
//     record blocks, until another lease is given.
//   - An attempt that ends is counted, unless the job has ended, and changes nothing else.
//
// The table has a row for each state of job and lease. Lease 1 is wim's, and in
// leased-to-wil lease 2 is wil's. wil does take and by-other, which completes it, under none, and
// other under lease 1; newer names lease 2; an operator does take-away and -pause; wim does all
// else, under lease 1 or, if the column begins with -, under none. Cells are as above, with a + if
// the lease lasts longer, or:
//
//	fenced    refused: fenced
//	held      refused: lease_held
//	not-due   refused: not_due
//
//	from                     take     renew   release   take-away  attempt  progress  complete   fail    allow     block   -attempt  -progress  -complete  -fail   by-other   -allow   -block  -pause  other   newer
//	running                  leased   fenced  fenced    no         fenced   fenced    fenced     fenced  fenced    fenced  =         =          completed  failed  completed  granted  =       paused  fenced  fenced
//	running,leased           held     =+      released  released   =+       =+        completed  failed  granted+  =+      fenced    fenced     fenced     fenced  fenced     fenced   fenced  paused  fenced  fenced
//	running,expired          leased   fenced  fenced    no         =        =         fenced     fenced  fenced    =       =         =          fenced     fenced  completed  fenced   =       paused  fenced  fenced
//	running,released         leased   fenced  fenced    no         =        =         fenced     fenced  fenced    =       =         =          completed  failed  completed  fenced   =       paused  fenced  fenced
//	running,lost             leased   fenced  fenced    no         =        =         fenced     fenced  fenced    =       =         =          fenced     fenced  completed  fenced   =       paused  fenced  fenced
//	running,resumed          leased   fenced  fenced    no         =        =         fenced     fenced  fenced    =       =         =          fenced     fenced  completed  fenced   =       paused  fenced  fenced
//	running,leased-to-wil    held     fenced  fenced    released   fenced   fenced    fenced     fenced  fenced    fenced  fenced    fenced     fenced     fenced  fenced     fenced   fenced  paused  fenced  fenced
//	running,not-due          not-due  fenced  fenced    no         fenced   fenced    fenced     fenced  fenced    fenced  =         =          completed  failed  completed  granted  =       paused  fenced  fenced
//	paused,leased            no       fenced  fenced    no         =        =         fenced     fenced  fenced    =       =         =          fenced     fenced  no         fenced   =       no      fenced  fenced
//	decision_needed,leased   no       fenced  fenced    no         =        =         fenced     fenced  fenced    =       =         =          fenced     fenced  no         fenced   =       paused  fenced  fenced
//	emergency_stopped,lease  no       fenced  fenced    no         =        no        fenced     fenced  fenced    no      =         no         no         no      no         fenced   no      no      fenced  fenced
//	completed,leased         no       fenced  fenced    no         no       no        fenced     fenced  fenced    no      no        no         no         no      no         fenced   no      no      fenced  fenced
//
// Tests read it from testdata/leases.txt.
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
// pause or block is a hold if it was one, was denied, or was claimed by an import. Its lease has
// ended, and the next one counts on from that.
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
