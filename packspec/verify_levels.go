package packspec

import (
	"errors"

	"gait/packspec/finding"
)

// A level is one question about a pack. If a level that is a base fails, those after it
// are not checked.
type level struct {
	name   string
	check  func() (detail string, err error)
	base   bool           // the levels after it rest on it
	status finding.Status // if the check finds nothing wrong and sets no other
	absent string         // a failure with this code leaves the level absent, not failed

	applies func() bool // whether the pack has this level; nil: every pack does
}

// A base is the part that all verifiers share: the caller's options and the report so
// far.
type base struct {
	Options
	report Report
	status finding.Status // of the level being checked
	halted string         // why the remaining levels are not checked
}

func newBase(o Options) base {
	return base{Options: o, report: Report{Profile: o.Profile, Verified: true}}
}

// run checks levels in their order and returns the report.
func (v *base) run(levels []level) (Report, error) {
	for _, l := range levels {
		if err := v.runLevel(l); err != nil {
			return Report{}, err
		}
	}
	return v.report, nil
}

// runLevel checks one level and reports it.
func (v *base) runLevel(l level) error {
	if l.applies != nil && !l.applies() {
		return nil
	}
	if v.halted != "" && (v.halted != actorsFailed || l.name != finding.LevelActors) {
		v.record(l.name, finding.Absent, "not checked: "+v.halted)
		return nil
	}
	v.status = l.status
	detail, err := l.check()
	if err == nil {
		v.record(l.name, v.status, detail)
		return nil
	}
	f, ok := errors.AsType[*finding.Failure](err)
	if broken, malformed := errors.AsType[*finding.FormatError](err); malformed {
		f, ok = &broken.Failure, true
	}
	if !ok {
		return err
	}
	v.report.Verified = false
	if f.Code == finding.CodeNoEvidence || f.Code == l.absent {
		v.record(l.name, finding.Absent, f.Reason)
	} else {
		v.record(l.name, finding.Failed, f.Error())
	}
	if l.base && f.Code == finding.CodeNoEvidence {
		v.halted = f.Reason
	} else if l.base {
		v.halted = l.name + " failed"
	}
	if v.report.Failure == nil {
		v.report.Failure = f
	}
	return nil
}

func (v *base) record(name string, s finding.Status, detail string) {
	v.report.Levels = append(v.report.Levels, finding.Level{Name: name, Status: s, Detail: detail})
}
