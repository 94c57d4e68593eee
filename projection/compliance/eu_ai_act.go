package compliance

// euAIAct has the articles of the AI Act that events of a ledger can show something of. They
// bind providers and deployers of high-risk systems; which role a user has, and whether a system
// is one, no ledger knows.
var euAIAct = framework{
	title: "Regulation (EU) 2024/1689 (Artificial Intelligence Act)",
	sources: []Source{
		{
			Title:     "Regulation (EU) 2024/1689 of the European Parliament and of the Council of 13 June 2024 laying down harmonised rules on artificial intelligence (Artificial Intelligence Act), OJ L, 2024/1689",
			Publisher: "Official Journal of the European Union", Date: "2024-07-12", URL: "https://eur-lex.europa.eu/eli/reg/2024/1689/oj", Consulted: consulted,
			Note: "read in a public copy",
		},
		{
			Title:     "Regulation (EU) 2026/1744 (Digital Omnibus on AI), OJ L, 2026/1744",
			Publisher: "Official Journal of the European Union", Date: "2026-07-24", URL: "https://eur-lex.europa.eu/eli/reg/2026/1744/oj", Consulted: consulted,
			Note: "amends the act, among others the dates from which Chapter III applies: known from other publications, its text was not read; the consolidated text of the act says what applies, and when",
		},
	},
	controls: []control{
		{
			id: "Article 12(1)", title: "Record-keeping",
			asks: "Events are recorded automatically as long as the system is used: each command of a job is an event of the ledger, from the job's first on.",
			need: [][]Sign{{JobBegun}}, also: []Sign{JobEnded, IndexCommitted},
		},
		{
			id: "Article 12(2)(a)", title: "Record-keeping: events that help to find risks",
			asks: "What was blocked, refused, stopped or failed, and effects that are not known, are events.",
			when: []Sign{Blocked, Failed, Stopped, Refused, GateBlocked, StopHeld, EffectUnknown}, need: [][]Sign{{Blocked, Failed, Stopped, Refused, GateBlocked, StopHeld, EffectUnknown}},
		},
		{
			id: "Article 12(2)(b) and (c)", title: "Record-keeping: events for monitoring",
			asks: asksMonitor,
			need: [][]Sign{monitored}, also: []Sign{EffectSettled, ResultNamed},
		},
		{
			id: "Article 14(1)", title: "Human oversight: the system can be overseen while it is used",
			asks: "A decision was asked for or given, or the job was paused, cancelled or stopped by an actor who does not work on it. Each event names its actor; only a signed one proves who that was.",
			need: [][]Sign{{DecisionAsked, VerdictGiven, Intervened}}, also: []Sign{VerdictSigned, Denied},
		},
		{
			id: "Article 14(4)(d)", title: "Human oversight: deciding against an output",
			asks: asksDecision,
			when: []Sign{DecisionAsked}, need: [][]Sign{{DecisionDecided}}, against: []Sign{DecisionOpen}, also: []Sign{VerdictGiven, VerdictSigned, Denied},
		},
		{
			id: "Article 14(4)(e)", title: "Human oversight: intervening, and stopping the system",
			asks: asksHeld,
			when: held, need: [][]Sign{{Intervened}}, also: []Sign{StopHeld, Resumed},
		},
		{
			id: "Article 15(5)", title: "Cybersecurity: resilience against use by third parties without authorisation",
			asks: "At the end actors are enrolled with their keys and not revoked, and all commands need their signatures. Commands before that may lack them.",
			need: [][]Sign{{ActorActive}, {CommandsProved}}, also: []Sign{ActorEnrolled, VerdictsProved, ActorRevoked, KeyReplaced, CommandSigned},
		},
		{
			id: "Articles 19(1) and 26(6)", title: "Automatically generated logs are kept",
			asks: "Providers and deployers keep the logs for at least six months. The ledger only grows, and its newest commitment to its index comes after the job's newest event, so that none of them can be left out unseen. The report says when its first and its last event are from; how long a ledger is kept is not in it.",
			need: [][]Sign{{LedgerCreated}, {IndexCommitted}}, against: uncommitted, also: []Sign{KeyReplaced},
		},
		{
			id: "Article 26(1)", title: "Deployers use the system as they were instructed",
			asks: asksGate,
			need: [][]Sign{{PolicyBound}, {GateAsked}}, also: []Sign{GateBlocked, ConditionsChanged, ChangeReasoned},
		},
		{
			id: "Article 26(2)", title: "Deployers assign human oversight to persons",
			asks: "At the end an actor is enrolled, and not revoked, whose role is to approve and deny. That such actors are natural persons, and competent, no event shows.",
			need: [][]Sign{{ApproverActive}}, also: []Sign{VerdictSigned},
		},
		{
			id: "Article 26(5)", title: "Deployers monitor operation, and act on risks",
			asks: asksTrouble,
			when: loud, need: [][]Sign{{TroubleAnswered}}, against: []Sign{TroubleOpen}, also: []Sign{Resumed, VerdictGiven},
		},
	},
	notShown: []NotShown{
		{"Article 6 and Annex III", "whether a system is of high risk is decided outside of the ledger"},
		{"Articles 9, 10, 11 and 17", "risk management, data governance, technical documentation and quality management are documents and processes"},
		{"Articles 12(3) and 14(5)", "they are about remote biometric identification, and a ledger does not know what a system is for"},
		{"Articles 13 and 50", "information for deployers and for persons is given outside of the ledger"},
		{"Article 26(4), (7) to (11)", "relevance of input data, and information of workers, authorities and persons"},
		{"Articles 72 and 73", "a post-market monitoring plan and reports of serious incidents to authorities are made outside of the ledger; its events can be their source"},
	},
}
