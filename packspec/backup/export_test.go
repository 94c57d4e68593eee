package backup

import (
	"bufio"
	"bytes"
	"hash/crc32"
	"io"
	"maps"
	"slices"
)

// Archive writes entries as a backup has them, whatever they are.
func Archive(all map[string][]byte) []byte {
	var b bytes.Buffer
	a := archive{w: bufio.NewWriter(&b)}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if err := a.add(name, int64(len(all[name])), crc32.ChecksumIEEE(all[name]), bytes.NewReader(all[name])); err != nil {
			panic(err)
		}
	}
	if _, err := a.close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// ReadEnd reads where the directory of a zip is.
func ReadEnd(r io.ReaderAt, size int64) (count, length, at int64, err error) {
	d, err := readDirectory(r, size)
	return d.Count, d.Size, d.At, err
}
