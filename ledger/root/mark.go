package root

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gait/ledger"
)

// A markKind is the first word of a mark.
type markKind string

const (
	markNone       markKind = ""
	markCreating   markKind = "creating"
	markComplete   markKind = "ledger"
	markRetired    markKind = "retired"
	markRestored   markKind = "restored"
	markSucceeding markKind = "succeeding"
)

// A mark is one line of the lock file: something that happened to the root.
type mark struct {
	kind markKind
	key  ledger.VerifierKey  // of the ledger being created, or complete, or of the successor being built
	was  *ledger.Predecessor // of the ledger retired, or restored to an older state
}

func (m mark) String() string {
	if m.was == nil {
		return string(m.kind) + " " + m.key.String()
	}
	return fmt.Sprintf("%s %s %s %s", m.kind, m.was.Origin,
		sizeAndRoot(m.was.SeenSize, m.was.SeenRoot), sizeAndRoot(m.was.FoundSize, m.was.FoundRoot))
}

func sizeAndRoot(size int64, root ledger.Hash) string {
	if size == 0 {
		return "0 -"
	}
	return strconv.FormatInt(size, 10) + " " + root.String()
}

func parseMark(line string) (mark, error) {
	m, err := readMark(line)
	if err == nil && m.String() != line {
		err = corrupt("its spelling is not that of a mark")
	}
	if err != nil {
		return mark{}, fmt.Errorf("mark %.80q: %w", line, err)
	}
	return m, nil
}

func readMark(line string) (mark, error) {
	word, rest, _ := strings.Cut(line, " ")
	m := mark{kind: markKind(word)}
	switch m.kind {
	case markCreating, markComplete, markSucceeding:
		key, err := ledger.ParseVerifierKey(rest)
		m.key = key
		return m, asCorrupt(err)
	case markRetired, markRestored:
		was, err := readPredecessor(strings.Split(rest, " "))
		m.was = was
		return m, asCorrupt(err)
	case markNone:
	}
	return mark{}, corrupt("it is of no known kind")
}

func readPredecessor(f []string) (*ledger.Predecessor, error) {
	if len(f) != 5 {
		return nil, fmt.Errorf("%w: %d fields, not 5", ledger.ErrMalformed, len(f))
	}
	if err := ledger.FieldOrigin.Check(f[0]); err != nil {
		return nil, err
	}
	was := &ledger.Predecessor{Origin: f[0]}
	var err error
	if was.SeenSize, was.SeenRoot, err = readSizeAndRoot(f[1], f[2]); err != nil {
		return nil, err
	}
	was.FoundSize, was.FoundRoot, err = readSizeAndRoot(f[3], f[4])
	return was, err
}

func readSizeAndRoot(size, root string) (int64, ledger.Hash, error) {
	if size == "0" {
		return 0, ledger.Hash{}, nil
	}
	n, err := strconv.ParseInt(size, 10, 54)
	if err != nil || n < 0 {
		return 0, ledger.Hash{}, fmt.Errorf("%w: %.20q is no size", ledger.ErrMalformed, size)
	}
	h, err := ledger.ParseHash(root)
	return n, h, err
}

func asCorrupt(err error) error {
	if err == nil {
		return nil
	}
	return &ledger.CorruptError{Seq: -1, Err: err}
}

// marks is the state that the lines of a lock file add up to.
type marks struct {
	last        mark
	keys        []ledger.VerifierKey // of the current ledger, oldest first
	created     bool                 // the current ledger was created here: it is no copy
	restored    *ledger.Predecessor  // the current ledger is in an older state than was seen: it is only read
	heir        ledger.VerifierKey   // of the successor that is built, until it is complete in its place
	predecessor *ledger.Predecessor  // the ledger retired last, which the next one continues
	end         int64                // where the next mark goes
}

// isHeir reports whether a key is that of the successor that is being built, or put in its
// place.
func (s *marks) isHeir(key ledger.VerifierKey) bool { return !s.heir.IsZero() && s.heir == key }

// follow adds a mark of n bytes.
func (s *marks) follow(m mark, n int64) {
	s.end += n
	if m.kind == markRestored {
		s.restored = m.was
		return
	}
	if m.kind == markSucceeding {
		s.heir = m.key
		return
	}
	s.restored = nil
	if m.kind != markRetired && s.isHeir(m.key) == (m.kind == markComplete) {
		s.heir = ledger.VerifierKey{} // it is complete, or another ledger was begun
	}
	switch {
	case m.kind == markRetired:
		s.predecessor, s.keys, s.created = m.was, nil, false
	case m.kind == markComplete && len(s.keys) > 0 && s.keys[0].Name() == m.key.Name():
		if !slices.Contains(s.keys, m.key) { // its key was rotated
			s.keys = append(s.keys, m.key)
		}
	default:
		s.keys, s.created = []ledger.VerifierKey{m.key}, m.kind == markCreating
	}
	s.last = m
}

// parseMarks reads a lock file. It skips a first line that a crash left damaged, and
// a last line without its newline.
func parseMarks(content []byte) (marks, error) {
	if len(content) > lockLimit {
		return marks{}, corrupt("more than %d bytes", lockLimit)
	}
	s := marks{end: int64(pidLine)}
	if len(content) < pidLine {
		return s, nil
	}
	pid, lines := content[:pidLine], content[pidLine:]
	if !bytes.HasPrefix(pid, []byte("pid ")) && len(bytes.Trim(pid, "\x00")) > 0 {
		return marks{}, corrupt("it is no lock file of a ledger")
	}
	for {
		line, rest, whole := bytes.Cut(lines, []byte("\n"))
		if !whole {
			return s, nil
		}
		m, err := parseMark(string(line))
		if err != nil {
			return marks{}, err
		}
		s.follow(m, int64(len(line))+1)
		lines = rest
	}
}
