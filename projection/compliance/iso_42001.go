package compliance

// iso42001 has the controls of Annex A that events of a ledger can show something of.
var iso42001 = framework{
	title: "ISO/IEC 42001:2023, Annex A",
	sources: []Source{{
		Title:     "ISO/IEC 42001:2023, Information technology — Artificial intelligence — Management system, edition 1",
		Publisher: "ISO and IEC", Date: "2023-12", URL: "https://www.iso.org/standard/42001", Consulted: consulted,
		Note: "the text is not public: numbers and titles of the controls were consulted, and what is asked is in our words",
	}},
	controls: []control{
		{
			id: "A.3.2", title: "AI roles and responsibilities",
			asks: "At the end actors are enrolled with roles, and not revoked: who submits, operates, approves and administers.",
			need: [][]Sign{{ActorActive}}, also: []Sign{ActorEnrolled, ApproverActive, ActorRevoked},
		},
		{
			id: "A.4.4", title: "Tooling resources",
			asks: "The tools that the system calls are named, each time the gate is asked.",
			need: [][]Sign{{GateAsked}},
		},
		{
			id: "A.6.2.6", title: "AI system operation and monitoring",
			asks: asksMonitor,
			need: [][]Sign{monitored}, also: []Sign{EffectSettled, EffectUnknown, Failed},
		},
		{
			id: "A.6.2.8", title: "AI system recording of event logs",
			asks: asksCommit,
			need: [][]Sign{{JobBegun}, {IndexCommitted}}, against: uncommitted, also: []Sign{JobEnded},
		},
		{
			id: "A.7.5", title: "Data provenance",
			asks: "What the job works on, or the result of a tool, is named by its digest.",
			need: [][]Sign{{InputNamed, ResultNamed}}, also: []Sign{ContentErased},
		},
		{
			id: "A.9.2", title: "Processes for responsible use of AI systems",
			asks: asksDecision,
			when: []Sign{DecisionAsked}, need: [][]Sign{{DecisionDecided}}, against: []Sign{DecisionOpen}, also: []Sign{VerdictGiven, VerdictSigned, Denied, Resumed},
		},
		{
			id: "A.9.4", title: "Intended use of the AI system",
			asks: asksGate,
			need: [][]Sign{{PolicyBound}, {GateAsked}}, also: []Sign{GateBlocked, ConditionsChanged, ChangeReasoned},
		},
	},
	notShown: []NotShown{
		{"A.2", "policies of the organization are documents; the policies of the gate are their execution"},
		{"A.5", "assessments of impacts are made outside of the ledger"},
		{"A.6.1 and A.6.2.2 to A.6.2.5", "objectives, design, validation and deployment come before the jobs"},
		{"A.8", "information for interested parties and communication of incidents are made outside of the ledger; packs can be what is handed out"},
		{"A.10", "responsibilities of suppliers and customers are contracts"},
	},
}
