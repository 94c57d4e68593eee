package projection

import (
	"context"
	"hash/fnv"
	"slices"

	"gait/ledger"
)

// tagsVersion is the version of what tags say. Those of another version are not used.
const tagsVersion = 1

// The letters that tags have for statuses and for what jobs wait for.
var (
	statusLetters = map[Status]byte{
		Running: 'r', PausedStatus: 'p', DecisionNeeded: 'd', Blocked: 'b',
		Completed: 'c', Failed: 'f', Cancelled: 'x', EmergencyStopped: 's',
	}
	waitingLetters = map[string]byte{
		WaitsForWorker: 'w', WaitsForDecision: 'd', WaitsForHold: 'h', WaitsForReversal: 'v',
		WaitsForEffects: 'e', WaitsForResume: 'r', WaitsForCancel: 'c', WaitsForNothing: 'n',
		WaitsForLease: 'u', WaitsForDependency: 'a',
	}
)

// The letters of running jobs of which a clock or other jobs say what they wait for.
const (
	leasedLetter = 'l' // a lease was not ended by an event: it waits for its worker, or, when that has expired, for a lease
	actingLetter = 'L' // the same, and it has an open grant: when the lease has expired, it waits for effects
	timedLetter  = 't' // never leased, and it is due at a time: it waits for that, or for a worker
)

// judgedLetters are those for what a stopped job waits for, if that can differ from what was
// recorded: a decision of the job expires, or the ledger has authority, or several must
// approve.
var judgedLetters = map[string]byte{WaitsForDecision: 'D', WaitsForHold: 'H', WaitsForReversal: 'V', WaitsForEffects: 'E', WaitsForResume: 'R'}

// statusLetter returns the letter for a job's status: an upper-case one if the job has a grant
// that is open or unknown.
func statusLetter(j Job) byte {
	letter := statusLetters[j.Status]
	if len(j.Grants) > 0 {
		letter = unsettledLetter(letter)
	}
	return letter
}

func unsettledLetter(status byte) byte { return status - 'a' + 'A' }

// statusLetters returns the letters that a job can have of which the filter says a status, or
// that it has grants which are not settled; nil: any.
func (f *Filter) statusLetters() (letters []byte) {
	statuses := f.Statuses
	if len(statuses) == 0 && f.Unsettled {
		statuses = Statuses
	}
	for _, s := range statuses {
		letters = append(letters, unsettledLetter(statusLetters[s]))
		if !f.Unsettled {
			letters = append(letters, statusLetters[s])
		}
	}
	return letters
}

// waitingLetter returns the letter for what a job waits for, as it was recorded.
func waitingLetter(j Job) byte {
	word := j.WaitingFor()
	switch {
	case word != WaitsForWorker:
	case j.Lease != nil && len(j.Grants) > 0:
		return actingLetter
	case j.Lease != nil:
		return leasedLetter
	case j.NotBefore != "":
		return timedLetter
	}
	judged := func(a Ask) bool { return a.Expires != "" || len(a.Verdicts) > 0 }
	if letter, stopped := judgedLetters[word]; stopped && (slices.ContainsFunc(j.Decisions, judged) || j.Stop != nil && judged(*j.Stop)) {
		return letter
	}
	return waitingLetters[word]
}

// waitingLetters returns the letters that a job can have that waits for what the filter
// says; nil: any.
func (f *Filter) waitingLetters() (letters []byte) {
	if len(f.Waiting) > 0 {
		letters = []byte{}
	}
	for _, w := range f.Waiting {
		letters = append(letters, lettersOf(w, !f.Basis.IsZero())...)
	}
	judges := slices.ContainsFunc(f.Waiting, func(w string) bool { return judgedLetters[w] != 0 })
	if f.Basis.IsZero() || !judges {
		return letters
	}
	for word, letter := range judgedLetters {
		letters = append(letters, letter)
		if f.Basis.Authority != nil { // what was approved before the ledger had authority may not count now
			letters = append(letters, waitingLetters[word])
		}
	}
	return letters
}

// lettersOf returns the letters that a job can have that waits for something, on a basis or as
// it was recorded.
func lettersOf(word string, judged bool) (letters []byte) {
	if letter, known := waitingLetters[word]; known {
		letters = append(letters, letter)
	}
	if letter, stopped := judgedLetters[word]; stopped {
		letters = append(letters, letter)
	}
	switch {
	case word == WaitsForWorker && judged:
		return append(letters, leasedLetter, actingLetter, timedLetter, waitingLetters[WaitsForDependency])
	case word == WaitsForWorker:
		return append(letters, leasedLetter, actingLetter, timedLetter)
	case word == WaitsForLease && judged:
		return append(letters, leasedLetter)
	case word == WaitsForEffects && judged:
		return append(letters, actingLetter)
	case word == WaitsForTime && judged:
		return append(letters, timedLetter, waitingLetters[WaitsForDependency])
	}
	return letters
}

// TagsOf returns the tags of a job: its status, what it waits for, when it changed last
// and, if first is its first event, when it was created, its labels, and who submitted or
// imported it. Labels and actors are hashes, so another one may have the same tag.
func TagsOf(j Job, first ledger.Event) ledger.Tags {
	t := ledger.Tags{
		State:   ledger.TagState{tagsVersion, statusLetter(j), waitingLetter(j)},
		Updated: milliseconds(j.Updated),
	}
	if first.JobSeq() != 1 {
		return t
	}
	t.Created = milliseconds(j.Created)
	fixed := ledger.AppendTag(make([]byte, 0, 4*(1+len(j.Labels))), actorTag(SubmittedBy(first)))
	for _, l := range j.Labels {
		fixed = ledger.AppendTag(fixed, labelTag(l))
	}
	t.Fixed = string(fixed)
	return t
}

// EntryTags returns the tags of a job that a log lists, whose first event is first.
func EntryTags(ctx context.Context, log ledger.EventReader, entry ledger.JobEntry, first ledger.Event) (ledger.Tags, error) {
	j, err := JobOf(ctx, log, entry)
	if err != nil {
		return ledger.Tags{}, err
	}
	return TagsOf(j, first), nil
}

// milliseconds returns a time that a job has as Unix milliseconds.
func milliseconds(text string) int64 {
	at, err := ledger.ParseTime(text)
	if err != nil {
		return 0
	}
	return at.UnixMilli()
}

func actorTag(actor string) uint32 { return tagOf("actor", actor) }

func labelTag(l ledger.Label) uint32 { return tagOf("label", l.Key, l.Value) }

// tagOf returns the FNV-1a hash of texts, each of which a zero byte ends.
func tagOf(texts ...string) uint32 {
	h := fnv.New32a()
	for _, text := range texts {
		_, _ = h.Write(append([]byte(text), 0)) // never fails
	}
	return h.Sum32()
}
