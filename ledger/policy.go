package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// MaxPolicySize bounds a policy file: far above the 32 logs, 32 witnesses and
// 32 groups that C2SP tlog-policy asks readers to take.
const MaxPolicySize = 64 << 10

// What can be wrong with a policy. The codes are stable.
const (
	PolicyTooLarge    = "policy_too_large"
	PolicyCharacter   = "policy_character" // a control character, or no newline at the end
	PolicyUnknownLine = "policy_unknown_line"
	PolicySyntax      = "policy_syntax" // too few or too many words on a line
	PolicyKey         = "policy_key"    // not a verifier key of the type its line asks for
	PolicyDuplicate   = "policy_duplicate"
	PolicyUndefined   = "policy_undefined" // a name used that no line above defines
	PolicyThreshold   = "policy_threshold"
	PolicyNoQuorum    = "policy_no_quorum"
)

// A PolicyError says what is wrong with a policy file, and in which line. It
// wraps ErrMalformed.
type PolicyError struct {
	Line    int    // from 1; 0 if it is the whole file
	Code    string // one of the Policy codes
	Problem string
}

func (e *PolicyError) Error() string {
	if e.Line == 0 {
		return "policy: " + e.Problem
	}
	return fmt.Sprintf("policy, line %d: %s", e.Line, e.Problem)
}

// Fault returns the fault with the error's code.
func (e *PolicyError) Fault() Fault { return Fault{Code: e.Code, Category: CategoryInvalid} }

// Unwrap returns ErrMalformed.
func (e *PolicyError) Unwrap() error { return ErrMalformed }

// A Policy says which signed checkpoints to accept: those that any one of its
// logs has signed and that enough of its witnesses have cosigned (C2SP
// tlog-policy). Nothing satisfies the zero Policy.
type Policy struct {
	Logs      []VerifierKey // empty: the caller must know from elsewhere which ledger it is
	Witnesses []WitnessKey
	parts     map[string]*part
	quorum    *part
}

// A part is a witness or a group of a policy, or the quorum "none".
type part struct {
	name    string
	key     WitnessKey // of a witness
	need    int        // how many of the members must cosign; 0 of no members for "none"
	members []*part
	grouped bool // a group above has it as a member
}

// quorumNone is the predefined quorum that asks for no cosignature.
const quorumNone = "none"

// ParsePolicy reads a policy file strictly: what C2SP tlog-policy does not
// allow is a *PolicyError, and so are keys of signature types other than
// Ed25519, for logs (0x01) and for witnesses (0x04). What PlainText leaves out may be
// there.
func ParsePolicy(b []byte) (Policy, error) {
	if len(b) > MaxPolicySize {
		return Policy{}, &PolicyError{Code: PolicyTooLarge, Problem: fmt.Sprintf("%d bytes, at most %d", len(b), MaxPolicySize)}
	}
	p := Policy{parts: map[string]*part{}}
	n := 0
	for line := range strings.Lines(string(PlainText(b))) {
		n++
		if err := p.parseLine(line); err != nil {
			err.Line = n
			return Policy{}, err
		}
	}
	if p.quorum == nil {
		return Policy{}, &PolicyError{Code: PolicyNoQuorum, Problem: "it has no quorum line"}
	}
	return p, nil
}

func badPolicy(code, format string, args ...any) *PolicyError {
	return &PolicyError{Code: code, Problem: fmt.Sprintf(format, args...)}
}

func (p *Policy) parseLine(line string) *PolicyError {
	line, ended := strings.CutSuffix(line, "\n")
	if !ended { // a file cut short must not read as a weaker policy
		return badPolicy(PolicyCharacter, "it does not end in a newline")
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
		return badPolicy(PolicyCharacter, "control character 0x%02x", line[i])
	}
	words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 || words[0][0] == '#' {
		return nil
	}
	switch words[0] {
	case "log":
		return p.addLog(words)
	case "witness":
		return p.addWitness(words)
	case "group":
		return p.addGroup(words)
	case "quorum":
		return p.setQuorum(words)
	}
	return badPolicy(PolicyUnknownLine, "%.40q begins no line of a policy: log, witness, group or quorum do", words[0])
}

func (p *Policy) addLog(words []string) *PolicyError {
	if len(words) < 2 || len(words) > 3 {
		return badPolicy(PolicySyntax, "a log line is: log VKEY [URL]")
	}
	key, err := ParseVerifierKey(words[1])
	if err != nil {
		return badPolicy(PolicyKey, "%s", err)
	}
	if slices.ContainsFunc(p.Logs, func(k VerifierKey) bool { return k.public == key.public }) {
		return badPolicy(PolicyDuplicate, "a log above has the public key of %s", key.name)
	}
	p.Logs = append(p.Logs, key)
	return nil
}

func (p *Policy) addWitness(words []string) *PolicyError {
	if len(words) < 3 || len(words) > 4 {
		return badPolicy(PolicySyntax, "a witness line is: witness NAME VKEY [URL]")
	}
	key, err := ParseWitnessKey(words[2])
	if err != nil {
		return badPolicy(PolicyKey, "%s", err)
	}
	if slices.ContainsFunc(p.Witnesses, func(k WitnessKey) bool { return k.public == key.public }) {
		return badPolicy(PolicyDuplicate, "a witness above has the public key of %s", key.name)
	}
	p.Witnesses = append(p.Witnesses, key)
	return p.define(&part{name: words[1], key: key})
}

func (p *Policy) define(d *part) *PolicyError {
	if d.name == quorumNone || p.parts[d.name] != nil {
		return badPolicy(PolicyDuplicate, "the name %.40q is taken", d.name)
	}
	p.parts[d.name] = d
	return nil
}

func (p *Policy) addGroup(words []string) *PolicyError {
	if len(words) < 4 {
		return badPolicy(PolicySyntax, "a group line is: group NAME any|all|K MEMBER…")
	}
	g := &part{name: words[1]}
	for _, name := range words[3:] {
		m, err := p.defined(name)
		if err != nil {
			return err
		}
		if m.grouped {
			return badPolicy(PolicyDuplicate, "%.40q is a member already, of this group or one above", name)
		}
		m.grouped = true
		g.members = append(g.members, m)
	}
	var err *PolicyError
	if g.need, err = threshold(words[2], len(g.members)); err != nil {
		return err
	}
	return p.define(g)
}

// defined returns the part that a line above calls name, so that no group can
// contain itself.
func (p *Policy) defined(name string) (*part, *PolicyError) {
	if d := p.parts[name]; d != nil {
		return d, nil
	}
	return nil, badPolicy(PolicyUndefined, "no line above defines a witness or group %.40q", name)
}

// threshold reads how many of its n members a group needs.
func threshold(word string, n int) (int, *PolicyError) {
	switch word {
	case "any":
		return 1, nil
	case "all":
		return n, nil
	}
	k, err := strconv.Atoi(word)
	if err != nil || strconv.Itoa(k) != word || k < 1 || k > n {
		return 0, badPolicy(PolicyThreshold, "%.40q of %d members: any, all, or a number from 1 to %d", word, n, n)
	}
	return k, nil
}

func (p *Policy) setQuorum(words []string) *PolicyError {
	if len(words) != 2 {
		return badPolicy(PolicySyntax, "a quorum line is: quorum NAME, or quorum none")
	}
	if p.quorum != nil {
		return badPolicy(PolicyDuplicate, "a line above is the quorum already")
	}
	if words[1] == quorumNone {
		p.quorum = &part{name: quorumNone}
		return nil
	}
	var err *PolicyError
	p.quorum, err = p.defined(words[1])
	return err
}

// A Verdict is the result of holding one checkpoint to a policy.
type Verdict struct {
	Checkpoint   Checkpoint
	Log          VerifierKey   // the log that signed it; zero if the policy names none
	Cosignatures []Cosignature // of the policy's witnesses, in its order, each verified
	Missing      string        // what the quorum lacks, in words; "" if it is met
}

// ErrNoLog says that a checkpoint is signed by none of a policy's logs. It
// wraps ErrUnverified.
var ErrNoLog = fmt.Errorf("%w: no log of the policy signed the checkpoint", ErrUnverified)

// Judge checks a signed checkpoint against the policy. If the quorum is not met,
// the verdict says so. Errors wrap ErrMalformed, ErrNoLog, or ErrUnverified if a
// signature by a log or witness of the policy does not verify.
func (p Policy) Judge(signed []byte) (Verdict, error) {
	if p.quorum == nil {
		return Verdict{}, fmt.Errorf("%w: an empty policy", ErrUnverified)
	}
	v := Verdict{}
	var err error
	if v.Checkpoint, err = PeekCheckpoint(signed); err != nil {
		return Verdict{}, err
	}
	if v.Log, err = p.signedBy(signed, v.Checkpoint.Origin); err != nil {
		return Verdict{}, err
	}
	if v.Cosignatures, err = Cosignatures(signed, p.Witnesses); err != nil {
		return Verdict{}, err
	}
	have := map[WitnessKey]bool{}
	for _, c := range v.Cosignatures {
		have[c.Key] = true
	}
	v.Missing = p.quorum.missing(have)
	return v, nil
}

// signedBy returns the policy's log that signed a checkpoint of origin.
func (p Policy) signedBy(signed []byte, origin string) (VerifierKey, error) {
	if len(p.Logs) == 0 {
		return VerifierKey{}, nil
	}
	for _, log := range p.Logs {
		if log.name != origin {
			continue
		}
		_, err := OpenCheckpoint(signed, log)
		if err == nil {
			return log, nil
		}
		if _, bad := errors.AsType[*note.InvalidSignatureError](err); bad {
			return VerifierKey{}, err
		}
	}
	return VerifierKey{}, fmt.Errorf("%w, of %s", ErrNoLog, origin)
}

// missing says which cosignatures a part lacks, or returns "".
func (d *part) missing(have map[WitnessKey]bool) string {
	if !d.key.IsZero() {
		if have[d.key] {
			return ""
		}
		return d.shown()
	}
	var lacking []string
	for _, m := range d.members {
		if s := m.missing(have); s != "" {
			lacking = append(lacking, s)
		}
	}
	if got := len(d.members) - len(lacking); got < d.need {
		return fmt.Sprintf("%s (%d of %d, %d needed; without %s)", d.shown(), got, len(d.members), d.need, strings.Join(lacking, ", "))
	}
	return ""
}

// shown returns the part's name made safe to print: a policy's names are any bytes.
func (d *part) shown() string {
	if len(d.name) > 128 || cleanText(d.name) != "" {
		return fmt.Sprintf("%.128q", d.name)
	}
	return d.name
}
