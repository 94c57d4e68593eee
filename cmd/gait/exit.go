package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/root"
	"gait/ledger/witness"
	"gait/packspec"
	"gait/packspec/regress"
	"gait/projection"
)

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
	exitIO:         "disk, lock or lost race; try again where the error says retryable",
	exitVerify:     "something does not hold: ledger, pack, signature, proof, view, or an untrusted key; or diff found differences",
	exitPolicy:     "blocked by policy, identity or the ban on self-approval",
	exitApproval:   "an approval is missing, or was denied",
	exitRegress:    "something means something else than it did",
	exitInvalid:    "invalid input, unknown job, or a transition the rules do not allow",
	exitDependency: "something needed is not there, such as the signing key or a witness",
	exitUnsafe:     "refused because it would do harm",
}

// A failure is how an error is reported.
type failure struct {
	code      string // error_code
	category  string
	exit      int
	retryable bool
	hint      string // what to do next, in words that can be pasted
}

// A rule maps one type of error to its failure.
type rule func(err error) (failure, bool)

// is makes a rule for a sentinel.
func is(target error, f failure) rule {
	return func(err error) (failure, bool) { return f, errors.Is(err, target) }
}

// as makes a rule for a type.
func as[T error](report func(T) failure) rule {
	return func(err error) (failure, bool) {
		e, ok := errors.AsType[T](err)
		if !ok {
			return failure{}, false
		}
		return report(e), true
	}
}

// rules is the table from error types to codes, categories and exit codes. The
// first that fits counts, so what is more specific stands higher.
var rules = []rule{
	as(func(e *usageError) failure { return failure{e.code, "invalid_input", exitInvalid, false, e.hint} }),
	as(func(e *unsafeError) failure { return failure{e.code, "unsafe_operation", exitUnsafe, false, e.hint} }),
	is(ledger.ErrOutcomeUnknown, outcomeUnknown),
	as(func(e *daemon.Error) failure {
		return failure{e.Code, e.Category, e.Exit, e.Retryable, ofCommand(e.Hint)}
	}),
	as(func(e *daemonMissingError) failure {
		return failure{"daemon_not_running", "dependency_missing", exitDependency, true, "start one: gait serve"}
	}),
	as(func(e *daemonRunningError) failure {
		return failure{"daemon_running", "state_contention", exitIO, true, fmt.Sprintf("stop it first: kill %d", e.pid)}
	}),
	as(func(*daemon.UnreachableError) failure {
		return failure{"daemon_unreachable", "state_contention", exitIO, true, "nothing was done; look whether gait serve still runs, then try again"}
	}),
	is(daemon.ErrOtherVersion, failure{"daemon_version", "dependency_missing", exitDependency, false, "stop the daemon, and start it with this gait: gait serve"}),
	is(daemon.ErrTooLong, failure{"request_too_long", "invalid_input", exitInvalid, false, "send less at once"}),
	is(daemon.ErrNoRoute, failure{"unknown_address", "invalid_input", exitInvalid, false, "GET /openapi.json lists the addresses there are"}),
	is(daemon.ErrToken, failure{"token_invalid", "policy_blocked", exitPolicy, false, "Authorization: Bearer, and what is in the file of --token-file"}),
	is(daemon.ErrForeign, failure{"foreign_request", "policy_blocked", exitPolicy, false, "ask for 127.0.0.1 or localhost, and from no web page"}),
	is(daemon.ErrMethod, failure{"unknown_address", "invalid_input", exitInvalid, false, "GET /openapi.json lists the addresses there are"}),
	as(func(e *commands.RefusedError) failure {
		return failure{e.Refusal.Code, categoryOf(e.Refusal.Exit()), e.Refusal.Exit(), false, e.Refusal.Hint}
	}),
	as(func(e *commands.RevisionError) failure {
		return failure{"state_conflict", "state_conflict", exitIO, true, "look again, then decide: gait job status --id " + e.JobID}
	}),
	as(func(*timeoutError) failure {
		return failure{"wait_timeout", "state_conflict", exitIO, true, "run it again to wait on, or with a longer --timeout"}
	}),
	as(func(e *neverError) failure {
		return failure{"never_holds", "invalid_input", exitInvalid, false, "gait job inspect --id " + e.job.ID + " shows how it came to that"}
	}),
	as(func(e *deniedError) failure {
		return failure{"decision_denied", "approval_required", exitApproval, false, "who denied it can still approve it; --for status=running waits for that and the resume"}
	}),
	as(func(*commands.RequestIDError) failure {
		return failure{"request_id_conflict", "invalid_input", exitInvalid, false, "a request id stands for one command; use a new one for another"}
	}),
	as(func(*commands.TooLargeError) failure {
		return failure{"import_too_large", "invalid_input", exitInvalid, false, "keep its pack, which pack verify and pack inspect read, and go on in a new job"}
	}),
	as(func(e *projection.Refusal) failure {
		return failure{e.Code, categoryOf(e.Exit()), e.Exit(), false, e.Hint}
	}),
	is(packspec.ErrHasEvidence, failure{"pack_has_evidence", "invalid_input", exitInvalid, false, "it needs nobody's word: gait pack verify FILE"}),
	as(func(e *commands.InvalidError) failure {
		return failure{invalidCode(e), "invalid_input", exitInvalid, false, helpHint}
	}),
	is(commands.ErrJobNotFound, failure{"job_not_found", "invalid_input", exitInvalid, false, "gait job list shows the jobs there are"}),
	is(commands.ErrJobExists, failure{"job_exists", "invalid_input", exitInvalid, false, "choose another id, or leave --id out to have one made"}),
	is(commands.ErrContention, failure{"state_contention", "state_contention", exitIO, true, "try again"}),
	is(commands.ErrBusy, failure{"busy", "state_contention", exitIO, true, "too many commands wait for their turn; try again in a moment"}),
	as(func(*root.LockedError) failure {
		return failure{"state_contention", "state_contention", exitIO, true, "wait for the holder, or longer: --lock-timeout 60s; a daemon that GAIT_DAEMON=never passes by never lets go"}
	}),
	as(func(*root.RetiredError) failure {
		return failure{"ledger_retired", "unsafe_operation", exitUnsafe, false, "begin a new ledger in another directory: --root <DIR>"}
	}),
	as(func(*root.RolledBackError) failure {
		return failure{"ledger_rolled_back", "verification_failed", exitVerify, false, retireHint}
	}),
	as(func(*root.SwappedError) failure {
		return failure{"ledger_swapped", "verification_failed", exitVerify, false, retireHint}
	}),
	is(root.ErrLedgerMissing, failure{"ledger_missing", "verification_failed", exitVerify, false, retireHint}),
	is(root.ErrOtherKey, failure{"origin_key_conflict", "verification_failed", exitVerify, false, "ask whose ledger it is which of the keys is theirs; gait keys list shows those you trust"}),
	is(root.ErrTooManyRotations, failure{"too_many_rotations", "unsafe_operation", exitUnsafe, false, "retire this ledger and go on with a new one: gait ledger retire --reason <WHY>"}),
	is(root.ErrNoLedger, failure{"ledger_not_found", "invalid_input", exitInvalid, false, "name its directory with --root, or begin one: gait job submit"}),
	as(func(*root.ImportedError) failure {
		return failure{"ledger_read_only", "unsafe_operation", exitUnsafe, false, "write and pack where the ledger itself is; this copy can be read, verified and exported"}
	}),
	as(func(e *root.KeyMissingError) failure {
		if e.Origin == "" {
			return failure{"signing_key_missing", "dependency_missing", exitDependency, false, "a ledger comes with a key: gait ledger init"}
		}
		return failure{"signing_key_missing", "dependency_missing", exitDependency, false, "put the key back; reading and verifying work without it"}
	}),
	as(func(*root.NetworkFSError) failure {
		return failure{"network_filesystem", "unsafe_operation", exitUnsafe, false, "use a local disk, or take the risk with --allow-network-fs"}
	}),
	as(func(*root.OriginUsedError) failure {
		return failure{"origin_used", "unsafe_operation", exitUnsafe, false, "choose another name: gait ledger init --origin <ORIGIN>"}
	}),
	as(func(e *root.UnsafeError) failure {
		return failure{"unsafe_permissions", "unsafe_operation", exitUnsafe, false, e.Hint}
	}),
	as(func(*conflictError) failure {
		return failure{"checkpoint_conflict", "verification_failed", exitVerify, false, "keep both signed checkpoints: together they show that the history was changed"}
	}),
	as(func(*witness.ConflictError) failure {
		return failure{"witness_conflict", "verification_failed", exitVerify, false, "keep the evidence; find out whether a copy of this ledger was written to, or this one was restored from an old copy"}
	}),
	as(func(*witness.AnswerError) failure {
		return failure{"witness_answer_invalid", "verification_failed", exitVerify, false, "check URL and key with the witness's operator: gait ledger witness list"}
	}),
	as(func(*witness.RefusedError) failure {
		return failure{"witness_refused", "dependency_missing", exitDependency, false, "its operator must know this ledger's origin and key: gait keys show"}
	}),
	as(func(*witness.UnreachableError) failure {
		return failure{"witness_unreachable", "dependency_missing", exitDependency, true, "try again later; the other witnesses' cosignatures are kept"}
	}),
	is(root.ErrWitnessKnown, failure{"witness_exists", "invalid_input", exitInvalid, false, "gait ledger witness list; to change one, remove it first"}),
	is(root.ErrTooManyWitnesses, failure{"too_many_witnesses", "invalid_input", exitInvalid, false, "gait ledger witness remove <NAME>"}),
	as(func(e *packError) failure { return failure{e.code, "verification_failed", exitVerify, false, e.hint} }),
	as(func(e *packspec.FormatError) failure {
		return failure{e.Code, "verification_failed", exitVerify, false, "do not rely on it; ask its sender for another"}
	}),
	is(packspec.ErrNotComparable, failure{"not_comparable", "invalid_input", exitInvalid, false, "compare two packs of one type, both as they were built"}),
	as(func(e *diffError) failure {
		return failure{e.code, "verification_failed", exitVerify, false, "what may differ is named with --ignore, such as --ignore volatile"}
	}),
	as(func(e *regressError) failure {
		category := map[int]string{exitRegress: "regress_failed", exitInvalid: "invalid_input", exitVerify: "verification_failed"}[e.exit]
		return failure{e.code, category, e.exit, false, e.hint}
	}),
	is(regress.ErrFixture, failure{"bad_fixture", "invalid_input", exitInvalid, false, "compare it with one that gait regress init makes"}),
	as(func(*replayError) failure {
		return failure{"replay_differs", "regress_failed", exitRegress, false, "write both sides with --views and compare them: diff -r"}
	}),
	is(packspec.ErrRange, failure{"invalid_range", "invalid_input", exitInvalid, false, "choose fewer events with --from and --to"}),
	is(packspec.ErrTooLarge, failure{"pack_too_large", "invalid_input", exitInvalid, false, "gait pack verify reads packs of any size"}),
	as(func(*viewsError) failure {
		return failure{"views_differ", "verification_failed", exitVerify, false, "the events hold; make the views anew: gait ledger rebuild"}
	}),
	as(func(e *untrustedError) failure {
		if e.other != "" {
			return failure{"key_mismatch", "verification_failed", exitVerify, false, "do not rely on it: somebody else signs in that name"}
		}
		return failure{"untrusted_key", "verification_failed", exitVerify, false, untrustedHint(e.given, e.key)}
	}),
	is(ledger.ErrUnsupportedVersion, failure{"unsupported_version", "invalid_input", exitInvalid, false, "it was written by a newer gait; use that one"}),
	as(func(*ledger.CorruptError) failure {
		return failure{"ledger_corrupt", "verification_failed", exitVerify, false, "keep a copy of the directory as it is; go on from a backup, or: gait ledger retire --reason <WHY>"}
	}),
	is(ledger.ErrUnverified, failure{"not_verified", "verification_failed", exitVerify, false, "do not rely on it; ask for it again from where it came"}),
	as(func(e *ledger.PolicyError) failure {
		return failure{e.Code, "invalid_input", exitInvalid, false, "https://c2sp.org/tlog-policy says how a policy is written"}
	}),
	as(func(e *ledger.FieldError) failure {
		return failure{invalidCode(e), "invalid_input", exitInvalid, false, helpHint}
	}),
	is(ledger.ErrWeakKey, failure{"weak_public_key", "invalid_input", exitInvalid, false, "take that key away: anyone can sign under it"}),
	is(ledger.ErrMalformed, failure{"malformed", "invalid_input", exitInvalid, false, "compare the file with what gait writes; go doc gait/ledger has the formats"}),
	is(context.DeadlineExceeded, failure{"deadline_exceeded", "state_contention", exitIO, true, "nothing was done; try again, or wait longer"}),
	is(context.Canceled, failure{"interrupted", "io_failure", exitIO, true, "run it again"}),
	as(func(*fs.PathError) failure { return ioFailure }),
	as(func(syscall.Errno) failure { return ioFailure }),
	as(func(*outputError) failure {
		return failure{"output_failed", "io_failure", exitIO, false, "what the command did stands; look at where standard output goes"}
	}),
	as(func(*panicError) failure {
		return failure{"internal_failure", "internal_failure", exitIO, false, "please report it with what it printed"}
	}),
}

// helpHint stands for the help of the command that failed.
const helpHint = "--help"

const retireHint = "if you know why: gait ledger retire --reason <WHY>, then go on with a new ledger that names this one"

var outcomeUnknown = failure{"outcome_unknown", "outcome_unknown", exitIO, true, "try again with the same --request-id: that settles it without doing it twice; where there was none, look first: gait job status"}

// apiHint stands for the help of a command where it is asked for over HTTP.
const apiHint = "GET /openapi.json describes what is asked for"

// ofRequest is a hint as whoever speaks HTTP is given it, ofCommand the other way about.
func ofRequest(hint string) string {
	if hint == helpHint {
		return apiHint
	}
	return hint
}

func ofCommand(hint string) string {
	if hint == apiHint {
		return helpHint
	}
	return hint
}

var ioFailure = failure{"io_failure", "io_failure", exitIO, false, "look at the disk and the permissions, then try again"}

func categoryOf(exit int) string {
	switch exit {
	case exitPolicy:
		return "policy_blocked"
	case exitApproval:
		return "approval_required"
	}
	return "invalid_input"
}

// invalidCode names the error code of a bad argument after the field: invalid_summary.
func invalidCode(err error) string {
	if field, ok := errors.AsType[*ledger.FieldError](err); ok {
		return "invalid_" + field.Field
	}
	return "invalid_input"
}

// classify finds how to report an error. What no rule knows is our fault.
func classify(err error) failure {
	for _, rule := range rules {
		if f, ok := rule(err); ok {
			return f
		}
	}
	return failure{"internal_failure", "internal_failure", exitIO, false, "please report it with what it printed"}
}

// A usageError says that the command line, or a file it names, is not right.
type usageError struct{ code, text, hint string }

func (e *usageError) Error() string { return e.text }

// An unsafeError says that a command was not carried out because it would do harm.
type unsafeError struct{ code, text, hint string }

func (e *unsafeError) Error() string { return e.text }

// A packError says that a pack does not verify.
type packError struct{ code, text, hint string }

func (e *packError) Error() string { return e.text }

// A viewsError says that stored views are not what the events give.
type viewsError struct{ text string }

func (e *viewsError) Error() string { return e.text }

// An untrustedError says that a ledger's key is not one the user trusts.
type untrustedError struct {
	key   string
	given string // the file with the only keys that count, if one was named
	other string // a key of the ledger's origin that is trusted instead
}

func (e *untrustedError) Error() string {
	if e.other != "" {
		return fmt.Sprintf("the ledger is signed by another key than the one you trust for it: %s, not %s", e.key, e.other)
	}
	return "the ledger is signed by a key you do not trust: " + e.key
}

// untrustedHint says what to do about a signature by a key that does not count.
func untrustedHint(given, key string) string {
	if given != "" {
		return given + " holds another key, and only what it holds counts here; if " + key + " is from somebody you trust, give that instead"
	}
	return "if you have this key from somebody you trust: gait keys trust " + key
}
