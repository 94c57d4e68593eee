package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/seen"
	"gait/packspec"
	"gait/packspec/finding"
)

// A packMemory compares a pack or an index proof with what the user remembers of its
// jobs, and remembers it if it verifies. Fixtures of gait regress are left out: they say
// what is expected, and anybody may have the key that signed them.
type packMemory struct {
	a    *app
	home string
	seen *home.JobsSeen // nil if nothing can be remembered
}

// open is packspec.Options.Jobs.
func (m *packMemory) open(keys []ledger.VerifierKey) (packspec.JobMemory, error) {
	var err error
	if m.home, err = m.a.homeIfAny(); err != nil || m.home == "" {
		return nil, err
	}
	if m.seen, err = home.SeenJobs(m.home, keys); err != nil {
		return nil, err
	}
	return m.seen, nil
}

// openBefore is packspec.Options.Before: what the user remembers of the jobs of the ledger
// that held a job before. Nothing more is remembered of it.
func (m *packMemory) openBefore(keys []ledger.VerifierKey) (packspec.JobMemory, error) {
	homeDir, err := m.a.homeIfAny()
	if err != nil || homeDir == "" {
		return nil, err
	}
	return home.SeenJobs(homeDir, keys)
}

// A shownFile is a file that was verified: a pack or an index proof.
type shownFile struct {
	io.ReaderAt
	size int64
	kept string // the name under which the evidence of a fork has it
}

func (f shownFile) reader() io.Reader { return io.NewSectionReader(f, 0, f.size) }

func (f shownFile) digest() (ledger.Hash, error) {
	h := sha256.New()
	if _, err := io.Copy(h, f.reader()); err != nil {
		return ledger.Hash{}, fmt.Errorf("reading it again: %w", err)
	}
	return ledger.Hash(h.Sum(nil)), nil
}

// settle remembers a file that verifies, and keeps the evidence if it contradicts what
// is remembered. It returns the report, which may say so. If something cannot be kept,
// that is a notice and no error.
func (m *packMemory) settle(file shownFile, report packspec.Report) (packspec.Report, error) {
	if m.seen == nil {
		return report, nil
	}
	var fork *home.JobFork
	switch {
	case !report.Verified && report.Failure.Code == finding.CodeForked:
		fork = m.seen.Fork()
	case !report.Verified || !m.seen.News():
		return report, nil
	}
	sum, err := file.digest()
	if err != nil {
		return report, err
	}
	if fork == nil {
		if fork, err = m.seen.Keep(packSeen(report, sum)); err != nil {
			m.a.notice(fmt.Sprintf("the events shown are not remembered, so another history of them would not be noticed: %v", err))
		}
		if fork == nil {
			return report, nil
		}
		report.Fail(packspec.Forked(fork.Fork)) // another process has seen it meanwhile
	}
	report.Kept, err = home.KeepFork(m.home, fork, file.kept, file.reader(), sum)
	if err != nil {
		m.a.notice(fmt.Sprintf("the evidence is not kept: %v", err))
	}
	return report, nil
}

// packSeen returns what is kept of a file that verified.
func packSeen(report packspec.Report, sum ledger.Hash) home.PackSeen {
	s := report.Shown
	from := home.PackSeen{SHA256: sum, Head: s.Head, Proof: s.HeadProof, Commitment: s.Commitment, CommitmentProof: s.CommitmentProof, Path: s.Path}
	if report.PackType == packspec.TypeRange {
		from.Checkpoint = []byte(report.Checkpoint)
	}
	return from
}

// A forkedError says that a ledger contradicts what was seen in a pack or a proof.
type forkedError struct{ text string }

func (e *forkedError) Error() string { return e.text }

// Fault returns what kind of error it is.
func (*forkedError) Fault() ledger.Fault {
	return ledger.Fault{Code: finding.CodeForked, Category: ledger.CategoryVerification}
}

// A ledgerMemory compares a whole ledger with what was seen in packs and proofs. It
// remembers nothing: a reader of the whole ledger finds two histories in it.
type ledgerMemory struct {
	seen *home.JobsSeen
	home string
	jobs map[string]int64 // those that are remembered: the job_seq of the last event that was compared

	continued bool              // the home remembers where some jobs go on
	goes      map[string]goesOn // where jobs do, as far as the home was asked
}

// A goesOn says where a job goes on, if known.
type goesOn struct {
	home.ContinuedSeen
	known bool
}

func newLedgerMemory(homeDir string, keys ledger.Keyring) (*ledgerMemory, error) {
	m := &ledgerMemory{home: homeDir, jobs: map[string]int64{}, goes: map[string]goesOn{}}
	var err error
	if m.continued, err = home.AnyContinued(homeDir); err != nil {
		return nil, err
	}
	if m.seen, err = home.SeenJobs(homeDir, keys.Keys()); err != nil {
		return nil, err
	}
	ids, err := m.seen.Jobs()
	for _, id := range ids {
		m.jobs[id] = 0
	}
	return m, err
}

// check fails with a *forkedError if something was seen that contradicts e.
func (m *ledgerMemory) check(e ledger.Event) error {
	if e.Seq() == 0 {
		return nil
	}
	if err := m.goesOn(e); err != nil {
		return err
	}
	if _, remembered := m.jobs[e.JobID()]; remembered {
		m.jobs[e.JobID()] = e.JobSeq()
	}
	fork, err := m.seen.Compare(e)
	return m.orForked(fork, err)
}

// goesOn fails with a *forkedError if an event of a whole ledger contradicts where its job
// was seen to go on.
func (m *ledgerMemory) goesOn(e ledger.Event) error {
	if !m.continued || e.JobID() == "" {
		return nil
	}
	goes, asked := m.goes[e.JobID()]
	var err error
	if !asked {
		goes.ContinuedSeen, goes.known, err = home.SeenContinued(m.home, e.Origin(), e.JobID())
		m.goes[e.JobID()] = goes
	}
	no := ""
	if goes.known {
		no = goes.EndsBefore(e.JobSeq())
	}
	if c, ok := e.Payload().(ledger.Continued); ok && err == nil && no == "" {
		no, err = goesOnElsewhere(m.home, c.Origin, e.JobID(), e.Origin())
	}
	if err == nil && no != "" {
		err = &forkedError{text: no}
	}
	return err
}

// end fails with a *forkedError if events of jobs were seen that a ledger of that size
// does not have.
func (m *ledgerMemory) end(size int64) error {
	for _, id := range slices.Sorted(maps.Keys(m.jobs)) {
		if err := m.orForked(m.seen.End(id, m.jobs[id], ledger.Seq(size-1))); err != nil {
			return err
		}
	}
	return nil
}

func (m *ledgerMemory) orForked(fork *seen.Fork, err error) error {
	if fork == nil || err != nil {
		return err
	}
	text := fmt.Sprintf("the ledger is not the one that was seen in the file of SHA-256 %s: %s", m.seen.Fork().First.SHA256, fork)
	if fork.OneEvent() {
		text += fmt.Sprintf(": expected %s, found %s", fork.Seen.Leaf, fork.Found.Leaf)
	}
	return &forkedError{text: text}
}

// checked returns the events of a whole ledger, up to one that fails the check.
func (m *ledgerMemory) checked(events ledger.Events) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		size := int64(0)
		for e, err := range events {
			if err == nil {
				err, size = m.check(e), int64(e.Seq())+1
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
		if err := m.end(size); err != nil {
			yield(ledger.Event{}, err)
		}
	}
}
