package main

import "gait/ledger"

// A considering says how an approver looks at what is asked for before the verdict.
type considering struct {
	expect ledger.Hash // of the subject; zero: any
	show   bool        // print it
	ask    bool        // ask at the terminal
}
