package store

import (
	"bytes"
	"context"
	"slices"

	"gait/ledger"
)

// tags checks that the tags are those of the jobs, of all of them and of no others. What
// they should say is only known if the caller of Open has said so.
func (v *verifier) tags() error {
	m, err := readMeta(v.ctx, v.log.read)
	if err != nil {
		return err
	}
	if t := m.tagsRecord(); t.state == tagsNone || t.state == tagsBuilding {
		return nil
	}
	wrong, err := checkTags(v.ctx, v.log, int64(len(v.jobs)), false)
	if err == nil && len(wrong) > 0 {
		err = badTags("job %s is not in them as its events say", wrong[0])
	}
	return err
}

// checkTags returns the jobs whose tags are missing, or are not those that they should
// be, sorted; mend says that the caller makes them again. It fails if the rows of tags cannot be read, or are of other jobs.
func checkTags(ctx context.Context, l *indexReader, jobs int64, mend bool) (wrong []string, err error) {
	b, ok, err := l.readBoard(ctx, &boardCache{})
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, badTags("they are not complete")
	}
	tagged, numbers := make(map[string]ledger.Tags, b.jobs), b.numbered()
	for job := range b.all() {
		tagged[job.ID] = job.Tags
	}
	if b.err != nil {
		return nil, b.err
	}
	if int64(len(numbers)) != b.jobs {
		return nil, badTags("a job is named twice")
	}
	if err := checkNumbers(ctx, l.read, numbers); err != nil {
		return nil, err
	}
	if wrong, err = wrongTags(ctx, l, tagged, mend); err != nil {
		return nil, err
	}
	if len(wrong) == 0 && b.jobs != jobs {
		err = badTags("they are of %d jobs, there are %d", b.jobs, jobs)
	}
	return wrong, err
}

// checkNumbers checks that the rows under n give the jobs the numbers that they have.
func checkNumbers(ctx context.Context, r Reader, want map[string]int64) error {
	n := 0
	for row, err := range scanPages(ctx, r, []byte{prefixNumber}, after(prefixNumber), lastPage) {
		if err != nil {
			return err
		}
		number, known := want[string(row.Key[1:])]
		if !known || !bytes.Equal(row.Value, encodeNumber(number)) {
			return badTags("%s is %x, which is another job's", rowName(row.Key), row.Value)
		}
		n++
	}
	if n != len(want) {
		return badTags("%d jobs have a number, of %d", n, len(want))
	}
	return nil
}

// wrongTags compares the tags of all jobs with those that they should have. Tags that say
// nothing are right unless they are to be mended.
func wrongTags(ctx context.Context, l *indexReader, tagged map[string]ledger.Tags, mend bool) (wrong []string, err error) {
	from := []byte{prefixHead}
	for more := true; more; {
		var rows []Row
		if rows, more, err = l.read.Scan(ctx, from, after(prefixHead), tagStep, false); err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			break
		}
		from = append(bytes.Clone(rows[len(rows)-1].Key), 0)
		var want []ledger.TaggedJob
		if l.tagsOf != nil {
			if want, err = (&tagMaker{l}).ofRows(ctx, rows); err != nil {
				return nil, err
			}
		}
		for i, row := range rows {
			job := string(row.Key[1:])
			got, found := tagged[job]
			silent := !got.Known() && !mend
			if !found || l.tagsOf != nil && !silent && got != want[i].Tags {
				wrong = append(wrong, job)
			}
		}
	}
	slices.Sort(wrong)
	return wrong, nil
}

// tags makes the tags again if they are not those of the jobs. The caller holds the log's
// mu, and has written all else.
func (r *rebuilder) tags() error {
	st := r.log.now.Load()
	if st.old || r.log.tagsOf == nil {
		return nil
	}
	if st.tags.state != tagsNone {
		wrong, err := checkTags(r.ctx, &r.log.indexReader, int64(len(r.jobs)), true)
		if err != nil && !isMismatch(err) {
			return err
		}
		if r.found.Tags = int64(len(wrong)); err != nil {
			r.found.Tags = int64(len(r.jobs))
		}
		if err == nil && len(wrong) == 0 {
			return nil
		}
	}
	b := tagBuilder{log: r.log}
	err := b.begin(r.ctx)
	if err == nil {
		err = b.complete(r.ctx)
	}
	return err
}
