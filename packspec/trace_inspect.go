package packspec

import (
	"errors"
	"fmt"

	"gait/ledger"
	"gait/packspec/finding"
)

// A TraceFormatError says why a file cannot be read as a trace.
type TraceFormatError struct{ finding.Failure }

// Fault returns the fault with the failure's code.
func (e *TraceFormatError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.Code, Category: ledger.CategoryVerification}
}

func (e *TraceFormatError) Error() string { return "not a trace: " + e.Failure.Error() }

// A TraceInspection is what a trace says about a decision. No signature and no proof was
// checked.
type TraceInspection struct {
	Verified  bool      `json:"verified"` // always false
	Origin    string    `json:"origin"`
	JobID     string    `json:"job_id"`
	Decision  *Decision `json:"decision"`
	Authority string    `json:"authority,omitempty"` // leaf hash of the authority event in force before it
	Command   string    `json:"command,omitempty"`   // that the actor signed
	Size      int64     `json:"size"`                // of the checkpoint's tree
	Root      string    `json:"root"`
	Key       string    `json:"key"`    // that event 0 names, or the last rotation
	KeyID     string    `json:"key_id"` // SHA-256 of its public key bytes
}

// InspectTrace reads a trace to be shown. Errors: a *TraceFormatError if it is none or does
// not fit together, and ledger.ErrUnsupportedVersion.
func InspectTrace(b []byte) (TraceInspection, error) {
	v := &traceVerifier{ledgerVerifier: ledgerVerifier{base: newBase(Options{}), checkpointEntry: "proof"}, text: b}
	for _, check := range []func() (string, error){v.canonical, v.chain} {
		_, err := check()
		if f, is := errors.AsType[*finding.Failure](err); is {
			err = &TraceFormatError{*f}
		}
		if err != nil {
			return TraceInspection{}, fmt.Errorf("inspecting a trace: %w", err)
		}
	}
	d := DecisionOf(v.event)
	if v.settlement.Payload() != nil {
		d.Settle(v.settlement)
	}
	return TraceInspection{
		Origin: v.evidence.Origin, JobID: v.event.JobID(), Decision: d, Authority: v.event.Authority().OrEmpty(), Command: string(v.event.Command()),
		Size: v.evidence.Size, Root: v.evidence.Root, Key: v.report.Key, KeyID: v.report.KeyID,
	}, nil
}
