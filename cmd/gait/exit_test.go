package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/daemon"
	"gait/commands/recall"
	"gait/commands/succeed"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
	"gait/ledger/witness"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/regress"
	"gait/projection"
)

// An engine whose queue is full says so, and the caller may try again.
func TestBusyIsRetryable(t *testing.T) {
	engine := &commands.Engine{Log: ledgertest.New(t).Log, Now: ledgertest.Now, Entropy: rand.Reader, MaxWaiting: -1}
	_, err := engine.Do(t.Context(), commands.Request{JobID: "job_1", Actor: "w", Command: commands.Pause{}})
	if got := classify(err); got.Code != "busy" || got.Category != ledger.CategoryContention || got.exit != exitIO || !got.Retryable {
		t.Errorf("%v is reported as %+v, want busy, state_contention, exit 1, retryable", err, got)
	}
}

// refusal returns the error of a refusal that was not recorded.
func refusal(code projection.RefusalCode) error { return &projection.Refusal{Code: code} }

func wrap(outer, inner error) error { return fmt.Errorf("%w: %w", outer, inner) }

var missingFile = &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}

// reported lists errors with their code, category, exit code, and whether they are
// retryable.
var reported = []struct {
	err  error
	want string
}{
	{&usageError{code: "some_usage"}, "some_usage invalid_input 6 false"},
	{&unsafeError{code: "some_harm"}, "some_harm unsafe_operation 8 false"},
	{ledger.ErrOutcomeUnknown, "outcome_unknown outcome_unknown 1 true"},
	{wrap(ledger.ErrOutcomeUnknown, &daemon.UnreachableError{Err: context.Canceled}), "outcome_unknown outcome_unknown 1 true"},
	{wrap(&daemon.UnreachableError{Err: context.Canceled}, ledger.ErrOutcomeUnknown), "outcome_unknown outcome_unknown 1 true"},
	{&connect.MissingError{}, "daemon_not_running dependency_missing 7 true"},
	{&connect.RunningError{}, "daemon_running state_contention 1 false"},
	{&servedError{}, "daemon_running state_contention 1 false"},
	{&daemon.UnreachableError{Err: context.DeadlineExceeded}, "daemon_unreachable state_contention 1 true"},
	{daemon.ErrOtherVersion, "daemon_version dependency_missing 7 false"},
	{daemon.ErrTooLong, "request_too_long invalid_input 6 false"},
	{daemon.ErrNoRoute, "unknown_address invalid_input 6 false"},
	{daemon.ErrToken, "token_invalid policy_blocked 3 false"},
	{daemon.ErrForeign, "foreign_request policy_blocked 3 false"},
	{daemon.ErrMethod, "unknown_address invalid_input 6 false"},
	{&commands.RefusedError{Refusal: &projection.Refusal{Code: projection.SelfApproval}}, "self_approval policy_blocked 3 false"},
	{refusal(projection.InvalidTransition), "invalid_transition invalid_input 6 false"},
	{refusal(projection.NothingToApprove), "nothing_to_approve invalid_input 6 false"},
	{refusal(projection.AlreadyDecided), "already_decided invalid_input 6 false"},
	{refusal(projection.CheckpointRequired), "checkpoint_required invalid_input 6 false"},
	{refusal(projection.DecisionNotOpen), "decision_not_open invalid_input 6 false"},
	{refusal(projection.TooManyDecisions), "too_many_decisions invalid_input 6 false"},
	{refusal(projection.SelfApproval), "self_approval policy_blocked 3 false"},
	{refusal(projection.ApprovalRequired), "approval_required approval_required 4 false"},
	{refusal(projection.PolicyRequired), "policy_required policy_blocked 3 false"},
	{refusal(projection.IdentityMismatch), "identity_mismatch policy_blocked 3 false"},
	{refusal(projection.EnvironmentMismatch), "environment_mismatch policy_blocked 3 false"},
	{refusal(projection.Fenced), "fenced policy_blocked 3 false"},
	{refusal(projection.DependencyFailed), "dependency_failed invalid_input 6 false"},
	{&commands.UnrecordedError{Refusal: &projection.Refusal{Code: projection.DependencyFailed}}, "dependency_failed invalid_input 6 false"},
	{&commands.UnrecordedError{Refusal: &projection.Refusal{Code: projection.LeaseHeld}}, "lease_held state_conflict 1 true"},
	{&commands.UnrecordedError{Refusal: &projection.Refusal{Code: projection.NotDue}}, "not_due state_conflict 1 true"},
	{&commands.UnrecordedError{Refusal: &projection.Refusal{Code: projection.DependencyPending}}, "dependency_pending state_conflict 1 true"},
	{&commands.RevisionError{}, "state_conflict state_conflict 1 true"},
	{&timeoutError{}, "wait_timeout state_conflict 1 true"},
	{&projection.NeverError{}, "never_holds invalid_input 6 false"},
	{&projection.DeniedError{}, "decision_denied approval_required 4 false"},
	{&commands.RequestIDError{}, "request_id_conflict invalid_input 6 false"},
	{&commands.EmptyError{}, "invalid_usage invalid_input 6 false"},
	{&ledger.RequestUsedError{}, "request_id_used_before invalid_input 6 false"},
	{ledger.ErrContentMissing, "content_missing dependency_missing 7 false"},
	{ledger.ErrContentSecret, "content_secret_missing dependency_missing 7 false"},
	{&commands.TooLargeError{}, "import_too_large invalid_input 6 false"},
	{packspec.ErrHasEvidence, "pack_has_evidence invalid_input 6 false"},
	{&commands.InvalidError{Err: errors.New("x")}, "invalid_input invalid_input 6 false"},
	{&commands.InvalidError{Err: wrap(ledger.ErrMalformed, missingFile)}, "invalid_input invalid_input 6 false"},
	{&commands.InvalidError{Err: &ledger.FieldError{Field: "summary"}}, "invalid_summary invalid_input 6 false"},
	{&commands.InvalidError{Err: ledger.ErrUnsupportedVersion}, "invalid_input invalid_input 6 false"},
	{&commands.InvalidError{Err: &commands.TooLargeError{}}, "import_too_large invalid_input 6 false"},
	{&commands.InvalidError{Err: refusal(projection.IdentityMismatch)}, "identity_mismatch policy_blocked 3 false"},
	{&commands.InvalidError{Err: &ledger.CorruptError{}}, "invalid_input invalid_input 6 false"},
	{commands.ErrJobNotFound, "job_not_found invalid_input 6 false"},
	{commands.ErrJobExists, "job_exists invalid_input 6 false"},
	{commands.ErrContention, "state_contention state_contention 1 true"},
	{commands.ErrBusy, "busy state_contention 1 true"},
	{&root.LockedError{}, "state_contention state_contention 1 true"},
	{&ledger.MovedError{}, "ledger_moved unsafe_operation 8 false"},
	{&root.BackError{}, "ledger_moved unsafe_operation 8 false"},
	{&root.RetiredError{}, "ledger_retired unsafe_operation 8 false"},
	{&succeed.ForkError{}, "job_forked verification_failed 2 false"},
	{&unreadableError{err: missingFile}, "nothing_to_continue verification_failed 2 false"},
	{&unreadableError{err: &ledger.CorruptError{}}, "nothing_to_continue verification_failed 2 false"},
	{&root.LeftError{}, "ledger_moved unsafe_operation 8 false"},
	{&root.UnfinishedError{}, "successor_unfinished unsafe_operation 8 false"},
	{&home.RolledBackError{}, "ledger_rolled_back verification_failed 2 false"},
	{&root.InsideError{}, "inside_root unsafe_operation 8 false"},
	{&root.InsideError{Home: true}, "inside_home unsafe_operation 8 false"},
	{&root.ElsewhereError{}, "ledger_elsewhere unsafe_operation 8 false"},
	{&root.SwappedError{}, "ledger_swapped verification_failed 2 false"},
	{errors.Join(&home.RolledBackError{}, &root.SwappedError{}), "ledger_rolled_back verification_failed 2 false"},
	{root.ErrLedgerMissing, "ledger_missing verification_failed 2 false"},
	{wrap(root.ErrLedgerMissing, missingFile), "ledger_missing verification_failed 2 false"},
	{wrap(root.ErrLedgerMissing, root.ErrNoLedger), "ledger_missing verification_failed 2 false"},
	{&root.LostError{}, "ledger_missing verification_failed 2 false"},
	{root.ErrNewestUnknown, "newest_unknown unsafe_operation 8 false"},
	{root.ErrNothingToAccept, "nothing_to_accept invalid_input 6 false"},
	{&content.MissingError{}, "content_missing dependency_missing 7 false"},
	{&content.ErasedError{}, "content_erased dependency_missing 7 false"},
	{&connect.UnnamedError{}, "content_not_found invalid_input 6 false"},
	{&content.DamagedError{}, "content_damaged verification_failed 2 false"},
	{&packspec.ContinuedError{}, "continued_mismatch verification_failed 2 false"},
	{content.ErrTooLarge, "content_too_large invalid_input 6 false"},
	{home.ErrOtherKey, "origin_key_conflict verification_failed 2 false"},
	{root.ErrTooManyRotations, "too_many_rotations unsafe_operation 8 false"},
	{root.ErrNoLedger, "ledger_not_found invalid_input 6 false"},
	{&root.ImportedError{}, "ledger_read_only unsafe_operation 8 false"},
	{&home.KeyMissingError{}, "signing_key_missing dependency_missing 7 false"},
	{&home.KeyMissingError{Origin: "x"}, "signing_key_missing dependency_missing 7 false"},
	{&root.NetworkFSError{}, "network_filesystem unsafe_operation 8 false"},
	{&home.OriginUsedError{}, "origin_used unsafe_operation 8 false"},
	{home.ErrPassphrase, "wrong_passphrase invalid_input 6 false"},
	{&home.UnsafeError{}, "unsafe_permissions unsafe_operation 8 false"},
	{&home.AccessError{Place: home.InHome, Write: true, Err: syscall.EROFS}, "home_unwritable io_failure 1 false"},
	{&home.AccessError{Place: home.InHome, Err: syscall.EACCES}, "home_unreadable io_failure 1 false"},
	{&home.AccessError{Place: home.InRoot, Write: true, Err: syscall.ENOSPC}, "root_unwritable io_failure 1 true"},
	{&home.AccessError{Place: home.InRoot, Err: syscall.EACCES}, "root_unreadable io_failure 1 false"},
	{wrap(ledger.ErrOutcomeUnknown, &home.AccessError{Place: home.InHome, Write: true, Err: syscall.ENOSPC}), "outcome_unknown outcome_unknown 1 true"},
	{&root.ChangedError{}, "ledger_changed state_contention 1 true"},
	{&home.MemoryError{Err: ledger.ErrMalformed}, "job_memory_damaged verification_failed 2 false"},
	{&recall.ForkedError{}, "job_forked verification_failed 2 false"},
	{&recall.ConflictError{}, "checkpoint_conflict verification_failed 2 false"},
	{&witness.ConflictError{}, "witness_conflict verification_failed 2 false"},
	{&witness.AnswerError{}, "witness_answer_invalid verification_failed 2 false"},
	{&witness.RefusedError{}, "witness_refused dependency_missing 7 false"},
	{&witness.UnreachableError{Err: context.DeadlineExceeded}, "witness_unreachable dependency_missing 7 true"},
	{&witness.UnreachableError{Err: missingFile}, "witness_unreachable dependency_missing 7 true"},
	{home.ErrWitnessKnown, "witness_exists invalid_input 6 false"},
	{home.ErrTooManyTokens, "too_many_tokens invalid_input 6 false"},
	{home.ErrNoToken, "token_not_found invalid_input 6 false"},
	{home.ErrTooManyWitnesses, "too_many_witnesses invalid_input 6 false"},
	{home.ErrNoWitness, "internal_failure internal_failure 1 false"},
	{&packError{code: "pack_bad"}, "pack_bad verification_failed 2 false"},
	{&verifyError{packError: packError{code: "pack_bad"}}, "pack_bad verification_failed 2 false"},
	{&finding.FormatError{Failure: finding.Failure{Code: "bad_zip"}}, "bad_zip verification_failed 2 false"},
	{packspec.ErrNotComparable, "not_comparable invalid_input 6 false"},
	{packspec.ErrJobNotFound, "job_not_found invalid_input 6 false"},
	{&diffError{code: "packs_differ"}, "packs_differ verification_failed 2 false"},
	{&regressError{code: "regress_failed", category: ledger.CategoryRegress}, "regress_failed regress_failed 5 false"},
	{&regressError{code: "no_fixtures", category: ledger.CategoryInvalid}, "no_fixtures invalid_input 6 false"},
	{&regressError{code: "bad_pack", category: ledger.CategoryVerification}, "bad_pack verification_failed 2 false"},
	{regress.ErrFixture, "bad_fixture invalid_input 6 false"},
	{wrap(regress.ErrFixture, missingFile), "bad_fixture invalid_input 6 false"},
	{wrap(regress.ErrFixture, &ledger.FieldError{Field: "summary"}), "bad_fixture invalid_input 6 false"},
	{wrap(regress.ErrFixture, ledger.ErrUnsupportedVersion), "bad_fixture invalid_input 6 false"},
	{&replayError{}, "replay_differs regress_failed 5 false"},
	{packspec.ErrRange, "invalid_range invalid_input 6 false"},
	{packspec.ErrRevision, "invalid_revision invalid_input 6 false"},
	{packspec.ErrTooLarge, "pack_too_large invalid_input 6 false"},
	{&viewsError{}, "views_differ verification_failed 2 false"},
	{&untrustedError{}, "untrusted_key verification_failed 2 false"},
	{&untrustedError{other: "key"}, "key_mismatch verification_failed 2 false"},
	{ledger.ErrUnsupportedVersion, "unsupported_version invalid_input 6 false"},
	{wrap(ledger.ErrMalformed, ledger.ErrUnsupportedVersion), "unsupported_version invalid_input 6 false"},
	{&ledger.CorruptError{}, "ledger_corrupt verification_failed 2 false"},
	{&ledger.CorruptError{Err: ledger.ErrUnsupportedVersion}, "unsupported_version invalid_input 6 false"},
	{&ledger.CorruptError{Err: &ledger.FieldError{Field: "summary"}}, "ledger_corrupt verification_failed 2 false"},
	{&ledger.CorruptError{Err: ledger.ErrUnverified}, "ledger_corrupt verification_failed 2 false"},
	{&ledger.CorruptError{Err: missingFile}, "ledger_corrupt verification_failed 2 false"},
	{&ledger.CorruptError{Err: refusal(projection.InvalidTransition)}, "invalid_transition invalid_input 6 false"},
	{wrap(ledger.ErrUnverified, &ledger.CorruptError{}), "ledger_corrupt verification_failed 2 false"},
	{ledger.ErrUnverified, "not_verified verification_failed 2 false"},
	{wrap(ledger.ErrUnverified, &ledger.FieldError{Field: "summary"}), "not_verified verification_failed 2 false"},
	{wrap(ledger.ErrMalformed, ledger.ErrUnverified), "not_verified verification_failed 2 false"},
	{&ledger.PolicyError{Code: ledger.PolicyKey}, "policy_key invalid_input 6 false"},
	{&ledger.FieldError{Field: "summary"}, "invalid_summary invalid_input 6 false"},
	{wrap(ledger.ErrMalformed, &ledger.FieldError{Field: "summary"}), "invalid_summary invalid_input 6 false"},
	{wrap(&ledger.FieldError{Field: "summary"}, ledger.ErrWeakKey), "invalid_summary invalid_input 6 false"},
	{ledger.ErrWeakKey, "weak_public_key invalid_input 6 false"},
	{wrap(ledger.ErrMalformed, ledger.ErrWeakKey), "weak_public_key invalid_input 6 false"},
	{ledger.ErrMalformed, "malformed invalid_input 6 false"},
	{ledger.ErrNoKey, "malformed invalid_input 6 false"},
	{wrap(ledger.ErrMalformed, missingFile), "malformed invalid_input 6 false"},
	{ledger.ErrConflict, "internal_failure internal_failure 1 false"},
	{context.DeadlineExceeded, "deadline_exceeded state_contention 1 true"},
	{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "internal_failure internal_failure 1 false"},
	{context.Canceled, "interrupted io_failure 1 true"},
	{errors.Join(context.Canceled, missingFile), "interrupted io_failure 1 true"},
	{missingFile, "io_failure io_failure 1 false"},
	{&os.LinkError{Op: "rename", Err: syscall.EXDEV}, "io_failure io_failure 1 false"},
	{syscall.ENOSPC, "io_failure io_failure 1 false"},
	{fs.ErrNotExist, "internal_failure internal_failure 1 false"},
	{&outputError{err: missingFile}, "output_failed io_failure 1 false"},
	{&panicError{}, "internal_failure internal_failure 1 false"},
	{errors.New("anything"), "internal_failure internal_failure 1 false"},
}

// Each error is reported with its code, category and exit code.
func TestEveryErrorIsReported(t *testing.T) {
	for _, tt := range reported {
		f := classify(fmt.Errorf("doing: %w", tt.err))
		if got := fmt.Sprintf("%s %s %d %t", f.Code, f.Category, f.exit, f.Retryable); got != tt.want {
			t.Errorf("%T %v is reported as %q, want %q", tt.err, tt.err, got, tt.want)
		}
	}
}
