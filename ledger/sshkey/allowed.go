package sshkey

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"gait/ledger"
)

// Limits of an allowed signers file.
const (
	MaxAllowedFile    = 1 << 20
	MaxAllowedSigners = 4096
)

// An AllowedSigner is a line of an allowed signers file: names, and a key that may sign for
// each of them.
type AllowedSigner struct {
	// Comments are lines before it, without their "# ". ParseAllowedSigners drops them.
	Comments []string

	Principals []string // at least one
	Key        Key

	// When the key counts. The zero Time is no limit.
	ValidAfter, ValidBefore time.Time

	Line int // in the file that was read, from 1
}

// ParseAllowedSigners reads the ALLOWED SIGNERS format of ssh-keygen(1). It takes less than
// ssh-keygen does, so that the file means one thing: principals are names and no patterns,
// options are spelt in lower case and come once, times are in UTC with a Z, and namespaces,
// if given, has gait-command. Certificate authorities are refused. Each error names its line.
//
// ValidAfter and ValidBefore are returned as they are: whether to take a key that counts
// for a time is the caller's decision.
func ParseAllowedSigners(file []byte) ([]AllowedSigner, error) {
	if len(file) > MaxAllowedFile {
		return nil, fmt.Errorf("%w: an allowed signers file of more than %d bytes", ledger.ErrMalformed, MaxAllowedFile)
	}
	text := string(ledger.PlainText(file))
	if isPrivate(text) {
		return nil, ErrPrivate
	}
	type pair struct {
		name string
		key  Key
	}
	var signers []AllowedSigner
	at := map[pair]int{}
	for n, line := range textLines(text) {
		s, err := parseAllowed(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if len(signers) == MaxAllowedSigners {
			return nil, fmt.Errorf("%w: more than %d allowed signers", ledger.ErrMalformed, MaxAllowedSigners)
		}
		for _, name := range s.Principals {
			if first := at[pair{name, s.Key}]; first > 0 {
				return nil, fmt.Errorf("%w: line %d has the key of %s in line %d again", ledger.ErrMalformed, n, name, first)
			}
			at[pair{name, s.Key}] = n
		}
		s.Line = n
		signers = append(signers, s)
	}
	if len(signers) == 0 {
		return nil, ErrNoKeys
	}
	return signers, nil
}

// parseAllowed reads one line: principals, options, key.
func parseAllowed(line string) (s AllowedSigner, err error) {
	if len(line) > MaxKeyLine {
		return s, fmt.Errorf("%w: more than %d bytes", ledger.ErrMalformed, MaxKeyLine)
	}
	principals, rest := cutWord(line)
	if checkType(principals) == nil {
		return s, fmt.Errorf("%w: a key without the name of its signer before it", ledger.ErrMalformed)
	}
	s.Principals = strings.Split(principals, ",")
	for i, name := range s.Principals {
		if err := checkPrincipal(name); err != nil {
			return s, err
		}
		if slices.Contains(s.Principals[:i], name) {
			return s, fmt.Errorf("%w: the name %s twice", ledger.ErrMalformed, name)
		}
	}
	if word, _ := cutWord(rest); !looksLikeType(word) {
		if rest, err = s.parseOptions(rest); err != nil {
			return s, err
		}
	}
	s.Key, err = ParseKey(rest)
	return s, err
}

// checkPrincipal refuses what is not plainly a name: ssh-keygen would take it as a pattern
// for several, or as the end of the field.
func checkPrincipal(name string) error {
	if name == "" {
		return fmt.Errorf("%w: an empty name", ledger.ErrMalformed)
	}
	for i, r := range name {
		switch {
		case strings.ContainsRune("*?!", r):
			return fmt.Errorf("%w: %.60q is a pattern; give the names themselves", ledger.ErrMalformed, name)
		case i == 0 && r == '#', r <= ' ', r > '~', strings.ContainsRune(`",\`, r):
			return fmt.Errorf("%w: %.60q is not a name of printable ASCII without quotes", ledger.ErrMalformed, name)
		}
	}
	return nil
}

// parseOptions reads the options that a line begins with, and returns what follows them.
func (s *AllowedSigner) parseOptions(line string) (rest string, err error) {
	seen := map[string]bool{}
	for {
		end := strings.IndexAny(line, "=, \t")
		if end < 0 {
			return "", fmt.Errorf("%w: %.60q is neither a key nor an option before one", ledger.ErrMalformed, line)
		}
		name := line[:end]
		if name == "cert-authority" {
			return "", fmt.Errorf("%w: %s", ErrCertificate, name)
		}
		if seen[name] {
			return "", fmt.Errorf("%w: option %.60q twice", ledger.ErrMalformed, name)
		}
		seen[name] = true
		value, after, ok := cutQuoted(line[end:])
		if !ok {
			return "", fmt.Errorf(`%w: option %.60q, which has no value in quotes: namespaces="%s"`, ledger.ErrMalformed, name, Namespace)
		}
		if err := s.setOption(name, value); err != nil {
			return "", err
		}
		more, found := strings.CutPrefix(after, ",")
		if !found {
			return strings.TrimLeft(after, " \t"), nil
		}
		line = more
	}
}

// cutQuoted returns the value of ="value", and what follows it. Escapes are not taken. What
// follows begins with a comma or a blank.
func cutQuoted(s string) (value, after string, ok bool) {
	s, ok = strings.CutPrefix(s, `="`)
	if !ok {
		return "", "", false
	}
	value, after, ok = strings.Cut(s, `"`)
	ok = ok && !strings.Contains(value, `\`) && after != "" && strings.ContainsRune(", \t", rune(after[0]))
	return value, after, ok
}

func (s *AllowedSigner) setOption(name, value string) (err error) {
	switch name {
	case "namespaces":
		return checkNamespaces(value)
	case "valid-after":
		s.ValidAfter, err = parseValidity(value)
	case "valid-before":
		s.ValidBefore, err = parseValidity(value)
	default:
		return fmt.Errorf("%w: unknown option %.60q", ledger.ErrMalformed, name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !s.ValidAfter.IsZero() && !s.ValidBefore.IsZero() && !s.ValidAfter.Before(s.ValidBefore) {
		return fmt.Errorf("%w: the key counts at no time: valid-before is not later than valid-after", ledger.ErrMalformed)
	}
	return nil
}

// checkNamespaces refuses a list of namespaces that does not have ours plainly.
func checkNamespaces(list string) error {
	names := strings.Split(list, ",")
	for _, name := range names {
		if err := checkPrincipal(name); err != nil {
			return fmt.Errorf("namespaces: %w", err)
		}
	}
	if !slices.Contains(names, Namespace) {
		return fmt.Errorf("%w: the key is for namespaces %.60q, and not for %s", ledger.ErrMalformed, list, Namespace)
	}
	return nil
}

// validityForms are those of valid-after and valid-before in UTC. Without the Z, the time
// would depend on where it is read.
var validityForms = []string{"20060102Z", "200601021504Z", "20060102150405Z"}

func parseValidity(value string) (time.Time, error) {
	for _, form := range validityForms {
		if t, err := time.Parse(form, value); err == nil && len(value) == len(form) {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %.60q is not a time in UTC like 20261130Z or 20261130235959Z", ledger.ErrMalformed, value)
}

// FormatAllowedSigners returns an allowed signers file for ssh-keygen -Y verify: for each
// signer its comments, and a line that ParseAllowedSigners reads, whose namespaces is
// gait-command alone. It refuses what would make the file mean something else: a principal
// that is no name, a comment of more than one line, a time with parts of a second.
func FormatAllowedSigners(signers []AllowedSigner) ([]byte, error) {
	var b strings.Builder
	for _, s := range signers {
		if err := s.write(&b); err != nil {
			return nil, err
		}
	}
	return []byte(b.String()), nil
}

// write writes the comments and the line of one signer.
func (s AllowedSigner) write(b *strings.Builder) error {
	if len(s.Principals) == 0 || s.Key.IsZero() {
		return errors.New("an allowed signer without a name or a key")
	}
	for _, name := range s.Principals {
		if err := checkPrincipal(name); err != nil {
			return err
		}
	}
	for _, comment := range s.Comments {
		if strings.ContainsFunc(comment, unicode.IsControl) {
			return fmt.Errorf("%w: a control character in the comment %.60q", ledger.ErrMalformed, comment)
		}
		b.WriteString(strings.TrimRight("# "+comment, " ") + "\n")
	}
	after, err := validityOption("valid-after", s.ValidAfter)
	if err != nil {
		return err
	}
	before, err := validityOption("valid-before", s.ValidBefore)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "%s namespaces=\"%s\"%s%s %s\n", strings.Join(s.Principals, ","), Namespace, after, before, s.Key)
	return nil
}

// validityOption returns a comma and an option, or "" for the zero Time.
func validityOption(name string, at time.Time) (string, error) {
	if at.IsZero() {
		return "", nil
	}
	form := validityForms[len(validityForms)-1]
	text := at.UTC().Format(form)
	if again, err := time.Parse(form, text); err != nil || !again.Equal(at) {
		return "", fmt.Errorf("%w: %s of %v is not in whole seconds, or in no year of four digits", ledger.ErrMalformed, name, at)
	}
	return fmt.Sprintf(`,%s="%s"`, name, text), nil
}
