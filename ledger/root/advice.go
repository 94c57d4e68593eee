package root

import "gait/ledger/home"

// What can be done about a Finding.
const (
	// AdviceVerify is to read all of the ledger once, which proves its index from then on.
	// AdviceVerifyOld is the same for a ledger that also gets its index when it is written.
	AdviceVerify    home.Advice = "verify"
	AdviceVerifyOld home.Advice = "verify_old"

	// AdviceKeep is to read all of the ledger once, which keeps its checkpoint.
	AdviceKeep home.Advice = "keep"

	// AdviceShowBoth is to find out who holds the ledger's key: reading all of the ledger shows
	// both checkpoints. AdviceTellBoth is to tell those who rely on the ledger.
	AdviceShowBoth home.Advice = "show_both"
	AdviceTellBoth home.Advice = "tell_both"

	// AdviceCompareMoved and AdviceCompareCopy are to compare a checkpoint of the ledger with
	// the place that it moved to, or with a copy of it.
	AdviceCompareMoved home.Advice = "compare_moved"
	AdviceCompareCopy  home.Advice = "compare_copy"

	// AdviceCompareAt is to write one ledger only, of this and the one in Finding.At, which can
	// be compared.
	AdviceCompareAt home.Advice = "compare_at"

	// AdviceCheckContent is to read all of the ledger, which checks each content that it names.
	AdviceCheckContent home.Advice = "check_content"

	// AdviceRotate is to rotate the ledger's key, if it is the user's own, or to ask its owner
	// for the newest one. AdviceTrust is to trust its key.
	AdviceRotate home.Advice = "rotate"
	AdviceTrust  home.Advice = "trust"

	// AdviceContinue is to go on with the jobs in a successor.
	AdviceContinue home.Advice = "continue"

	// AdviceReadBackup is to wait for the process that holds the lock or, if that is a daemon
	// of another user, to read a backup.
	AdviceReadBackup home.Advice = "read_backup"

	// AdviceBegin is to begin a ledger.
	AdviceBegin home.Advice = "begin"

	// AdviceAcceptClock is to set the clock or, if it is right, to accept it.
	AdviceAcceptClock home.Advice = "accept_clock"
)
