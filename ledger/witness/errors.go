package witness

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"gait/ledger"
)

// An UnreachableError says that a witness could not be asked, or could not
// answer now.
type UnreachableError struct {
	Witness Witness
	Err     error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("witness %s is not to be had: %s", e.Witness.Key.Name(), e.Err)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// A RefusedError says that a witness does not cosign for this ledger.
type RefusedError struct {
	Witness Witness
	Status  int    // 404: unknown origin; 403: unknown key; 400: a bad request, to its mind
	Said    string // the beginning of what it said, in ASCII
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("witness %s refuses (status %d): %s", e.Witness.Key.Name(), e.Status, e.Said)
}

// An AnswerError says that what a witness answered is not what C2SP
// tlog-witness asks for.
type AnswerError struct {
	Witness Witness
	Problem string
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("witness %s: %s", e.Witness.Key.Name(), e.Problem)
}

// A ConflictError says that a witness has seen a history of the ledger that is
// not the one at hand: the ledger was forked or rolled back, or the witness
// lies. It is evidence to be kept.
type ConflictError struct {
	Witness    Witness
	Status     int   // 422: the proof from Old does not hold for it; 409: it is at Size, beyond the checkpoint
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

// Evidence returns a text with all there is to show: what was sent, and what
// the witness answered.
func (e *ConflictError) Evidence() []byte {
	return fmt.Appendf(nil, "%s\n\nwitness %s\nurl %s\nold %d\nstatus %d\nsaid %s\n\n%s", e.Error(), e.Witness.Key, e.Witness.URL, e.Old, e.Status, e.Said, e.Signed)
}

// CheckURL returns what is wrong with a witness's submission prefix, or "". It
// is an https URL, or http on this machine, without a query.
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
