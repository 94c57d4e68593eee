package root

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"gait/ledger"
)

// lowSpace is how much room on a disk is little: a few thousand events' worth,
// and what the store needs to move its tables about.
const lowSpace = 64 << 20

// A Finding is what Examine found about one part of a root.
type Finding struct {
	Name   string
	Detail string // what is so, or what to mind
	Hint   string // what to do about it, where Mind is set
	Mind   bool   // nothing fails, but somebody should look
	Err    error  // why it fails
}

// Examine looks at a root, and at the user's home, part by part, and goes on
// where a part fails. It changes nothing but the pid in the lock file.
func Examine(ctx context.Context, o Options) []Finding {
	o.ReadOnly, o.Create = true, false
	o.Notice = nil // what it would say are findings
	x := &examination{Options: o}
	x.find("home", x.home)
	x.find("trusted keys", x.trust)
	x.find("private keys", x.keys)
	x.find("file system", x.fileSystem)
	x.find("disk", x.disk)
	x.find("directory", x.directory)
	x.ledger(ctx)
	return x.found
}

type examination struct {
	Options
	found []Finding
}

// find adds what look finds.
func (x *examination) find(name string, look func() (Finding, error)) {
	f, err := look()
	f.Name, f.Err = name, err
	x.found = append(x.found, f)
}

func (x *examination) home() (Finding, error) {
	err := checkDir(x.Home)
	if errors.Is(err, fs.ErrNotExist) {
		return Finding{Detail: x.Home + " is not there yet; the first ledger makes it"}, nil
	}
	return Finding{Detail: x.Home}, err
}

func (x *examination) trust() (Finding, error) {
	keys, err := TrustedKeys(x.Home)
	return Finding{Detail: fmt.Sprintf("%d in %s", len(keys), trustPath(x.Home))}, err
}

func (x *examination) keys() (Finding, error) {
	keys, err := Keys(x.Home)
	return Finding{Detail: fmt.Sprintf("%d in %s", len(keys), keyDir(x.Home, false))}, err
}

func (x *examination) fileSystem() (Finding, error) {
	return Finding{Detail: "local, as far as can be told"}, x.checkFS(x.Dir)
}

// disk looks at the nearest directory that is there.
func (x *examination) disk() (Finding, error) {
	dir, err := filepath.Abs(x.Dir)
	if err != nil {
		return Finding{}, err
	}
	var st unix.Statfs_t
	for err = unix.Statfs(dir, &st); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); err = unix.Statfs(dir, &st) {
		dir = filepath.Dir(dir)
	}
	if err != nil {
		return Finding{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	free := st.Bavail * uint64(max(st.Bsize, 0))
	f := Finding{Detail: fmt.Sprintf("%d MiB free", free>>20)}
	if free < lowSpace {
		f.Mind, f.Hint = true, "make room: a full disk stops every write"
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		f.Mind, f.Detail, f.Hint = true, fmt.Sprintf("%s, but %s cannot be written: %v", f.Detail, dir, err), "reading works; to write, be its owner"
	}
	return f, nil
}

func (x *examination) directory() (Finding, error) {
	dir, err := resolve(x.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Finding{Detail: x.Dir + " is not there yet"}, nil
	}
	if err == nil {
		err = checkDir(dir)
	}
	return Finding{Detail: dir}, err
}

// ledger looks at what only whoever has the lock can see.
func (x *examination) ledger(ctx context.Context) {
	r, err := Open(ctx, x.Options)
	if busy, held := errors.AsType[*LockedError](err); held {
		x.found = append(x.found, Finding{Name: "lock", Mind: true, Detail: fmt.Sprintf("held by process %d; the ledger was not looked at", busy.PID), Hint: "run it again when that process is done"})
		return
	}
	if errors.Is(err, ErrNoLedger) {
		x.found = append(x.found, Finding{Name: "ledger", Detail: "none yet; gait job submit begins one"})
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
	if r.Log.Imported() {
		kind = ", a copy that is only read"
	}
	x.found = append(x.found, Finding{Name: "lock", Detail: "free"}, Finding{Name: "ledger", Detail: fmt.Sprintf("%s, %d events%s", c.Origin, c.Size, kind)})
	x.find("trust", func() (Finding, error) { return x.trusts(r) })
	x.find("signing key", func() (Finding, error) { return x.signing(r) })
	x.find("rollback guard", func() (Finding, error) { return x.guard(r, c) })
	x.find("clock", func() (Finding, error) { return x.clock(r) })
}

// trusts says whether what the ledger signs verifies for this user.
func (x *examination) trusts(r *Root) (Finding, error) {
	keys, err := TrustedKeys(x.Home)
	for _, k := range keys {
		if slices.ContainsFunc(r.Log.Keys().Keys(), k.Is) {
			return Finding{Detail: "you trust " + k.String()}, err
		}
	}
	return Finding{Mind: true, Detail: "you trust none of this ledger's keys: it does not verify without --public-key", Hint: "if you have its key from somebody you trust: gait keys trust FILE"}, err
}

func (x *examination) signing(r *Root) (Finding, error) {
	if r.Log.Imported() {
		return Finding{Detail: "none is needed: nothing is signed here"}, nil
	}
	s := &site{Options: x.Options, dir: r.Dir, lock: r.lock}
	k, err := s.signer(r.Log.Keys())
	if err != nil {
		return Finding{}, err
	}
	return Finding{Detail: k.VerifierKey().String()}, nil
}

func (x *examination) guard(r *Root, c ledger.Checkpoint) (Finding, error) {
	seen, dir, err := Seen(x.Home, r.Log.Keys().Keys()...)
	if errors.Is(err, ErrOtherKey) {
		return Finding{Mind: true, Detail: err.Error(), Hint: "ask whose ledger it is which key is theirs"}, nil
	}
	if err != nil {
		return Finding{}, err
	}
	if len(seen) == 0 {
		return Finding{Mind: true, Detail: "no checkpoint is kept in " + dir + ": an older copy of the ledger would not be noticed", Hint: "the next command that writes keeps one"}, nil
	}
	for _, at := range seen {
		if at.Size > c.Size {
			return Finding{Mind: true, Detail: fmt.Sprintf("a pack of this ledger was seen that has %d events, which are not here", at.Size), Hint: "find out who holds its key: gait ledger verify shows both checkpoints"}, nil
		}
	}
	return Finding{Detail: fmt.Sprintf("%d of %d events seen, and they are the ledger's", seen[0].Size, c.Size)}, nil
}

func (x *examination) clock(r *Root) (Finding, error) {
	if now, last := x.Now().UTC(), r.Log.Head().Time; now.Before(last) {
		return Finding{Mind: true, Detail: fmt.Sprintf("behind the last event, of %s", ledger.FormatTime(last)), Hint: "set the clock; until it has caught up events carry that time"}, nil
	}
	return Finding{Detail: "not behind the last event"}, nil
}
