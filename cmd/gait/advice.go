package main

import (
	"gait/ledger/home"
	"gait/ledger/root"
)

// advice says with which commands to do what a package advises. AT stands for
// root.Finding.At.
var advice = map[home.Advice]string{
	home.AdviceFinishSuccessor: "finish it from the home that has its key: gait ledger retire --successor, with the same --reason; only if that home is lost, move that directory away",
	home.AdviceRestoreBeside:   "to have it in another directory: gait ledger backup, then gait ledger restore",

	root.AdviceBegin:        "gait job submit begins one",
	root.AdviceVerify:       "read all of it once: gait ledger verify",
	root.AdviceVerifyOld:    "read all of it once: gait ledger verify; an old ledger gets its index from the next command that writes",
	root.AdviceKeep:         "gait ledger verify keeps one",
	root.AdviceShowBoth:     "find out who holds its key: gait ledger verify shows both checkpoints",
	root.AdviceTellBoth:     "tell those who rely on the ledger, and write it in one place only; gait ledger verify says more",
	root.AdviceCompareMoved: "gait ledger verify --since FILE finds a second history there",
	root.AdviceCompareCopy:  "gait ledger verify --since FILE compares it with a checkpoint of a copy elsewhere",
	root.AdviceCompareAt:    "write one of them only; to compare them: gait ledger checkpoint --out seen.checkpoint, then gait ledger verify --since seen.checkpoint --root AT",
	root.AdviceReadBackup:   "run it again when that process is done; a daemon (gait serve) there answers its own user only: read a backup that its user makes, gait ledger restore FILE --read-only --root DIR",
	root.AdviceCheckContent: "gait ledger verify checks each that an event names",
	root.AdviceRotate:       "gait keys rotate, if the key is your own; else ask the ledger's owner for its newest key",
	root.AdviceTrust:        "if a person you trust gave you its key: gait keys trust FILE, or --public-key FILE for one command",
	root.AdviceContinue:     `to go on with its jobs in a new ledger: gait ledger retire --reason "WHY" --successor`,
	root.AdviceAcceptClock:  "set the clock; if it is right, commands that write need --accept-clock",
}
