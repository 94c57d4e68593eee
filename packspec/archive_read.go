package packspec

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"gait/packspec/container"
	"gait/packspec/finding"
)

// readArchive reads an archive. It accepts only what archiveWriter writes. All sizes
// are checked before anything is allocated, and every content is read once for its
// CRC and digest. Each header is rebuilt from what was read and compared, and entries
// follow each other without a gap, so no other file has these contents. It fails with
// a *finding.FormatError, or with the reader's own error.
func readArchive(r io.ReaderAt, size int64) ([]entry, error) {
	entries, err := readDirectory(r, size)
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // before contents are read
		if most := sizeLimit(e.Name); e.Size > most {
			return nil, finding.AsFormat(finding.Failf(finding.LevelContainer, finding.CodeEntries, e.Name, "%d bytes, at most %d", e.Size, most))
		}
	}
	if err := readEntries(r, entries); err != nil {
		return nil, err
	}
	return entries, nil
}

// readDirectory reads the directory and computes the entries' offsets.
func readDirectory(r io.ReaderAt, size int64) ([]entry, error) {
	if size < container.EndSize+container.CentralSize+container.LocalSize || size > maxArchive {
		return nil, container.Malformed("", "a file of %d bytes is no pack", size)
	}
	dir, err := container.ReadDirectory(r, size, container.CentralSize+container.MaxName)
	if err != nil {
		return nil, err
	}
	return parseDirectory(dir)
}

func parseDirectory(dir container.Directory) ([]entry, error) {
	entries := make([]entry, 0, dir.Count)
	at, rest := int64(0), dir.Bytes
	for i := range dir.Count {
		e, problem := parseRecord(rest)
		if problem != "" {
			return nil, container.Malformed("", "directory record %d: %s", i, problem)
		}
		e.At = at
		if !bytes.HasPrefix(rest, e.record()) {
			return nil, container.Malformed(e.Name, "its directory record is not as a pack's is")
		}
		if i > 0 && entries[i-1].Name >= e.Name {
			return nil, container.Malformed(e.Name, "it stands after %s: names are in order, each once", entries[i-1].Name)
		}
		if e.End() > dir.At {
			return nil, container.Malformed(e.Name, "%d bytes reach into the directory", e.Size)
		}
		rest = rest[len(e.record()):]
		at = e.End()
		entries = append(entries, e)
	}
	if len(rest) > 0 || at != dir.At {
		return nil, container.Malformed("", "%d bytes between the last entry and the directory, %d after its last record", dir.At-at, len(rest))
	}
	return entries, nil
}

// parseRecord reads the fields that differ between entries. If it cannot, it
// returns the problem.
func parseRecord(b []byte) (entry, string) {
	if len(b) < container.CentralSize {
		return entry{}, "cut off"
	}
	h, nameLen, _ := container.ParseRecord(b)
	if nameLen > container.MaxName || len(b) < container.CentralSize+nameLen {
		return entry{}, fmt.Sprintf("a name of %d bytes", nameLen)
	}
	h.Name = string(b[container.CentralSize : container.CentralSize+nameLen])
	return entry{Header: h}, container.CheckName(h.Name)
}

// readEntries reads the entries, as many at a time as there are processors. If some are
// not as they must be, the error is that of the first in order.
func readEntries(r io.ReaderAt, entries []entry) error {
	var (
		next    atomic.Int64
		workers sync.WaitGroup
		errs    = make([]error, len(entries))
		failed  atomic.Bool
	)
	for range min(runtime.GOMAXPROCS(0), maxWorkers, len(entries)) {
		workers.Go(func() {
			buf := make([]byte, readBuffer)
			for i := next.Add(1) - 1; int(i) < len(entries) && !failed.Load(); i = next.Add(1) - 1 {
				if errs[i] = readEntry(r, &entries[i], buf); errs[i] != nil {
					failed.Store(true) // those before it are being read already
				}
			}
		})
	}
	workers.Wait()
	return cmp.Or(errs...)
}

// readBuffer is how much of an entry is read at once.
const readBuffer = 64 << 10

// readEntry checks the local header and the content, and sets the digest. It reads
// the content through buf.
func readEntry(r io.ReaderAt, e *entry, buf []byte) error {
	want := e.Local()
	got, err := container.ReadAt(r, e.At, len(want))
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return container.Malformed(e.Name, "its local header is not as the directory has it")
	}
	m := container.NewMeter()
	if _, err := io.CopyBuffer(m, io.NewSectionReader(r, e.Start(), e.Size), buf); err != nil {
		return fmt.Errorf("reading %s: %w", e.Name, err)
	}
	if m.Size != e.Size || m.CRC != e.CRC {
		return &finding.FormatError{Failure: finding.Failure{
			Level: finding.LevelContainer, Code: finding.CodeArchive, Entry: e.Name, Reason: "the content does not have the CRC-32 that the directory gives",
			Expected: fmt.Sprintf("%08x", e.CRC), Found: fmt.Sprintf("%08x", m.CRC),
		}}
	}
	e.sum = m.Sum()
	return nil
}
