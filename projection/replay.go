package projection

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/jcs"
)

// A Replay folds the events of a ledger, or of a part of it, into every view of
// every job, and computes the digest of each. The zero Replay is ready. The views of
// a job, in its directory:
//
//	status.json        its StatusView, canonical, without a line feed
//	checkpoints.jsonl  each Checkpoint, canonical, one a line
//	approvals.jsonl    each Approval
//	events.jsonl       the EventView of each event but refusals
//	refusals.jsonl     the EventView of each refusal
//
// The same events give the same bytes, wherever they are read from. A Replay holds
// the state of each job, but none of its lists.
type Replay struct {
	// Put, if not nil, is called with the views as they are made: with each line,
	// including its line feed, or with a whole .json file. It must not keep text.
	// If it returns an error, the replay ends with it.
	Put func(path string, text []byte) error

	Next Rules // if nil, those of this package

	// Authority has the authority events before the first event given. A Replay adds those
	// that it is given. It may be nil if the first event given is the ledger's.
	Authority *authority.Chain

	Trusted bool // as that of a Folder

	room    []byte // reused for each line
	jobs    map[string]*jobReplay
	skipped map[string]bool // jobs that begin before the first event given
}

// A jobReplay is a job under replay. A list that is empty so far has no sum.
type jobReplay struct {
	Folder
	lists [len(listNames)]hash.Hash
}

// The lists of a job, in the order of listNames.
const (
	listApprovals = iota
	listCheckpoints
	listEvents
	listRefusals
)

var listNames = [...]string{"approvals.jsonl", "checkpoints.jsonl", "events.jsonl", "refusals.jsonl"}

// ViewsOfAJob is how many views a job has.
const ViewsOfAJob = len(listNames) + 1

// A ViewDigest is the digest of a view.
type ViewDigest struct {
	Path   string      `json:"path"` // <job>/<view>
	SHA256 ledger.Hash `json:"sha256"`
}

// Add folds the next event of the ledger. It fails with a *ledger.CorruptError if an
// event does not follow in its job, and with the errors of Put. It skips events of
// jobs that begin before the first event given.
func (r *Replay) Add(e ledger.Event) error {
	if e.Type().OfLedger() {
		return r.follow(e)
	}
	if r.skipped[e.JobID()] {
		return nil
	}
	j := r.jobs[e.JobID()]
	if j == nil && e.JobSeq() > 1 {
		if r.skipped == nil {
			r.skipped = map[string]bool{}
		}
		r.skipped[e.JobID()] = true
		return nil
	}
	if j == nil {
		j = &jobReplay{Folder: Folder{Next: r.Next, States: r.state, Trusted: r.Trusted}}
		if r.jobs == nil {
			r.jobs = map[string]*jobReplay{}
		}
		r.jobs[e.JobID()] = j
	}
	if err := j.Add(e); err != nil {
		return err
	}
	return r.addLists(j, e)
}

// follow checks an event about the ledger itself against authority.
func (r *Replay) follow(e ledger.Event) error {
	if e.Type().OfAuthority() {
		if r.Authority == nil {
			r.Authority = &authority.Chain{}
		}
		return r.Authority.Add(e)
	}
	s, err := States(r.state).at(e)
	if err == nil {
		_, err = s.Check(e)
	}
	return err
}

// state returns the authority state after an event that was added.
func (r *Replay) state(leaf ledger.Hash) (*authority.State, error) { return stateIn(r.Authority, leaf) }

func (r *Replay) addLists(j *jobReplay, e ledger.Event) error {
	list := listEvents
	if e.Type() == ledger.TypeRefused {
		list = listRefusals
	}
	if err := r.line(j, list, AppendEventView(r.room[:0], e)); err != nil {
		return err
	}
	if c, ok := CheckpointOf(e); ok {
		return r.line(j, listCheckpoints, AppendCheckpoint(r.room[:0], &c))
	}
	for _, c := range CheckpointsOf(e) {
		if err := r.line(j, listCheckpoints, AppendCheckpoint(r.room[:0], &c)); err != nil {
			return err
		}
	}
	for _, a := range ApprovalsOf(e) {
		if err := r.line(j, listApprovals, AppendApproval(r.room[:0], &a)); err != nil {
			return err
		}
	}
	return nil
}

// line adds a line, made in r.room, to a list.
func (r *Replay) line(j *jobReplay, list int, text []byte) error {
	r.room = append(text, '\n')
	if j.lists[list] == nil {
		j.lists[list] = sha256.New()
	}
	j.lists[list].Write(r.room)
	if r.Put == nil {
		return nil
	}
	return r.put(j.Job.ID+"/"+listNames[list], r.room)
}

func (r *Replay) put(path string, text []byte) error {
	if r.Put == nil {
		return nil
	}
	return r.Put(path, text)
}

// Skipped returns how many jobs begin before the first event given.
func (r *Replay) Skipped() int { return len(r.skipped) }

// Finish puts the views that remain and returns the digest of each view, in order of
// path, and that of the whole: the SHA-256 of their lines as sha256sum prints them.
func (r *Replay) Finish() (views []ViewDigest, whole ledger.Hash, err error) {
	views = []ViewDigest{}
	all := sha256.New()
	for _, id := range slices.Sorted(maps.Keys(r.jobs)) {
		j := r.jobs[id]
		status, err := jcs.Marshal(j.Job.StatusView())
		if err == nil {
			err = r.put(id+"/status.json", status)
		}
		if err != nil {
			return nil, whole, err
		}
		for list, name := range listNames {
			sum := ledger.Hash(sha256.Sum256(nil))
			if j.lists[list] != nil {
				sum = ledger.Hash(j.lists[list].Sum(nil))
			} else if err := r.put(id+"/"+name, nil); err != nil {
				return nil, whole, err
			}
			views = append(views, ViewDigest{id + "/" + name, sum})
		}
		views = append(views, ViewDigest{id + "/status.json", sha256.Sum256(status)})
	}
	for _, v := range views {
		fmt.Fprintf(all, "%s  %s\n", hex.EncodeToString(v.SHA256[:]), v.Path)
	}
	return views, ledger.Hash(all.Sum(nil)), nil
}
