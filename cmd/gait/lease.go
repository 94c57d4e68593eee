package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"gait/commands"
	"gait/ledger"
)

// What a supervisor tells its worker by the environment.
const (
	leaseVariable = "GAIT_LEASE"  // the epoch of the lease that the worker acts under
	jobVariable   = "GAIT_JOB"    // the job that it acts for
	traceVariable = "TRACEPARENT" // the span that it is a part of (W3C Trace Context)
)

// leaseFlag is the lease that a command names.
type leaseFlag struct {
	epoch int64
	none  bool // the command names none, whatever the environment says

	// flagOnly says that the environment is not asked: a job can be stopped from where a worker
	// ran whose lease is lost.
	flagOnly bool
}

func (l *leaseFlag) add(f *pflag.FlagSet) {
	f.Int64Var(&l.epoch, "lease", 0, "the epoch of the lease that you act under (env GAIT_LEASE; if GAIT_JOB is set too, for that job alone)")
}

// hide hides the flag of a command that names no lease.
func (l *leaseFlag) hide(f *pflag.FlagSet) {
	l.none = true
	f.Lookup("lease").Hidden = true
}

// of returns the epoch of the lease that a command for a job names; 0 if it names none.
func (l *leaseFlag) of(s *surroundings, f *pflag.FlagSet, job string) (int64, error) {
	switch {
	case f.Changed("lease") && l.none:
		return 0, &usageError{code: "invalid_lease", text: "--lease: this command is under no lease", hint: "leave --lease out"}
	case f.Changed("lease") && l.epoch < 1:
		return 0, &usageError{code: "invalid_lease", text: fmt.Sprintf("--lease %d is not the epoch of a lease", l.epoch), hint: leaseHint}
	case f.Changed("lease"):
		return l.epoch, nil
	case l.none, l.flagOnly:
		return 0, nil
	}
	return s.leaseFor(job)
}

// leaseHint says where the epoch of a lease is found.
const leaseHint = "epochs count from 1: gait job lease show JOB shows that of the job's lease"

// leaseFor returns the epoch of the lease that the environment names for a job; 0 if it names
// none, or that of another job.
func (s *surroundings) leaseFor(job string) (int64, error) {
	text := s.getenv(leaseVariable)
	if text == "" {
		return 0, nil
	}
	epoch, err := strconv.ParseInt(text, 10, 64)
	if err != nil || epoch < 1 || strconv.FormatInt(epoch, 10) != text {
		return 0, &usageError{code: "invalid_lease", text: fmt.Sprintf("%s takes the epoch of a lease, such as 3, not %.40q", leaseVariable, text), hint: "unset " + leaseVariable}
	}
	if of := s.getenv(jobVariable); of != "" && of != job {
		return 0, nil
	}
	return epoch, nil
}

// traceFor returns the traceparent of the environment for the event of a command about a
// job; "" if there is none. One that is not well formed is ignored, as W3C Trace Context says,
// and of a later version what version 00 has is used.
func traceFor(s *surroundings, c commands.Command) string {
	const length, flags = 55, 53 // of version 00, and where its last part begins
	text := s.getenv(traceVariable)
	if commands.RowOf(c).OfLedger || len(text) < length {
		return ""
	}
	version, known := text[:2], "00"+text[2:length]
	switch {
	case ledger.FieldTrace.Check(known) != nil || version == "ff":
		return ""
	case version == "00" && len(text) == length:
		return text
	case version == "00" || len(text) > length && text[length] != '-' || ledger.FieldTrace.Check("00"+known[2:flags]+version) != nil:
		return ""
	}
	later, err := strconv.ParseUint(known[flags:], 16, 8)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s%02x", known[:flags], later&1) // only the flag that version 00 has
}

// workerName returns the name of this machine, which stands for the process that acts unless
// the command line names that.
func workerName(host func() (string, error)) string {
	name, err := host()
	if err != nil || name == "" {
		return "gait"
	}
	return ledger.NameOf(name)
}
