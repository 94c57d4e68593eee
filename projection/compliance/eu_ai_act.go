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
			asks: "What the system does is recorded as it goes on: its progress, each call of a tool that the gate was asked about, the end of each attempt.",
			need: [][]Sign{monitored}, also: []Sign{EffectSettled, ResultNamed},
		},
		{
			id: "Article 14(1)", title: "Human oversight: the system can be overseen while it is used",
			asks: "A decision was asked for or given, or the job was paused, cancelled or stopped. Each event names its actor; only a signed one proves who that was.",
			need: [][]Sign{{DecisionAsked, VerdictGiven, Paused, Cancelled, Stopped}}, also: []Sign{VerdictSigned, Denied},
		},
		{
			id: "Article 14(4)(d)", title: "Human oversight: deciding against an output",
			asks: "What waited for a decision got a verdict, or the job was cancelled or stopped. Whoever asked for a decision cannot give it, and while it is denied the job is not resumed.",
			when: []Sign{DecisionAsked}, need: [][]Sign{{VerdictGiven, Cancelled, Stopped}}, answer: true, also: []Sign{VerdictSigned, Denied},
		},
		{
			id: "Article 14(4)(e)", title: "Human oversight: intervening, and stopping the system",
			asks: "The job was paused, cancelled or stopped. After an emergency stop no tool is allowed any more.",
			when: intervened, need: [][]Sign{intervened}, also: []Sign{StopHeld, Resumed},
		},
		{
			id: "Article 15(5)", title: "Cybersecurity: resilience against use by third parties without authorisation",
			asks: "Actors are enrolled with their keys, and commands need their signatures.",
			need: [][]Sign{{ActorEnrolled}, {SignaturesRequired}}, also: []Sign{ActorRevoked, KeyReplaced, CommandSigned},
		},
		{
			id: "Articles 19(1) and 26(6)", title: "Automatically generated logs are kept",
			asks: "Providers and deployers keep the logs for at least six months. The ledger only grows, and it committed to its index, so that none of a job's events can be left out unseen. The report says when its first and its last event are from; how long a ledger is kept is not in it.",
			need: [][]Sign{{LedgerCreated}, {IndexCommitted}}, also: []Sign{KeyReplaced},
		},
		{
			id: "Article 26(1)", title: "Deployers use the system as they were instructed",
			asks: "A policy that says what the tools may do was bound to the job, and the gate was asked about them.",
			need: [][]Sign{{PolicyBound}, {GateAsked}}, also: []Sign{GateBlocked, ConditionsChanged, ChangeReasoned},
		},
		{
			id: "Article 26(2)", title: "Deployers assign human oversight to persons",
			asks: "Actors are enrolled whose role is to approve and deny. That they are natural persons, and competent, no event shows.",
			need: [][]Sign{{ApproverEnrolled}}, also: []Sign{VerdictSigned},
		},
		{
			id: "Article 26(5)", title: "Deployers monitor operation, and act on risks",
			asks: "After the newest event that someone should look at, someone acted: a verdict, a settled effect, a resume, a cancellation, a stop.",
			when: trouble, need: [][]Sign{answered}, answer: true,
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
