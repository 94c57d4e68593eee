package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A modelDisk is what a directory holds, in memory, and what of it a power cut leaves. Its
// rules are those that POSIX gives and journaling file systems keep:
//
//   - what a file holds is durable when the file was synced; of the rest any block may be;
//   - a name is durable when its directory was synced; of the rest those made, moved or
//     removed up to some moment may be, in the order in which that was done.
type modelDisk struct {
	root   *modelNode
	base   map[*modelNode]map[string]*modelNode // directories, as they were in the beginning
	names  []*nameChange
	counts map[string]int // the calls that were followed
}

// A modelNode is a file or a directory.
type modelNode struct {
	names  map[string]*modelNode // of a directory
	link   string                // of a symbolic link
	data   []byte                // of a file
	synced []byte                // what of data is durable
}

// A nameChange is one call that changed the names in one or two directories: it takes one
// name away, or gives one, or both.
type nameChange struct {
	from, to         *modelNode // directories; nil if there is none
	fromName, toName string
	node             *modelNode
	durable          bool
}

func (c *nameChange) apply(names func(*modelNode) map[string]*modelNode) {
	if c.from != nil {
		delete(names(c.from), c.fromName)
	}
	if c.to != nil {
		names(c.to)[c.toName] = c.node
	}
}

// readDisk returns the disk of what is in a directory, all of it durable.
func readDisk(dir string) (*modelDisk, error) {
	d := &modelDisk{base: map[*modelNode]map[string]*modelNode{}, counts: map[string]int{}}
	var err error
	d.root, err = d.read(dir)
	return d, err
}

func (d *modelDisk) read(path string) (*modelNode, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	n := &modelNode{}
	switch {
	case info.IsDir():
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		n.names = map[string]*modelNode{}
		for _, e := range entries {
			if n.names[e.Name()], err = d.read(filepath.Join(path, e.Name())); err != nil {
				return nil, err
			}
		}
		d.base[n] = maps.Clone(n.names)
	case info.Mode().IsRegular():
		n.data, err = os.ReadFile(path)
		n.synced = n.data
	default:
		n.link, err = os.Readlink(path)
	}
	return n, err
}

// find returns what is at a path below the directory, nil if there is nothing.
func (d *modelDisk) find(path string) *modelNode {
	n := d.root
	for name := range strings.SplitSeq(path, "/") {
		if name != "." && n != nil {
			n = n.names[name]
		}
	}
	return n
}

// rename changes names: it takes from away, or gives to to node, or both.
func (d *modelDisk) rename(from, to string, node *modelNode) {
	c := &nameChange{node: node}
	if from != "" {
		c.from, c.fromName = d.find(filepath.Dir(from)), filepath.Base(from)
	}
	if to != "" {
		c.to, c.toName = d.find(filepath.Dir(to)), filepath.Base(to)
	}
	c.apply(func(n *modelNode) map[string]*modelNode { return n.names })
	d.names = append(d.names, c)
}

// sync makes a file, or the names in a directory, durable.
func (d *modelDisk) sync(n *modelNode) {
	n.synced = n.data
	for _, c := range d.names {
		if n.names != nil && (c.from == n || c.to == n) {
			c.durable = true
		}
	}
}

// writeAt writes into a file. What was there is not changed: it may be what is durable.
func (n *modelNode) writeAt(b []byte, at int64) {
	n.data = bytes.Clone(n.data)
	n.truncate(max(int64(len(n.data)), at+int64(len(b))))
	copy(n.data[at:], b)
}

func (n *modelNode) truncate(size int64) {
	if size <= int64(len(n.data)) {
		n.data = n.data[:size:size]
		return
	}
	n.data = append(bytes.Clone(n.data), make([]byte, size-int64(len(n.data)))...)
}

// The kinds of cuts.
const (
	cutAll  = "nothing that was not synced is left"
	cutSome = "some of what was not synced is left"
	cutNone = "the process is killed"
)

// cut puts into dir, which is made empty, what is left after a power cut.
func (d *modelDisk) cut(kind, dir string, rng *rand.Rand) error {
	upTo := map[string]int{cutAll: 0, cutSome: rng.IntN(len(d.names) + 1), cutNone: len(d.names)}[kind]
	left := map[*modelNode]map[string]*modelNode{}
	for n, names := range d.base {
		left[n] = maps.Clone(names)
	}
	names := func(n *modelNode) map[string]*modelNode {
		if left[n] == nil {
			left[n] = map[string]*modelNode{}
		}
		return left[n]
	}
	for i, c := range d.names {
		if i < upTo || c.durable {
			c.apply(names)
		}
	}
	content := func(n *modelNode) []byte {
		switch kind {
		case cutAll:
			return n.synced
		case cutNone:
			return n.data
		}
		return mixed(n.synced, n.data, rng)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return writeNode(d.root, dir, names, content)
}

// mixed returns a file of which some blocks are as they were synced, and others as they
// were written later.
func mixed(synced, now []byte, rng *rand.Rand) []byte {
	const block = 4096
	b := bytes.Clone(synced)
	for at := 0; at < len(now); at += block {
		if rng.IntN(2) == 0 {
			continue
		}
		end := min(at+block, len(now))
		b = append(b, make([]byte, max(0, end-len(b)))...)
		copy(b[at:], now[at:end])
	}
	return b
}

// writeNode writes a file or directory with all in it.
func writeNode(n *modelNode, path string, names func(*modelNode) map[string]*modelNode, content func(*modelNode) []byte) error {
	switch {
	case n.link != "":
		return os.Symlink(n.link, path)
	case n.names == nil:
		return os.WriteFile(path, content(n), 0o600)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	below := names(n)
	for _, name := range slices.Sorted(maps.Keys(below)) {
		if err := writeNode(below[name], filepath.Join(path, name), names, content); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}
