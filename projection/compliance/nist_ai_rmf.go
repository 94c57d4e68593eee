package compliance

// nistAIRMF has the subcategories of the framework's core that events of a ledger can show
// something of. They have numbers and no titles.
var nistAIRMF = framework{
	title: "NIST AI Risk Management Framework 1.0",
	sources: []Source{{
		Title:     "NIST AI 100-1, Artificial Intelligence Risk Management Framework (AI RMF 1.0)",
		Publisher: "National Institute of Standards and Technology", Date: "2023-01", URL: "https://doi.org/10.6028/NIST.AI.100-1", Consulted: consulted,
		Note: "the framework is voluntary; the words beside the numbers are ours; read in a public copy",
	}},
	controls: []control{
		{
			id: "GOVERN 1.4", title: "Risk management follows policies that can be seen",
			asks: "A policy that says what the tools may do was bound to the job, and the gate was asked about them.",
			need: [][]Sign{{PolicyBound}, {GateAsked}}, also: []Sign{GateAllowed, GateBlocked},
		},
		{
			id: "GOVERN 2.1", title: "Roles and responsibilities are documented",
			asks: "Actors are enrolled with roles.",
			need: [][]Sign{{ActorEnrolled}}, also: []Sign{ActorRevoked},
		},
		{
			id: "GOVERN 3.2", title: "Roles of humans in the oversight of AI systems",
			asks: "Actors are enrolled whose role is to approve and deny, and their verdicts need signatures.",
			need: [][]Sign{{ApproverEnrolled}, {SignaturesRequired}}, also: []Sign{VerdictSigned},
		},
		{
			id: "MAP 3.5", title: "Human oversight",
			asks: "What waited for a decision got a verdict, by someone else than who asked, or the job was cancelled or stopped.",
			when: []Sign{DecisionAsked}, need: [][]Sign{{VerdictGiven, Cancelled, Stopped}}, answer: true, also: []Sign{VerdictSigned, Denied, Resumed},
		},
		{
			id: "MEASURE 2.4", title: "Behaviour is monitored in production",
			asks: "What the system does is recorded as it goes on: its progress, each call of a tool that the gate was asked about, the end of each attempt.",
			need: [][]Sign{monitored}, also: []Sign{EffectSettled, ResultNamed},
		},
		{
			id: "MEASURE 2.8", title: "Transparency and accountability",
			asks: "Commands are signed by who gave them, and the ledger committed to its index, so that none of a job's events can be left out unseen.",
			need: [][]Sign{{CommandSigned}, {IndexCommitted}}, also: []Sign{VerdictSigned},
		},
		{
			id: "MEASURE 3.1", title: "Risks are identified and tracked as they arise",
			asks: "What was blocked, refused, stopped or failed, and effects that are not known, are events.",
			when: []Sign{Blocked, Failed, Stopped, Refused, GateBlocked, StopHeld, EffectUnknown}, need: [][]Sign{{Blocked, Failed, Stopped, Refused, GateBlocked, StopHeld, EffectUnknown}},
		},
		{
			id: "MANAGE 2.3", title: "Response to risks that were not known before",
			asks: "After the newest event that someone should look at, someone acted: a verdict, a settled effect, a resume, a cancellation, a stop.",
			when: trouble, need: [][]Sign{answered}, answer: true,
		},
		{
			id: "MANAGE 2.4", title: "Disengaging or deactivating a system",
			asks: "The job was paused, cancelled or stopped. After an emergency stop no tool is allowed any more.",
			when: intervened, need: [][]Sign{intervened}, also: []Sign{StopHeld},
		},
		{
			id: "MANAGE 4.1", title: "Monitoring after deployment: override, recovery and change",
			asks: "A job that was paused or blocked was resumed afterwards, or ended.",
			when: []Sign{Paused, Blocked}, need: [][]Sign{{Resumed, JobEnded}}, answer: true, also: []Sign{ConditionsChanged, ChangeReasoned},
		},
		{
			id: "MANAGE 4.3", title: "Incidents and errors are tracked",
			asks: "All that a tool was allowed to do is settled as done or not done, once.",
			when: []Sign{GateAllowed}, need: [][]Sign{{EffectSettled}}, against: []Sign{GrantOpen}, also: []Sign{EffectUnknown, Failed},
		},
	},
	notShown: []NotShown{
		{"GOVERN 1.1 to 1.3, 1.5 to 1.7, 2.2, 2.3, 4, 5 and 6", "culture, training, leadership, inventories and third parties are the organization's"},
		{"MAP, but for 3.5", "context, categories and impacts are mapped before a system runs"},
		{"MEASURE 1, 2.1 to 2.3, 2.5 to 2.7, 2.9 to 2.13 and 4", "tests, metrics, privacy, fairness and environmental impact are measured elsewhere"},
		{"MANAGE 1 and 3", "priorities of risks, and third parties, are managed elsewhere"},
	},
}
