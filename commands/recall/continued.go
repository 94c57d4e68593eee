package recall

import (
	"gait/ledger"
	"gait/ledger/home"
	"gait/packspec"
	"gait/packspec/finding"
)

// A successors compares events with where the user has seen jobs go on: a job goes on in
// one ledger, and the ledger before has no more of it.
type successors struct {
	home string
	any  bool                    // the home remembers where some jobs go on
	of   map[string]jobContinues // of one ledger, as far as the home was asked
}

// A jobContinues is where a job goes on, if known.
type jobContinues struct {
	home.ContinuedSeen
	known bool
}

func newSuccessors(homeDir string) (*successors, error) {
	any, err := home.AnyContinued(homeDir)
	return &successors{home: homeDir, any: any, of: map[string]jobContinues{}}, err
}

// A contradiction says how an event contradicts where its job was seen to go on.
type contradiction struct {
	text    string // "" if it does not
	pastEnd bool   // it is an event of the ledger before, behind the one with which the job went on
}

// contradicts says how an event contradicts where its job was seen to go on. All events are of
// one ledger.
func (s *successors) contradicts(e ledger.Event) (no contradiction, err error) {
	if !s.any || e.JobID() == "" {
		return no, nil
	}
	continues, asked := s.of[e.JobID()]
	if !asked {
		continues.ContinuedSeen, continues.known, err = home.SeenContinued(s.home, e.Origin(), e.JobID())
		if err != nil {
			return no, err
		}
		s.of[e.JobID()] = continues
	}
	if continues.known {
		if text := continues.EndsBefore(e.JobSeq()); text != "" {
			return contradiction{text, true}, nil
		}
	}
	if c, ok := e.Payload().(ledger.Continued); ok {
		was, known, err := home.SeenContinued(s.home, c.Origin, e.JobID())
		if err != nil || !known {
			return no, err
		}
		return contradiction{text: was.Contradicts(e.Origin())}, nil
	}
	return no, nil
}

// keepSuccessor remembers where the job of a pack that verifies goes on, if a key that the
// user trusts has signed the ledger before. The pack fails if another process has
// remembered another ledger meanwhile.
func (m Memory) keepSuccessor(report *packspec.Report) {
	from := report.Continued
	if !report.Verified || report.PackType != packspec.TypeJob || from == nil || from.Key == "" {
		return
	}
	was, err := home.NoteContinued(m.Home, home.ContinuedSeen{JobID: report.JobID, JobSeq: from.JobSeq, Origin: from.Origin, Successor: report.Origin})
	switch {
	case err != nil:
		m.notice("where the job goes on is not remembered, so another ledger that continues it would not be noticed: %v", err)
	default:
		if no := was.Contradicts(report.Origin); no != "" {
			report.Fail(goesOnTwice(no))
		}
	}
}

func goesOnTwice(text string) *finding.Failure {
	return finding.Failf(finding.LevelFreshness, finding.CodeForked, "", "%s", text)
}
