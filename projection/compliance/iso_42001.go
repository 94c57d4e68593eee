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
			asks: "Actors are enrolled with roles: who submits, operates, approves and administers.",
			need: [][]Sign{{ActorEnrolled}}, also: []Sign{ApproverEnrolled, ActorRevoked},
		},
		{
			id: "A.4.4", title: "Tooling resources",
			asks: "The tools that the system calls are named, each time the gate is asked.",
			need: [][]Sign{{GateAsked}},
		},
		{
			id: "A.6.2.6", title: "AI system operation and monitoring",
			asks: "What the system does is recorded as it goes on: its progress, each call of a tool that the gate was asked about, the end of each attempt.",
			need: [][]Sign{monitored}, also: []Sign{EffectSettled, EffectUnknown, Failed},
		},
		{
			id: "A.6.2.8", title: "AI system recording of event logs",
			asks: "Jobs are recorded from their beginning, and the ledger committed to its index, so that none of their events can be left out unseen.",
			need: [][]Sign{{JobBegun}, {IndexCommitted}}, also: []Sign{JobEnded},
		},
		{
			id: "A.7.5", title: "Data provenance",
			asks: "What the job works on, and the results of its tools, are named by their digests.",
			need: [][]Sign{{InputNamed, ResultNamed}}, also: []Sign{ContentErased},
		},
		{
			id: "A.9.2", title: "Processes for responsible use of AI systems",
			asks: "What waited for a decision got a verdict, by someone else than who asked, or the job was cancelled or stopped.",
			when: []Sign{DecisionAsked}, need: [][]Sign{{VerdictGiven, Cancelled, Stopped}}, answer: true, also: []Sign{VerdictSigned, Denied, Resumed},
		},
		{
			id: "A.9.4", title: "Intended use of the AI system",
			asks: "A policy that says what the tools may do was bound to the job, and the gate was asked about them.",
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
