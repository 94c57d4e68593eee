package store

import (
	"bytes"
	"maps"
	"slices"

	"gait/ledger"
)

// A verifiedJob is where a job's events lead, and the place of each, by
// job_seq: what the job index must say.
type verifiedJob struct {
	head    ledger.JobHead
	seqs    []ledger.Seq
	indexed int64 // so many of them were found in the index
}

// job holds an event to its job, and to the request ids.
func (v *verifier) job(e ledger.Event) (err error) {
	if e.JobID == "" {
		return nil
	}
	j := v.jobs[e.JobID]
	if j == nil {
		j = &verifiedJob{}
		v.jobs[e.JobID] = j
	}
	if j.head, err = j.head.Follow(e); err != nil {
		return err
	}
	j.seqs = append(j.seqs, e.Seq)
	if e.RequestID == "" {
		return nil
	}
	v.requested++
	return v.names(requestKey(e.RequestID), e.Seq)
}

// names checks that an index key names an event.
func (v *verifier) names(key []byte, seq ledger.Seq) error {
	b, _, err := v.log.get(key)
	if err != nil {
		return err
	}
	return named(key, b, seq)
}

func named(key, b []byte, seq ledger.Seq) error {
	if at, ok := decodeSeq(b); !ok || at != seq {
		return corrupt(seq, "expected it under index key %q, found %x", key, b)
	}
	return nil
}

// index checks that the job index names the events of each job, in order and
// without a gap, and no others.
func (v *verifier) index() error {
	err := v.every([]byte{prefixIndex}, after(prefixIndex), func(k, b []byte) error {
		job, jobSeq, ok := parseIndexKey(k)
		j := v.jobs[job]
		if !ok || j == nil || jobSeq < 1 || jobSeq > j.head.JobSeq {
			return corrupt(extra(b), "no event belongs under index key %q", k)
		}
		if jobSeq != j.indexed+1 {
			return j.unindexed(job)
		}
		j.indexed++
		return named(k, b, j.seqs[jobSeq-1])
	})
	if err != nil {
		return err
	}
	for _, job := range slices.Sorted(maps.Keys(v.jobs)) {
		if j := v.jobs[job]; j.indexed < j.head.JobSeq {
			return j.unindexed(job)
		}
	}
	return nil
}

// unindexed says that the event after those found is not in the index.
func (j *verifiedJob) unindexed(job string) error {
	return named(indexKey(job, j.indexed+1), nil, j.seqs[j.indexed])
}

func (v *verifier) requests() error {
	err := v.every([]byte{prefixRequest}, after(prefixRequest), func(k, b []byte) error {
		seq, ok := decodeSeq(b)
		if !ok || int64(seq) >= v.head.Size {
			return corrupt(-1, "no event belongs under request id %q", k[1:])
		}
		e, err := v.log.event(seq)
		if err == nil && e.RequestID != string(k[1:]) {
			err = corrupt(seq, "its request id is not %q", k[1:])
		}
		v.requested--
		return err
	})
	return v.counted(err, v.requested, "request ids")
}

// counted says that an index holds as many keys as it must.
func (v *verifier) counted(err error, left int64, what string) error {
	if err == nil && left != 0 {
		return corrupt(-1, "%s: %d keys too few", what, left)
	}
	return err
}

// extra returns the event that a superfluous index key names, or -1.
func extra(b []byte) ledger.Seq {
	if seq, ok := decodeSeq(b); ok {
		return seq
	}
	return -1
}

func (v *verifier) heads() error {
	left := maps.Clone(v.jobs)
	err := v.every([]byte{prefixHead}, after(prefixHead), func(k, b []byte) error {
		job := string(k[1:])
		j := left[job]
		if j == nil {
			return corrupt(0, "the head of job %q is not that of its events", job)
		}
		if !bytes.Equal(b, encodeJobHead(j.head)) {
			return corrupt(j.head.Seq, "the head of job %q is not that of its events", job)
		}
		delete(left, job)
		return nil
	})
	if err == nil && len(left) > 0 {
		job := slices.Sorted(maps.Keys(left))[0]
		err = corrupt(left[job].head.Seq, "job %s has no head", job)
	}
	return err
}
