package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"maps"
	"slices"
	"strings"

	"gait/ledger"
)

// A verifiedJob is the end of a job according to its events, and the seq of each, by
// job_seq: what the job index must say.
type verifiedJob struct {
	head    ledger.JobHead
	seqs    []ledger.Seq
	indexed int64 // how many of them were found in the index
}

// job notes the rows that an event has, and checks it against its job.
func (v *verifier) job(e ledger.Event) (err error) {
	if e.Type().OfAuthority() {
		v.authorityEvents = append(v.authorityEvents, authorityRow(e))
	}
	if e.RequestID() != "" {
		v.requests = append(v.requests, verifiedRequest{sum: maphash.String(v.seed, e.RequestID()), seq: e.Seq()})
	}
	if call, ok := callOf(e); ok {
		v.newest[shortKey(call)] = e.Seq()
	}
	if e.JobID() == "" {
		return nil
	}
	j := v.jobs[e.JobID()]
	if j == nil {
		j = &verifiedJob{}
		v.jobs[strings.Clone(e.JobID())] = j // the id alone, not the event that it is a part of
	}
	if j.head, err = j.head.Follow(e); err != nil {
		return err
	}
	j.seqs = append(j.seqs, e.Seq())
	return nil
}

// A verifiedRequest is a request id that an event uses, as a hash that only this
// verification knows: one for each event must fit into memory.
type verifiedRequest struct {
	sum uint64
	seq ledger.Seq
}

// named checks that the row of an index under a key names an event.
func named(key, b []byte, seq ledger.Seq) error {
	if at, ok := decodeSeq(b); !ok || at != seq {
		return corrupt(seq, "expected the row of %s to name it, found %s", rowName(key), rowSaid(b))
	}
	return nil
}

// jobIndex checks that the job index names the events of each job, in order and
// without a gap, and no others.
func (v *verifier) jobIndex() error {
	missing, err := v.unindexedEvents()
	if err == nil && len(missing) > 0 {
		err = unindexed(missing[0])
	}
	return err
}

// unindexedEvents returns the rows that the job index lacks. It fails if the index has
// a row that it should not have.
func (v *verifier) unindexedEvents() (missing []Row, err error) {
	err = v.every([]byte{prefixIndex}, after(prefixIndex), func(k, b []byte) error {
		job, jobSeq, ok := parseIndexKey(k)
		j := v.jobs[job]
		if !ok || j == nil || jobSeq < 1 || jobSeq > j.head.JobSeq {
			return corrupt(extra(b), "there is no %s", rowName(k))
		}
		missing = j.appendMissing(missing, job, jobSeq-1)
		j.indexed++
		return named(k, b, j.seqs[jobSeq-1])
	})
	if err != nil {
		return nil, err
	}
	for _, job := range slices.Sorted(maps.Keys(v.jobs)) {
		j := v.jobs[job]
		missing = j.appendMissing(missing, job, j.head.JobSeq)
		j.indexed = 0
	}
	sortRows(missing)
	return missing, nil
}

// appendMissing appends the rows of the job's events up to a job_seq that were not found.
func (j *verifiedJob) appendMissing(rows []Row, job string, to int64) []Row {
	for ; j.indexed < to; j.indexed++ {
		rows = append(rows, Row{indexKey(job, j.indexed+1), encodeSeq(j.seqs[j.indexed])})
	}
	return rows
}

// unindexed returns the error of a row that an index lacks.
func unindexed(row Row) error {
	seq, _ := decodeSeq(row.Value)
	return lost(row.Key, seq)
}

// requestIDs checks that the index of request ids names the event of each, and no others.
func (v *verifier) requestIDs() error {
	missing, err := v.unindexedRequests()
	if err == nil && len(missing) > 0 {
		err = unindexed(missing[0])
	}
	return err
}

// unindexedRequests returns the rows that the index of request ids lacks, that of the
// first event first. It fails if the index has a row that it should not have.
func (v *verifier) unindexedRequests() (missing []Row, err error) {
	slices.SortFunc(v.requests, func(a, b verifiedRequest) int { return cmp.Compare(a.sum, b.sum) })
	found := make([]bool, len(v.requests))
	err = v.every([]byte{prefixRequest}, after(prefixRequest), func(k, b []byte) error {
		seq, ok := decodeSeq(b)
		if !ok || int64(seq) >= v.head.Size {
			return corrupt(-1, "no event used %s", rowName(k))
		}
		sum := maphash.Bytes(v.seed, k[1:])
		i, known := slices.BinarySearchFunc(v.requests, sum, func(r verifiedRequest, sum uint64) int { return cmp.Compare(r.sum, sum) })
		if !known {
			return corrupt(seq, "its request id is not %q", k[1:])
		}
		found[i] = true
		return named(k, b, v.requests[i].seq)
	})
	var seqs []ledger.Seq
	for i, r := range v.requests {
		if !found[i] && err == nil {
			seqs = append(seqs, r.seq)
		}
	}
	slices.Sort(seqs)
	for _, seq := range seqs {
		e, err := v.log.event(v.ctx, seq)
		if err != nil {
			return nil, err
		}
		missing = append(missing, Row{requestKey(e.RequestID()), encodeSeq(seq)})
	}
	return missing, err
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
			return mismatch(-1, "there is a head of job %q, which has no events", job)
		}
		row, err := decodeJobRow(job, b)
		if err != nil || !bytes.Equal(encodeJobHead(row.head), encodeJobHead(j.head)) {
			return &ledger.IndexError{Seq: j.head.Seq, Reason: fmt.Sprintf("the head of job %q is not that of its events", job), Err: err}
		}
		delete(left, job)
		return nil
	})
	if err == nil && len(left) > 0 {
		job := slices.Sorted(maps.Keys(left))[0]
		err = mismatch(left[job].head.Seq, "job %s has no head", job)
	}
	return err
}

// An indexWalk reads the index of events in order.
type indexWalk struct {
	next func() (Row, error, bool)
	stop func()
	row  Row // the next one
	err  error
	more bool // there is a row, or an error
}

func walkIndex(ctx context.Context, r Reader) *indexWalk {
	w := &indexWalk{}
	w.next, w.stop = iter.Pull2(scanPages(ctx, r, []byte{prefixIndex}, after(prefixIndex), lastPage))
	w.row, w.err, w.more = w.next()
	return w
}

// job checks that the next rows are one for each of a job's events, in order.
func (w *indexWalk) job(job string, events int64) error {
	for jobSeq := range events {
		if w.err != nil {
			return w.err
		}
		if key := indexKey(job, jobSeq+1); !w.more || !bytes.Equal(w.row.Key, key) {
			return corrupt(-1, "there is no row of %s", rowName(key))
		}
		w.row, w.err, w.more = w.next()
	}
	return w.err
}

// end checks that no rows are left.
func (w *indexWalk) end() error {
	if w.err == nil && w.more {
		return corrupt(extra(w.row.Value), "there is no %s", rowName(w.row.Key))
	}
	return w.err
}
