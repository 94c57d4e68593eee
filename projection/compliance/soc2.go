package compliance

// soc2 has the trust services criteria that events of a ledger can show something of. The
// criteria have numbers and no titles.
var soc2 = framework{
	title: "SOC 2: Trust Services Criteria (TSP Section 100)",
	sources: []Source{
		{
			Title:     "TSP Section 100, 2017 Trust Services Criteria for Security, Availability, Processing Integrity, Confidentiality, and Privacy (With Revised Points of Focus — 2022)",
			Publisher: "AICPA", Date: "2022", URL: "https://www.aicpa-cima.com/resources/download/2017-trust-services-criteria-with-revised-points-of-focus-2022", Consulted: consulted,
			Note: "the criteria are of 2017, their points of focus were revised in 2022; the words beside the numbers are ours; read in a public copy",
		},
		{
			Title:     "SOC 2 Academy: Processing Integrity Criteria 1.2 to 1.5",
			Publisher: "KirkpatrickPrice", Date: "2019", URL: "https://kirkpatrickprice.com/tag/soc-2-academy/", Consulted: consulted,
			Note: "no text of the AICPA: it confirms which numbers are about inputs (PI1.2), processing (PI1.3), outputs (PI1.4) and storage (PI1.5)",
		},
	},
	controls: []control{
		{
			id: "CC2.1", title: "Information of quality for internal control",
			asks: asksCommit,
			need: [][]Sign{{JobBegun}, {IndexCommitted}}, against: uncommitted, also: []Sign{JobEnded},
		},
		{
			id: "CC5.3", title: "Control activities follow policies",
			asks: asksGate,
			need: [][]Sign{{PolicyBound}, {GateAsked}}, also: []Sign{GateAllowed, GateBlocked},
		},
		{
			id: "CC6.1", title: "Logical access: only who may commands",
			asks: "At the end actors are enrolled with their keys and not revoked, and all commands need their signatures. Commands before that may lack them.",
			need: [][]Sign{{ActorActive}, {CommandsProved}}, also: []Sign{ActorEnrolled, VerdictsProved, CommandSigned, KeyReplaced},
		},
		{
			id: "CC6.2", title: "Logical access: registration of users",
			asks: "At the end actors are enrolled and not revoked: only their signatures count, from their enrolment until they are revoked.",
			need: [][]Sign{{ActorActive}}, also: []Sign{ActorEnrolled, ActorRevoked},
		},
		{
			id: "CC6.3", title: "Logical access: roles, and segregation of duties",
			asks: "At the end an actor is enrolled, and not revoked, whose role is to approve and deny, and verdicts need signatures. Who asks for a decision cannot give it.",
			need: [][]Sign{{ApproverActive}, {VerdictsProved}}, also: []Sign{ActorRevoked, VerdictSigned},
		},
		{
			id: "CC7.2", title: "System operations: monitoring",
			asks: asksMonitor,
			need: [][]Sign{monitored}, also: []Sign{GateBlocked, Refused},
		},
		{
			id: "CC7.3", title: "System operations: evaluation of events",
			asks: asksTrouble,
			when: loud, need: [][]Sign{{TroubleAnswered}}, against: []Sign{TroubleOpen}, also: []Sign{Resumed, VerdictGiven},
		},
		{
			id: "CC7.4", title: "System operations: response to incidents",
			asks: asksHeld,
			when: held, need: [][]Sign{{Intervened}}, also: []Sign{StopHeld},
		},
		{
			id: "CC7.5", title: "System operations: recovery",
			asks: asksBack,
			when: []Sign{Paused, Blocked}, need: [][]Sign{{Resumed, JobEnded}}, answer: true,
		},
		{
			id: "CC8.1", title: "Change management: changes are authorised",
			asks: "Each time when the job was resumed under another policy or in another environment, that had a reason. That someone else agreed, no event shows: an approval is about a decision, not about these.",
			when: []Sign{ConditionsChanged}, need: [][]Sign{{ChangeReasoned}}, against: []Sign{ChangeUnreasoned}, also: []Sign{CommandSigned},
		},
		{
			id: "PI1.2", title: "Processing integrity: inputs",
			asks: "What the job works on, or what a tool was to be called with, is named by its digest.",
			need: [][]Sign{{InputNamed, IntentNamed}}, also: []Sign{GateAsked},
		},
		{
			id: "PI1.3", title: "Processing integrity: processing",
			asks: asksEffects,
			when: []Sign{GateAllowed}, need: [][]Sign{{EffectSettled}}, against: []Sign{GrantOpen}, also: []Sign{EffectUnknown},
		},
		{
			id: "PI1.4", title: "Processing integrity: outputs",
			asks: "Each time that a tool was settled as done, its result is named by its digest.",
			when: []Sign{ResultNamed, ResultMissing}, need: [][]Sign{{ResultNamed}}, against: []Sign{ResultMissing},
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
		{"PI1.1 and PI1.5", "what is to be processed, and how it is stored, is specified outside of the ledger"},
		{"A1 and P", "availability and privacy are not what events of jobs show"},
	},
}
