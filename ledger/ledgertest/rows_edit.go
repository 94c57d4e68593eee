package ledgertest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gait/ledger"
)

// Edit returns the rows after one step of an attack:
//
//	drop SELECTOR           without the rows
//	cut SELECTOR [N]        with the first N bytes of each row's value; half of it by default
//	flip SELECTOR           with a bit of each row's value changed, the middle one
//	older NAME SELECTOR     with the rows as they were in saved[NAME], which may be none
//	copy FROM TO            with the value of one row under another key
//	put KEY HEX             with a row that the attacker made
//	forge SEQ OLD NEW       with the first OLD in an event replaced by NEW, and the event's hash in the tile above it
//
// A selector names rows by what they are about:
//
//	h:JOB v:JOB j:JOB j:JOB@N   the head, view and event index of a job, or one row of its index
//	job:JOB                     all of these
//	r:ID                        the row of a request id
//	e:N e:N-                    an event, or all from it on
//	a:N                         the row of authority event N
//	l:JOB@CALL                  the row of a call
//	a c g h i j k l n p r t v   all rows whose key begins with the letter
//	m/NAME                      a row under m
//	index                       i and m/index
//	end                         what says how long the ledger is: m/checkpoint, m/edge, m/head and m/upper
//	all                         every row
//
// A step that changes nothing is an error: a test that relied on it could not fail.
func (r Rows) Edit(saved map[string]Rows, step ...string) (Rows, error) {
	to := r.Clone()
	err := to.edit(saved, step)
	if err == nil && len(r.Changes(to)) == 0 {
		err = fmt.Errorf("no row is changed")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(step, " "), err)
	}
	return to, nil
}

func (r Rows) edit(saved map[string]Rows, step []string) error {
	switch word, args := step[0], step[1:]; {
	case word == "older" && len(args) == 2:
		older, known := saved[args[0]]
		if !known {
			return fmt.Errorf("nothing was saved as %q", args[0])
		}
		return r.replace(older, args[1])
	case word == "copy" && len(args) == 2:
		value, found := r[args[0]]
		if !found {
			return fmt.Errorf("no row %q", args[0])
		}
		r[args[1]] = bytes.Clone(value)
		return nil
	case word == "put" && len(args) == 2:
		value, err := hex.DecodeString(args[1])
		r[args[0]] = append([]byte{}, value...)
		return err
	case word == "forge" && len(args) == 3:
		return r.forge(args[0], args[1], args[2])
	case len(args) == 1 || word == "cut" && len(args) == 2:
		return r.damage(word, args)
	}
	return fmt.Errorf("no such step")
}

// forge changes an event. Its hash is put where a reader compares it; those above it,
// up to the signed root, stay as they are.
func (r Rows) forge(at, old, to string) error {
	seq, err := strconv.ParseUint(at, 10, 63)
	if err != nil {
		return err
	}
	key := string(binary.BigEndian.AppendUint64([]byte("e"), seq))
	if !bytes.Contains(r[key], []byte(old)) {
		return fmt.Errorf("event %d does not hold %q: %s", seq, old, r[key])
	}
	r[key] = bytes.Replace(r[key], []byte(old), []byte(to), 1)
	e, err := ledger.Decode(r[key])
	if err != nil {
		return err
	}
	leaf := e.LeafHash()
	if tile := r[string(binary.BigEndian.AppendUint64([]byte("t\x00"), seq/ledger.TileWidth))]; tile != nil {
		copy(tile[seq%ledger.TileWidth*uint64(len(leaf)):], leaf[:])
	}
	return nil
}

// replace replaces selected rows by older ones.
func (r Rows) replace(older Rows, selector string) error {
	selected, err := Select(selector)
	if err != nil {
		return err
	}
	maps.DeleteFunc(r, func(key string, _ []byte) bool { return selected(key) })
	for key, value := range older {
		if selected(key) {
			r[key] = bytes.Clone(value)
		}
	}
	return nil
}

// damage drops, cuts or flips selected rows.
func (r Rows) damage(word string, args []string) error {
	selected, err := Select(args[0])
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(r)) {
		if !selected(key) {
			continue
		}
		value := r[key]
		switch word {
		case "drop":
			delete(r, key)
		case "cut":
			keep := len(value) / 2
			if len(args) > 1 {
				if keep, err = strconv.Atoi(args[1]); err != nil {
					return err
				}
			}
			r[key] = value[:min(max(keep, 0), len(value))]
		case "flip":
			if len(value) > 0 {
				value[len(value)/2] ^= 0x10
			}
		default:
			return fmt.Errorf("no such step")
		}
	}
	return nil
}

// Select returns a function that reports whether a selector names a key.
func Select(selector string) (func(key string) bool, error) {
	kind, of, about := strings.Cut(selector, ":")
	switch {
	case selector == "all":
		return func(string) bool { return true }, nil
	case selector == "index":
		return func(key string) bool { return key[0] == 'i' || key == "m/index" }, nil
	case selector == "end":
		return isOne("m/checkpoint", "m/edge", "m/head", "m/upper"), nil
	case strings.HasPrefix(selector, "m/"):
		return isOne(selector), nil
	case !about && len(selector) == 1:
		return func(key string) bool { return key[0] == selector[0] }, nil
	case about:
		return selectAbout(kind, of)
	}
	return nil, fmt.Errorf("no such selector: %s", selector)
}

func isOne(keys ...string) func(string) bool {
	return func(key string) bool { return slices.Contains(keys, key) }
}

// selectAbout selects the rows of one kind about a job, a request id or an event.
func selectAbout(kind, of string) (func(string) bool, error) {
	indexed := func(key string) bool {
		return len(key) == len(of)+10 && strings.HasPrefix(key, "j"+of+"\x00")
	}
	switch kind {
	case "h", "v", "r":
		return isOne(kind + of), nil
	case "job":
		return func(key string) bool { return indexed(key) || key == "h"+of || key == "v"+of }, nil
	case "e":
		return selectEvents(of)
	case "a":
		seq, err := strconv.ParseUint(of, 10, 63)
		return isOne(string(binary.BigEndian.AppendUint64([]byte("a"), seq))), err
	case "l":
		job, call, _ := strings.Cut(of, "@")
		return isOne("l" + job + "\x00" + call), nil
	case "j":
		job, n, one := strings.Cut(of, "@")
		if !one {
			return indexed, nil
		}
		seq, err := strconv.ParseUint(n, 10, 63)
		return isOne(string(binary.BigEndian.AppendUint64([]byte("j"+job+"\x00"), seq))), err
	}
	return nil, fmt.Errorf("no such selector: %s:%s", kind, of)
}

func selectEvents(of string) (func(string) bool, error) {
	from, onward := strings.CutSuffix(of, "-")
	seq, err := strconv.ParseUint(from, 10, 63)
	first := string(binary.BigEndian.AppendUint64([]byte("e"), seq))
	if onward {
		return func(key string) bool { return key[0] == 'e' && key >= first }, err
	}
	return isOne(first), err
}
