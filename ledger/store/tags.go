package store

import (
	"encoding/binary"
	"fmt"

	"gait/ledger"
)

// Tags are in rows of many jobs, so that all of them are read in little time. Each job
// has a number. A row under g 1 holds what never changes of 128 jobs, and one under g 2
// their states. A batch does not write these: it adds what it changes to a journal, under
// g 3, which has a few hundred bytes a row. When the journal has many changes, the batch
// that adds the last of them writes them into the rows of the jobs, and begins a new one.
const (
	tagBlock = 128    // jobs a row
	tagFlush = 4096   // changes of a journal
	tagRow   = 1 << 9 // bytes of a row of it, about
)

// A tagState says whether the rows of tags can be used.
type tagState byte

const (
	tagsNone     tagState = 0 // the rows are those of format 1 or 2
	tagsWhole    tagState = 1
	tagsBuilding tagState = 2 // some jobs have no number yet
	tagsLost     tagState = 3 // rows were found damaged: Rebuild makes them again
)

// A tagsRecord is what the row m/tags says.
type tagsRecord struct {
	state   tagState
	jobs    int64  // that have a number: 0 to jobs-1
	flushes int64  // how many journals were ended
	rows    int64  // of the journal
	changes int64  // in it
	built   string // while the rows are being made: the last job that has a number

	last []byte // the last row of the journal; nil if it was not read
}

const tagsRecordFixed = 1 + 4*8 + 1

func (t tagsRecord) encode() []byte {
	b := append(make([]byte, 0, tagsRecordFixed+len(t.built)), byte(t.state))
	for _, n := range []int64{t.jobs, t.flushes, t.rows, t.changes} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return sealTags(keyTags, append(append(b, byte(len(t.built))), t.built...))
}

// decodeTagsRecord reads what encode writes.
func decodeTagsRecord(row []byte) (t tagsRecord, ok bool) {
	b, err := openTags(keyTags, row)
	if err != nil || len(b) < tagsRecordFixed || len(b) != tagsRecordFixed+int(b[tagsRecordFixed-1]) {
		return t, false
	}
	n := func(i int) int64 { return int64(binary.BigEndian.Uint64(b[1+8*i:])) }
	t = tagsRecord{state: tagState(b[0]), jobs: n(0), flushes: n(1), rows: n(2), changes: n(3), built: string(b[tagsRecordFixed:])}
	ok = t.state >= tagsWhole && t.state <= tagsLost && t.jobs >= 0 && t.flushes >= 0 && t.changes >= t.rows && t.rows >= 0
	return t, ok
}

// tagsRecord returns what the row m/tags says. A ledger opens without it.
func (m meta) tagsRecord() tagsRecord {
	if f := string(m.format); f != format3 && f != format4 && f != format5 {
		return tagsRecord{}
	}
	t, ok := decodeTagsRecord(m.tags)
	if !ok {
		return tagsRecord{state: tagsLost}
	}
	return t
}

// The second byte of keys under g.
const (
	tagsFixed   = 1
	tagsStates  = 2
	tagsJournal = 3
)

func tagsKey(kind byte, n int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixTags, kind}, uint64(n))
}

func numberKey(job string) []byte { return append([]byte{prefixNumber}, job...) }

// A fixedTags is what never changes of a job's tags.
type fixedTags struct {
	id      string
	created int64
	fixed   string
}

// append appends a length and the job's id, when it was created, and a length and its fixed tags.
func (f fixedTags) append(b []byte) []byte {
	b = append(append(b, byte(len(f.id))), f.id...)
	b = binary.BigEndian.AppendUint64(b, uint64(f.created))
	return append(append(b, byte(len(f.fixed))), f.fixed...)
}

// cutFixed reads what append writes, and returns what follows.
func cutFixed(b string) (f fixedTags, rest string, ok bool) {
	const around = 1 + 8 + 1
	if len(b) < around || len(b) < around+int(b[0]) {
		return f, "", false
	}
	n := int(b[0])
	f.id, b = b[1:1+n], b[1+n:]
	f.created = int64(b[0])<<56 | int64(b[1])<<48 | int64(b[2])<<40 | int64(b[3])<<32 | int64(b[4])<<24 | int64(b[5])<<16 | int64(b[6])<<8 | int64(b[7])
	n = int(b[8])
	if b = b[9:]; len(b) < n || f.id == "" {
		return f, "", false
	}
	f.fixed = b[:n]
	return f, b[n:], true
}

// countFixed returns how many jobs a row under g 1 has.
func countFixed(row []byte) (n int, err error) {
	for rest := string(row); rest != ""; n++ {
		var ok bool
		if _, rest, ok = cutFixed(rest); !ok || n == tagBlock {
			return n, badTags("a row of jobs holds %.80q", row)
		}
	}
	return n, nil
}

// A stateTags is what tags say of a job as it is now.
type stateTags struct {
	state   ledger.TagState
	updated int64
}

const stateTagsSize = len(ledger.TagState{}) + 8

func (s stateTags) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(append(b, s.state[:]...), uint64(s.updated))
}

// decodeStateTags reads what append writes.
func decodeStateTags(b []byte) stateTags {
	return stateTags{state: ledger.TagState(b[:3]), updated: int64(binary.BigEndian.Uint64(b[3:]))}
}

// countStates returns how many states a row under g 2 has.
func countStates(row []byte) (int, error) {
	if len(row)%stateTagsSize != 0 || len(row) > tagBlock*stateTagsSize {
		return 0, badTags("a row of states holds %d bytes", len(row))
	}
	return len(row) / stateTagsSize, nil
}

// A tagChange is an entry of the journal.
type tagChange struct {
	number int64
	begins bool // the job is new
	fixed  fixedTags
	now    stateTags
}

// append appends the number twice its value, and 1 more if the job is new, as a varint;
// the state; and if the job is new what never changes.
func (c tagChange) append(b []byte) []byte {
	n := uint64(c.number) << 1
	if c.begins {
		n |= 1
	}
	b = c.now.append(binary.AppendUvarint(b, n))
	if c.begins {
		b = c.fixed.append(b)
	}
	return b
}

// appendJournalRow appends the changes in a row under g 3.
func appendJournalRow(to []tagChange, row []byte) ([]tagChange, error) {
	for rest := row; len(rest) > 0; {
		n, size := binary.Uvarint(rest)
		if size <= 0 || len(rest) < size+stateTagsSize || n>>1 > 1<<62 {
			return nil, badTags("a row of changes holds %.80q", row)
		}
		c := tagChange{number: int64(n >> 1), begins: n&1 == 1, now: decodeStateTags(rest[size:])}
		rest = rest[size+stateTagsSize:]
		if c.begins {
			fixed, after, ok := cutFixed(string(rest))
			if !ok {
				return nil, badTags("a row of changes holds %.80q", row)
			}
			c.fixed, rest = fixed, rest[len(rest)-len(after):]
		}
		to = append(to, c)
	}
	return to, nil
}

// badTags returns the error of rows of tags that do not hold. Rebuild makes them again.
func badTags(format string, args ...any) error {
	return &ledger.IndexError{Seq: -1, Reason: "the rows that jobs are listed by: " + fmt.Sprintf(format, args...)}
}
