package root

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store"
)

// lowSpace is how much free space on a disk counts as little: room for a few
// thousand events and for the store to rewrite its tables.
const lowSpace = 64 << 20

// A Finding is a result of Examine about one part of a root.
type Finding struct {
	Name   string
	Detail string // the result, or what to watch for
	Hint   string // what to do about it, unless Advice says that
	Advice home.Advice
	At     string // the other root that Advice is about
	Mind   bool   // nothing fails, but the user should look
	Err    error  // why it fails
}

// Examine examines a root, and the user's home, part by part. If a part fails it
// goes on with the next. It changes nothing but the pid in the lock file and, by NotePlace,
// what home knows of where the ledger is; in each directory that must be writable it writes
// a file and removes it.
func Examine(ctx context.Context, o Options) []Finding {
	o.Mode, o.Create = Read, false
	o.Notice = nil // notices are reported as findings instead
	x := &examination{Options: o}
	x.find("home", x.home)
	x.find("trusted keys", x.trust)
	x.find("private keys", x.keys)
	x.find("memory", x.memory)
	x.find("file system", x.fileSystem)
	x.find("disk", func() (Finding, error) { return room(x.Dir) })
	x.find("disk of the home", func() (Finding, error) { return room(x.Home) })
	x.find("directory", x.directory)
	x.find("owners", x.owners)
	x.ledger(ctx)
	return x.found
}

type examination struct {
	Options
	found []Finding
}

// find runs look and adds its finding.
func (x *examination) find(name string, look func() (Finding, error)) {
	f, err := look()
	f.Name, f.Err = name, err
	x.found = append(x.found, f)
}

func (x *examination) home() (Finding, error) {
	if err := home.CheckHome(x.Home); err != nil {
		return Finding{}, err
	}
	if err := home.CheckWritable(x.Home, ""); err != nil {
		return Finding{}, err
	}
	if there, err := home.Exists(x.Home); err != nil || !there {
		return Finding{Detail: x.Home + " is not there yet; the first ledger makes it"}, err
	}
	return Finding{Detail: x.Home + ", a file was written there and removed"}, nil
}

func (x *examination) trust() (Finding, error) {
	trusted, not, err := home.Trusts(x.Home)
	f := Finding{Detail: fmt.Sprintf("%d in %s", len(trusted), home.TrustPath(x.Home))}
	if len(not) > 0 {
		f.Detail += fmt.Sprintf(", which distrusts %d", len(not))
	}
	return f, err
}

func (x *examination) keys() (Finding, error) {
	keys, err := home.Keys(x.Home)
	return Finding{Detail: fmt.Sprintf("%d in %s", len(keys), home.KeyDir(x.Home, false))}, err
}

// memory reports what was seen in packs, and the forks of jobs found by it.
func (x *examination) memory() (Finding, error) {
	jobs, err := home.Remembered(x.Home)
	if err != nil {
		return Finding{}, err
	}
	forks, err := home.Forks(x.Home)
	if len(forks) == 0 || err != nil {
		return Finding{Detail: fmt.Sprintf("seen in packs and proofs: %s, none with two histories", counted(jobs, "job"))}, err
	}
	return Finding{
		Mind: true, Detail: fmt.Sprintf("seen in packs and proofs: %s; files that show another history: %d, see %s", counted(jobs, "job"), len(forks), forks[0]),
		Hint: "tell those who rely on that ledger: the holder of its key has written two histories",
	}, nil
}

func (x *examination) fileSystem() (Finding, error) {
	return Finding{Detail: "local, as far as can be told"}, x.checkFS(x.Dir)
}

// ledger examines the parts that only the holder of the lock can see.
func (x *examination) ledger(ctx context.Context) {
	r, err := Open(ctx, x.Options)
	if busy, held := errors.AsType[*LockedError](err); held {
		f := Finding{Name: "lock", Mind: true, Detail: fmt.Sprintf("held by %s; the ledger was not looked at", busy.holder()), Hint: "run it again when that process is done"}
		if busy.Reader && busy.Doing == "" {
			f.Hint, f.Advice = "", AdviceReadBackup
		}
		x.found = append(x.found, f)
		return
	}
	if errors.Is(err, ErrNoLedger) {
		x.found = append(x.found, Finding{Name: "ledger", Detail: "none yet", Advice: AdviceBegin})
		return
	}
	if err != nil {
		x.found = append(x.found, Finding{Name: "ledger", Err: err})
		return
	}
	defer func() {
		if err := r.Close(); err != nil {
			x.found = append(x.found, Finding{Name: "closing", Err: err})
		}
	}()
	c, _ := r.Log.Checkpoint()
	kind := ""
	retired, err := x.retired(r)
	if err != nil {
		x.found = append(x.found, Finding{Name: "ledger", Err: err})
		return
	}
	switch {
	case retired != nil:
		kind = ", which was retired and is only read" + retired.goesOn()
	case r.Log.Imported():
		kind = ", a copy that is only read"
	case x.wentOn(r) > 0:
		kind = ", which moved, and went on here later"
	case r.Log.Moved() != nil:
		kind = ", which moved away and is only read here"
	}
	r.NotePlace()
	x.found = append(x.found, Finding{Name: "lock", Detail: r.lock.examined()}, Finding{Name: "ledger", Detail: fmt.Sprintf("%s, %s%s", c.Origin, eventsOf(c.Size), kind)})
	x.find("index", func() (Finding, error) { return indexFound(r.Log) })
	x.find("trust", func() (Finding, error) { return x.trusts(r) })
	x.find("signing key", func() (Finding, error) { return x.signing(r) })
	x.find("rollback guard", func() (Finding, error) { return x.guard(ctx, r, c) })
	x.find("clock", func() (Finding, error) { return x.clock(r) })
	x.find("other places", func() (Finding, error) { return x.elsewhere(r) })
	x.content(ctx, r)
}

// eventsOf returns a number of events in words.
func eventsOf(size int64) string {
	if size == 1 {
		return "1 event"
	}
	return fmt.Sprintf("%d events", size)
}

// retired returns the error that refuses to write the ledger if it was retired, or nil.
func (x *examination) retired(r *Root) (*RetiredError, error) {
	s := &directory{Options: x.Options, dir: r.Dir}
	err := s.notRetired(r.Log.Origin())
	if e, retired := errors.AsType[*RetiredError](err); retired {
		return e, nil
	}
	return nil, err
}

// wentOn is wentOnHere of the ledger, if it is not a copy. What cannot be found out is as if it
// moved away.
func (x *examination) wentOn(r *Root) int64 {
	if r.Log.Imported() {
		return 0
	}
	events, err := x.wentOnHere(r.Log.Moved())
	if err != nil {
		return 0
	}
	return events
}

// elsewhere looks for other roots that hold the ledger, of those that home remembers. Copies
// on other machines are found by comparing checkpoints.
func (x *examination) elsewhere(r *Root) (Finding, error) {
	if moved := r.Log.Moved(); moved != nil && x.wentOn(r) == 0 {
		return Finding{Detail: "it goes on under " + moved.To.String() + "; a place that writes it under another key writes a second history", Advice: AdviceCompareMoved}, nil
	}
	if retired, err := x.retired(r); retired != nil || err != nil {
		return Finding{Detail: "nothing is signed under its origin any more"}, err
	}
	at, err := "", error(nil)
	if !r.Log.Imported() {
		at, err = x.goesOnIn(r.Log.Origin())
	}
	if at != "" {
		return Finding{
			Mind: true, Detail: fmt.Sprintf("it is in %s too: if both are written, there are two histories of it", at),
			Advice: AdviceCompareAt, At: at,
		}, nil
	}
	return Finding{Detail: "none known here", Advice: AdviceCompareCopy}, err
}

// indexFound reports whether what the log says of jobs and request ids is proved.
func indexFound(log *store.Log) (Finding, error) {
	switch state := log.Index(); state {
	case ledger.IndexProved:
		return Finding{Detail: "proves each job's newest event and the request ids used"}, nil
	case ledger.IndexBroken, ledger.IndexRefused:
		return Finding{}, log.IndexErr()
	case ledger.IndexBuilding:
		return Finding{Mind: true, Detail: "is not complete; nothing that is shown of a job is proved", Hint: "the next command that writes completes it"}, nil
	case ledger.IndexUnchecked:
	}
	if log.Imported() {
		return Finding{Mind: true, Detail: "unchecked: nothing that is shown of a job is proved", Advice: AdviceVerify}, nil
	}
	return Finding{Mind: true, Detail: "unchecked: nothing that is shown of a job is proved", Advice: AdviceVerifyOld}, nil
}

// counted returns a number of things in words.
func counted[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// trusts reports whether this user can verify what the ledger signs.
func (x *examination) trusts(r *Root) (Finding, error) {
	keys, not, err := home.Trusts(x.Home)
	for _, k := range keys {
		if leads, _ := r.Log.Keys().LeadsFrom(k, not); leads {
			return Finding{Detail: "you trust " + k.String()}, err
		}
	}
	for _, k := range keys {
		if _, ended := r.Log.Keys().LeadsFrom(k, not); !ended.IsZero() {
			return Finding{
				Mind: true, Detail: fmt.Sprintf("you trust %s and distrust %s, which took over from it: the ledger does not verify with the keys you trust", k, ended),
				Advice: AdviceRotate,
			}, err
		}
	}
	return Finding{Mind: true, Detail: "you trust none of this ledger's keys: it does not verify with the keys you trust", Advice: AdviceTrust}, err
}

func (x *examination) signing(r *Root) (Finding, error) {
	retired, err := x.retired(r)
	if retired != nil && isPutAway(r.Dir) || r.Log.Imported() || r.Log.Moved() != nil || err != nil {
		return Finding{Detail: "none is needed: nothing is signed here"}, err
	}
	if x.isAlive(r) {
		return Finding{Detail: "none is needed: the ledger goes on elsewhere"}, nil
	}
	if retired != nil {
		if err := newInstaller(r.site).checkUnfinished(); err != nil {
			return Finding{}, err
		}
	}
	s := &directory{Options: x.Options, dir: r.Dir}
	k, err := s.signer(r.Log.Keys())
	_, missing := errors.AsType[*home.KeyMissingError](err)
	if _, other := errors.AsType[*SwappedError](err); r.Restored != nil && (missing || other) {
		return Finding{Detail: "none is needed: an older state is only read"}, nil
	}
	if missing && r.lock.shared {
		return Finding{Detail: "not here; reading needs none"}, nil
	}
	if err != nil {
		return Finding{}, err
	}
	return Finding{Detail: k.VerifierKey().String()}, nil
}

// isAlive reports whether the ledger is in an older state, and goes on elsewhere.
func (x *examination) isAlive(r *Root) bool {
	return r.Restored != nil && x.aliveIfKnown(lastKnown{keys: r.Log.Keys().Keys(), older: true}) != nil
}

func (x *examination) guard(ctx context.Context, r *Root, c ledger.Checkpoint) (Finding, error) {
	if retired, err := x.retired(r); r.Restored != nil && (retired != nil || err != nil) {
		return Finding{Detail: fmt.Sprintf("an older state, which was retired: it has %d events, and %d were seen", c.Size, r.Restored.Seen)}, err
	}
	if r.Restored != nil {
		f := Finding{
			Mind: true, Detail: fmt.Sprintf("an older state, which is only read: it has %d events, and %d were seen", c.Size, r.Restored.Seen),
			Advice: AdviceContinue,
		}
		if alive := x.aliveIfKnown(lastKnown{keys: r.Log.Keys().Keys(), older: true}); alive != nil {
			f.Detail += "; " + alive.Error()
			f.Hint, f.Advice = "write it where it goes on", ""
		}
		return f, nil
	}
	if events := x.wentOn(r); events > 0 {
		return Finding{
			Mind: true, Detail: fmt.Sprintf("an older state, of when it moved, which is only read: it has %d events, and %d were seen", c.Size, events),
			Advice: AdviceContinue,
		}, nil
	}
	seen, dir, err := home.Seen(x.Home, r.Log.Keys().Keys()...)
	if errors.Is(err, home.ErrOtherKey) {
		return Finding{Mind: true, Detail: err.Error(), Hint: "ask the ledger's owner which key is right"}, nil
	}
	if err != nil {
		return Finding{}, err
	}
	if len(seen) == 0 {
		f := Finding{Mind: true, Detail: "no checkpoint is kept in " + dir + ": an older copy of the ledger would not be noticed"}
		if r.lock.shared || r.Writable() != nil {
			f.Advice = AdviceKeep
		} else {
			f.Hint = "the next command that writes keeps one"
		}
		return f, nil
	}
	for _, at := range seen {
		if f, err := compareSeen(ctx, r, at); f.Detail != "" || err != nil {
			return f, err
		}
	}
	return Finding{Detail: fmt.Sprintf("%d of %d events seen, and they are the ledger's", seen[0].Size, c.Size)}, nil
}

// compareSeen compares the ledger with a checkpoint of it that was seen. It returns the zero
// Finding if that is of the ledger's history.
func compareSeen(ctx context.Context, r *Root, at home.Sighting) (Finding, error) {
	c, _ := r.Log.Checkpoint()
	switch {
	case at.Size > c.Size && r.Log.Moved() != nil:
		return Finding{Detail: fmt.Sprintf("%d of %d events seen are here: it goes on where it moved", c.Size, at.Size)}, nil
	case at.Size > c.Size && r.Log.Imported(): // as a copy is, of a ledger that goes on
		return Finding{Detail: fmt.Sprintf("this copy has %s; a newer state, of %d, was seen", eventsOf(c.Size), at.Size)}, nil
	case at.Size > c.Size:
		return Finding{Mind: true, Detail: fmt.Sprintf("a pack of this ledger was seen that has %d events, which are not here", at.Size), Advice: AdviceShowBoth}, nil
	}
	was, err := r.Log.RootAt(ctx, at.Size)
	if err != nil || was == at.Root {
		return Finding{}, err
	}
	return Finding{
		Mind: true, Detail: fmt.Sprintf("a pack of this ledger was seen whose %d events are not the first %d here: there are two histories of it", at.Size, at.Size),
		Advice: AdviceTellBoth,
	}, nil
}

func (x *examination) clock(r *Root) (Finding, error) {
	now, head := x.Now().UTC(), r.Log.Head()
	last, err := r.Log.Event(context.Background(), ledger.Seq(head.Size-1))
	if err != nil {
		return Finding{}, err
	}
	if suspect, ok := errors.AsType[*ledger.ClockError](ledger.CheckClock(now, last.Reading())); ok {
		return Finding{Mind: true, Detail: suspect.Error(), Advice: AdviceAcceptClock}, nil
	}
	if last := head.Time; now.Before(last) {
		return Finding{Mind: true, Detail: fmt.Sprintf("behind the last event, of %s", ledger.FormatTime(last)), Hint: "set the clock; until it has caught up events carry that time"}, nil
	}
	return Finding{Detail: "not behind the last event"}, nil
}
