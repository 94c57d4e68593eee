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
			asks: asksGate,
			need: [][]Sign{{PolicyBound}, {GateAsked}}, also: []Sign{GateAllowed, GateBlocked},
		},
		{
			id: "GOVERN 2.1", title: "Roles and responsibilities are documented",
			asks: "At the end actors are enrolled with roles, and not revoked.",
			need: [][]Sign{{ActorActive}}, also: []Sign{ActorEnrolled, ActorRevoked},
		},
		{
			id: "GOVERN 3.2", title: "Roles of humans in the oversight of AI systems",
			asks: "At the end an actor is enrolled, and not revoked, whose role is to approve and deny, and verdicts need signatures.",
			need: [][]Sign{{ApproverActive}, {VerdictsProved}}, also: []Sign{VerdictSigned},
		},
		{
			id: "MAP 3.5", title: "Human oversight",
			asks: asksDecision,
			when: []Sign{DecisionAsked}, need: [][]Sign{{DecisionDecided}}, against: []Sign{DecisionOpen}, also: []Sign{VerdictGiven, VerdictSigned, Denied, Resumed},
		},
		{
			id: "MEASURE 2.4", title: "Behaviour is monitored in production",
			asks: asksMonitor,
			need: [][]Sign{monitored}, also: []Sign{EffectSettled, ResultNamed},
		},
		{
			id: "MEASURE 2.8", title: "Transparency and accountability",
			asks: "All commands of the job that were carried out are signed by who gave them, and the newest commitment of the ledger to its index comes after the job's newest event, so that none of them can be left out unseen.",
			need: [][]Sign{{CommandSigned}, {IndexCommitted}}, against: []Sign{CommandUnsigned, AfterCommitment}, also: []Sign{VerdictSigned},
		},
		{
			id: "MEASURE 3.1", title: "Risks are identified and tracked as they arise",
			asks: "What was blocked, refused, stopped or failed, and effects that are not known, are events.",
			when: []Sign{Blocked, Failed, Stopped, Refused, GateBlocked, StopHeld, EffectUnknown}, need: [][]Sign{{Blocked, Failed, Stopped, Refused, GateBlocked, StopHeld, EffectUnknown}},
		},
		{
			id: "MANAGE 2.3", title: "Response to risks that were not known before",
			asks: asksTrouble,
			when: loud, need: [][]Sign{{TroubleAnswered}}, against: []Sign{TroubleOpen}, also: []Sign{Resumed, VerdictGiven},
		},
		{
			id: "MANAGE 2.4", title: "Disengaging or deactivating a system",
			asks: asksHeld,
			when: held, need: [][]Sign{{Intervened}}, also: []Sign{StopHeld},
		},
		{
			id: "MANAGE 4.1", title: "Monitoring after deployment: override, recovery and change",
			asks: asksBack,
			when: []Sign{Paused, Blocked}, need: [][]Sign{{Resumed, JobEnded}}, answer: true, also: []Sign{ConditionsChanged, ChangeReasoned},
		},
		{
			id: "MANAGE 4.3", title: "Incidents and errors are tracked",
			asks: asksEffects,
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
