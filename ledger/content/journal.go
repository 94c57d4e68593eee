package content

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
)

// The journal of content of jobs. See doc.go.
const (
	headSize = 4 + len(Owner{}) + len(ledger.Hash{}) + 4

	journalFrom  = 4        // fewer contents of a batch are synced as files
	maxJournaled = 4096     // contents in it, past which it is ended
	maxJournal   = 16 << 20 // bytes, past which it is ended
	readJournal  = 64 << 20 // bytes of it that are read: the last batch may go past maxJournal
)

// journalNames are the names of journals: of the one that is written, and of the one before.
var journalNames = [2]string{".journal-1", ".journal-2"}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A journal is that which this process writes. What it has is in memory, too, until it gets
// its files.
type journal struct {
	file  file
	path  string
	size  int64
	count int  // contents
	torn  bool // the end may be a part of a record

	ended chan struct{} // closed once all is done to end it, or err says why not
	err   error
}

// A journaled is content that a journal has, as it is kept.
type journaled struct {
	kept []byte
	in   *journal
}

// enter makes the contents durable in the journal. The caller holds s.flushing.
func enter(s *Store, taken map[pendingName]*writing) error {
	if j := s.journal; j != nil && (j.torn || j.size > maxJournal || j.count >= s.most) {
		if err := turnJournal(s); err != nil {
			return err
		}
	}
	if err := beginJournal(s); err != nil {
		return err
	}
	j := s.journal
	j.torn = true
	var out []byte
	for name, w := range taken {
		digest, err := ledger.ParseHash(name.name)
		if err != nil {
			return err
		}
		out = append(out, record(Name{name.owner, digest}, w.kept)...)
	}
	n, err := j.file.Write(out)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		return home.InRoot.Unwritable(s.jobsDir(), err)
	}
	j.size, j.count = j.size+int64(n), j.count+len(taken)
	j.torn = false
	return nil
}

// beginJournal makes the journal, durably, unless there is one.
func beginJournal(s *Store) error {
	if s.journal != nil {
		return nil
	}
	path := journalPaths(s)[0]
	if s.ending != nil && s.ending.path == path {
		path = journalPaths(s)[1]
	}
	f, err := s.disk.Create(path)
	if err != nil {
		return home.InRoot.Unwritable(s.jobsDir(), err)
	}
	s.journal = &journal{file: f, path: path, ended: make(chan struct{})}
	if err := syncDirsTo(s, []string{s.jobsDir()}); err != nil {
		return err
	}
	return nil
}

// turnJournal has the journal ended while another one is written. It waits for the one before.
// The caller holds s.flushing.
func turnJournal(s *Store) error {
	if err := awaitEnd(s); err != nil {
		return err
	}
	j := s.journal
	s.ending, s.journal = j, nil
	go func() {
		defer close(j.ended)
		j.err = endJournal(s, j)
	}()
	return nil
}

// awaitEnd waits until the journal before is ended, and tries once more if that failed.
func awaitEnd(s *Store) error {
	j := s.ending
	if j == nil {
		return nil
	}
	<-j.ended
	if j.err != nil {
		j.err = endJournal(s, j)
	}
	if j.err == nil {
		s.ending = nil
	}
	return j.err
}

// endJournals ends both journals. The caller holds s.flushing.
func endJournals(s *Store) error {
	if err := awaitEnd(s); err != nil || s.journal == nil {
		return err
	}
	if err := turnJournal(s); err != nil {
		return err
	}
	return awaitEnd(s)
}

// endJournal gives all content of a journal its files, makes them durable, and removes the
// journal. While it does so, content may be put, named and kept in another journal.
func endJournal(s *Store, j *journal) error {
	if err := unsynced(s); err != nil {
		return err // a new process goes on with the journal
	}
	s.jobs.Lock()
	its := maps.Clone(s.unwritten)
	s.jobs.Unlock()
	maps.DeleteFunc(its, func(_ pendingName, b journaled) bool { return b.in != j })
	files, dirs := map[string]bool{}, map[string]bool{s.jobsDir(): true}
	for name := range its {
		files[s.nameIn(name.owner, name.name)], dirs[s.ownerDir(name.owner)] = true, true
	}
	err := each(slices.Collect(maps.Keys(its)), func(name pendingName) error { return giveFile(s, name, its[name].kept) })
	if err != nil {
		return err
	}
	if err := syncAll(s, files, dirs); err != nil {
		return err
	}
	if err := removeJournals(s, j.path); err != nil {
		return err
	}
	s.jobs.Lock()
	maps.DeleteFunc(s.unwritten, func(_ pendingName, b journaled) bool { return b.in == j })
	s.jobs.Unlock()
	_ = j.file.Close() // all it had is durable elsewhere
	return nil
}

func removeJournals(s *Store, paths ...string) error {
	for _, path := range paths {
		if err := s.disk.Remove(path); ifThere(err) != nil {
			return home.InRoot.Unwritable(s.jobsDir(), err)
		}
	}
	return syncDirs(s, []string{s.jobsDir()})
}

// giveFile writes the file of content that the journal has. It is not synced.
func giveFile(s *Store, name pendingName, b []byte) error {
	if err := makeOwner(s, name.owner); err != nil {
		return err
	}
	w := &writing{kept: b}
	if err := w.write(s); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return home.InRoot.Unwritable(s.jobsDir(), errors.Join(err, s.disk.Remove(w.path)))
	}
	if err := renameFile(s, name, w); err != nil {
		return home.InRoot.Unwritable(s.ownerDir(name.owner), errors.Join(err, s.disk.Remove(w.path)))
	}
	return nil
}

// syncAll makes files and directories durable. If that fails, nothing is vouched for.
func syncAll(s *Store, files, dirs map[string]bool) error {
	err := s.disk.SyncAll(s.jobsDir(), slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(dirs)))
	if err == nil {
		return nil
	}
	broken := &SyncError{Dir: s.jobsDir(), Err: err}
	s.jobs.Lock()
	defer s.jobs.Unlock()
	if s.broken == nil {
		s.broken = broken
	}
	clear(s.durable)
	return broken
}

// takeOver finishes what a process before this one has left in its journal: each content gets
// its file again, if that is not whole. It is done once, before content is named or erased.
func takeOver(s *Store) error {
	if s.recovered.Load() {
		return nil
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()
	return takeOverHeld(s)
}

// takeOverHeld is takeOver for a caller that holds s.flushing.
func takeOverHeld(s *Store) error {
	if s.recovered.Load() {
		return nil
	}
	some := false
	for _, path := range journalPaths(s) {
		_, err := s.disk.Lstat(path)
		if some = some || err == nil; ifThere(err) != nil {
			return err
		}
	}
	if !some {
		s.recovered.Store(true)
		return nil
	}
	files, dirs := map[string]bool{}, map[string]bool{s.jobsDir(): true}
	var failed error
	err := eachJournaled(s, all, func(name Name, kept []byte) bool {
		failed = putBack(s, name, kept)
		files[s.pathOf(name)], dirs[s.ownerDir(name.Owner)] = true, true
		return failed == nil
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("taking content from the journal in %s: %w", s.jobsDir(), err)
	}
	if err := syncAll(s, files, dirs); err != nil {
		return err
	}
	if err := removeJournals(s, journalPaths(s)...); err != nil {
		return err
	}
	s.recovered.Store(true)
	return nil
}

// putBack writes content as the journal has it, unless its file is whole.
func putBack(s *Store, name Name, kept []byte) error {
	if f, err := s.disk.Open(s.pathOf(name)); err == nil {
		is := make([]byte, len(kept)+1)
		n, err := io.ReadFull(f, is)
		if err = torn(errors.Join(err, f.Close())); err != nil {
			return err
		}
		if bytes.Equal(is[:n], kept) {
			return nil
		}
	}
	return giveFile(s, pendingName{name.Owner, name.Digest.String()}, kept)
}

// Close removes what was put and is not durable yet, and ends the journal.
func (s *Store) Close() error {
	err := s.Drop()
	s.flushing.Lock()
	defer s.flushing.Unlock()
	return errors.Join(err, s.failed(endJournals(s)))
}
