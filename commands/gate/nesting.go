package gate

import (
	"bytes"
	"fmt"
)

// Limits of the form of a policy.
const (
	MaxTokens  = 60_000 // words, signs and constants
	MaxNesting = 128    // how deep it may be nested: brackets, ifs of one statement, signs in a row
	MaxChain   = 40     // dots and :: in a row: an intent is nested no deeper
	MaxMembers = 1024   // of a set that is written out
	MaxInner   = 128    // of one whose members have brackets
	MaxPattern = 256    // bytes of a pattern of like
)

// checkNesting refuses a policy that cedar-go could not read in bounded time and memory. It
// calls itself for each level, and Go cannot recover if the stack runs out; it repeats what
// is before `has a.b.c` for each name, so that 12 of them in brackets would fill the memory;
// and it works out, while it reads, what is made of constants.
func checkNesting(b []byte) error {
	s := nesting{line: 1, levels: make([]level, 1, MaxNesting)}
	for len(b) > 0 && s.problem == "" {
		b = b[s.step(b):]
		switch {
		case s.tokens > MaxTokens:
			s.problem = fmt.Sprintf("the policy has more than %d words and signs", MaxTokens)
		case len(s.levels)-1+s.ifs+s.signs > MaxNesting:
			s.problem = fmt.Sprintf("the policy is nested deeper than %d", MaxNesting)
		case s.chain > MaxChain:
			s.problem = fmt.Sprintf("the policy joins more than %d names", MaxChain)
		}
	}
	if s.problem != "" {
		return &Error{Code: CodePolicyInvalid, Reason: fmt.Sprintf("%s in line %d", s.problem, s.line), Line: s.line}
	}
	return nil
}

// nesting is how deep the text read so far is nested.
type nesting struct {
	line    int
	tokens  int     // those of a path after has count again for each name after them
	levels  []level // the open brackets, below them the file
	ifs     int     // of the statement
	signs   int     // ! and - in a row
	chain   int     // names in a row that dots or :: join
	named   bool    // a dot or has came last, so that a name follows, even if it looks like a keyword
	has     bool    // has came, and since then names and dots alone
	pattern bool    // like came last
	problem string  // what is wrong, in words
}

// A level is a bracket that is open.
type level struct {
	opened  byte
	members int  // commas
	inner   bool // brackets were in it
	mixed   bool // the operand that is read has more than names and dots
}

// top returns the innermost bracket.
func (s *nesting) top() *level { return &s.levels[len(s.levels)-1] }

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
		s.tokens++
		if s.has {
			s.tokens += s.chain
		}
		s.chain, s.signs, s.named = s.chain+1, 0, c == '.' || bytes.HasPrefix(b, []byte("::"))
		if s.has && s.top().mixed {
			s.problem = "the policy has something other than names before `has` and a path"
		}
		if bytes.HasPrefix(b, []byte("::")) {
			return 2
		}
	case isWord(c):
		return s.word(b)
	default:
		return s.sign(c, b)
	}
	return 1
}

// sign reads what no name has.
func (s *nesting) sign(c byte, b []byte) int {
	signs, pattern := s.signs, s.pattern
	s.tokens++
	s.chain, s.signs, s.named, s.has, s.pattern = 0, 0, false, false, false
	switch c {
	case '"':
		n := s.text(b)
		if pattern && n > MaxPattern+2 {
			s.problem = fmt.Sprintf("the pattern has %d bytes, more than %d,", n-2, MaxPattern)
		}
		return n
	case '(', '[', '{':
		s.top().inner = true
		s.levels = append(s.levels, level{opened: c})
	case ')', ']', '}':
		if len(s.levels) > 1 {
			s.levels = s.levels[:len(s.levels)-1]
		}
		s.top().mixed = true
	case ',':
		s.comma(s.top())
	case '&', '|':
		s.top().mixed = false
	case '!', '-':
		s.signs, s.top().mixed = signs+1, true
	case ';':
		s.ifs, s.top().mixed = 0, false
	default:
		s.top().mixed = true
	}
	return 1
}

// comma counts the members of a set.
func (s *nesting) comma(l *level) {
	l.mixed = false
	l.members++
	switch {
	case l.opened != '[':
	case l.members >= MaxMembers:
		s.problem = fmt.Sprintf("the policy has a set of more than %d members", MaxMembers)
	case l.inner && l.members >= MaxInner:
		s.problem = fmt.Sprintf("the policy has a set of more than %d members, some in brackets,", MaxInner)
	}
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
	named := s.named
	s.tokens++
	s.signs, s.named, s.pattern = 0, false, false
	switch word := string(b[:n]); {
	case named:
	case word == "has": // goes on with the chain
		s.has, s.named = true, true
	case word == "if":
		s.ifs, s.chain, s.has, s.top().mixed = s.ifs+1, 0, false, false
	case word == "then" || word == "else":
		s.chain, s.has, s.top().mixed = 0, false, false
	case word == "in" || word == "is":
		s.chain, s.has, s.top().mixed = 0, false, true
	case word == "like":
		s.chain, s.has, s.top().mixed, s.pattern = 0, false, true, true
	}
	return n
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
