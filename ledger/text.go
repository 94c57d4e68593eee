package ledger

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what an event holds, in bytes unless said otherwise.
const (
	MaxEventSize       = 60 << 10 // the whole event
	MaxSummary         = 512
	MaxReason          = 1024
	MaxRequiredAction  = 512
	MaxPolicyRef       = 256
	MaxFingerprint     = 256
	MaxProducerVersion = 128
	MaxRequestID       = 128
	MaxOrigin          = 128
	MaxLabels          = 16 // labels of a job
	MaxLabelKey        = 63
	MaxLabelValue      = 63
	MaxOpenDecisions   = 64 // decisions that wait at once
	MaxMediaType       = 127
	MaxFileName        = 255
)

// A textRule says which strings a field takes.
type textRule struct {
	max  int
	form func(string) bool // nil: any clean text
	like string            // the form, in words

	wider *textRule // whose strings alone the form takes; nil: that of all strings
}

const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var (
	nameRule      = textRule{max: 128, form: percentEncoded(nameForm), like: "a name of letters, digits and ._:@/-, with others percent-encoded, that begins with a letter or digit"}
	newNameRule   = textRule{max: nameRule.max, form: isNewName, like: "a name with nothing percent-encoded that need not be", wider: &nameRule}
	actorRule     = textRule{max: nameRule.max, form: isActor, like: "an actor's name: gait itself writes under it", wider: &newNameRule}
	jobIDRule     = textRule{max: 128, form: chars(alnum, "._:-"), like: "an id of letters, digits and ._:- that begins with a letter or digit"}
	requestIDRule = textRule{max: MaxRequestID, form: printable, like: "printable ASCII without spaces"}
	originRule    = textRule{max: MaxOrigin, form: isOrigin, like: "an origin like gait.example/log1"}
	witnessRule   = textRule{max: 128, form: isKeyName, like: "a key name without spaces and +"}
	labelKeyRule  = textRule{max: MaxLabelKey, form: chars(alnum, "._/-"), like: "a key of letters, digits and ._/- that begins with a letter or digit"}
	checkpointID  = textRule{max: 20, form: isCheckpointID, like: "a checkpoint id like cp_0001"}
	verbRule      = textRule{max: 32, form: chars("abcdefghijklmnopqrstuvwxyz", " "), like: "a command's name"}
	mediaTypeRule = textRule{max: MaxMediaType, form: isMediaType, like: "a media type like text/plain"}
	fileNameRule  = textRule{max: MaxFileName, form: isFileName, like: "a file's name without / and \\"}
	codeRule      = textRule{max: 64, form: chars("abcdefghijklmnopqrstuvwxyz", "_"), like: "lower-case letters and _"}

	summaryRule   = textRule{max: MaxSummary}
	reasonRule    = textRule{max: MaxReason}
	actionRule    = textRule{max: MaxRequiredAction}
	policyRefRule = textRule{max: MaxPolicyRef}
	envRule       = textRule{max: MaxFingerprint}
	producerRule  = textRule{max: MaxProducerVersion}
	sourceRule    = textRule{max: 128}
	claimRule     = textRule{max: 128} // who is said to have acted, elsewhere
	labelRule     = textRule{max: MaxLabelValue}
	vkeyRule      = textRule{max: 256}
)

// ActorGait is the actor of events that follow from the ledger itself and from no
// actor's command. No command may name it. Events of versions before 1.2.0 may have it.
const ActorGait = "gait"

// isActor reports whether a command may be given by an actor of this name.
func isActor(s string) bool { return s != ActorGait && isNewName(s) }

// nameForm is the form of names, each % taken as a letter.
var nameForm = chars(alnum, "._:@/%-")

// isNewName reports whether a command may use a name: whether it is the only spelling of
// that name. Events that are stored may hold another, such as worker%5F1 for worker_1.
func isNewName(s string) bool {
	if !nameRule.form(s) {
		return false
	}
	for i := strings.IndexByte(s, '%'); i >= 0 && i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		b, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil || b != '%' && nameForm("a"+string(rune(b))) {
			return false
		}
	}
	return true
}

// chars returns a form: strings that begin with one of first, followed by any
// number of characters from first or more.
func chars(first, more string) func(string) bool {
	var class [256]byte
	for i := 0; i < len(more); i++ {
		class[more[i]] = 1
	}
	for i := 0; i < len(first); i++ {
		class[first[i]] = 2
	}
	return func(s string) bool {
		for i := 0; i < len(s); i++ {
			if class[s[i]] == 0 {
				return false
			}
		}
		return s != "" && class[s[0]] == 2
	}
}

// percentEncoded returns the form of strings that form takes and in which two
// upper-case hexadecimal digits follow each %.
func percentEncoded(form func(string) bool) func(string) bool {
	hexDigit := func(c byte) bool { return '0' <= c && c <= '9' || 'A' <= c && c <= 'F' }
	return func(s string) bool {
		for i := strings.IndexByte(s, '%'); i >= 0 && i < len(s); i++ {
			if s[i] == '%' && (i+2 >= len(s) || !hexDigit(s[i+1]) || !hexDigit(s[i+2])) {
				return false
			}
		}
		return form(s)
	}
}

// isMediaType reports whether s is a type and a subtype (RFC 6838), without parameters.
func isMediaType(s string) bool {
	kind, sub, _ := strings.Cut(s, "/")
	return mediaName(kind) && mediaName(sub)
}

var mediaName = chars(alnum, "!#$&^_.+-")

// isFileName reports whether s is clean text that names a file in one directory.
func isFileName(s string) bool {
	return cleanText(s) == "" && !strings.ContainsAny(s, `/\`) && s != "." && s != ".."
}

func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}

var (
	originHost = chars("abcdefghijklmnopqrstuvwxyz0123456789.-", "")
	originPart = chars(alnum+"._-", "")
)

func isOrigin(s string) bool {
	host, path, more := strings.Cut(s, "/")
	if !originHost(host) {
		return false
	}
	for part := ""; more; {
		part, path, more = strings.Cut(path, "/")
		if !originPart(part) {
			return false
		}
	}
	return true
}

// isCheckpointID reports whether s is cp_ and a number from 1, padded to four digits.
func isCheckpointID(s string) bool {
	digits, ok := strings.CutPrefix(s, "cp_")
	_, err := parseDecimal(strings.TrimLeft(digits, "0"))
	return ok && err == nil && (len(digits) == 4 || len(digits) > 4 && digits[0] != '0')
}

// CheckpointID returns the id of a job's n-th checkpoint, from 1.
func CheckpointID(n int64) string { return string(AppendCheckpointID(nil, n)) }

// AppendCheckpointID appends to b what CheckpointID returns.
func AppendCheckpointID(b []byte, n int64) []byte {
	b = append(b, "cp_"...)
	for below := int64(1000); below > n && below > 1; below /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, n, 10)
}

// check returns what is wrong with s, or "".
func (r textRule) check(s string) string {
	switch {
	case s == "":
		return "empty"
	case len(s) > r.max:
		return fmt.Sprintf("%d bytes, at most %d", len(s), r.max)
	case r.wider != nil && r.wider.check(s) != "":
		return r.wider.check(s)
	case r.form != nil && !r.form(s):
		return fmt.Sprintf("%.80q is not %s", s, r.like)
	case r.form == nil:
		return cleanText(s)
	}
	return ""
}

// cleanText returns why s is not valid UTF-8 free of control and bidirectional
// formatting characters, or "".
func cleanText(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == 0x7f {
			return fmt.Sprintf("control character U+%04X at byte %d", s[i], i)
		}
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	if ascii {
		return ""
	}
	if !utf8.ValidString(s) {
		return "not valid UTF-8"
	}
	for i, r := range s {
		if unicode.IsControl(r) {
			return fmt.Sprintf("control character U+%04X at byte %d", r, i)
		}
		if unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Sprintf("bidirectional formatting character U+%04X at byte %d", r, i)
		}
	}
	return ""
}

// OneOf lists values in a sentence: "plan, progress or failed".
func OneOf[S ~string](values []S) string {
	var b strings.Builder
	for i, v := range values {
		switch {
		case i > 0 && i == len(values)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(string(v))
	}
	return b.String()
}

// A Field names a kind of text that users put into events, for Check.
type Field struct {
	name string
	rule textRule
}

// The fields that come from outside.
var (
	FieldActor          = Field{"actor", actorRule}
	FieldIdentity       = Field{"identity", newNameRule}
	FieldJobID          = Field{"job_id", jobIDRule}
	FieldRequestID      = Field{"request_id", requestIDRule}
	FieldOrigin         = Field{"origin", originRule}
	FieldSummary        = Field{"summary", summaryRule}
	FieldReason         = Field{"reason", reasonRule}
	FieldRequiredAction = Field{"required_action", actionRule}
	FieldPolicyRef      = Field{"policy_ref", policyRefRule}
	FieldFingerprint    = Field{"environment_fingerprint", envRule}
	FieldCheckpointID   = Field{"checkpoint_id", checkpointID}

	// FieldValidationSource says against what an identity was checked.
	FieldValidationSource = Field{"identity_validation_source", sourceRule}

	// FieldFileName is the name of a file that content was read from.
	FieldFileName = Field{"name", fileNameRule}

	FieldLabelKey   = Field{"label", labelKeyRule}
	FieldLabelValue = Field{"label", labelRule}
)

// Check returns a *FieldError if the field does not take s. No field takes "".
func (f Field) Check(s string) error {
	if problem := f.rule.check(s); problem != "" {
		return &FieldError{Field: f.name, Problem: problem}
	}
	return nil
}

// OSActor returns the actor for an operating-system login name: "os:" and the
// name, percent-encoded if an actor cannot hold it as it is.
func OSActor(login string) string { return spelt("os:", login) }

// NameOf returns a text as a name: as it is if it is one, and otherwise "claimed:" and
// the text, percent-encoded as OSActor does it. It returns "" for "".
func NameOf(claim string) string {
	if claim == "" || nameRule.check(claim) == "" {
		return claim
	}
	return spelt("claimed:", claim)
}

// spelt returns a name that begins with a prefix, as much of it as a name has room for.
func spelt(actor, text string) string {
	for i := 0; i < len(text); i++ {
		next := text[i : i+1]
		if text[i] == '%' || !nameRule.form("a"+next) {
			next = fmt.Sprintf("%%%02X", text[i])
		}
		if len(actor)+len(next) > nameRule.max {
			break
		}
		actor += next
	}
	return actor
}
