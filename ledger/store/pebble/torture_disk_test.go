package pebble_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger/ledgertest"
)

// A disk is a memory file system on which one call fails, or at one call the
// power is cut, and which can say what a power cut leaves. MemFS.CrashClone can
// say that too, but asks its random source in the order of a map: a seed would
// not replay.
//
// Pebble removes files it has done with in a goroutine of its own. A disk does
// so when it is told to, between steps, so that a seed finds the same files.
type disk struct {
	*ledgertest.HookFS
	mem *vfs.MemFS

	mu      sync.Mutex
	synced  map[string][]byte   // files, as they were when they were last synced
	entries map[string][]string // directories, likewise
	removed []string            // not yet
	calls   int                 // in this step; writes to one file, one after another, are one
	last    string
	fault   *fault
	held    *hold // what the next sync of a file waits for
}

// A hold keeps a sync waiting.
type hold struct{ reached, release chan struct{} }

// hold makes the next sync of a file wait.
func (d *disk) hold() *hold {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held = &hold{make(chan struct{}), make(chan struct{})}
	return d.held
}

// wait waits while syncs are held.
func (d *disk) wait(op ledgertest.Op) {
	d.mu.Lock()
	h := d.held
	if h == nil || op != ledgertest.OpSync {
		d.mu.Unlock()
		return
	}
	d.held = nil
	d.mu.Unlock()
	close(h.reached)
	<-h.release
}

// A fault is what happens at the at-th call of a step.
type fault struct {
	kind string
	at   int
	keep int // of a short write
	hit  func()
}

// The faults. After a power cut or a kill the call goes on, in a process and on a
// disk whose results are no longer used.
const (
	faultPower = "power cut"
	faultKill  = "kill"
	faultEIO   = "EIO"
	faultFull  = "ENOSPC"
	faultShort = "short write"
	faultQuiet = "short write without an error"
)

func newDisk(mem *vfs.MemFS) *disk {
	d := &disk{mem: mem, synced: map[string][]byte{}, entries: map[string][]string{}}
	d.HookFS = &ledgertest.HookFS{FS: mem, Before: d.before, After: d.after}
	d.settle("/")
	return d
}

// settle notes all that is below dir as synced.
func (d *disk) settle(dir string) {
	names := list(d.mem, dir)
	d.entries[dir] = names
	for _, name := range names {
		if name = path.Join(dir, name); isDir(d.mem, name) {
			d.settle(name)
		} else {
			d.synced[name] = read(d.mem, name)
		}
	}
}

// arm begins a step in which f happens, unless f is nil.
func (d *disk) arm(f *fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls, d.last, d.fault, d.held = 0, "", f, nil
}

func (d *disk) before(op ledgertest.Op, name string) error {
	d.wait(op)
	d.mu.Lock()
	defer d.mu.Unlock()
	if call := string(op) + " " + name; op == ledgertest.OpRemove || op == ledgertest.OpWrite && call == d.last {
		return nil
	} else {
		d.last = call
	}
	d.calls++
	f := d.fault
	if f == nil || f.at != d.calls {
		return nil
	}
	d.fault = nil
	f.hit()
	return f.error(op)
}

// error returns what a call fails with.
func (f *fault) error(op ledgertest.Op) error {
	switch {
	case f.kind == faultPower || f.kind == faultKill:
		return nil
	case f.kind == faultEIO:
		return syscall.EIO
	case f.kind == faultFull || op != ledgertest.OpWrite:
		return syscall.ENOSPC
	case f.kind == faultShort:
		return &ledgertest.ShortWrite{Keep: f.keep, Err: syscall.ENOSPC}
	}
	return &ledgertest.ShortWrite{Keep: f.keep}
}

func (d *disk) after(op ledgertest.Op, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch name = path.Join("/", name); op {
	case ledgertest.OpCreate:
		delete(d.synced, name)
	case ledgertest.OpSync:
		d.synced[name] = read(d.mem, name)
	case ledgertest.OpSyncDir:
		d.entries[name] = list(d.mem, name)
	default: // makes nothing durable
	}
}

// Rename renames a file or a directory, and what is known of all below it.
func (d *disk) Rename(oldname, newname string) error {
	if err := d.HookFS.Rename(oldname, newname); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	move(d.synced, path.Join("/", oldname), path.Join("/", newname))
	move(d.entries, path.Join("/", oldname), path.Join("/", newname))
	return nil
}

func move[V any](known map[string]V, from, to string) {
	for name, v := range known {
		if name == from || strings.HasPrefix(name, from+"/") {
			delete(known, name)
			known[to+name[len(from):]] = v
		}
	}
}

// Remove removes a marker, and notes what else is to be removed.
func (d *disk) Remove(name string) error {
	if strings.Contains(name, "marker.") {
		return d.HookFS.Remove(name)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.removed = append(d.removed, name)
	return nil
}

// tidy removes what was to be removed.
func (d *disk) tidy() {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(d.removed)
	for _, name := range slices.Compact(d.removed) {
		d.mem.Remove(name)
	}
	d.removed = nil
}

// clone returns the disk as it is when only the process ends.
func (d *disk) clone() *vfs.MemFS {
	all := whole(d.mem)
	leave(all, d.mem, "/")
	return all
}

// whole returns a copy of all that is on mem, and of what was removed from it
// since the directory was last synced.
func whole(mem *vfs.MemFS) *vfs.MemFS {
	return mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 0))})
}

// leave removes from all what is not on mem, for good.
func leave(all, mem *vfs.MemFS, dir string) {
	has := list(mem, dir)
	for _, name := range list(all, dir) {
		at := path.Join(dir, name)
		if !slices.Contains(has, name) {
			all.RemoveAll(at)
		} else if isDir(all, at) {
			leave(all, mem, at)
		}
	}
	syncEntries(all, dir)
}

func syncEntries(mem *vfs.MemFS, dir string) {
	f, err := mem.OpenDir(dir)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		panic(fmt.Sprintf("syncing %s: %v", dir, err))
	}
	f.Close()
}

// cut returns the disk as a power cut may leave it: what was synced, and of the
// rest each entry of a directory and each block of a file with a chance of
// percent in a hundred. What was removed is back, as with MemFS.CrashClone:
// Pebble creates a marker, removes the one before it and syncs the directory once,
// which asks of a file system that a removal does not outlive what came before it.
func (d *disk) cut(percent int, rng *rand.Rand) *vfs.MemFS {
	switch percent {
	case 0:
		return d.mem.CrashClone(vfs.CrashCloneCfg{})
	case 100:
		return d.clone()
	}
	c := powerLoss{disk: d, hot: d.clone(), cold: d.mem.CrashClone(vfs.CrashCloneCfg{}), lost: func() bool { return rng.IntN(100) >= percent }}
	c.dir("/")
	return whole(c.hot)
}

// A powerLoss takes from hot, the disk as it was, what the power cut took. cold
// is what was synced.
type powerLoss struct {
	*disk
	hot, cold *vfs.MemFS
	lost      func() bool
}

func (c powerLoss) dir(dir string) {
	had, has := c.entries[dir], list(c.hot, dir)
	names := slices.Concat(had, has)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		kept, there := slices.Contains(had, name), slices.Contains(has, name)
		name = path.Join(dir, name)
		switch {
		case !there:
			c.restore(name)
		case !kept && c.lost():
			c.hot.RemoveAll(name)
		case isDir(c.hot, name):
			c.dir(name)
		default:
			c.file(name)
		}
	}
	syncEntries(c.hot, dir)
}

// restore brings back what was removed or renamed.
func (c powerLoss) restore(name string) {
	if _, err := c.cold.Stat(name); err != nil {
		return
	}
	if !isDir(c.cold, name) {
		write(c.hot, name, read(c.cold, name))
		return
	}
	c.hot.MkdirAll(name, 0)
	for _, child := range list(c.cold, name) {
		c.restore(path.Join(name, child))
	}
}

// file mixes blocks of a file with those that were synced.
func (c powerLoss) file(name string) {
	const block = 4096
	now, then := read(c.hot, name), c.synced[name]
	if bytes.Equal(now, then) {
		return
	}
	mixed := bytes.Clone(then)
	for at := 0; at < len(now); at += block {
		if c.lost() {
			continue
		}
		end := min(at+block, len(now))
		if len(mixed) < end {
			mixed = append(mixed, make([]byte, end-len(mixed))...)
		}
		copy(mixed[at:], now[at:end])
	}
	write(c.hot, name, mixed)
}

func list(mem *vfs.MemFS, dir string) []string {
	names, err := mem.List(dir)
	if err != nil {
		panic(err)
	}
	slices.Sort(names)
	return names
}

func isDir(mem *vfs.MemFS, name string) bool {
	info, err := mem.Stat(name)
	return err == nil && info.IsDir()
}

func read(mem *vfs.MemFS, name string) []byte {
	b, err := mem.UnsafeGetFileDataBuffer(name)
	if err != nil {
		return nil // it is open and was removed
	}
	return bytes.Clone(b)
}

func write(mem *vfs.MemFS, name string, b []byte) {
	f, err := mem.Create(name, "")
	if err == nil {
		_, err = f.Write(b)
	}
	if err != nil {
		panic(fmt.Sprintf("writing %s: %v", name, err))
	}
	f.Close()
}
