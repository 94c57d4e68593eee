package content

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"

	"gait/ledger"
	"gait/ledger/home"
)

// record returns the record of a file of content.
func record(name Name, kept []byte) []byte {
	b := make([]byte, headSize, headSize+len(kept))
	binary.BigEndian.PutUint32(b, uint32(len(kept)))
	copy(b[4:], name.Owner[:])
	copy(b[4+len(name.Owner):], name.Digest[:])
	binary.BigEndian.PutUint32(b[headSize-4:], crc32.Checksum(b[:headSize-4], castagnoli))
	return append(b, kept...)
}

// records calls use with each record of a journal that is wanted, up to the first that is not
// whole: a crash has left that, and no event names what it holds. It stops if use returns
// false.
func records(from io.Reader, wanted func(Name) bool, use func(name Name, kept []byte) bool) error {
	r := bufio.NewReaderSize(io.LimitReader(from, readJournal), 256<<10)
	var head [headSize]byte
	for {
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return torn(err)
		}
		n := binary.BigEndian.Uint32(head[:])
		if crc32.Checksum(head[:headSize-4], castagnoli) != binary.BigEndian.Uint32(head[headSize-4:]) || n < SaltSize || n > SaltSize+SmallSize {
			return nil
		}
		var name Name
		copy(name.Owner[:], head[4:])
		copy(name.Digest[:], head[4+len(name.Owner):])
		if !wanted(name) {
			if _, err := r.Discard(int(n)); err != nil {
				return torn(err)
			}
			continue
		}
		kept := make([]byte, n)
		if _, err := io.ReadFull(r, kept); err != nil {
			return torn(err)
		}
		if sha256.Sum256(kept) != name.Digest || !use(name, kept) {
			return nil
		}
	}
}

// all wants all records.
func all(Name) bool { return true }

// torn returns nil for the end of a journal, wherever it is.
func torn(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func journalPaths(s *Store) []string {
	return []string{filepath.Join(s.jobsDir(), journalNames[0]), filepath.Join(s.jobsDir(), journalNames[1])}
}

// eachJournaled calls use with each content in the journals. If use returns false, it goes on
// with the next one.
func eachJournaled(s *Store, wanted func(Name) bool, use func(name Name, kept []byte) bool) error {
	for _, dir := range []string{s.dir, s.jobsDir()} {
		if err := s.disk.CheckDir(dir); err != nil {
			return ifThere(err)
		}
	}
	for _, path := range journalPaths(s) {
		f, err := s.disk.Open(path)
		if err == nil {
			err = errors.Join(records(f, wanted, use), f.Close())
		}
		if err = ifThere(home.InRoot.Unreadable(path, err)); err != nil {
			return err
		}
	}
	return nil
}

func ifThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// inJournal returns content as a journal has it, or nil.
func inJournal(s *Store, name Name) (found []byte, err error) {
	err = eachJournaled(s, func(n Name) bool { return n == name }, func(_ Name, kept []byte) bool {
		found = kept
		return false
	})
	return found, err
}

// leftIn returns the sizes of what is in the journal, of this process or of another one.
func leftIn(s *Store) (map[Owner]map[ledger.Hash]int64, error) {
	sizes := map[Owner]map[ledger.Hash]int64{}
	add := func(name Name, kept []byte) bool {
		if sizes[name.Owner] == nil {
			sizes[name.Owner] = map[ledger.Hash]int64{}
		}
		sizes[name.Owner][name.Digest] = int64(len(kept)) - SaltSize
		return true
	}
	if !s.recovered.Load() {
		return sizes, eachJournaled(s, all, add)
	}
	s.jobs.Lock()
	defer s.jobs.Unlock()
	for name, b := range s.unwritten {
		digest, err := ledger.ParseHash(name.name)
		if err != nil {
			return nil, err
		}
		add(Name{name.owner, digest}, b.kept)
	}
	return sizes, nil
}
