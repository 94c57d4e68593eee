package main

import "gait/ledger"

// The exit codes.
const (
	exitOK         = 0
	exitIO         = 1
	exitVerify     = 2
	exitPolicy     = 3
	exitApproval   = 4
	exitRegress    = 5
	exitInvalid    = 6
	exitDependency = 7
	exitUnsafe     = 8
)

// meanings says what each exit code means, for help.
var meanings = map[int]string{
	exitOK:         "success",
	exitIO:         "disk, lock or lost race, or the outcome could not be printed; try again if the error says retryable",
	exitVerify:     "a ledger, pack, signature, proof or view does not hold, or a key is not trusted; or diff found differences",
	exitPolicy:     "blocked by policy, identity, the ban on self-approval, or a signature, role, token or lease that is missing or does not do",
	exitApproval:   "an approval is missing or not by enough actors, was denied, or the decision expired",
	exitRegress:    "a regression: replay or behaviour differs from what was recorded",
	exitInvalid:    "invalid input, unknown job, or a transition the rules do not allow",
	exitDependency: "something needed is missing, such as the signing key or a witness",
	exitUnsafe:     "refused because it would do harm",
}

// exitOf maps the category of an error to the exit code.
var exitOf = map[ledger.Category]int{
	ledger.CategoryInvalid:      exitInvalid,
	ledger.CategoryPolicy:       exitPolicy,
	ledger.CategoryApproval:     exitApproval,
	ledger.CategoryRegress:      exitRegress,
	ledger.CategoryVerification: exitVerify,
	ledger.CategoryDependency:   exitDependency,
	ledger.CategoryUnsafe:       exitUnsafe,
	ledger.CategoryConflict:     exitIO,
	ledger.CategoryContention:   exitIO,
	ledger.CategoryUnknown:      exitIO,
	ledger.CategoryIO:           exitIO,
	ledger.CategoryInternal:     exitIO,
}

// A failure is how an error is reported.
type failure struct {
	ledger.Fault
	exit int
	hint string // what to do next, in words that can be pasted
}

// classify finds how to report an error. An error that carries no fault is a
// bug in this program.
func classify(err error) failure {
	f, _ := ledger.FaultOf(err)
	exit, ok := exitOf[f.Category]
	if !ok { // a daemon answered with a category that this version does not know
		exit = exitIO
	}
	return failure{Fault: f, exit: exit, hint: hintOf(err, f)}
}
