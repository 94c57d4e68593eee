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
// judged once. Some controls ask for an answer to what happened: then the newest sign of an
// answer must not come before the newest event that needs one.
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
// beside them are ours. The texts were read in public copies, that of ISO/IEC 42001 not at all: it is
// not public, and only the list of its controls was consulted.
package compliance
