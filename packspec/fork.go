package packspec

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"gait/ledger"
	"gait/ledger/seen"
	"gait/packspec/finding"
)

// A Fork is what two packs of one ledger show that cannot both hold. Seen is what the
// first pack shows.
type Fork struct {
	seen.Fork
	Key ledger.VerifierKey // that both ledgers have had
}

// FindFork compares two packs. If both hold by themselves and are signed by keys of one
// ledger, FindFork returns the first facts, of a job or of the ledger's own events, that
// contradict each other: the holder of a key has written two histories. It returns nil
// if there are none, and if it cannot tell. Whether the key is trusted is not asked.
// Errors are the readers' own, or wrap ledger.ErrUnsupportedVersion.
func FindFork(a, b io.ReaderAt, sizeA, sizeB int64) (*Fork, error) {
	one, err := selfSigned(a, sizeA)
	if one == nil || err != nil {
		return nil, err
	}
	other, err := selfSigned(b, sizeB)
	if other == nil || err != nil {
		return nil, err
	}
	shared := slices.IndexFunc(one.keys.Keys(), other.keys.Has)
	if one.origin != other.origin || shared < 0 {
		return nil, nil
	}
	fork, err := one.compare(other)
	if fork == nil || err != nil {
		return nil, err
	}
	return &Fork{Fork: *fork, Key: one.keys.Keys()[shared]}, nil
}

// A shownPack is what a pack shows, whose tree the pack's own key has signed.
type shownPack struct {
	keys   ledger.Keyring
	origin string
	events ledger.Events

	job        string       // of a job pack
	commitment ledger.Event // before which the job pack has all events of the job; zero if none is proved

	from, to ledger.Seq // of a range pack
}

// compare returns the first facts of both packs that contradict each other: of a job
// rather than of the ledger.
func (p *shownPack) compare(other *shownPack) (*seen.Fork, error) {
	job := p.job
	if job == "" {
		job = other.job
	}
	var fork *seen.Fork
	var err error
	switch {
	case job == "":
		fork, err = p.compareRanges(other)
	case p.job == "" || other.job == "" || p.job == other.job:
		if fork, err = seen.Compare(p.ofJob(job), other.ofJob(job)); fork != nil {
			fork.Job = job
		}
	}
	if fork != nil || err != nil {
		return fork, err
	}
	return seen.Compare(p.ofLedger(), other.ofLedger())
}

func eventOfJob(e ledger.Event) seen.Fact {
	return seen.Fact{Number: e.JobSeq(), Seq: e.Seq(), Leaf: e.LeafHash()}
}

// before returns what an event shows of the one before it in its job.
func before(e ledger.Event) seen.Fact { return seen.Fact{Number: e.JobSeq() - 1, Leaf: e.JobPrev()} }

// ofJob returns what the pack shows of a job.
func (p *shownPack) ofJob(job string) iter.Seq2[seen.Fact, error] {
	return func(yield func(seen.Fact, error) bool) {
		last := int64(0)
		for e, err := range p.events {
			if err == nil && e.JobID() != job {
				continue
			}
			if err == nil && last == 0 && e.JobSeq() > 1 && !yield(before(e), nil) {
				return
			}
			if !yield(eventOfJob(e), err) || err != nil {
				return
			}
			last = e.JobSeq()
		}
		switch {
		case p.job == "" && last > 0:
			yield(seen.Fact{Number: last, Seq: p.to}, nil)
		case p.job != "" && p.commitment.Payload() != nil:
			yield(seen.Fact{Number: last, Seq: p.commitment.Seq() - 1}, nil)
		}
	}
}

// ofLedger returns what the pack shows of the ledger's own events.
func (p *shownPack) ofLedger() iter.Seq2[seen.Fact, error] {
	at := func(seq ledger.Seq, leaf ledger.Hash) seen.Fact {
		return seen.Fact{Number: int64(seq), Seq: seq, Leaf: leaf}
	}
	return func(yield func(seen.Fact, error) bool) {
		first := p.job == ""
		for e, err := range p.events {
			if err == nil && first && e.Seq() > 1 && !yield(at(e.Seq()-1, e.Prev()), nil) {
				return
			}
			if first = false; err == nil && e.Seq() == 0 {
				continue
			}
			if !yield(at(e.Seq(), e.LeafHash()), err) || err != nil {
				return
			}
		}
		if c := p.commitment; c.Payload() != nil {
			yield(at(c.Seq(), c.LeafHash()), nil)
		}
	}
}

// maxCompared bounds how many jobs of one range are compared with those of another.
const maxCompared = 1 << 18

// compareRanges compares, of each job, the end in one range with the beginning in a
// later one, if they do not overlap. What the ranges have both, ofLedger compares.
func (p *shownPack) compareRanges(other *shownPack) (*seen.Fork, error) {
	early, late := p, other
	if late.from < early.from {
		early, late = late, early
	}
	if late.from <= early.to {
		return nil, nil
	}
	ends, err := early.ends()
	if err != nil {
		return nil, err
	}
	for e, err := range late.events {
		if err != nil {
			return nil, err
		}
		end, there := ends[e.JobID()]
		if !there {
			continue
		}
		delete(ends, e.JobID()) // of each job the first event
		begin := seen.Record{eventOfJob(e)}
		if e.JobSeq() > 1 {
			begin = seen.Record{before(e), eventOfJob(e)}
		}
		first, second := seen.Record(end[:]), begin
		if early != p {
			first, second = second, first
		}
		if _, fork := first.Merge(second); fork != nil {
			fork.Job = e.JobID()
			return fork, nil
		}
	}
	return nil, nil
}

// ends returns the last event of each job in a range, and that it is the last one.
func (p *shownPack) ends() (map[string][2]seen.Fact, error) {
	ends := map[string][2]seen.Fact{}
	for e, err := range p.events {
		if err != nil {
			return nil, err
		}
		if _, there := ends[e.JobID()]; e.JobID() == "" || !there && len(ends) == maxCompared {
			continue
		}
		ends[e.JobID()] = [2]seen.Fact{eventOfJob(e), {Number: e.JobSeq(), Seq: p.to}}
	}
	return ends, nil
}

// selfSigned returns what a pack shows whose events are in a tree that the pack's own key
// has signed, or nil.
func selfSigned(r io.ReaderAt, size int64) (*shownPack, error) {
	some, err := newVerifier(r, size, Options{})
	if err != nil {
		return nil, err
	}
	switch v := some.(type) {
	case *jobVerifier:
		if held, err := v.holds(v.container, v.canonical, v.chain, v.inclusion, v.signature); !held || err != nil {
			return nil, err
		}
		p := &shownPack{keys: v.keys, origin: v.evidence.Origin, events: v.pack.Events(), job: v.pack.manifest.SourceRef}
		if v.isWhole() {
			p.commitment = v.commitment.event
		}
		return p, nil
	case *rangeVerifier:
		if held, err := v.holds(v.container, v.canonical, v.chain, v.inclusion, v.signature); !held || err != nil {
			return nil, err
		}
		return &shownPack{keys: v.keys, origin: v.evidence.Origin, events: v.log.Events(), from: v.log.From(), to: v.log.To()}, nil
	}
	return nil, nil
}

// holds reports whether all checks hold, the last of which is that of signatures, for a
// caller who trusts the pack's own key.
func (v *ledgerVerifier) holds(checks ...func() (string, error)) (bool, error) {
	for i, check := range checks {
		if i == len(checks)-1 {
			v.Trusted = []TrustedKey{{Key: v.keys.First().PublicKey()}}
		}
		_, err := check()
		if _, broken := errors.AsType[*finding.FormatError](finding.AsFormat(err)); broken {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("looking for two histories: %w", err)
		}
	}
	return true, nil
}
