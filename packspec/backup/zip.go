package backup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gait/ledger"
	"gait/packspec/container"
)

// permissions are those of every file in a backup.
const permissions = 0o600

// An archive writes a zip.
type archive struct {
	w     *bufio.Writer
	at    int64
	heads []container.Header
}

// add writes an entry, whose name must come after those before it. content has size
// bytes, of which crc is the CRC-32.
func (a *archive) add(name string, size int64, crc uint32, content io.Reader) error {
	if n := len(a.heads); checkName(name) != nil || n > 0 && a.heads[n-1].Name >= name {
		panic("backup: entry " + name + " out of place")
	}
	h := container.Header{Name: name, Size: size, CRC: crc, At: a.at}
	if _, err := a.w.Write(h.Local()); err != nil {
		return err
	}
	n, err := io.Copy(a.w, content)
	if err == nil && n != size {
		err = fmt.Errorf("%s changed while the backup was written", name)
	}
	a.at = h.End()
	a.heads = append(a.heads, h)
	return err
}

// close writes the directory, and returns the size of the zip.
func (a *archive) close() (int64, error) {
	d := container.End{Count: int64(len(a.heads)), At: a.at}
	for _, h := range a.heads {
		b := h.Record(permissions)
		d.Size += int64(len(b))
		if _, err := a.w.Write(b); err != nil {
			return 0, err
		}
	}
	end := d.Records()
	if _, err := a.w.Write(end); err != nil {
		return 0, err
	}
	return d.At + d.Size + int64(len(end)), a.w.Flush()
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: not a backup: %s", ledger.ErrMalformed, fmt.Sprintf(format, args...))
}

// readAt reads n bytes, all of them or none.
func readAt(r io.ReaderAt, at int64, n int) ([]byte, error) {
	b := make([]byte, n)
	switch got, err := r.ReadAt(b, at); {
	case got == n:
		return b, nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, malformed("it ends before byte %d", at+int64(n))
	default:
		return nil, fmt.Errorf("reading the backup: %w", err)
	}
}

// readDirectory reads where the directory of a zip of size bytes is. It must be what an
// archive writes.
func readDirectory(r io.ReaderAt, size int64) (container.End, error) {
	if size < container.EndSize {
		return container.End{}, malformed("%d bytes", size)
	}
	tail, err := readAt(r, size-container.EndSize, container.EndSize)
	if err != nil {
		return container.End{}, err
	}
	d := container.ParseEnd(tail)
	if d.Is64() {
		if size < container.End64Size+container.EndSize {
			return container.End{}, malformed("%d bytes", size)
		}
		records, err := readAt(r, size-container.EndSize-container.End64Size, container.End64Size)
		if err != nil {
			return container.End{}, err
		}
		d = container.ParseEnd64(records)
	}
	end := d.Records()
	if d.At > size || d.Size > size || d.At+d.Size+int64(len(end)) != size {
		return container.End{}, malformed("its directory is not right before its end")
	}
	if tail, err = readAt(r, size-int64(len(end)), len(end)); err == nil && !bytes.Equal(tail, end) {
		err = malformed("it does not end as a zip without a comment ends")
	}
	if err == nil && d.Count > maxEntries(size) {
		err = malformed("%d entries in %d bytes", d.Count, size)
	}
	return d, err
}

// maxEntries bounds the number of entries of a zip of size bytes, and with it the memory
// that reading the directory takes: a backup has a few large entries for 256 events, and
// an entry for each content.
func maxEntries(size int64) int64 { return 1<<12 + size>>9 }

// readHeads reads the entries of a zip. Their headers must be what an archive writes.
func readHeads(r io.ReaderAt, size int64) ([]container.Header, error) {
	d, err := readDirectory(r, size)
	if err != nil {
		return nil, err
	}
	in := bufio.NewReader(io.NewSectionReader(r, d.At, d.Size))
	var heads []container.Header
	at, last := int64(0), ""
	for range d.Count {
		h, err := readHead(r, in, at)
		if err == nil && h.Name <= last {
			err = malformed("%s stands behind %s", h.Name, last)
		}
		if err != nil {
			return nil, err
		}
		heads = append(heads, h)
		at, last = h.End(), h.Name
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) || at != d.At {
		return nil, malformed("something stands between its entries and the end of its directory")
	}
	return heads, nil
}

// readHead reads the next record of the directory, of the entry that begins at an offset.
func readHead(r io.ReaderAt, directory io.Reader, at int64) (container.Header, error) {
	fixed := make([]byte, container.CentralSize)
	if _, err := io.ReadFull(directory, fixed); err != nil {
		return container.Header{}, cut(err)
	}
	h, nameLen, extraLen := container.ParseRecord(fixed)
	if nameLen+extraLen > container.MaxName+container.ExtraSize {
		return container.Header{}, malformed("a record of %d bytes in its directory", container.CentralSize+nameLen+extraLen)
	}
	rest := make([]byte, nameLen+extraLen)
	if _, err := io.ReadFull(directory, rest); err != nil {
		return container.Header{}, cut(err)
	}
	h.Name, h.At = string(rest[:nameLen]), at
	if err := checkName(h.Name); err != nil {
		return container.Header{}, err
	}
	if !bytes.Equal(append(fixed, rest...), h.Record(permissions)) {
		return container.Header{}, malformed("the record of %s in its directory is not one of a backup", h.Name)
	}
	want := h.Local()
	local, err := readAt(r, h.At, len(want))
	if err == nil && !bytes.Equal(local, want) {
		err = malformed("the header of %s is not that in the directory", h.Name)
	}
	return h, err
}

// cut returns the error of a directory that ended too early, or could not be read.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("its directory is cut off")
	}
	return fmt.Errorf("reading the backup: %w", err)
}

// checkName refuses the names that no backup has.
func checkName(name string) error {
	bad := len(name) > container.MaxName || strings.ContainsFunc(name, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("._-/", c)
	})
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == "" || part[0] == '.'
	}
	if bad {
		return malformed("an entry is called %.80q", name)
	}
	return nil
}
