// Package compliance lists which events of a ledger show what a framework asks for: the EU AI
// Act, the criteria of SOC 2, ISO/IEC 42001 and the NIST AI RMF.
//
// A framework is a table of controls. A control names signs: things that an event can show, such
// as that a policy was bound to a job or that a decision was given. A control is, for a job,
//
//	not_applicable  if it has a condition, and no event of the job meets it
//	present         if the events show each sign that it needs, and none against it
//	absent          otherwise
//
// and for several jobs absent if it is absent for one of them, else present if it is for one of
// them, else not applicable. A control about the ledger alone, such as who may give commands, is
// judged once.
//
// # What a sign means
//
// Most signs are of single events: an event of this kind is there. Where that would say more than is
// so, the sign is of what stands after all events of the report, and names the events that make it
// so:
//
//	actor_in_force, approver_in_force   the newest enrolment of an actor who, and of whom a key, is not revoked
//	verdict_signatures_in_force, command_signatures_in_force   the newest mode
//	policy_in_force    the newest policy of the job; none if it was taken away
//	after_commitment   the job's newest event, if it is after the newest commitment to the index
//	decision_decided, decision_open   each decision by itself: denied, approved by as many as it
//	                   needs, or ended by another actor than who asked; a verdict on something else is none
//	trouble_answered, trouble_open    each event that someone should look at, by itself: a block, a failure, a
//	                   stop, a call that the gate blocked, an effect that is not known. It is answered if an
//	                   actor who does not work on the job resumed, paused, cancelled or stopped it from then
//	                   on, or gave a verdict on it or on what was asked for later; an effect that is not
//	                   known only if another actor than who said so said what was done
//	intervened         a pause, cancellation or stop by an actor who does not work on the job
//	grant_open         a grant that is not settled as done or not done
//
// Who works on a job is who got leases of it, added checkpoints, asked the gate or ended attempts. An
// actor's name proves nothing by itself: only signatures do, and two names may be one person's. Where
// a person and their worker act under one name, nothing counts as done by another. What of a job is
// before an import, or in the ledger before this one, is not looked at.
//
// A report is a function of the events it was given and of nothing else: no clock, no order of
// maps, no environment. The same events give the same bytes. It names the first MaxEvents events
// of each sign by their place in the ledger, and counts all.
//
// # What it is not
//
// A report is evidence, and no legal judgement. That an event is there shows that something was
// done and recorded, not that it was enough, nor that the law applies. That it is absent shows
// that these events do not show it. The report also does not verify the events: gait ledger
// verify and gait pack verify do.
//
// # Sources
//
// Each framework cites number, title, publisher, date and address of its text, and the day when it
// was consulted. Texts are not quoted. The titles of articles and of ISO controls are those of the
// sources; the criteria of SOC 2 and the subcategories of NIST have numbers only, and the words
// beside them are ours. Which numbers of SOC 2 are about inputs, processing, outputs and storage was
// checked in a second source. The texts were read in public copies, that of ISO/IEC 42001 not at all: it is
// not public, and only the list of its controls was consulted.
package compliance
