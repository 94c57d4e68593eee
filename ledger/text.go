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
)

// A textRule says which strings a field takes.
type textRule struct {
	max  int
	form func(string) bool // nil: any clean text
	like string            // the form, in words
}

const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

var (
	nameRule      = textRule{128, percentEncoded(chars(alnum, "._:@/%-")), "a letter or digit, then letters, digits and ._:@/-"}
	jobIDRule     = textRule{128, chars(alnum, "._:-"), "a letter or digit, then letters, digits and ._:-"}
	requestIDRule = textRule{MaxRequestID, printable, "printable ASCII without spaces"}
	originRule    = textRule{MaxOrigin, isOrigin, "an origin like gait.example/log1"}
	witnessRule   = textRule{128, isKeyName, "a key name without spaces and +"}
	labelKeyRule  = textRule{MaxLabelKey, chars(alnum, "._/-"), "a letter or digit, then letters, digits and ._/-"}
	checkpointID  = textRule{20, isCheckpointID, "a checkpoint id like cp_0001"}
	verbRule      = textRule{32, chars("abcdefghijklmnopqrstuvwxyz", " "), "a command's name"}
	codeRule      = textRule{64, chars("abcdefghijklmnopqrstuvwxyz", "_"), "lower-case letters and _"}

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

// chars takes strings that begin with one of first and go on with those or more.
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

// percentEncoded takes what form takes, each % followed by two upper-case
// hexadecimal digits.
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

// isCheckpointID takes cp_ and a number from 1, padded to four digits.
func isCheckpointID(s string) bool {
	digits, ok := strings.CutPrefix(s, "cp_")
	_, err := parseDecimal(strings.TrimLeft(digits, "0"))
	return ok && err == nil && (len(digits) == 4 || len(digits) > 4 && digits[0] != '0')
}

// CheckpointID returns the id of a job's n-th checkpoint, from 1.
func CheckpointID(n int64) string {
	digits := strconv.FormatInt(n, 10)
	return "cp_" + "0000"[min(len(digits), 4):] + digits
}

// check returns what is wrong with s, or "".
func (r textRule) check(s string) string {
	switch {
	case s == "":
		return "empty"
	case len(s) > r.max:
		return fmt.Sprintf("%d bytes, at most %d", len(s), r.max)
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

// A Field names a kind of text that people put into events, for Check.
type Field struct {
	name string
	rule textRule
}

// The fields that come from outside.
var (
	FieldActor          = Field{"actor", nameRule}
	FieldIdentity       = Field{"identity", nameRule}
	FieldJobID          = Field{"job_id", jobIDRule}
	FieldRequestID      = Field{"request_id", requestIDRule}
	FieldOrigin         = Field{"origin", originRule}
	FieldSummary        = Field{"summary", summaryRule}
	FieldReason         = Field{"reason", reasonRule}
	FieldRequiredAction = Field{"required_action", actionRule}
	FieldPolicyRef      = Field{"policy_ref", policyRefRule}
	FieldFingerprint    = Field{"environment_fingerprint", envRule}
	FieldCheckpointID   = Field{"checkpoint_id", checkpointID}
	FieldLabelKey       = Field{"label", labelKeyRule}
	FieldLabelValue     = Field{"label", labelRule}
)

// Check returns a *FieldError when s is not what the field takes. Empty is not.
func (f Field) Check(s string) error {
	if problem := f.rule.check(s); problem != "" {
		return &FieldError{Field: f.name, Problem: problem}
	}
	return nil
}

// OSActor returns the actor for an operating-system login name: "os:" and the
// name, with what an actor cannot hold percent-encoded.
func OSActor(login string) string {
	actor := "os:"
	for i := 0; i < len(login); i++ {
		next := login[i : i+1]
		if login[i] == '%' || !nameRule.form("a"+next) {
			next = fmt.Sprintf("%%%02X", login[i])
		}
		if len(actor)+len(next) > nameRule.max {
			break
		}
		actor += next
	}
	return actor
}
