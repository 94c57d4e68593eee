package witness

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"gait/ledger"
)

// An UnreachableError says that a witness could not be reached, or could not
// answer now.
type UnreachableError struct {
	Witness Witness
	Err     error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("witness %s cannot be reached: %s", e.Witness.Key.Name(), e.Err)
}

// Fault returns what kind of error it is.
func (*UnreachableError) Fault() ledger.Fault {
	return ledger.Fault{Code: "witness_unreachable", Category: ledger.CategoryDependency, Retryable: true}
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// A RefusedError says that a witness does not cosign for this ledger.
type RefusedError struct {
	Witness Witness
	Status  int    // 404: unknown origin; 403: unknown key; 400: it calls the request malformed
	Said    string // the beginning of what it said, in ASCII
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("witness %s refuses (status %d): %s", e.Witness.Key.Name(), e.Status, e.Said)
}

// Fault returns what kind of error it is.
func (*RefusedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "witness_refused", Category: ledger.CategoryDependency}
}

// An AnswerError says that a witness's answer does not follow C2SP tlog-witness.
type AnswerError struct {
	Witness Witness
	Problem string
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("witness %s: %s", e.Witness.Key.Name(), e.Problem)
}

// Fault returns what kind of error it is.
func (*AnswerError) Fault() ledger.Fault {
	return ledger.Fault{Code: "witness_answer_invalid", Category: ledger.CategoryVerification}
}

// A ConflictError says that a witness has seen another history of the ledger than
// this one: the ledger was forked or rolled back, or the witness lies. The caller
// should keep it as evidence.
type ConflictError struct {
	Witness    Witness
	Status     int   // 422: the proof from Old does not verify for it; 409: it is at Size, beyond the checkpoint
	Old        int64 // the size that was proved from
	Size       int64 // with 409
	Checkpoint ledger.Checkpoint
	Signed     []byte // the checkpoint as it was sent
	Said       string // the beginning of what it said, in ASCII
}

func (e *ConflictError) Error() string {
	if e.Size > 0 {
		return fmt.Sprintf("witness %s has cosigned %d events of %s, and %d are here", e.Witness.Key.Name(), e.Size, e.Checkpoint.Origin, e.Checkpoint.Size)
	}
	return fmt.Sprintf("witness %s knows a state of %s at size %d that is not a beginning of the one here at size %d", e.Witness.Key.Name(), e.Checkpoint.Origin, e.Old, e.Checkpoint.Size)
}

// Fault returns what kind of error it is.
func (*ConflictError) Fault() ledger.Fault {
	return ledger.Fault{Code: "witness_conflict", Category: ledger.CategoryVerification}
}

// Evidence returns a text that holds what was sent and what the witness answered.
func (e *ConflictError) Evidence() []byte {
	return fmt.Appendf(nil, "%s\n\nwitness %s\nurl %s\nold %d\nstatus %d\nsaid %s\n\n%s", e.Error(), e.Witness.Key, e.Witness.URL, e.Old, e.Status, e.Said, e.Signed)
}

// CheckURL returns what is wrong with a witness's submission prefix, or "". It
// must be an https URL, or an http URL of this machine, without a query.
func CheckURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || len(s) > 1024 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return "not a URL"
	case u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return "it names no host"
	case u.User != nil || strings.ContainsAny(s, "?#"):
		return "it has a user, a query or a fragment"
	case strings.HasSuffix(s, "/"):
		return "it ends in a slash"
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "it is not https, and not of this machine"
	case u.Scheme != "http" && u.Scheme != "https":
		return "it is not https"
	}
	return ""
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
