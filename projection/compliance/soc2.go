package compliance

// soc2 has the trust services criteria that events of a ledger can show something of. The
// criteria have numbers and no titles.
var soc2 = framework{
	title: "SOC 2: Trust Services Criteria (TSP Section 100)",
	sources: []Source{{
		Title:     "TSP Section 100, 2017 Trust Services Criteria for Security, Availability, Processing Integrity, Confidentiality, and Privacy (With Revised Points of Focus — 2022)",
		Publisher: "AICPA", Date: "2022", URL: "https://www.aicpa-cima.com/resources/download/2017-trust-services-criteria-with-revised-points-of-focus-2022", Consulted: consulted,
		Note: "the criteria are of 2017, their points of focus were revised in 2022; the words beside the numbers are ours; read in a public copy",
	}},
	controls: []control{
		{
			id: "CC2.1", title: "Information of quality for internal control",
			asks: "Jobs are recorded from their beginning, and the ledger committed to its index, so that none of their events can be left out unseen.",
			need: [][]Sign{{JobBegun}, {IndexCommitted}}, also: []Sign{JobEnded},
		},
		{
			id: "CC5.3", title: "Control activities follow policies",
			asks: "A policy that says what the tools may do was bound to the job, and the gate was asked about them.",
			need: [][]Sign{{PolicyBound}, {GateAsked}}, also: []Sign{GateAllowed, GateBlocked},
		},
		{
			id: "CC6.1", title: "Logical access: only who may commands",
			asks: "Actors are enrolled with their keys, and commands need their signatures.",
			need: [][]Sign{{ActorEnrolled}, {SignaturesRequired}}, also: []Sign{CommandSigned, KeyReplaced},
		},
		{
			id: "CC6.2", title: "Logical access: registration of users",
			asks: "Actors are enrolled before their signatures count, and revoked when they may not command any more.",
			need: [][]Sign{{ActorEnrolled}}, also: []Sign{ActorRevoked},
		},
		{
			id: "CC6.3", title: "Logical access: roles, and segregation of duties",
			asks: "Actors have roles, among them one for those who approve, and whoever asks for a decision cannot give it.",
			need: [][]Sign{{ApproverEnrolled}, {SignaturesRequired}}, also: []Sign{ActorRevoked, VerdictSigned},
		},
		{
			id: "CC7.2", title: "System operations: monitoring",
			asks: "What the system does is recorded as it goes on: its progress, each call of a tool that the gate was asked about, the end of each attempt.",
			need: [][]Sign{monitored}, also: []Sign{GateBlocked, Refused},
		},
		{
			id: "CC7.3", title: "System operations: evaluation of events",
			asks: "After the newest event that someone should look at, someone acted: a verdict, a settled effect, a resume, a cancellation, a stop.",
			when: trouble, need: [][]Sign{answered}, answer: true,
		},
		{
			id: "CC7.4", title: "System operations: response to incidents",
			asks: "The job was paused, cancelled or stopped.",
			when: intervened, need: [][]Sign{intervened}, also: []Sign{StopHeld},
		},
		{
			id: "CC7.5", title: "System operations: recovery",
			asks: "A job that was paused or blocked was resumed afterwards, or ended.",
			when: []Sign{Paused, Blocked}, need: [][]Sign{{Resumed, JobEnded}}, answer: true,
		},
		{
			id: "CC8.1", title: "Change management: changes are authorised",
			asks: "When a job was resumed under another policy or in another environment, that was approved or had a reason.",
			when: []Sign{ConditionsChanged}, need: [][]Sign{{ChangeReasoned}}, answer: true, also: []Sign{VerdictGiven},
		},
		{
			id: "PI1.2", title: "Processing integrity: inputs",
			asks: "What the job works on, or what each tool was called with, is named by its digest.",
			need: [][]Sign{{InputNamed, GateAsked}},
		},
		{
			id: "PI1.3", title: "Processing integrity: processing",
			asks: "All that a tool was allowed to do is settled as done or not done, once.",
			when: []Sign{GateAllowed}, need: [][]Sign{{EffectSettled}}, against: []Sign{GrantOpen}, also: []Sign{EffectUnknown},
		},
		{
			id: "PI1.4", title: "Processing integrity: outputs",
			asks: "Results of tools are named by their digest.",
			when: []Sign{EffectSettled}, need: [][]Sign{{ResultNamed}},
		},
		{
			id: "C1.2", title: "Confidentiality: disposal",
			asks: "Content of a job that was erased is named as erased; the ledger keeps its digest.",
			when: []Sign{ContentErased}, need: [][]Sign{{ContentErased}},
		},
	},
	notShown: []NotShown{
		{"CC1, CC3, CC4 and CC9", "control environment, risk assessment, evaluation of controls and of vendors are the entity's processes"},
		{"CC6.4 to CC6.8", "physical access, disposal of assets, boundaries, transmission and malicious software are outside of the ledger"},
		{"A1 and P", "availability and privacy are not what events of jobs show"},
	},
}
