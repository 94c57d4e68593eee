package gate

import (
	"bytes"
	"fmt"
)

// Limits of the form of a policy.
const (
	MaxNesting = 128 // how deep it may be nested: brackets, ifs of one statement, signs in a row
	MaxChain   = 40  // dots and :: in a row: an intent is nested no deeper
)

// checkNesting refuses a policy that cedar-go could not read in bounded time and memory. It
// calls itself for each level, and Go cannot recover if the stack runs out; and it takes
// 13 seconds for `context has a.a.a…` of 8 KiB.
func checkNesting(b []byte) error {
	s := nesting{line: 1}
	for len(b) > 0 {
		b = b[s.step(b):]
		switch {
		case s.brackets+s.ifs+s.signs > MaxNesting:
			return &Error{CodePolicyInvalid, fmt.Sprintf("the policy is nested deeper than %d in line %d", MaxNesting, s.line)}
		case s.chain > MaxChain:
			return &Error{CodePolicyInvalid, fmt.Sprintf("the policy joins more than %d names in line %d", MaxChain, s.line)}
		}
	}
	return nil
}

// nesting is how deep the text read so far is nested.
type nesting struct {
	line, brackets int
	ifs            int // of the statement
	signs          int // ! and - in a row
	chain          int // names in a row that dots or :: join
}

// step reads one string, comment, word or other character, and returns how many bytes it has.
func (s *nesting) step(b []byte) int {
	switch c := b[0]; {
	case c == '\n':
		s.line++
	case c == ' ' || c == '\t' || c == '\r':
	case bytes.HasPrefix(b, []byte("//")):
		if end := bytes.IndexByte(b, '\n'); end >= 0 {
			return end
		}
		return len(b)
	case c == '.' || c == ':':
		s.chain, s.signs = s.chain+1, 0
		if bytes.HasPrefix(b, []byte("::")) {
			return 2
		}
	case isWord(c):
		s.signs = 0
		return s.word(b)
	default:
		return s.sign(c, b)
	}
	return 1
}

// sign reads what no name has.
func (s *nesting) sign(c byte, b []byte) int {
	signs := s.signs
	s.chain, s.signs = 0, 0
	switch c {
	case '"':
		return s.text(b)
	case '(', '[', '{':
		s.brackets++
	case ')', ']', '}':
		s.brackets = max(0, s.brackets-1)
	case '!', '-':
		s.signs = signs + 1
	case ';':
		s.ifs = 0
	}
	return 1
}

func (s *nesting) text(b []byte) int {
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '\n':
			s.line++
		case '"':
			return i + 1
		}
	}
	return len(b)
}

func (s *nesting) word(b []byte) int {
	n := 1
	for n < len(b) && isWord(b[n]) {
		n++
	}
	switch string(b[:n]) {
	case "if":
		s.ifs, s.chain = s.ifs+1, 0
	case "then", "else", "in", "like", "is": // has goes on with the chain
		s.chain = 0
	}
	return n
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
