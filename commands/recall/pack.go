package recall

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/seen"
	"gait/packspec"
	"gait/packspec/finding"
)

// VerifyPack verifies a pack by packspec.Verify, compares it with what the user remembers,
// and remembers its jobs if it verifies. Evidence that contradicts the memory is kept, and
// the report says where. It sets Seen, Jobs and Before in the options. The pack's checkpoint
// is remembered by KeepCheckpointOf, when the caller has shown the report.
func (m Memory) VerifyPack(r io.ReaderAt, size int64, o packspec.Options) (packspec.Report, error) {
	c := comparison{Memory: m, file: r, size: size, kept: home.FoundPack}
	report, err := packspec.Verify(r, size, c.options(o))
	if err != nil {
		return packspec.Report{}, err
	}
	err = c.settle(&report)
	return report, err
}

// VerifyIndexProof is VerifyPack for an index proof.
func (m Memory) VerifyIndexProof(text []byte, o packspec.Options) (packspec.IndexReport, error) {
	c := comparison{Memory: m, file: bytes.NewReader(text), size: int64(len(text)), kept: home.FoundProof}
	report, err := packspec.VerifyIndexProof(text, c.options(o))
	if err != nil {
		return packspec.IndexReport{}, err
	}
	err = c.settle(&report.Report)
	return report, err
}

// VerifyTrace is VerifyPack for a trace of a decision of the gate. policy is the policy that
// the decision must name, if it is not nil, and from its source.
func (m Memory) VerifyTrace(text []byte, o packspec.Options, policy []byte, from string) (packspec.TraceReport, error) {
	c := comparison{Memory: m, file: bytes.NewReader(text), size: int64(len(text)), kept: home.FoundProof}
	report, err := packspec.VerifyTrace(text, c.options(o), policy, from)
	if err != nil {
		return packspec.TraceReport{}, err
	}
	err = c.settle(&report.Report)
	return report, err
}

// A comparison compares a file, which is a pack or an index proof, with what is remembered
// of its ledger: it is a packspec.JobMemory.
type comparison struct {
	Memory
	file io.ReaderAt
	size int64
	kept string // the name under which the evidence of a fork has the file

	*home.JobsSeen // nil as long as the ledger's keys are not known, or without a home
	successors     *successors
	goesOn         contradiction
}

func (c *comparison) options(o packspec.Options) packspec.Options {
	o.Seen, o.Jobs, o.Before = c.Checkpoints, c.open, c.Memory.Jobs
	return o
}

// open is packspec.Options.Jobs.
func (c *comparison) open(keys []ledger.VerifierKey) (packspec.JobMemory, error) {
	if c.Home == "" {
		return nil, nil
	}
	var err error
	if c.successors, err = newSuccessors(c.Home); err != nil {
		return nil, err
	}
	if c.JobsSeen, err = home.SeenJobs(c.Home, keys); err != nil {
		return nil, err
	}
	return c, nil
}

// See also compares the event with where its job was seen to go on.
func (c *comparison) See(e ledger.Event) (*seen.Fork, error) {
	no, err := c.successors.contradicts(e)
	if err != nil {
		return nil, err
	}
	if c.goesOn.text == "" {
		c.goesOn = no
	}
	return c.JobsSeen.See(e)
}

// settle remembers a file that verifies, and keeps the evidence if it contradicts what
// is remembered, which the report then says. If something cannot be kept, that is a
// notice and no error.
func (c *comparison) settle(report *packspec.Report) error {
	if c.JobsSeen == nil {
		return nil
	}
	forked := !report.Verified && report.Failure.Code == finding.CodeForked
	if report.Verified && c.goesOn.text != "" {
		report.Fail(goesOnTwice(c.goesOn.text))
		report.PastEnd = c.goesOn.pastEnd
	}
	if forked || report.Verified && c.News() {
		if err := c.keepJobs(report); err != nil {
			return err
		}
	}
	c.keepSuccessor(report)
	return nil
}

// keepJobs remembers the jobs that the file shows, or keeps the evidence of a fork.
func (c *comparison) keepJobs(report *packspec.Report) error {
	sum, err := c.digest()
	if err != nil {
		return err
	}
	fork := c.Fork()
	if report.Verified {
		if fork, err = c.Keep(packSeen(*report, sum)); err != nil {
			c.notice("the events shown are not remembered, so another history of them would not be noticed: %v", err)
		}
		if fork == nil {
			return nil
		}
		report.Fail(packspec.Forked(fork.Fork)) // another process has seen it meanwhile
	}
	if report.Kept, err = home.KeepFork(c.Home, fork, c.kept, c.reader(), sum); err != nil {
		c.notice("the evidence is not kept: %v", err)
	}
	return nil
}

func (c *comparison) reader() io.Reader { return io.NewSectionReader(c.file, 0, c.size) }

func (c *comparison) digest() (ledger.Hash, error) {
	h := sha256.New()
	if _, err := io.Copy(h, c.reader()); err != nil {
		return ledger.Hash{}, fmt.Errorf("reading it again: %w", err)
	}
	return ledger.Hash(h.Sum(nil)), nil
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
