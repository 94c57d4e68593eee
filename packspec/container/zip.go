package container

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"gait/ledger"
	"gait/packspec/finding"
)

// The limits of an archive.
const (
	MaxEntries = 1 << 14
	MaxName    = 128
)

// The fixed parts of a zip (APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.14 to 4.3.16).
const (
	LocalSize   = 30
	CentralSize = 46
	EndSize     = 22

	LocalMagic = "PK\x03\x04"
	DirMagic   = "PK\x01\x02"
)

// ManifestEntry is the entry that lists the others.
const ManifestEntry = "pack_manifest.json"

// An Entry is the name of a file in a pack and the SHA-256 of its content.
type Entry struct {
	Name string
	Sum  ledger.Hash
}

// A Directory is a zip's directory, as its end record describes it.
type Directory struct {
	Bytes []byte
	At    int64 // the directory's offset, at which the entries end
	Count int   // of entries
}

// ReadDirectory reads the directory and the end record, which must end the file. A
// record may have maxRecord bytes, with its name. It fails with a *finding.FormatError,
// or with the reader's own error.
func ReadDirectory(r io.ReaderAt, size, maxRecord int64) (d Directory, err error) {
	b, err := ReadAt(r, size-EndSize, EndSize)
	if err != nil {
		return d, err
	}
	end := ParseEnd(b)
	switch {
	case !bytes.Equal(b, end.Record()):
		return d, Malformed("", "it does not end in the end record of a zip without a comment")
	case end.Count < 1 || end.Count > MaxEntries:
		return d, Malformed("", "%d entries, not 1 to %d", end.Count, MaxEntries)
	case end.Size > end.Count*maxRecord || end.At+end.Size+EndSize != size:
		return d, Malformed("", "the directory is not right before the end record")
	}
	dir, err := ReadAt(r, end.At, int(end.Size))
	return Directory{Bytes: dir, At: end.At, Count: int(end.Count)}, err
}

// ReadAt reads n bytes. If the file ends too early, it fails with a
// *finding.FormatError. Other errors are the reader's own.
func ReadAt(r io.ReaderAt, at int64, n int) ([]byte, error) {
	b := make([]byte, n)
	read, err := r.ReadAt(b, at)
	switch {
	case read == n:
		return b, nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, Malformed("", "it ends before byte %d", at+int64(n))
	}
	return nil, fmt.Errorf("reading the pack: %w", err)
}

// Malformed returns a *finding.FormatError about a container that is not in its one form.
func Malformed(entry, format string, args ...any) error {
	return &finding.FormatError{Failure: finding.Failure{Level: finding.LevelContainer, Code: finding.CodeArchive, Entry: entry, Reason: fmt.Sprintf(format, args...)}}
}

// A Meter computes size, CRC-32 and SHA-256 of what is written to it.
type Meter struct {
	Size int64
	CRC  uint32 // IEEE
	sha  hash.Hash
}

// NewMeter returns an empty Meter.
func NewMeter() *Meter { return &Meter{sha: sha256.New()} }

func (m *Meter) Write(p []byte) (int, error) {
	m.Size += int64(len(p))
	m.CRC = crc32.Update(m.CRC, crc32.IEEETable, p)
	return m.sha.Write(p)
}

// Sum returns the SHA-256 of what was written.
func (m *Meter) Sum() ledger.Hash { return ledger.Hash(m.sha.Sum(nil)) }

// CheckName returns what is wrong with an entry's name, or "" if nothing is. A name has
// parts separated by /, of letters, digits and ._-, which begin with a letter or digit.
func CheckName(name string) string {
	if name == "" || len(name) > MaxName {
		return fmt.Sprintf("a name of %d bytes, not 1 to %d", len(name), MaxName)
	}
	first := true
	for i := 0; i < len(name); i++ {
		c := name[i]
		alnum := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alnum && (first || c != '.' && c != '_' && c != '-' && c != '/') {
			return fmt.Sprintf("byte %d of the name %.60q cannot stand there", i, name)
		}
		first = c == '/'
	}
	if first {
		return fmt.Sprintf("the name %.60q ends in /", name)
	}
	return ""
}
