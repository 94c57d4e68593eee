package main

import (
	"crypto/rand"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/gate"
	"gait/commands/hook"
	"gait/commands/revocations"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// An app is one run of gait: what it opens ledgers and makes events with. Time, chance,
// keys and the environment enter here and nowhere else.
type app struct {
	console

	now         func() time.Time
	entropy     io.Reader
	exit        func(int)        // ends the process at once, for fail-stop
	interrupted func() error     // returns why long work must stop; nil: it may go on
	rules       projection.Rules // the rules that fixtures are replayed by; nil: today's
}

// A console is what a run reads from and prints to, and what it has done so far, which
// it prints.
type console struct {
	stdin          io.Reader
	stdout, stderr io.Writer

	surroundings
	runState
}

// The surroundings of a run are its environment and its global flags: they say where its
// ledger and its user's home are, and who acts.
type surroundings struct {
	getenv  func(string) string
	environ func() []string // the variables as NAME=VALUE; nil: none

	globalFlags
}

// globalFlags are the flags that every command takes.
type globalFlags struct {
	json           bool
	dir            string // --root
	lockTimeout    time.Duration
	allowNetworkFS bool
	acceptClock    bool
	requireDaemon  bool
}

// A runState is what a run has done so far, for what it prints at its end.
type runState struct {
	running *cobra.Command // the command that is being carried out
	index   string         // the state of the index of the ledger that it reads, if that is not proved

	indexNoticed bool // that the index is not proved was said on stderr
	readsAll     bool // it reads the whole ledger, and so proves the index itself

	heldUp   *heldClock     // how the clock was behind when an event was written, or nil
	restored *root.Restored // the ledger that it reads is in an older state than was seen; nil if it is not

	readOnly error // why nothing can be written to the ledger that it reads; nil if it can

	begun  bool   // its flags and arguments were accepted
	jobID  string // id of the job it is about, once known and well-formed
	helped error  // why help could not be printed
	lines  bool   // with --json it prints many objects, one a line

	revoked revocations.List // identities that block a resume
	uploads uploads          // what the command brings

	hookEvent   hook.Event    // what a host asks about; "" until that was read
	hookTold    bool          // the host was answered
	asking      *gateQuestion // what an evaluation of the gate brings
	policy      []byte        // of --policy, to be kept
	explanation *gate.Explanation

	considering considering    // how an approver looks at what is asked for
	used        []usedApproval // what a resume has used up

	judged judging // what a job is shown by after a command; zero: as it was recorded

	stdinRead bool        // standard input was read for a file
	log       *processLog // of gait serve; nil in other commands
	stdoutFor string      // the flag that named standard output for a file, which it has alone
	writing   atomic.Bool // an event may have been written; the outcome is not known yet
	written   atomic.Pointer[commands.Result]
	dying     sync.Mutex // held by the first failed write until the process has ended
}

// A heldClock says that a clock was behind the last event when an event was written. That
// event has the time of the last one.
type heldClock struct {
	Reading   string `json:"reading"`
	CreatedAt string `json:"created_at"`
}

// newApp makes the app of this process. exit ends the process if a write
// failed.
func newApp(exit func(int)) *app {
	return &app{
		console: console{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, surroundings: surroundings{getenv: os.Getenv, environ: os.Environ}},
		now:     time.Now, entropy: rand.Reader, exit: exit,
	}
}

// about notes which job the command is about, for its errors.
func (s *runState) about(id string) {
	if ledger.FieldJobID.Check(id) == nil {
		s.jobID = id
	}
}
